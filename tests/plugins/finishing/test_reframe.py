from __future__ import annotations

import math
import struct
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageDraw
from pydantic import ValidationError

from reelwork.media.probe import check_playable, probe
from reelwork.testing import SampleContext, sample_job, write_video
from reelwork_hooks import Asset, Clip, Phase, ReelworkError, Role, Target
from reelwork_plugins.finishing.reframe import Reframe, ReframeConfig

RED, GREEN, BLUE, YELLOW = (200, 30, 30), (30, 180, 30), (30, 30, 200), (240, 240, 60)
SOUND_RATE = 44_100


def stripes(size: tuple[int, int] = (640, 360)) -> Image.Image:
    """Red, green and blue from left to right, with a yellow line along the top and the bottom."""
    picture = Image.new("RGB", size)
    draw = ImageDraw.Draw(picture)
    for at, colour in enumerate((RED, GREEN, BLUE)):
        draw.rectangle((size[0] * at // 3, 0, size[0] * (at + 1) // 3, size[1]), fill=colour)
    for top in (0, size[1] - 20):
        draw.rectangle((0, top, size[0], top + 20), fill=YELLOW)
    return picture


def a_clip(
    path: Path,
    *,
    frames: int = 10,
    size: tuple[int, int] = (640, 360),
    sound: bool = False,
    aspect: Fraction | None = None,
) -> Clip:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "crf": "8"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        voice = container.add_stream("aac", rate=SOUND_RATE) if sound else None
        for number in range(frames):
            frame = av.VideoFrame.from_image(stripes(size))  # type: ignore[no-untyped-call]
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if voice is not None:
            for frame in _tone(frames / 10):
                container.mux(voice.encode(frame))
            container.mux(voice.encode())
    facts = probe(path)
    video = Asset.from_file(
        path, Role.VIDEO, width=facts.width, height=facts.height, duration=facts.duration, codec=facts.codec
    )
    return Clip(video=video)


def _tone(seconds: float) -> Sequence[av.AudioFrame]:
    found = []
    for start in range(0, int(seconds * SOUND_RATE), 1024):
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.sample_rate, frame.pts = SOUND_RATE, start
        waves = [math.sin((start + at) / 20) / 2 for at in range(1024)]
        frame.planes[0].update(struct.pack("1024f", *waves))
        found.append(frame)
    return found


def reframe(folder: Path, **settings: Any) -> Reframe:
    return Reframe(ReframeConfig(**settings), SampleContext(folder, "reframe"))


def reframed(folder: Path, clip: Clip, ratio: str, **settings: Any) -> Path:
    job = sample_job(target=Target(aspect_ratio=ratio))
    changed = reframe(folder, **settings).post_download(clip, job)
    assert changed is not None
    check_playable(changed.video.path)
    return changed.video.path


def pictures(path: Path) -> list[Image.Image]:
    with av.open(str(path)) as container:
        return [frame.to_image() for frame in container.decode(container.streams.video[0])]  # type: ignore[no-untyped-call]


def near(picture: Image.Image, at: tuple[int, int], colour: tuple[int, int, int], apart: int = 40) -> bool:
    return all(abs(is_ - wanted) <= apart for is_, wanted in zip(_rgb(picture, at), colour, strict=True))


def _rgb(picture: Image.Image, at: tuple[int, int]) -> tuple[int, ...]:
    pixel = picture.getpixel(at)
    assert isinstance(pixel, tuple)
    return pixel


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return a_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", sound=True)


@pytest.mark.parametrize(
    ("ratio", "settings", "size", "colours"),
    [
        ("9:16", {}, (202, 360), (GREEN, GREEN, GREEN)),
        ("9:16", {"focus_x": 0}, (202, 360), (RED, RED, RED)),
        ("9:16", {"focus_x": 1}, (202, 360), (BLUE, BLUE, BLUE)),
        ("1:1", {}, (360, 360), (RED, GREEN, BLUE)),
        ("9:16", {"short_side": 360}, (360, 640), (GREEN, GREEN, GREEN)),
        ("21:9", {}, (640, 274), (RED, GREEN, BLUE)),
    ],
)
def test_a_window_is_cut_out(
    tmp_path: Path, clip: Clip, ratio: str, settings: dict[str, Any], size: tuple[int, int], colours: Any
) -> None:
    found = pictures(reframed(tmp_path, clip, ratio, **settings))
    assert len(found) == 10
    for picture in (found[0], found[-1]):
        assert picture.size == size
        width, height = size
        for x, colour in zip((8, width // 2, width - 8), colours, strict=True):
            assert near(picture, (x, height // 2), colour), (x, picture.getpixel((x, height // 2)))


@pytest.mark.parametrize(("focus", "top", "bottom"), [(0, YELLOW, GREEN), (1, GREEN, YELLOW), (0.5, GREEN, GREEN)])
def test_the_window_may_be_at_the_top_or_the_bottom(
    tmp_path: Path, clip: Clip, focus: float, top: Any, bottom: Any
) -> None:
    picture = pictures(reframed(tmp_path, clip, "21:9", focus_y=focus))[0]
    assert near(picture, (320, 5), top)
    assert near(picture, (320, picture.height - 6), bottom)


def test_a_padded_video_shows_all_of_the_picture_before_a_blurred_one(tmp_path: Path, clip: Clip) -> None:
    found = pictures(reframed(tmp_path, clip, "1:1", mode="pad"))
    assert len(found) == 10
    picture = found[4]
    assert picture.size == (360, 360)
    # The whole picture, 360 wide and 202 high, from its yellow line at the top to the one at the bottom.
    assert [near(picture, (x, 180), colour) for x, colour in ((20, RED), (180, GREEN), (340, BLUE))] == [True] * 3
    assert near(picture, (180, 82), YELLOW)
    assert near(picture, (180, 277), YELLOW)
    # Above it the background: the enlarged picture, of which no edge is left.
    row = [_rgb(picture, (x, 60)) for x in range(360)]
    assert max(abs(one[part] - other[part]) for one, other in pairwise(row) for part in range(3)) < 12
    assert row[4][0] > row[4][1] > row[4][2], "red at the left"
    assert row[180][1] > max(row[180][0], row[180][2]), "green in the middle"


def test_a_tall_video_gets_its_sides_filled(tmp_path: Path) -> None:
    tall = a_clip(tmp_path / "tall.mp4", size=(360, 640))
    picture = pictures(reframed(tmp_path, tall, "16:9", mode="pad"))[0]
    assert picture.size == (640, 360)
    assert near(picture, (320, 180), GREEN)
    assert near(picture, (10, 180), RED, 60)


def test_sound_is_copied_as_it_is(tmp_path: Path, clip: Clip) -> None:
    path = reframed(tmp_path, clip, "9:16")

    def packets(file: Path) -> list[bytes]:
        with av.open(str(file)) as container:
            return [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]

    assert packets(clip.video.path)
    assert packets(path) == packets(clip.video.path)
    assert probe(path).duration == pytest.approx(probe(clip.video.path).duration, abs=0.15)


def test_frames_keep_their_times(tmp_path: Path, clip: Clip) -> None:
    def times(file: Path) -> list[float]:
        with av.open(str(file)) as container:
            return [round(float(frame.time), 3) for frame in container.decode(container.streams.video[0])]

    assert times(reframed(tmp_path, clip, "9:16")) == times(clip.video.path)


def test_what_fits_is_left_alone(tmp_path: Path, clip: Clip) -> None:
    for target in (Target(), Target(aspect_ratio="16:9"), Target(longest=1), Target(aspect_ratio="32:18")):
        assert reframe(tmp_path).post_download(clip, sample_job(target=target)) is None
    assert not list(reframe(tmp_path).context.work_dir.iterdir())


@pytest.mark.parametrize("mode", ["crop", "pad"])
def test_the_same_video_gives_the_same_bytes_in_any_process(tmp_path: Path, clip: Clip, mode: str) -> None:
    first = reframed(tmp_path / "a", clip, "9:16", mode=mode)
    script = (
        "import sys; from pathlib import Path; from fractions import Fraction\n"
        "from reelwork_hooks import Asset, Role\n"
        "from reelwork_plugins.finishing.reframe import ReframeConfig, _write\n"
        "video = Asset.from_file(Path(sys.argv[1]), Role.VIDEO)\n"
        "_write(video, Path(sys.argv[2]), Fraction(9, 16), ReframeConfig(mode=sys.argv[3]), lambda _: None)\n"
    )
    other = tmp_path / "other.mp4"
    subprocess.run([sys.executable, "-c", script, str(clip.video.path), str(other), mode], check=True, timeout=120)
    assert other.read_bytes() == first.read_bytes()


def test_each_thread_of_the_encoder_has_pictures_of_its_own(tmp_path: Path, clip: Clip) -> None:
    # Where they share one, they wait for each other, and the file is larger. x264 writes its settings into it.
    assert b"threads=4 lookahead_threads=1 sliced_threads=0" in reframed(tmp_path, clip, "9:16").read_bytes()


def test_a_video_that_was_made_is_used_again(tmp_path: Path, clip: Clip) -> None:
    path = reframed(tmp_path, clip, "9:16")
    made = path.stat().st_mtime_ns
    assert reframed(tmp_path, clip, "9:16") == path
    assert path.stat().st_mtime_ns == made
    others = {reframed(tmp_path, clip, "1:1"), reframed(tmp_path, clip, "9:16", focus_x=0)}
    assert len({path, *others}) == 3
    assert not list(path.parent.glob("*.part"))


@pytest.mark.parametrize("bytes_left", [0, 900])
def test_a_video_that_was_damaged_since_is_made_again(tmp_path: Path, clip: Clip, bytes_left: int) -> None:
    path = reframed(tmp_path, clip, "9:16")
    whole = path.read_bytes()
    path.write_bytes(whole[:bytes_left])
    assert reframed(tmp_path, clip, "9:16").read_bytes() == whole


def test_a_size_that_the_encoder_does_not_take_is_told(tmp_path: Path, clip: Clip) -> None:
    with pytest.raises(ReelworkError, match="could not be reframed"):
        reframed(tmp_path, clip, "99:1", mode="pad")


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    # 640x360 pixels, each twice as high as wide: a picture of 8:9.
    narrow = a_clip(tmp_path / "narrow.mp4", aspect=Fraction(1, 2))
    picture = pictures(reframed(tmp_path, narrow, "4:9", short_side=160))[0]
    assert picture.size == (160, 360)
    assert near(picture, (80, 180), GREEN)


def test_a_broken_video_is_told_and_leaves_nothing(tmp_path: Path, clip: Clip) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clip.video.path.read_bytes()[:900])
    asset = Asset.from_file(broken, Role.VIDEO, width=640, height=360)
    with pytest.raises(ReelworkError, match="could not be reframed"):
        reframed(tmp_path, Clip(video=asset), "9:16")
    assert not list(reframe(tmp_path).context.work_dir.iterdir())


@pytest.mark.parametrize("settings", [{"mode": "stretch"}, {"focus_x": 1.1}, {"short_side": 10}, {"quality": 60}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReframeConfig(**settings)


def test_it_says_what_it_does() -> None:
    assert (Reframe.phase, Reframe.fits, Reframe.costs) == (Phase.EDIT, ("aspect_ratio",), False)


def test_what_is_shown_in_the_shape_already_stays_as_it_is(tmp_path: Path) -> None:
    path = write_video(tmp_path / "lying.mp4", width=640, height=360, turned=90)
    facts = probe(path)
    lying = Clip(video=Asset.from_file(path, Role.VIDEO, width=facts.width, height=facts.height))
    assert reframe(tmp_path).post_download(lying, sample_job(target=Target(aspect_ratio="9:16"))) is None
    wide = reframed(tmp_path, lying, "16:9")
    assert (probe(wide).width, probe(wide).height) == (360, 202)


def test_what_its_pixels_stretch_into_the_shape_stays_as_it_is(tmp_path: Path) -> None:
    path = write_video(tmp_path / "wide.mp4", width=480, height=360, pixel=(4, 3))
    facts = probe(path)
    wide = Clip(video=Asset.from_file(path, Role.VIDEO, width=facts.width, height=facts.height))
    assert reframe(tmp_path).post_download(wide, sample_job(target=Target(aspect_ratio="16:9"))) is None
    square = probe(reframed(tmp_path, wide, "1:1"))
    assert (square.width, square.height) == (360, 360)


def test_pixels_that_nothing_can_show_do_not_make_it_larger_than_it_is(tmp_path: Path) -> None:
    path = write_video(tmp_path / "thin.mp4", width=640, height=360, pixel=(255, 1))
    odd = Clip(video=Asset.from_file(path, Role.VIDEO, width=640, height=360))
    square = probe(reframed(tmp_path, odd, "1:1"))
    assert (square.width, square.height) == (360, 360)
