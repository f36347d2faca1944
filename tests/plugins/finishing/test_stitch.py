from __future__ import annotations

import math
import shutil
import subprocess
import sys
from array import array
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image
from pydantic import ValidationError

from reelwork import Studio
from reelwork.media.probe import check_playable, probe
from reelwork.testing import SampleContext, sample_brief, sample_job, sample_platform, write_video
from reelwork_hooks import Asset, Clip, Job, Phase, PostCopy, ReelworkError, Role
from reelwork_plugins.finishing.captions import Captions, CaptionsConfig
from reelwork_plugins.finishing.stitch import Stitch, StitchConfig
from reelwork_plugins.finishing.timeline import timeline_of

RED, BLUE, GREEN, BLACK = (200, 30, 30), (30, 30, 200), (30, 200, 30), (0, 0, 0)
OWN, OTHER, MUSIC = 440, 880, 3000
Wave = Callable[[float], float]


def tone(height: int) -> Wave:
    return lambda at: 0.3 * math.sin(2 * math.pi * height * at)


def a_video(
    path: Path,
    colours: Sequence[tuple[int, int, int]],
    *,
    size: tuple[int, int] = (64, 64),
    fps: int = 10,
    sound: Wave | None = None,
    rate: int = 48_000,
    layout: str = "stereo",
    codecs: tuple[str, str] = ("libx264", "aac"),
    matrix: int | None = None,
) -> Path:
    """Write a video with a frame of each colour; without any colour a file with sound alone."""
    with av.open(str(path), "w") as container:
        stream: Any = shown(container, codecs[0], fps, size, matrix) if colours else None
        voice: Any = container.add_stream(codecs[1], rate=rate, layout=layout) if sound else None
        for colour in colours:
            frame: Any = av.VideoFrame.from_image(Image.new("RGB", size, colour))  # type: ignore[no-untyped-call]
            if matrix == 1:
                frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
            container.mux(stream.encode(frame))
        if colours:
            container.mux(stream.encode())
        if sound:
            speak(container, voice, sound, rate, len(colours) / fps or 1.0)
    return path


def shown(container: Any, codec: str, fps: int, size: tuple[int, int], matrix: int | None) -> Any:
    stream = container.add_stream(codec, rate=fps)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p" if codec == "libx264" else "yuv444p"
    stream.options = {"crf": "6", "preset": "ultrafast"} if codec == "libx264" else {}
    if matrix is not None:
        stream.codec_context.colorspace = matrix
    return stream


def speak(container: Any, voice: Any, sound: Wave, rate: int, seconds: float) -> None:
    for start in range(0, round(seconds * rate), 960):
        count = min(960, round(seconds * rate) - start)
        frame = av.AudioFrame(format=voice.format.name, layout=voice.layout.name, samples=count)
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        values = array("f", [sound((start + at) / rate) for at in range(count)]).tobytes()
        for plane in frame.planes:
            plane.update(values)
        container.mux(voice.encode(frame))
    container.mux(voice.encode())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    a_video(folder / "clip.mp4", [RED] * 20, sound=tone(OWN))
    a_video(
        folder / "intro.mp4", [BLUE] * 36, size=(120, 60), fps=24, sound=tone(OTHER), rate=22_050, layout="mono"
    )
    a_video(folder / "outro.mp4", [GREEN] * 5, size=(36, 80), fps=5)
    a_video(folder / "music.m4a", [], sound=tone(MUSIC), rate=44_100)
    return folder


@pytest.fixture
def folder(files: Path, tmp_path: Path) -> Path:
    for path in files.iterdir():
        shutil.copyfile(path, tmp_path / path.name)
    return tmp_path


def a_clip(path: Path) -> Clip:
    return Clip(video=Asset.from_file(path, Role.VIDEO, duration=probe(path).duration))


def stitch(folder: Path, **settings: Any) -> Stitch:
    return Stitch(StitchConfig(**settings), SampleContext(folder, "stitch"))


def stitched(folder: Path, clip: str = "clip.mp4", job: Job | None = None, **settings: Any) -> Path:
    return changed(folder, a_clip(folder / clip), job, **settings).video.path


def changed(folder: Path, clip: Clip, job: Job | None = None, **settings: Any) -> Clip:
    made = stitch(folder, **settings).post_download(clip, job or sample_job())
    assert made is not None
    check_playable(made.video.path)
    return made


