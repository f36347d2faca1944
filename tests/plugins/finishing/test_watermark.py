from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageDraw
from pydantic import ValidationError

from reelwork.media.probe import check_playable, probe
from reelwork.testing import SampleContext, sample_job, write_video
from reelwork_hooks import Asset, Clip, Phase, ReelworkError, Role
from reelwork_plugins.finishing.watermark import Watermark, WatermarkConfig
from reelwork_plugins.platforms import PLATFORMS

NAMED = {platform.name: platform for platform in PLATFORMS}
GREY, RED = (90, 90, 90), (220, 20, 20)


def a_clip(path: Path, size: tuple[int, int] = (640, 360), *, frames: int = 6, high: bool = False) -> Clip:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "crf": "6"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if high:
            stream.codec_context.colorspace = 1
        for _ in range(frames):
            frame = av.VideoFrame.from_image(Image.new("RGB", size, GREY))  # type: ignore[no-untyped-call]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return Clip(video=Asset.from_file(path, Role.VIDEO, duration=frames / 10))


def a_logo(path: Path, size: tuple[int, int] = (200, 100)) -> Path:
    """Red, its right half see-through."""
    logo = Image.new("RGBA", size, (0, 255, 0, 0))
    ImageDraw.Draw(logo).rectangle((0, 0, size[0] // 2 - 1, size[1]), fill=(*RED, 255))
    logo.save(path)
    return path


def watermark(folder: Path, **settings: Any) -> Watermark:
    return Watermark(WatermarkConfig(**{"picture": "logo.png", **settings}), SampleContext(folder, "watermark"))


def marked(folder: Path, clip: Clip, **settings: Any) -> Path:
    changed = watermark(folder, **settings).post_download(clip, sample_job())
    assert changed is not None
    check_playable(changed.video.path)
    return changed.video.path


def pictures(path: Path) -> list[Image.Image]:
    with av.open(str(path)) as container:
        return [frame.to_image() for frame in container.decode(video=0)]  # type: ignore[no-untyped-call]


def near(picture: Image.Image, at: tuple[int, int], colour: tuple[int, ...], apart: int = 14) -> bool:
    pixel = picture.getpixel(at)
    assert isinstance(pixel, tuple)
    return all(abs(is_ - wanted) <= apart for is_, wanted in zip(pixel, colour, strict=True))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return a_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.mark.parametrize(
    ("corner", "left", "top"),
    [
        ("top-left", 32, 32),
        ("top-right", 448, 32),
        ("bottom-left", 32, 248),
        ("bottom-right", 448, 248),
    ],
)
def test_it_is_at_its_corner_on_all_frames(tmp_path: Path, clip: Clip, corner: str, left: int, top: int) -> None:
    # A quarter of 640 pixels wide, 160 by 80, and a twentieth, 32, from the edges.
    a_logo(tmp_path / "logo.png")
    found = pictures(marked(tmp_path, clip, corner=corner, width=0.25, margin=0.05, opacity=1))
    assert len(found) == 6
    for picture in found:
        assert picture.size == (640, 360)
        inside = [(left + 4, top + 4), (left + 75, top + 75), (left + 4, top + 75)]
        outside = [(left - 4, top + 40), (left + 40, top - 4), (left + 40, top + 84), (left + 120, top + 40)]
        assert all(near(picture, at, RED) for at in inside), [picture.getpixel(at) for at in inside]
        assert all(near(picture, at, GREY) for at in outside), [picture.getpixel(at) for at in outside]


@pytest.mark.parametrize("high", [False, True])
def test_its_colours_are_those_of_the_picture(tmp_path: Path, high: bool) -> None:
    a_logo(tmp_path / "logo.png")
    video = a_clip(tmp_path / "clip.mp4", (1280, 720), high=high)
    path = marked(tmp_path, video, corner="top-left", width=0.25, margin=0, opacity=1)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        # What does not say is taken for BT.709 by players at this size; Pillow needs to be told.
        shown: Any = frame.reformat(format="rgb24", src_colorspace="ITU709")
        assert near(shown.to_image(), (40, 40), RED, 8)


def test_half_its_opacity_lets_the_video_shine_through(tmp_path: Path, clip: Clip) -> None:
    a_logo(tmp_path / "logo.png")
    picture = pictures(marked(tmp_path, clip, corner="top-left", width=0.25, margin=0, opacity=0.5))[0]
    assert near(picture, (30, 30), tuple((one + other) // 2 for one, other in zip(RED, GREY, strict=True)))


def test_edges_have_no_colour_of_what_is_see_through(tmp_path: Path, clip: Clip) -> None:
    a_logo(tmp_path / "logo.png")
    picture = pictures(marked(tmp_path, clip, corner="top-left", width=0.25, margin=0, opacity=1))[0]
    for x in range(70, 92):
        pixel = picture.getpixel((x, 40))
        assert isinstance(pixel, tuple)
        assert pixel[1] < 100, "the green below the transparent half is not seen"


def test_a_tall_picture_stays_within_the_video(tmp_path: Path, clip: Clip) -> None:
    a_logo(tmp_path / "logo.png", (100, 800))
    picture = pictures(marked(tmp_path, clip, corner="bottom-left", width=1, margin=0.05, opacity=1))[0]
    assert near(picture, (36, 36), RED)
    assert near(picture, (36, 324), RED)
    assert near(picture, (36, 26), GREY)
    assert near(picture, (36, 334), GREY)


def test_it_is_upright_on_a_video_that_is_turned(tmp_path: Path) -> None:
    a_logo(tmp_path / "logo.png")
    path = write_video(tmp_path / "turned.mp4", width=640, height=360, turned=90)
    turned = marked(
        tmp_path, Clip(video=Asset.from_file(path, Role.VIDEO)), corner="top-left", width=0.5, opacity=1
    )
    assert (probe(turned).width, probe(turned).height) == (360, 640)
    assert near(pictures(turned)[0], (40, 40), RED, 30)


@pytest.mark.parametrize("size", [(321, 181), (322, 180)])
def test_odd_sides_are_no_obstacle(tmp_path: Path, size: tuple[int, int]) -> None:
    a_logo(tmp_path / "logo.png")
    path = tmp_path / "odd.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv444p"
        for _ in range(3):
            frame = av.VideoFrame.from_image(Image.new("RGB", size, GREY))  # type: ignore[no-untyped-call]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    picture = pictures(marked(tmp_path, Clip(video=Asset.from_file(path, Role.VIDEO)), opacity=1))[0]
    assert picture.size == (size[0] - size[0] % 2, size[1] - size[1] % 2)


def test_frames_keep_their_times_and_sound_is_copied(tmp_path: Path, clip: Clip) -> None:
    a_logo(tmp_path / "logo.png")
    path = tmp_path / "spoken.mp4"
    with av.open(str(clip.video.path)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        voice = target.add_stream("aac", rate=48_000)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                packet.pts, packet.dts = packet.pts * 2, packet.dts * 2  # type: ignore[operator]
                target.mux(packet)
        for start in range(0, 48_000, 1024):
            frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
            frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
            for plane in frame.planes:
                plane.update(bytes(4096))
            target.mux(voice.encode(frame))
        target.mux(voice.encode())
    spoken = Clip(video=Asset.from_file(path, Role.VIDEO))
    out = marked(tmp_path, spoken)

    def facts(file: Path) -> tuple[list[float], list[bytes]]:
        with av.open(str(file)) as container:
            times = [round(float(frame.time or 0), 3) for frame in container.decode(video=0)]
        with av.open(str(file)) as container:
            return times, [bytes(packet) for packet in container.demux(audio=0) if packet.size]

    assert facts(out) == facts(path)


def test_the_videos_of_tiktok_get_none(tmp_path: Path, clip: Clip) -> None:
    tiktok = sample_job(platform=NAMED["tiktok"])
    assert watermark(tmp_path).post_download(clip, tiktok) is None
    assert watermark(tmp_path).check_brief(tiktok) == []
    a_logo(tmp_path / "logo.png")
    assert watermark(tmp_path, without=()).post_download(clip, tiktok) is not None
    other = sample_job(platform=NAMED["youtube"])
    assert watermark(tmp_path).post_download(clip, other) is not None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "there is no such file"),
        (b"", "cannot be read"),
        (b"<svg/>", "cannot be read"),
        (b"\x89PNG\r\n\x1a\n", "cannot"),
    ],
)
def test_a_picture_that_cannot_be_used_is_told_before_anything_is_sent(
    tmp_path: Path, clip: Clip, content: bytes | None, why: str
) -> None:
    if content is not None:
        (tmp_path / "logo.png").write_bytes(content)
    [problem] = watermark(tmp_path).check_brief(sample_job())
    assert str(tmp_path / "logo.png") in problem.message
    assert why in problem.message
    assert "[plugin.watermark]" in problem.hint
    with pytest.raises(ReelworkError, match=why) as told:
        watermark(tmp_path).post_download(clip, sample_job())
    assert told.value.money == "The video is kept as downloaded; nothing was posted."


def test_a_picture_that_can_be_used_is_no_problem(tmp_path: Path) -> None:
    a_logo(tmp_path / "logo.png")
    Image.new("P", (10, 10)).save(tmp_path / "small.gif")
    Image.new("CMYK", (10, 10)).save(tmp_path / "print.jpg")
    for name in ("logo.png", "small.gif", "print.jpg"):
        assert watermark(tmp_path, picture=name).check_brief(sample_job()) == []


def test_a_video_that_was_made_is_used_again_until_the_picture_changes(tmp_path: Path, clip: Clip) -> None:
    a_logo(tmp_path / "logo.png")
    path = marked(tmp_path, clip)
    made = path.stat().st_mtime_ns
    assert marked(tmp_path, clip) == path
    assert path.stat().st_mtime_ns == made
    a_logo(tmp_path / "logo.png", (100, 100))
    assert marked(tmp_path, clip) != path


def test_the_same_video_gives_the_same_bytes_in_any_process(tmp_path: Path, clip: Clip) -> None:
    a_logo(tmp_path / "logo.png")
    script = (
        "import sys; from pathlib import Path\n"
        "from reelwork.testing import SampleContext, sample_job\n"
        "from reelwork_hooks import Asset, Clip, Role\n"
        "from reelwork_plugins.finishing.watermark import Watermark, WatermarkConfig\n"
        "clip = Clip(video=Asset.from_file(Path(sys.argv[1]), Role.VIDEO))\n"
        "config = WatermarkConfig(picture=sys.argv[2])\n"
        "plugin = Watermark(config, SampleContext(Path(sys.argv[3]), 'watermark'))\n"
        "print(plugin.post_download(clip, sample_job()).video.sha256)\n"
    )
    arguments = [str(clip.video.path), str(tmp_path / "logo.png"), str(tmp_path / "other")]
    asked = [sys.executable, "-c", script, *arguments]
    other = subprocess.run(asked, check=True, timeout=120, capture_output=True, text=True).stdout.strip()
    assert Asset.from_file(marked(tmp_path, clip), Role.VIDEO).sha256 == other


def test_it_tells_how_far_it_is(tmp_path: Path, clip: Clip) -> None:
    a_logo(tmp_path / "logo.png")
    plugin = watermark(tmp_path)
    plugin.post_download(clip, sample_job())
    assert isinstance(plugin.context, SampleContext)
    told = [percent for _, percent, _ in plugin.context.progressed]
    assert told == sorted(told)
    assert told[-1] > 80


def test_a_broken_video_is_told_and_leaves_nothing(tmp_path: Path, clip: Clip) -> None:
    a_logo(tmp_path / "logo.png")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clip.video.path.read_bytes()[:900])
    with pytest.raises(ReelworkError, match="the picture could not be put over"):
        watermark(tmp_path).post_download(Clip(video=Asset.from_file(broken, Role.VIDEO)), sample_job())
    assert not list(watermark(tmp_path).context.work_dir.iterdir())


@pytest.mark.parametrize(
    "settings",
    [{"corner": "middle"}, {"width": 0}, {"width": 2}, {"margin": 0.6}, {"opacity": 0}, {"picture": None}],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WatermarkConfig(**{"picture": "logo.png", **settings})


def test_it_says_what_it_does() -> None:
    assert (Watermark.phase, Watermark.fits, Watermark.costs) == (Phase.EDIT, (), False)
