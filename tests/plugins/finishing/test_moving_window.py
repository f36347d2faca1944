"""`reframe` with keyframes, in videos with a target whose place is known at each frame."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageDraw

from reelwork.media.probe import check_playable
from reelwork.testing import SampleContext, sample_brief, sample_job
from reelwork_hooks import Asset, Clip, ReelworkError, Role, Target
from reelwork_plugins.finishing.reframe import Reframe, ReframeConfig
from reelwork_plugins.finishing.timeline import MEDIA_TYPE, Span, Timeline

RATE, FRAMES = 20, 60
WIDTH, HEIGHT = 640, 360
WINDOW = 202
ROOM = WIDTH - WINDOW
GREY, ORANGE = (90, 90, 90), (255, 170, 60)
RADIUS = 20
Place = Callable[[int], tuple[float, float]]


def across(frame: int) -> tuple[float, float]:
    """From the left to the right, and at the end back a little."""
    part = frame / FRAMES
    return 60 + 520 * (part / 0.75 if part < 0.75 else 1 - (part - 0.75)), HEIGHT / 2


def still(frame: int) -> tuple[float, float]:
    return WIDTH / 2, HEIGHT / 2


def a_clip(path: Path, place: Place = across, *, start: int = 0, pix_fmt: str = "yuv420p", turned: int = 0) -> Clip:
    """A disc on grey, with its centre at a known place. It is made smaller once drawn, so that no edge is hard."""
    size = (HEIGHT, WIDTH) if turned else (WIDTH, HEIGHT)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "6"})
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        if turned:
            stream.set_display_rotation(turned)
        for number in range(FRAMES):
            picture = _disc(*place(number))
            frame = av.VideoFrame.from_image(picture.rotate(-turned, expand=True))  # type: ignore[no-untyped-call]
            frame.pts = number + start
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    facts = {"width": WIDTH, "height": HEIGHT, "duration": FRAMES / RATE}
    return Clip(video=Asset.from_file(path, Role.VIDEO, **facts))  # type: ignore[arg-type]


def _disc(x: float, y: float) -> Image.Image:
    picture, left, top = Image.new("RGB", (WIDTH, HEIGHT), GREY), int(x) - 30, int(y) - 30
    tile = Image.new("RGB", (240, 240), GREY)
    box = [(side - corner - reach) * 4 for reach in (RADIUS, -RADIUS) for side, corner in ((x, left), (y, top))]
    ImageDraw.Draw(tile).ellipse(box, fill=ORANGE)
    picture.paste(tile.resize((60, 60), Image.Resampling.BOX), (left, top))
    return picture


def reframe(folder: Path, **settings: Any) -> Reframe:
    return Reframe(ReframeConfig(**settings), SampleContext(folder, "reframe"))


def reframed(folder: Path, clip: Clip, ratio: str = "9:16", text: str = "", **settings: Any) -> Path:
    brief = sample_brief().replace(vars={"keyframes": text} if text else {})
    plugin = reframe(folder, **{"quality": 6, **settings})
    changed = plugin.post_download(clip, sample_job(brief=brief, target=Target(aspect_ratio=ratio)))
    assert changed is not None
    check_playable(changed.video.path)
    return changed.video.path


def moves(*frames: tuple[float, float]) -> list[dict[str, float]]:
    return [{"at": at, "focus_x": x} for at, x in frames]


def pictures(path: Path) -> list[Image.Image]:
    with av.open(str(path)) as container:
        return [frame.to_image() for frame in container.decode(video=0)]  # type: ignore[no-untyped-call]


def centre(picture: Image.Image, channel: str = "R") -> tuple[float, float]:
    """The middle of the disc, finer than a pixel. `Cb` is its colour alone, stored for two by two pixels."""
    band = picture.convert("YCbCr").getchannel(channel) if channel == "Cb" else picture.getchannel(channel)
    seen = band.point([max(118 - value, 0) if channel == "Cb" else max(value - 100, 0) for value in range(256)])
    box = seen.getbbox()
    assert box is not None, "it is out of sight"
    data, width = seen.crop(box).tobytes(), box[2] - box[0]
    x = sum(value * (at % width + 0.5) for at, value in enumerate(data))
    y = sum(value * (at // width + 0.5) for at, value in enumerate(data))
    return box[0] + x / sum(data), box[1] + y / sum(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def clip(folder: Path) -> Clip:
    return a_clip(folder / "across.mp4")


FOLLOWING = [(at / 10, across(at * 2)[0] / WIDTH) for at in range(30)]


def test_a_target_that_is_followed_stays_in_the_window(tmp_path: Path, clip: Clip) -> None:
    found = pictures(reframed(tmp_path, clip, keyframes=moves(*FOLLOWING)))
    assert len(found) == FRAMES
    for number, picture in list(enumerate(found))[::4]:
        assert picture.size == (WINDOW, HEIGHT)
        x, y = centre(picture)
        # The focus is the place of the target in the picture, and so its place in the window.
        assert x == pytest.approx(across(number)[0] / WIDTH * WINDOW, abs=3)
        assert RADIUS < x < WINDOW - RADIUS
        assert y == pytest.approx(HEIGHT / 2, abs=0.5)
    fixed = pictures(reframed(tmp_path, clip))
    assert fixed[0].getchannel("R").getextrema()[1] < 110, "without keyframes it is out of sight at first"  # type: ignore[operator]


def test_a_slow_move_has_steps_of_one_length(tmp_path: Path, folder: Path) -> None:
    path = reframed(tmp_path, a_clip(folder / "still.mp4", still), keyframes=moves((0, 0.45), (3, 0.55)))
    found = pictures(path)
    for channel, apart in (("R", 0.2), ("Cb", 0.35)):
        places = [centre(picture, channel)[0] for picture in found]
        steps = [one - other for one, other in pairwise(places)]
        usual = ROOM * 0.1 / FRAMES
        assert sum(steps) / len(steps) == pytest.approx(usual, rel=0.05)
        assert max(abs(step - usual) for step in steps) < apart, "a filter that crops would step by 0 and 2"
    apart_by = [centre(picture)[0] - centre(picture, "Cb")[0] for picture in found]
    assert max(apart_by) - min(apart_by) < 0.35, "colours move with the shapes"


def test_it_rests_before_the_first_and_after_the_last(tmp_path: Path, folder: Path) -> None:
    clip = a_clip(folder / "rest.mp4", still)
    found = pictures(reframed(tmp_path, clip, keyframes=moves((1, 0.4), (2, 0.6)), ease="smooth"))
    places = [centre(picture)[0] for picture in found]
    assert max(places[:21]) - min(places[:21]) < 0.1
    assert max(places[40:]) - min(places[40:]) < 0.1
    assert places[0] - places[-1] == pytest.approx(ROOM * 0.2, abs=2)
    assert all(other <= one + 0.1 for one, other in pairwise(places))


def test_a_window_at_rest_is_the_one_of_a_fixed_focus(tmp_path: Path, clip: Clip) -> None:
    rests = pictures(reframed(tmp_path, clip, keyframes=moves((0, 0.3))))
    fixed = pictures(reframed(tmp_path, clip, focus_x=0.3))
    assert [one.tobytes() for one in rests] == [one.tobytes() for one in fixed]


def test_it_moves_up_and_down_too_and_in_another_size(tmp_path: Path, folder: Path) -> None:
    frames = [{"at": 0, "focus_y": 0.2}, {"at": 2.95, "focus_y": 0.8}]
    found = pictures(
        reframed(tmp_path, a_clip(folder / "wide.mp4", still), "21:9", keyframes=frames, short_side=120)
    )
    assert found[0].size == (280, 120)
    ys = [centre(picture)[1] for picture in found]
    # The window is 274 of 360 pixels high.
    assert ys[0] == pytest.approx((180 - 16) * 120 / 274, abs=0.6)
    assert ys[-1] == pytest.approx((180 - 68) * 120 / 274, abs=0.6)


def test_two_hundred_keyframes_are_followed(tmp_path: Path, clip: Clip) -> None:
    many = [(at * 0.011, 60 / WIDTH + 0.7 * at / 200) for at in range(200)]
    found = pictures(reframed(tmp_path, clip, keyframes=moves(*many)))
    for number in (0, 11, 22, 33):
        window = ROOM * (60 / WIDTH + 0.7 * number / RATE / (200 * 0.011))
        assert centre(found[number])[0] == pytest.approx(across(number)[0] - window, abs=2)


@pytest.mark.parametrize(
    "kind", [{"start": 40}, {"pix_fmt": "yuv444p"}, {"pix_fmt": "yuv420p10le"}, {"turned": 90}]
)
def test_videos_of_other_kinds_are_followed_alike(tmp_path: Path, kind: dict[str, Any]) -> None:
    clip = a_clip(tmp_path / "other.mp4", **kind)
    found = pictures(reframed(tmp_path, clip, keyframes=moves(*FOLLOWING)))
    for number in (0, 25, 44, 58):
        assert centre(found[number])[0] == pytest.approx(across(number)[0] / WIDTH * WINDOW, abs=3)


def test_times_count_from_the_start_of_the_render(tmp_path: Path, clip: Clip) -> None:
    pieces = (Span(role="intro", start=0, end=1), Span(role="clip", start=1, end=3))
    note = tmp_path / "timeline.json"
    note.write_bytes(Timeline(pieces=pieces).as_json())
    joined = clip.replace(assets=(*clip.assets, Asset.from_file(note, Role.SIDECAR, media_type=MEDIA_TYPE)))
    later = pictures(reframed(tmp_path, joined, keyframes=moves((0, 0.2), (1, 0.6))))
    same = pictures(reframed(tmp_path, clip, keyframes=moves((1, 0.2), (2, 0.6))))
    assert [one.tobytes() for one in later] == [one.tobytes() for one in same]


def test_the_file_is_made_once_for_each_course(tmp_path: Path, clip: Clip) -> None:
    path = reframed(tmp_path, clip, keyframes=moves((0, 0.2), (2, 0.8)))
    made = path.stat().st_mtime_ns
    assert reframed(tmp_path, clip, text="0 0.2; 2 0.8") == path
    assert reframed(tmp_path, clip, text="0 0.2 -; 2 0.8", keyframes=moves((0, 0.9))) == path
    assert path.stat().st_mtime_ns == made
    others = [
        reframed(tmp_path, clip, text="0 0.2; 2 0.7"),
        reframed(tmp_path, clip, text="0 0.2; 2.1 0.8"),
        reframed(tmp_path, clip, text="0 0.2; 2 0.8", ease="smooth"),
        reframed(tmp_path, clip),
    ]
    assert len({path, *others}) == 5


def test_it_has_the_same_bytes_in_any_process(tmp_path: Path, clip: Clip) -> None:
    first = reframed(tmp_path / "a", clip, text="0 0.2; 2 0.8")
    script = (
        "import sys; from pathlib import Path; from fractions import Fraction\n"
        "from reelwork_hooks import Asset, Role\n"
        "from reelwork_plugins.finishing.keyframes import parsed\n"
        "from reelwork_plugins.finishing.reframe import ReframeConfig, _write\n"
        "video, config = Asset.from_file(Path(sys.argv[1]), Role.VIDEO), ReframeConfig(quality=6)\n"
        "course = config.course(parsed('0 0.2; 2 0.8'))\n"
        "_write(video, Path(sys.argv[2]), Fraction(9, 16), config, lambda _: None, course)\n"
    )
    other = tmp_path / "other.mp4"
    subprocess.run([sys.executable, "-c", script, str(clip.video.path), str(other)], check=True, timeout=120)
    assert other.read_bytes() == first.read_bytes()


def test_a_video_that_came_out_shorter_is_made_with_a_warning(
    tmp_path: Path, clip: Clip, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        reframed(tmp_path, clip, text="0 0.2; 3.05 0.8")
        assert not caplog.text
        reframed(tmp_path, clip, text="0 0.2; 5 0.8")
    assert "has 3.0 s: the window does not reach its last keyframe, at 5 s" in caplog.text


def test_what_no_window_can_follow_is_refused_without_a_loss(tmp_path: Path, clip: Clip) -> None:
    with pytest.raises(ReelworkError, match=r"vars.keyframes: keyframes 1 and 2") as raised:
        reframed(tmp_path, clip, text="0 0.2; 0 0.8")
    assert raised.value.money == "The video is kept as downloaded; nothing was posted."