def pictures(path: Path) -> list[Image.Image]:
    with av.open(str(path)) as container:
        return [frame.to_image() for frame in container.decode(video=0)]  # type: ignore[no-untyped-call]


def near(picture: Image.Image, at: tuple[int, int], colour: tuple[int, ...], apart: int = 14) -> bool:
    pixel = picture.getpixel(at)
    assert isinstance(pixel, tuple)
    return all(abs(is_ - wanted) <= apart for is_, wanted in zip(pixel, colour, strict=True))


def heard(path: Path) -> tuple[array[float], int]:
    """The left channel, and its rate."""
    values: array[float] = array("f")
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            values.frombytes(bytes(frame.planes[0])[: frame.samples * 4])
        return values, container.streams.audio[0].rate


def loud(sound: tuple[array[float], int], height: int, start: float, end: float) -> float:
    """How much of a tone is heard between two times: its height, 0 to 1."""
    values, rate = sound
    part = values[round(start * rate) : round(end * rate)]
    turn = 2 * math.pi * height / rate
    cosine = sum(value * math.cos(turn * at) for at, value in enumerate(part))
    sine = sum(value * math.sin(turn * at) for at, value in enumerate(part))
    return 2 * math.hypot(cosine, sine) / len(part)


def seconds(path: Path) -> tuple[float, ...]:
    with av.open(str(path)) as container:
        return tuple(float((one.duration or 0) * (one.time_base or 0)) for one in container.streams)


def test_a_cut_shows_one_video_after_the_other_in_the_clip_s_size_and_rate(folder: Path) -> None:
    path = stitched(folder, intro="intro.mp4", outro="outro.mp4")
    found = pictures(path)
    assert len(found) == 45
    assert {picture.size for picture in found} == {(64, 64)}
    colours = [BLUE] * 15 + [RED] * 20 + [GREEN] * 10
    assert all(near(picture, (32, 32), colour) for picture, colour in zip(found, colours, strict=True))
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == 10
        times = [round(float(frame.time or 0), 3) for frame in container.decode(video=0)]
    assert times == [round(number / 10, 3) for number in range(45)]


def test_other_shapes_get_black_edges_and_are_not_stretched(folder: Path) -> None:
    found = pictures(stitched(folder, intro="intro.mp4", outro="outro.mp4"))
    wide, tall = found[7], found[40]
    # 120x60 within 64x64 is 64x32, and 36x80 is 28x64.
    assert near(wide, (32, 12), BLACK)
    assert near(wide, (32, 52), BLACK)
    assert near(wide, (3, 20), BLUE)
    assert near(tall, (12, 32), BLACK)
    assert near(tall, (52, 32), BLACK)
    assert near(tall, (24, 3), GREEN, 30)


