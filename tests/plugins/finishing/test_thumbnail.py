from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image, ImageDraw, ImageStat
from pydantic import ValidationError

from reelwork.testing import SampleContext
from reelwork_hooks import Asset, Brief, Clip, Job, Phase, ReelworkError, Role, Spec
from reelwork_plugins.finishing.thumbnail import Thumbnail, ThumbnailConfig

BLACK, GREY, RED = (0, 0, 0), (127, 127, 127), (220, 20, 20)


def a_job() -> Job:
    spec = Spec(width=320, height=180, aspect_ratio="16:9", resolution="480p", duration=5)
    return Job(
        id="job-1",
        run="run-1",
        workflow="test",
        brief=Brief(prompt="A corgi"),
        spec=spec,
        provider="preview",
        created_at=datetime.now(UTC),
    )


def flat(colour: tuple[int, int, int], size: tuple[int, int] = (320, 180)) -> Image.Image:
    return Image.new("RGB", size, colour)


def detailed(size: tuple[int, int] = (320, 180)) -> Image.Image:
    picture = flat((20, 60, 200), size)
    draw = ImageDraw.Draw(picture)
    for x in range(0, size[0], 24):
        draw.ellipse((x, 40, x + 16, 56), fill=(250, 220, 90))
        draw.rectangle((x, 100, x + 12, 170), fill=(240, 240, 240))
    return picture


