from __future__ import annotations

import logging
import math
import struct
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from av.error import EOFError as AtTheEnd
from av.filter.graph import Graph
from pydantic import ValidationError

from reelwork.media.probe import MediaFacts, check_playable, probe
from reelwork.testing import SampleContext, sample_job, write_video
from reelwork_hooks import Asset, Clip, Phase, ReelworkError, Role, Target
from reelwork_plugins.finishing.transcode import Transcode, TranscodeConfig
from reelwork_plugins.finishing.video_facts import VideoFacts, facts_of

RATE = 48_000


def a_clip(
    path: Path,
    *,
    seconds: int = 1,
    size: tuple[int, int] = (64, 64),
    codec: str = "libx264",
    sound: str | None = "aac",
    fps: int = 12,
    pixels: str = "yuv420p",
    **into: Any,
) -> Clip:
    """A moving test picture with a little noise, and a tone. Its file is larger than it needs to be."""
    with av.open(str(path), "w", **into) as container:
        options = {"crf": "6", "preset": "ultrafast"} if codec == "libx264" else {"cpu-used": "8"}
        stream: Any = container.add_stream(codec, rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        voice: Any = None if sound is None else container.add_stream(sound, rate=RATE, layout="stereo")
        for frame in _pictures(f"size={size[0]}x{size[1]}:rate={fps}:duration={seconds}", pixels):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if voice is not None:
            _write_tone(container, voice, seconds)
    return Clip(video=Asset.from_file(path, Role.VIDEO))


def _pictures(which: str, pixels: str) -> Any:
    graph = Graph()
    chain = [
        graph.add("testsrc2", which),
        graph.add("noise", "alls=12:allf=t"),
        graph.add("format", pixels),
        graph.add("buffersink"),
    ]
    for one, other in pairwise(chain):
        one.link_to(other)
    graph.configure()
    while True:
        try:
            yield graph.vpull()
        except AtTheEnd:
            return


def _write_tone(container: Any, voice: Any, seconds: int) -> None:
    for start in range(0, seconds * RATE, 960):
        frame = av.AudioFrame(format=voice.format.name, layout="stereo", samples=960)
        frame.sample_rate, frame.pts = RATE, start
        waves = [math.sin((start + at) / 20) / 3 for at in range(960)]
        for plane in frame.planes:
            plane.update(struct.pack(f"{plane.buffer_size // 4}f", *(waves * 2)[: plane.buffer_size // 4]))
        container.mux(voice.encode(frame))
    container.mux(voice.encode(None))


def transcode(folder: Path, **settings: Any) -> Transcode:
    return Transcode(TranscodeConfig(**settings), SampleContext(folder, "transcode"))


def transcoded(folder: Path, clip: Clip, target: Target | None = None, **settings: Any) -> Path:
    changed = transcode(folder, **settings).post_download(clip, sample_job(target=target or Target()))
    assert changed is not None
    check_playable(changed.video.path)
    return changed.video.path


def untouched(folder: Path, clip: Clip, target: Target | None = None, **settings: Any) -> bool:
    return transcode(folder, **settings).post_download(clip, sample_job(target=target or Target())) is None


def packets(path: Path, kind: str) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(getattr(container.streams, kind)[0]) if packet.size]


def seen(path: Path) -> tuple[MediaFacts, VideoFacts]:
    return probe(path), facts_of(path)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    folder = tmp_path_factory.mktemp("clip")
    return a_clip(folder / "clip.mp4", options={"movflags": "faststart"})


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return a_clip(tmp_path_factory.mktemp("wide") / "wide.mp4", size=(320, 180), sound=None)


def test_a_clip_that_fits_stays_as_it_is_and_says_so(
    tmp_path: Path, clip: Clip, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for target in (
            Target(),
            Target(codecs=("hevc", "h264"), most_bytes=clip.video.bytes),
            Target(longest=0.1, aspect_ratio="9:16"),
        ):
            assert untouched(tmp_path, clip, target)
        assert untouched(tmp_path, clip, most_bytes=10_000_000, codec="h264", long_side=64, fps=12, sound_kbps=128)
    assert not list(transcode(tmp_path).context.work_dir.iterdir())
    assert caplog.text.count("is within its limits: it stays as it is") == 4


@pytest.mark.parametrize("part", [0.7, 0.4])
def test_a_clip_is_brought_to_the_bytes_that_its_destination_takes(tmp_path: Path, clip: Clip, part: float) -> None:
    most = int(clip.video.bytes * part)
    path = transcoded(tmp_path, clip, Target(most_bytes=most))
    assert most * 0.55 < path.stat().st_size <= most
    facts, file = seen(path)
    assert (facts.width, facts.height, facts.codec, facts.frames) == (64, 64, "h264", 12)
    assert facts.duration == pytest.approx(1, abs=0.1)
    assert file.index_first


def test_of_two_limits_the_smaller_counts(tmp_path: Path, clip: Clip) -> None:
    small, large = clip.video.bytes // 2, clip.video.bytes * 2 // 3
    assert transcoded(tmp_path, clip, Target(most_bytes=large), most_bytes=small).stat().st_size <= small
    assert transcoded(tmp_path, clip, Target(most_bytes=small), most_bytes=large).stat().st_size <= small


def test_the_picture_becomes_smaller_where_quality_alone_does_not_do(tmp_path: Path, wide: Clip) -> None:
    settings: dict[str, Any] = {"least_short_side": 64, "worst_quality": 20}
    most = wide.video.bytes // 6
    path = transcoded(tmp_path, wide, most_bytes=most, **settings)
    assert path.stat().st_size <= most
    assert (probe(path).width, probe(path).height) == (256, 144)


def test_a_clip_that_fits_in_no_quality_is_refused_with_the_figures(tmp_path: Path, wide: Clip) -> None:
    with pytest.raises(ReelworkError) as told:
        transcoded(tmp_path, wide, Target(most_bytes=2000))
    message, hint = str(told.value), told.value.hint
    assert "1,960 bytes are free below the limit of 2,000; its 1.0 s of 320x180 have " in message
    assert "at quality 32 and 180 lines, the least allowed" in message
    assert "worst_quality" in hint
    assert told.value.money == "The video is kept as downloaded; nothing was posted."
    assert not list(transcode(tmp_path).context.work_dir.iterdir())


def test_a_codec_that_is_not_taken_is_replaced(tmp_path: Path) -> None:
    web = a_clip(tmp_path / "clip.webm", codec="libvpx-vp9", sound="libopus")
    assert untouched(tmp_path, web)
    assert untouched(tmp_path, web, Target(codecs=("h264", "vp9")))
    path = transcoded(tmp_path, web, Target(codecs=("h264", "hevc"), most_bytes=1_000_000))
    facts, file = seen(path)
    assert (facts.codec, file.mp4, file.index_first, file.pixels) == ("h264", True, True, "yuv420p")
    assert file.sound is not None
    assert file.sound.codec == "aac"
    with pytest.raises(
        ReelworkError, match=r"is vp9, and the destination takes av1\. Only h264 and hevc can be made"
    ):
        transcoded(tmp_path, web, Target(codecs=("av1",)))


def test_hevc_is_written_as_players_of_apple_want_it(tmp_path: Path, clip: Clip) -> None:
    path = transcoded(tmp_path, clip, codec="hevc")
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"
    # A destination that does not take it gets what it takes.
    assert untouched(tmp_path, clip, Target(codecs=("h264",)), codec="hevc")


def test_pixels_that_telephones_cannot_play_are_replaced(tmp_path: Path) -> None:
    rich = a_clip(tmp_path / "clip.mp4", pixels="yuv444p", sound=None)
    assert untouched(tmp_path, rich), "nobody asked"
    path = transcoded(tmp_path, rich, Target(codecs=("h264",)))
    assert facts_of(path).pixels == "yuv420p"


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_a_file_around_the_wrong_codec_alone_is_written_without_encoding(tmp_path: Path, ending: str) -> None:
    wrong = a_clip(tmp_path / f"clip.{ending}")
    assert not facts_of(wrong.video.path).mp4 or not facts_of(wrong.video.path).index_first
    path = transcoded(tmp_path, wrong, Target(codecs=("h264",)))
    for kind in ("video", "audio"):
        assert len(packets(path, kind)) == len(packets(wrong.video.path, kind))
    assert packets(path, "audio") == packets(wrong.video.path, "audio")
    file = facts_of(path)
    assert (file.mp4, file.index_first) == (True, True)


def test_the_sound_alone_is_made_smaller(tmp_path: Path, clip: Clip) -> None:
    path = transcoded(tmp_path, clip, sound_kbps=48)
    assert packets(path, "video") == packets(clip.video.path, "video")
    assert len(packets(path, "audio")) == pytest.approx(len(packets(clip.video.path, "audio")), abs=2)
    assert sum(map(len, packets(path, "audio"))) < sum(map(len, packets(clip.video.path, "audio"))) * 0.6
    assert path.stat().st_size < clip.video.bytes


def test_the_frame_rate_changes_and_the_speed_does_not(tmp_path: Path, clip: Clip) -> None:
    for fps, frames in ((24, 24), (6, 6)):
        facts = probe(transcoded(tmp_path, clip, fps=fps))
        assert (facts.fps, facts.frames) == (fps, frames)
        assert facts.duration == pytest.approx(1, abs=0.1)


def test_a_frame_rate_of_television_is_exact(tmp_path: Path, clip: Clip) -> None:
    with av.open(str(transcoded(tmp_path, clip, fps=29.97))) as container:
        assert container.streams.video[0].average_rate == Fraction(30_000, 1001)


def test_sound_that_is_encoded_stays_with_its_pictures(tmp_path: Path) -> None:
    def first(path: Path, kind: str) -> float:
        with av.open(str(path)) as container:
            frame: Any = next(container.decode(**{kind: 0}))
            return float(frame.time or 0)

    def apart(path: Path) -> float:
        return first(path, "audio") - first(path, "video")

    late = a_clip(tmp_path / "clip.ts", format="mpegts")
    path = transcoded(tmp_path, late, sound_kbps=32, quality=20)
    assert apart(path) == pytest.approx(apart(late.video.path), abs=0.05)
    assert probe(path).duration == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("turned", "long_side", "size"), [(0, 160, (160, 90)), (90, 160, (90, 160)), (0, 101, (100, 56))]
)
def test_a_long_side_is_made_shorter(tmp_path: Path, turned: int, long_side: int, size: tuple[int, int]) -> None:
    path = write_video(tmp_path / "clip.mp4", width=320, height=180, turned=turned)
    facts = probe(transcoded(tmp_path, Clip(video=Asset.from_file(path, Role.VIDEO)), long_side=long_side))
    assert (facts.width, facts.height) == size


@pytest.mark.parametrize(("long_side", "colours"), [(640, 1), (1280, 2)])
def test_a_large_picture_that_became_small_says_which_colours_it_has(
    tmp_path: Path, long_side: int, colours: int
) -> None:
    path = write_video(tmp_path / "clip.mp4", width=1280, height=720, seconds=0.3)
    made = transcoded(tmp_path, Clip(video=Asset.from_file(path, Role.VIDEO)), long_side=long_side, fps=5)
    with av.open(str(made)) as container:
        assert int(container.streams.video[0].codec_context.colorspace) == colours


def test_by_quality_every_clip_is_encoded_unless_that_makes_it_larger(tmp_path: Path, clip: Clip) -> None:
    good, poor = transcoded(tmp_path, clip, quality=20), transcoded(tmp_path, clip, quality=40)
    assert poor.stat().st_size < good.stat().st_size < clip.video.bytes
    again = Clip(video=Asset.from_file(poor, Role.VIDEO))
    assert untouched(tmp_path, again, quality=1)


def test_it_tells_how_far_it_is(tmp_path: Path, clip: Clip) -> None:
    plugin = transcode(tmp_path)
    plugin.post_download(clip, sample_job(target=Target(most_bytes=clip.video.bytes // 2)))
    assert isinstance(plugin.context, SampleContext)
    told = [percent for _, percent, _ in plugin.context.progressed]
    assert told == sorted(told)
    assert told[-1] == 100
    assert len(told) > 10


def test_a_video_that_was_made_is_used_again(tmp_path: Path, clip: Clip) -> None:
    most = clip.video.bytes * 2 // 3
    path = transcoded(tmp_path, clip, Target(most_bytes=most))
    made = path.stat().st_mtime_ns
    assert transcoded(tmp_path, clip, Target(most_bytes=most)) == path
    assert path.stat().st_mtime_ns == made
    assert transcoded(tmp_path, clip, Target(most_bytes=most), codec="h264") != path
    assert not list(path.parent.glob(".*")), "nothing is left beside it"


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_the_same_video_gives_the_same_bytes_in_any_process(tmp_path: Path, clip: Clip, codec: str) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from reelwork.testing import SampleContext, sample_job\n"
        "from reelwork_hooks import Asset, Clip, Role\n"
        "from reelwork_plugins.finishing.transcode import Transcode, TranscodeConfig\n"
        "clip = Clip(video=Asset.from_file(Path(sys.argv[1]), Role.VIDEO))\n"
        "config = TranscodeConfig(codec=sys.argv[3], quality=24, sound_kbps=48)\n"
        "plugin = Transcode(config, SampleContext(Path(sys.argv[2]), 'transcode'))\n"
        "print(plugin.post_download(clip, sample_job()).video.sha256)\n"
    )
    asked = [sys.executable, "-c", script, str(clip.video.path), str(tmp_path / "other"), codec]
    other = subprocess.run(asked, check=True, timeout=120, capture_output=True, text=True).stdout.strip()
    path = transcoded(tmp_path, clip, codec=codec, quality=24, sound_kbps=48)
    assert Asset.from_file(path, Role.VIDEO).sha256 == other


def test_a_broken_video_is_told_and_leaves_nothing(tmp_path: Path, clip: Clip) -> None:
    broken = tmp_path / "broken.mp4"
    for length in (0, 900):
        broken.write_bytes(clip.video.path.read_bytes()[:length])
        with pytest.raises(ReelworkError, match="could not be transcoded"):
            transcoded(tmp_path, Clip(video=Asset.from_file(broken, Role.VIDEO)), quality=51)
        assert not list(transcode(tmp_path).context.work_dir.iterdir())


@pytest.mark.parametrize(
    "settings",
    [{"most_bytes": 10}, {"codec": "vp9"}, {"quality": 52}, {"fps": 0}, {"long_side": 2}, {"sound_kbps": 1}],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TranscodeConfig(**settings)


def test_it_says_what_it_does() -> None:
    assert (Transcode.phase, Transcode.fits, Transcode.costs) == (Phase.EDIT, ("most_bytes", "codecs"), False)