def test_a_fade_shows_both_videos(folder: Path) -> None:
    found = pictures(
        stitched(folder, intro="intro.mp4", outro="outro.mp4", transition="fade", transition_seconds=0.5)
    )
    assert len(found) == 35, "each fade takes five frames"
    assert near(found[9], (32, 32), BLUE)
    for number in range(5):
        share = (number + 1) / 6
        mixed = tuple(round(one + (other - one) * share) for one, other in zip(BLUE, RED, strict=True))
        assert near(found[10 + number], (32, 32), mixed, 20), number
        assert near(found[10 + number], (32, 4), tuple(round(part * share) for part in RED), 20)
    assert near(found[15], (32, 32), RED)
    assert near(found[24], (32, 32), RED)
    assert near(found[27], (32, 32), tuple((one + other) // 2 for one, other in zip(RED, GREEN, strict=True)), 20)
    assert near(found[34], (32, 32), GREEN)


def test_each_sound_is_heard_with_its_picture(folder: Path) -> None:
    path = stitched(folder, intro="intro.mp4", outro="outro.mp4")
    sound = heard(path)
    assert loud(sound, OTHER, 0.1, 1.45) == pytest.approx(0.3, abs=0.03)
    assert loud(sound, OTHER, 1.55, 4.4) < 0.01
    assert loud(sound, OWN, 1.55, 3.45) == pytest.approx(0.3, abs=0.03)
    assert loud(sound, OWN, 0.1, 1.45) < 0.01
    assert max(map(abs, sound[0][round(3.6 * sound[1]) :])) < 0.01, "the outro has no sound"
    assert seconds(path) == pytest.approx((4.5, 4.5), abs=0.03)


def test_sounds_fade_together(folder: Path) -> None:
    sound = heard(stitched(folder, intro="intro.mp4", transition="fade", transition_seconds=0.5))
    assert loud(sound, OTHER, 0.1, 0.95) == pytest.approx(0.3, abs=0.03)
    # In the middle both have 0.7 of their height, so that nothing seems softer.
    assert loud(sound, OTHER, 1.2, 1.3) == pytest.approx(0.21, abs=0.04)
    assert loud(sound, OWN, 1.2, 1.3) == pytest.approx(0.21, abs=0.04)
    assert loud(sound, OWN, 1.55, 2.9) == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("fps", [10, 24, 30])
def test_a_flash_and_its_click_stay_together(folder: Path, fps: int) -> None:
    half = fps // 2
    a_video(
        folder / "flash.mp4",
        [BLACK] * half + [(255, 255, 255)] * half,
        fps=fps,
        sound=lambda at: 0.0 if at < 0.5 else tone(OWN)(at),
    )
    path = stitched(folder, "flash.mp4", before=("intro.mp4", "outro.mp4"))
    values, rate = heard(path)
    click = next(at for at, value in enumerate(values) if at > 2.1 * rate and abs(value) > 0.1) / rate
    flash = next(at for at, picture in enumerate(pictures(path)) if near(picture, (2, 2), (255, 255, 255)))
    assert flash / fps == 3.0
    assert click == pytest.approx(3.0, abs=0.02)


def test_a_sound_that_begins_late_stays_with_its_pictures(folder: Path) -> None:
    a_video(folder / "silent.mp4", [GREEN] * 20)
    with av.open(str(folder / "silent.mp4")) as source, av.open(str(folder / "late.mkv"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        voice: Any = target.add_stream("aac", rate=48_000, layout="stereo")
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
        for start in range(48_000, 96_000, 1024):
            frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
            frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
            for plane in frame.planes:
                plane.update(array("f", [tone(OTHER)((start + at) / 48_000) for at in range(1024)]).tobytes())
            target.mux(voice.encode(frame))
        target.mux(voice.encode())
    sound = heard(stitched(folder, intro="late.mkv"))
    assert loud(sound, OTHER, 0.1, 0.9) < 0.01
    assert loud(sound, OTHER, 1.1, 1.9) > 0.25
    assert loud(sound, OTHER, 2.1, 3.9) < 0.01


def test_videos_without_sound_get_none(folder: Path) -> None:
    a_video(folder / "mute.mp4", [RED] * 10)
    path = stitched(folder, "mute.mp4", outro="outro.mp4")
    with av.open(str(path)) as container:
        assert not container.streams.audio


def test_a_clip_without_sound_gets_that_of_the_others(folder: Path) -> None:
    a_video(folder / "mute.mp4", [RED] * 10)
    sound = heard(stitched(folder, "mute.mp4", after=["clip.mp4"]))
    assert loud(sound, OWN, 0.05, 0.95) < 0.01
    assert loud(sound, OWN, 1.05, 2.9) == pytest.approx(0.3, abs=0.03)


def test_a_turned_intro_is_upright_and_one_with_wide_pixels_is_not_squeezed(folder: Path) -> None:
    write_video(folder / "turned.mp4", width=96, height=48, turned=90)
    write_video(folder / "wide.mp4", width=48, height=48, pixel=(2, 1))
    turned, wide = (pictures(stitched(folder, intro=name))[5].convert("L") for name in ("turned.mp4", "wide.mp4"))
    assert [turned.getpixel((4, 32)), wide.getpixel((32, 4))] == [0, 0]
    assert all(picture.getpixel((32, 32)) > 40 for picture in (turned, wide))  # type: ignore[operator]
    assert turned.getpixel((32, 4)) > 40  # type: ignore[operator]
    assert wide.getpixel((4, 32)) > 40  # type: ignore[operator]


def test_a_clip_with_uneven_frames_loses_none(folder: Path) -> None:
    with av.open(str(folder / "uneven.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "6", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 10)
        for number, colour in zip((0, 1, 2, 3, 8, 12), (RED, GREEN) * 3, strict=True):
            frame = av.VideoFrame.from_image(Image.new("RGB", (64, 64), colour))  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    found = pictures(stitched(folder, "uneven.mp4", outro="outro.mp4"))[:13]
    colours = [RED, GREEN, RED] + [GREEN] * 5 + [RED] * 4 + [GREEN]
    assert all(near(picture, (32, 32), colour) for picture, colour in zip(found, colours, strict=True))


def test_odd_sides_are_no_obstacle(folder: Path) -> None:
    for name, colour, size in (("own.mkv", RED, (65, 63)), ("odd.mkv", BLUE, (33, 37))):
        a_video(folder / name, [colour] * 4, size=size, codecs=("ffv1", "flac"))
    found = pictures(stitched(folder, "own.mkv", intro="odd.mkv", transition="fade", transition_seconds=0.2))
    assert len(found) == 6
    assert {picture.size for picture in found} == {(64, 62)}
    assert near(found[0], (32, 32), BLUE)
    assert near(found[5], (32, 32), RED)


def test_the_colours_of_others_are_converted_to_those_of_the_clip(folder: Path) -> None:
    a_video(folder / "high.mp4", [RED] * 5, matrix=1)
    path = stitched(folder, "high.mp4", intro="intro.mp4")
    with av.open(str(path)) as container:
        found: list[Any] = [
            frame.reformat(format="rgb24", src_colorspace="ITU709").to_image()  # type: ignore[no-untyped-call]
            for frame in container.decode(video=0)
        ]
    assert near(found[3], (32, 32), BLUE, 8)
    assert near(found[-1], (32, 32), RED, 8)


def test_music_alone_is_repeated_cut_and_fades_out_and_the_picture_is_copied(folder: Path) -> None:
    a_video(folder / "mute.mp4", [RED] * 30)
    path = stitched(folder, "mute.mp4", music="music.m4a", music_volume=0, music_fade=1)
    sound = heard(path)
    for start in (0.2, 1.2):
        assert loud(sound, MUSIC, start, start + 0.6) == pytest.approx(0.3, abs=0.03)
    assert loud(sound, MUSIC, 2.45, 2.55) == pytest.approx(0.15, abs=0.03)
    assert loud(sound, MUSIC, 2.9, 3.0) < 0.04
    assert seconds(path) == pytest.approx((3, 3), abs=0.03)
    assert packets(path) == packets(folder / "mute.mp4")


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_music_is_turned_down_while_the_clip_is_heard(folder: Path) -> None:
    a_video(folder / "half.mp4", [RED] * 60, sound=lambda at: tone(OWN)(at) if at < 3 else 0.0)
    given: dict[str, Any] = {"music": "music.m4a", "music_volume": -6, "music_fade": 0}
    sound = heard(stitched(folder, "half.mp4", **given, duck=12))
    alone = 0.3 * 10 ** (-6 / 20)
    assert loud(sound, MUSIC, 1, 2.9) == pytest.approx(alone / 4, rel=0.25)
    assert loud(sound, MUSIC, 5, 5.9) == pytest.approx(alone, rel=0.15), "it comes back"
    assert loud(sound, OWN, 1, 2.9) == pytest.approx(0.3, abs=0.03)
    plain = heard(stitched(folder, "half.mp4", **given, duck=0))
    assert loud(plain, MUSIC, 1, 2.9) == pytest.approx(alone, rel=0.1)


def test_sounds_that_are_too_loud_together_are_limited(folder: Path) -> None:
    a_video(folder / "loud.mp4", [RED] * 10, sound=lambda at: 3 * tone(OWN)(at))
    values, _ = heard(stitched(folder, "loud.mp4", music="music.m4a", music_volume=10, duck=0, music_fade=0))
    assert max(map(abs, values)) < 1.05


def test_a_brief_s_own_files_come_before_the_settings(folder: Path) -> None:
    job = sample_job(brief=sample_brief(vars={"intro": "outro.mp4"}))
    assert near(pictures(stitched(folder, job=job, intro="intro.mp4"))[0], (32, 32), GREEN)


@pytest.mark.parametrize(
    ("name", "role"), [("../clip.mp4", "intro"), ("words.srt", "intro"), ("clip.mp4.txt", "music")]
)
def test_a_brief_may_only_name_videos_in_its_folder(folder: Path, name: str, role: str) -> None:
    (folder / "words.srt").write_text("1")
    job = sample_job(brief=sample_brief(vars={role: name}))
    [problem] = stitch(folder).check_brief(job)
    assert f"vars.{role}: {name} cannot be used" in problem.message


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"intro": "none.mp4"}, "intro: {0}/none.mp4 cannot be used: there is no such file"),
        ({"outro": "text.mp4"}, "outro: {0}/text.mp4 cannot be used: it cannot be read"),
        ({"before": ["picture.png"]}, "before: {0}/picture.png cannot be used: it is not a video"),
        ({"after": ["outro.mp4", "music.m4a"]}, "after: {0}/music.m4a cannot be used: it is not a video"),
        ({"intro": "hdr.mp4"}, "intro: {0}/hdr.mp4 cannot be used: it is HDR video"),
        ({"intro": "."}, "cannot be used"),
        ({"music": "outro.mp4"}, "music: {0}/outro.mp4 cannot be used: it has no sound"),
        ({"music": "none.mp3"}, "music: {0}/none.mp3 cannot be used: there is no such file"),
        ({}, "this brief has no video and no music to add"),
        ({"intro": "intro.mp4", "longest": 2}, "would have 2.5 s with what is added; `longest` in [plugin.stitch]"),
        (
            {"outro": "outro.mp4", "before": ["intro.mp4"], "transition": "fade", "transition_seconds": 0.6},
            "the job's clip has 1.0 s, and its fades take 1.2 s",
        ),
        (
            {"outro": "outro.mp4", "transition": "fade", "transition_seconds": 1.1},
            "the job's clip has 1.0 s, and its fades take 1.1 s",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_sent(
    folder: Path, settings: dict[str, Any], why: str
) -> None:
    (folder / "text.mp4").write_text("hello")
    Image.new("RGB", (64, 64)).save(folder / "picture.png")
    with av.open(str(folder / "hdr.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.color_trc = 16
        container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(stream.encode())
    [problem] = stitch(folder, **settings).check_brief(sample_job())
    assert why.format(folder.resolve()) in problem.message
    assert problem.hint
    with pytest.raises(ReelworkError) as told:
        stitch(folder, **settings).post_download(a_clip(folder / "clip.mp4"), sample_job())
    assert why.format(folder.resolve()) in told.value.message
    assert told.value.money == "The video is kept as downloaded; nothing was posted."


def test_what_can_be_used_is_no_problem(folder: Path) -> None:
    given = {"intro": "intro.mp4", "outro": "outro.mp4", "music": "music.m4a", "transition": "fade"}
    assert stitch(folder, **given).check_brief(sample_job()) == []
    assert stitch(folder, required=False).check_brief(sample_job()) == []
    assert stitch(folder, required=False).post_download(a_clip(folder / "clip.mp4"), sample_job()) is None


@pytest.mark.parametrize(
    ("job", "name"),
    [
        (sample_job(platform=sample_platform(longest_duration=2)), "sample"),
        (sample_job(brief=sample_brief(destinations={"wall": PostCopy(longest=2)})), "wall"),
    ],
)
def test_a_whole_longer_than_what_is_taken_is_refused(folder: Path, job: Job, name: str) -> None:
    [problem] = stitch(folder, intro="intro.mp4").check_brief(job)
    assert f"would have 2.5 s with what is added; {name} takes 2 s" in problem.message
    assert stitch(folder, outro="outro.mp4").check_brief(job) == []


def test_where_a_plugin_shortens_the_render_its_length_does_not_count(folder: Path) -> None:
    job = sample_job(brief=sample_brief(destinations={"wall": PostCopy(longest=0.5)}))
    assert stitch(folder, intro="intro.mp4").check_brief(job) == []


def test_a_video_that_was_made_is_used_again_until_a_file_changes(folder: Path) -> None:
    given: dict[str, Any] = {"intro": "intro.mp4", "music": "music.m4a"}
    path = stitched(folder, **given)
    made = path.stat().st_mtime_ns
    assert stitched(folder, **given, longest=100) == path
    shutil.move(folder / "intro.mp4", folder / "renamed.mp4")
    assert stitched(folder, **{**given, "intro": "renamed.mp4"}) == path
    assert path.stat().st_mtime_ns == made
    assert stitched(folder, music="music.m4a", outro="renamed.mp4") != path
    a_video(folder / "music.m4a", [], sound=tone(OWN))
    assert stitched(folder, **{**given, "intro": "renamed.mp4"}) != path
    assert not list(path.parent.glob(".*")), "nothing is left beside it"


def test_the_same_files_give_the_same_bytes_in_any_process(folder: Path) -> None:
    given: dict[str, Any] = {
        "intro": "intro.mp4",
        "outro": "outro.mp4",
        "music": "music.m4a",
        "transition": "fade",
    }
    script = (
        "import sys; from pathlib import Path\n"
        "from reelwork.testing import SampleContext, sample_job\n"
        "from reelwork_hooks import Asset, Clip, Role\n"
        "from reelwork_plugins.finishing.stitch import Stitch, StitchConfig\n"
        "folder = Path(sys.argv[1])\n"
        "clip = Clip(video=Asset.from_file(folder / 'clip.mp4', Role.VIDEO))\n"
        f"plugin = Stitch(StitchConfig(**{given!r}), SampleContext(folder, 'other'))\n"
        "print(plugin.post_download(clip, sample_job()).video.sha256)\n"
    )
    asked = [sys.executable, "-c", script, str(folder)]
    other = subprocess.run(asked, check=True, timeout=120, capture_output=True, text=True).stdout.strip()
    assert Asset.from_file(stitched(folder, **given), Role.VIDEO).sha256 == other


@pytest.mark.parametrize("settings", [{"intro": "intro.mp4", "transition": "fade"}, {"music": "music.m4a"}])
def test_it_tells_how_far_it_is(folder: Path, settings: dict[str, Any]) -> None:
    plugin = stitch(folder, **settings)
    plugin.post_download(a_clip(folder / "clip.mp4"), sample_job())
    assert isinstance(plugin.context, SampleContext)
    told = [percent for _, percent, _ in plugin.context.progressed]
    assert told == sorted(told)
    assert told[-1] > 90
    assert max(told) <= 100


def test_a_broken_clip_is_told_and_leaves_nothing(folder: Path) -> None:
    broken = folder / "broken.mp4"
    broken.write_bytes((folder / "clip.mp4").read_bytes()[:900])
    plugin = stitch(folder, intro="intro.mp4")
    with pytest.raises(ReelworkError, match="could not be joined"):
        plugin.post_download(Clip(video=Asset.from_file(broken, Role.VIDEO)), sample_job())
    assert not list(plugin.context.work_dir.iterdir())


def test_captions_begin_with_the_render(folder: Path) -> None:
    clip = changed(folder, a_clip(folder / "clip.mp4"), intro="intro.mp4", transition="fade")
    words = Captions(CaptionsConfig(text="0.5 - 1 Good morning."), SampleContext(folder, "captions"))
    captioned = words.post_download(clip, sample_job())
    assert captioned is not None
    assert "00:00:01.500 --> 00:00:02.000" in captioned.assets[-1].path.read_text()


def test_a_video_that_is_stitched_twice_still_says_where_its_render_is(folder: Path) -> None:
    once = changed(folder, a_clip(folder / "clip.mp4"), intro="intro.mp4")
    twice = changed(folder, once, intro="outro.mp4", outro="outro.mp4")
    found = [(one.role, one.start, one.end) for one in timeline_of(twice).pieces]
    assert found == [("intro", 0, 1), ("intro", 1, 2.5), ("clip", 2.5, 4.5), ("outro", 4.5, 5.5)]
    assert len(twice.assets) == 1


@pytest.mark.parametrize("order", [["captions", "stitch", "loudness"], ["stitch", "captions"]])
def test_in_a_run_captions_are_at_their_times_in_any_order(folder: Path, order: list[str]) -> None:
    workflow = {
        "plugins": {"post_download": [*order, "local"], "publish": []},
        "plugin": {
            "stitch": {"intro": str(folder / "intro.mp4"), "music": str(folder / "music.m4a")},
            "captions": {"text": "0 - 1 Good morning."},
        },
    }
    with Studio(workflow, store=folder / "store.db", out=folder / "out") as studio:
        [job] = studio.run_sync("A ferry leaves a harbour", duration=1, resolution="480p").jobs
    assert job.status == "done", job.reason
    [words] = (folder / "out").rglob("*.vtt")
    assert "00:00:01.500 --> 00:00:02.500" in words.read_text(encoding="utf-8")
    assert job.video is not None
    assert probe(Path(job.video)).duration == pytest.approx(2.5, abs=0.1)


@pytest.mark.parametrize(
    "settings",
    [
        {"transition": "wipe"},
        {"transition_seconds": 0},
        {"transition_seconds": 11},
        {"music_volume": 20},
        {"duck": -1},
        {"longest": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StitchConfig(**settings)


def test_it_says_what_it_does() -> None:
    assert (Stitch.phase, Stitch.fits, Stitch.costs) == (Phase.EDIT, (), False)