def a_clip(path: Path, pictures: Sequence[Image.Image], fps: int = 10, **options: str) -> Clip:
    """A video that shows each picture for one second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "12", **options})
        stream.width, stream.height, stream.pix_fmt = *pictures[0].size, "yuv420p"
        for picture in pictures:
            for _ in range(fps):
                container.mux(stream.encode(av.VideoFrame.from_image(picture)))  # type: ignore[no-untyped-call]
        container.mux(stream.encode(None))
    return Clip(video=Asset.from_file(path, Role.VIDEO))


def thumbnail_of(clip: Clip, folder: Path, **config: object) -> Asset:
    made = plugin_in(folder, **config).post_download(clip, a_job()).thumbnail
    assert made is not None
    return made


def plugin_in(folder: Path, **config: object) -> Thumbnail:
    return Thumbnail(ThumbnailConfig.model_validate(config), SampleContext(folder, "thumbnail"))


def mean_colour(asset: Asset) -> list[float]:
    with Image.open(asset.path) as picture:
        return ImageStat.Stat(picture.convert("RGB")).mean


def near(asset: Asset, colour: Sequence[float]) -> bool:
    return all(abs(a - b) < 8 for a, b in zip(mean_colour(asset), colour, strict=True))


DETAILED_MEAN = ImageStat.Stat(detailed()).mean


@pytest.mark.parametrize("place", range(5))
def test_takes_the_frame_with_the_most_to_see(tmp_path: Path, place: int) -> None:
    pictures = [flat(BLACK), flat(GREY), flat(RED), flat(BLACK)]
    pictures.insert(place, detailed())
    made = thumbnail_of(a_clip(tmp_path / "clip.mp4", pictures), tmp_path)
    assert near(made, DETAILED_MEAN)


def test_finds_frames_between_keyframes(tmp_path: Path) -> None:
    pictures = [flat(BLACK), flat(BLACK), flat(BLACK), detailed(), flat(BLACK)]
    made = thumbnail_of(a_clip(tmp_path / "clip.mp4", pictures, g="1000", bf="3"), tmp_path)
    assert near(made, DETAILED_MEAN)


def test_takes_the_frame_at_the_second_asked_for(tmp_path: Path) -> None:
    clip = a_clip(tmp_path / "clip.mp4", [detailed(), flat(RED), flat(GREY)], g="1000")
    assert near(thumbnail_of(clip, tmp_path, at=1.5), RED)
    assert near(thumbnail_of(clip, tmp_path, at=0), DETAILED_MEAN)
    assert near(thumbnail_of(clip, tmp_path, at=99), GREY)


def test_a_flat_or_one_frame_video_has_a_thumbnail_too(tmp_path: Path) -> None:
    assert near(thumbnail_of(a_clip(tmp_path / "flat.mp4", [flat(BLACK)] * 3), tmp_path), BLACK)
    assert near(thumbnail_of(a_clip(tmp_path / "one.mp4", [flat(RED)], fps=1), tmp_path), RED)


@pytest.mark.parametrize(
    ("config", "media_type", "ending", "kind"),
    [
        ({}, "image/jpeg", ".jpg", "JPEG"),
        ({"format": "webp"}, "image/webp", ".webp", "WEBP"),
        ({"format": "png"}, "image/png", ".png", "PNG"),
    ],
)
def test_formats(tmp_path: Path, config: dict[str, object], media_type: str, ending: str, kind: str) -> None:
    made = thumbnail_of(a_clip(tmp_path / "clip.mp4", [detailed()]), tmp_path, **config)
    with Image.open(made.path) as picture:
        picture.load()
        assert picture.format == kind
        assert not picture.getexif()
        assert "exif" not in picture.info
        assert picture.size == (made.width, made.height) == (320, 180)
    assert made.media_type == media_type
    assert made.path.suffix == ending
    assert made.path.parent == tmp_path / "work" / "thumbnail"
    assert made.role is Role.THUMBNAIL


def test_is_made_smaller_but_never_larger(tmp_path: Path) -> None:
    clip = a_clip(tmp_path / "clip.mp4", [detailed((960, 540))])
    assert sizes(thumbnail_of(clip, tmp_path)) == (640, 360)
    assert sizes(thumbnail_of(clip, tmp_path, width=100)) == (100, 56)
    assert sizes(thumbnail_of(clip, tmp_path, width=4000)) == (960, 540)


def sizes(asset: Asset) -> tuple[int | None, int | None]:
    with Image.open(asset.path) as picture:
        assert picture.size == (asset.width, asset.height)
    return asset.width, asset.height


def test_pixels_that_are_not_square_are_made_square(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 180, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)
        for _ in range(5):
            frame = av.VideoFrame.from_image(detailed((160, 180)))  # type: ignore[no-untyped-call]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    made = thumbnail_of(Clip(video=Asset.from_file(path, Role.VIDEO)), tmp_path)
    assert sizes(made) == (320, 180)


def test_quality_changes_the_file(tmp_path: Path) -> None:
    clip = a_clip(tmp_path / "clip.mp4", [detailed()])
    low, high = thumbnail_of(clip, tmp_path, quality=10), thumbnail_of(clip, tmp_path, quality=95)
    assert low.bytes < high.bytes


def test_doing_it_again_gives_the_same_file_without_decoding(tmp_path: Path) -> None:
    clip = a_clip(tmp_path / "clip.mp4", [detailed()])
    first = thumbnail_of(clip, tmp_path)
    written = first.path.stat().st_mtime_ns
    clip.video.path.unlink()
    assert thumbnail_of(clip, tmp_path) == first
    assert first.path.stat().st_mtime_ns == written
    assert len(list((tmp_path / "work" / "thumbnail").iterdir())) == 1


def test_a_thumbnail_that_was_damaged_since_is_made_again(tmp_path: Path) -> None:
    clip = a_clip(tmp_path / "clip.mp4", [detailed()])
    first = thumbnail_of(clip, tmp_path)
    whole = first.path.read_bytes()
    first.path.write_bytes(whole[: len(whole) // 2])
    assert thumbnail_of(clip, tmp_path) == first
    assert first.path.read_bytes() == whole


def test_replaces_an_earlier_thumbnail_and_keeps_the_rest(tmp_path: Path) -> None:
    captions = tmp_path / "captions.vtt"
    captions.write_text("WEBVTT\n")
    clip = a_clip(tmp_path / "clip.mp4", [detailed()]).adding(Asset.from_file(captions, Role.CAPTIONS))
    once = plugin_in(tmp_path).post_download(clip, a_job())
    twice = plugin_in(tmp_path, width=100).post_download(once, a_job())
    assert twice.video == clip.video
    assert [asset.role for asset in twice.assets] == [Role.CAPTIONS, Role.THUMBNAIL]
    assert twice.thumbnail is not None
    assert twice.thumbnail.width == 100


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\0\0\0\x18ftypisom" + bytes(500)])
def test_an_unreadable_video_is_said_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(ReelworkError, match=r"clip\.mp4 cannot be read as a video") as caught:
        thumbnail_of(Clip(video=Asset.from_file(path, Role.VIDEO)), tmp_path)
    assert "nothing was posted" in caught.value.explained()
    assert not list((tmp_path / "work" / "thumbnail").iterdir())


def test_a_cut_video_is_said_so(tmp_path: Path) -> None:
    clip = a_clip(tmp_path / "clip.mp4", [detailed()] * 3, movflags="+faststart")
    whole = clip.video.path.read_bytes()
    clip.video.path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(ReelworkError, match="cannot be read as a video"):
        thumbnail_of(clip, tmp_path)


def test_a_sound_file_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame(format="s16", layout="mono", samples=800)
        frame.sample_rate = 8000
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(ReelworkError, match="no video stream"):
        thumbnail_of(Clip(video=Asset.from_file(path, Role.VIDEO)), tmp_path)


@pytest.mark.parametrize("config", [{"width": 1}, {"format": "gif"}, {"quality": 0}, {"at": -1}, {"height": 3}])
def test_settings_out_of_bounds_are_refused(config: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ThumbnailConfig.model_validate(config)


def test_runs_in_the_edit_phase() -> None:
    assert Thumbnail.phase is Phase.EDIT
    assert Thumbnail.Config is ThumbnailConfig
