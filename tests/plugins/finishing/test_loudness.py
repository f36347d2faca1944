from __future__ import annotations

import logging
import math
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from pydantic import ValidationError

from reelwork.media.probe import check_playable, probe
from reelwork.testing import SampleContext, sample_job, write_video
from reelwork_hooks import Asset, Clip, Phase, ReelworkError, Role
from reelwork_plugins.finishing.levels import Level, measured
from reelwork_plugins.finishing.loudness import Loudness, LoudnessConfig

RATE = 48_000
Wave = Callable[[float], float]


def tone(height: float) -> Wave:
    return lambda at: math.sin(at * 2 * math.pi * 1000) * height


def bursts() -> Wave:
    """Short loud strokes over a quiet ground: brought to -14 LUFS, they would go far above full scale."""
    chance = random.Random(3)
    return lambda at: max(-1.0, min(1.0, chance.gauss(0, 1) * (0.3 if at % 1 < 0.02 else 0.004)))


def a_clip(
    path: Path,
    wave: Wave,
    *,
    seconds: float = 3,
    rate: int = RATE,
    layout: str = "stereo",
    codecs: tuple[str, str] = ("libx264", "aac"),
    late: float = 0,
) -> Clip:
    silent = write_video(path.with_suffix(".silent.mp4"), seconds=seconds, turned=90)
    with av.open(str(path), "w") as container, av.open(str(silent)) as pictures:
        if codecs[0] == "libx264":
            stream = container.add_stream_from_template(pictures.streams.video[0])
            voice: Any = container.add_stream(codecs[1], rate=rate, layout=layout)
            for packet in pictures.demux(pictures.streams.video[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    container.mux(packet)
        else:
            made: Any = container.add_stream(codecs[0], rate=10)
            made.width, made.height, made.pix_fmt = 64, 64, "yuv420p"
            voice = container.add_stream(codecs[1], rate=rate, layout=layout)
            for frame in pictures.decode(pictures.streams.video[0]):
                container.mux(made.encode(frame))
            container.mux(made.encode(None))
        voice.bit_rate = 192_000
        for start in range(0, int(seconds * rate), 960):
            frame = av.AudioFrame(format=voice.format.name, layout=layout, samples=960)
            frame.sample_rate, frame.pts = rate, start + int(late * rate)
            for plane in frame.planes:
                copies = plane.buffer_size // (960 * 4) if len(frame.planes) == 1 else 1
                waves = [value for at in range(960) for value in [wave((start + at) / rate)] * copies]
                plane.update(struct.pack(f"{len(waves)}f", *waves))
            container.mux(voice.encode(frame))
        container.mux(voice.encode(None))
    return Clip(video=Asset.from_file(path, Role.VIDEO))


def loudness(folder: Path, **settings: Any) -> Loudness:
    return Loudness(LoudnessConfig(**settings), SampleContext(folder, "loudness"))


def levelled(folder: Path, clip: Clip, **settings: Any) -> Path:
    changed = loudness(folder, **settings).post_download(clip, sample_job())
    assert changed is not None
    check_playable(changed.video.path)
    return changed.video.path


def level(path: Path) -> Level:
    notes = path.with_suffix(".notes")
    try:
        return measured(path, notes, lambda _: None)
    finally:
        notes.unlink()


def packets(path: Path, stream: str = "video") -> list[tuple[bytes, float]]:
    with av.open(str(path)) as container:
        found = container.demux(getattr(container.streams, stream)[0])
        return [(bytes(packet), float(packet.pts * packet.time_base)) for packet in found if packet.size]


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return a_clip(tmp_path_factory.mktemp("quiet") / "clip.mp4", tone(0.02))


@pytest.mark.parametrize("settings", [{}, {"target": -23}, {"target": -16, "peak": -2}])
@pytest.mark.parametrize("height", [0.02, 0.9])
def test_the_sound_is_brought_to_its_target(tmp_path: Path, height: float, settings: dict[str, Any]) -> None:
    clip = a_clip(tmp_path / "clip.mp4", tone(height))
    after = level(levelled(tmp_path, clip, **settings))
    assert after.lufs == pytest.approx(settings.get("target", -14), abs=0.5)
    assert after.peak <= settings.get("peak", -1)


def test_the_measure_is_that_of_the_standard(tmp_path: Path) -> None:
    # EBU Tech 3341, case 1: a stereo sine of 1000 Hz at -23 dBFS has -23 LUFS, and its peak is -23 dBTP.
    clip = a_clip(tmp_path / "clip.mp4", tone(10 ** (-23 / 20)))
    found = level(clip.video.path)
    assert found.lufs == pytest.approx(-23, abs=0.1)
    assert found.peak == pytest.approx(-23, abs=0.8)


def test_peaks_that_would_go_too_high_are_limited(tmp_path: Path) -> None:
    clip = a_clip(tmp_path / "clip.mp4", bursts(), seconds=4)
    before = level(clip.video.path)
    assert before.peak + (-14 - before.lufs) > 0, "a gain alone would distort it"
    after = level(levelled(tmp_path, clip))
    assert after.lufs == pytest.approx(-14, abs=0.5)
    assert after.peak <= -1


def test_the_picture_is_copied_as_it_is(tmp_path: Path, quiet: Clip) -> None:
    path = levelled(tmp_path, quiet)
    assert packets(path) == packets(quiet.video.path)
    ours, theirs = probe(path), probe(quiet.video.path)
    assert (ours.width, ours.height, ours.codec) == (theirs.width, theirs.height, theirs.codec)
    with av.open(str(path)) as after:
        frame = next(after.decode(video=0))
        assert frame.rotation == 90, "a player turns it as before"
    assert ours.duration == pytest.approx(theirs.duration, abs=0.1)


@pytest.mark.parametrize(
    "given",
    [{"rate": 22_050}, {"layout": "mono"}, {"layout": "5.1"}, {"rate": 96_000}],
    ids=lambda given: str(*given.values()),
)
def test_any_kind_of_sound_is_brought_to_its_target(tmp_path: Path, given: dict[str, Any]) -> None:
    clip = a_clip(tmp_path / "clip.mp4", tone(0.02), **given)
    assert level(levelled(tmp_path, clip)).lufs == pytest.approx(-14, abs=0.5)


def test_a_webm_video_stays_one(tmp_path: Path) -> None:
    clip = a_clip(tmp_path / "clip.webm", tone(0.02), codecs=("libvpx-vp9", "libopus"))
    path = levelled(tmp_path, clip)
    assert path.suffix == ".webm"
    assert [data for data, _ in packets(path)] == [data for data, _ in packets(clip.video.path)]
    assert level(path).lufs == pytest.approx(-14, abs=0.5)


def test_a_sound_that_begins_late_stays_with_its_pictures(tmp_path: Path) -> None:
    def beginning(path: Path) -> float:
        """When the first sound above silence is heard."""
        with av.open(str(path)) as container:
            for frame in container.decode(audio=0):
                samples = struct.unpack(f"{frame.samples}f", bytes(frame.planes[0])[: frame.samples * 4])
                loud = next((at for at, value in enumerate(samples) if abs(value) > 0.01), None)
                if loud is not None:
                    return float(frame.time or 0) + loud / frame.sample_rate
        return math.inf

    clip = a_clip(tmp_path / "clip.mp4", tone(0.05), seconds=2, late=0.7)
    assert beginning(clip.video.path) == pytest.approx(0.7, abs=0.03)
    assert beginning(levelled(tmp_path, clip)) == pytest.approx(0.7, abs=0.03)


def test_a_clip_without_sound_is_left_alone(tmp_path: Path) -> None:
    clip = Clip(video=Asset.from_file(write_video(tmp_path / "clip.mp4"), Role.VIDEO))
    assert loudness(tmp_path).post_download(clip, sample_job()) is None


@pytest.mark.parametrize("wave", [lambda _: 0.0, tone(0.00001)], ids=["silent", "nearly"])
def test_silence_is_left_alone(tmp_path: Path, wave: Wave) -> None:
    clip = a_clip(tmp_path / "clip.mp4", wave)
    assert loudness(tmp_path).post_download(clip, sample_job()) is None
    assert not list(loudness(tmp_path).context.work_dir.iterdir())


def test_what_is_at_its_target_is_left_alone(tmp_path: Path, quiet: Clip) -> None:
    again = Clip(video=Asset.from_file(levelled(tmp_path, quiet), Role.VIDEO))
    assert loudness(tmp_path).post_download(again, sample_job()) is None


def test_what_is_mostly_noise_is_not_made_loud(tmp_path: Path) -> None:
    chance = random.Random(1)
    clip = a_clip(tmp_path / "clip.mp4", lambda _: chance.gauss(0, 0.0005))
    before = level(clip.video.path)
    assert level(levelled(tmp_path, clip, most_gain=12)).lufs == pytest.approx(before.lufs + 12, abs=0.5)


def test_a_target_that_cannot_be_met_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clip = a_clip(tmp_path / "clip.mp4", tone(0.02))
    with caplog.at_level(logging.WARNING):
        after = level(levelled(tmp_path, clip, target=-5, peak=-9, most_gain=60))
    assert after.peak <= -8.8
    assert "-5 and -9 could not be reached" in caplog.text


def test_it_tells_how_far_it_is(tmp_path: Path, quiet: Clip) -> None:
    plugin = loudness(tmp_path)
    plugin.post_download(quiet, sample_job())
    assert isinstance(plugin.context, SampleContext)
    told = [percent for _, percent, _ in plugin.context.progressed]
    assert told == sorted(told)
    assert told[-1] == 100
    assert len(told) > 20


def test_a_video_that_was_made_is_used_again(tmp_path: Path, quiet: Clip) -> None:
    path = levelled(tmp_path, quiet)
    made = path.stat().st_mtime_ns
    assert levelled(tmp_path, quiet) == path
    assert path.stat().st_mtime_ns == made
    assert levelled(tmp_path, quiet, target=-16) != path
    assert not list(path.parent.glob(".*")), "nothing is left beside it"


def test_the_same_video_gives_the_same_bytes_in_any_process(tmp_path: Path, quiet: Clip) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from reelwork.testing import SampleContext, sample_job\n"
        "from reelwork_hooks import Asset, Clip, Role\n"
        "from reelwork_plugins.finishing.loudness import Loudness, LoudnessConfig\n"
        "clip = Clip(video=Asset.from_file(Path(sys.argv[1]), Role.VIDEO))\n"
        "plugin = Loudness(LoudnessConfig(), SampleContext(Path(sys.argv[2]), 'loudness'))\n"
        "print(plugin.post_download(clip, sample_job()).video.sha256)\n"
    )
    asked = [sys.executable, "-c", script, str(quiet.video.path), str(tmp_path / "other")]
    other = subprocess.run(asked, check=True, timeout=120, capture_output=True, text=True).stdout.strip()
    assert Asset.from_file(levelled(tmp_path, quiet), Role.VIDEO).sha256 == other


def test_a_broken_video_is_told_and_leaves_nothing(tmp_path: Path, quiet: Clip) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(quiet.video.path.read_bytes()[:900])
    with pytest.raises(ReelworkError, match="could not be changed"):
        loudness(tmp_path).post_download(Clip(video=Asset.from_file(broken, Role.VIDEO)), sample_job())
    assert not list(loudness(tmp_path).context.work_dir.iterdir())


@pytest.mark.parametrize("settings", [{"target": 0}, {"target": -41}, {"peak": 1}, {"most_gain": -1}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LoudnessConfig(**settings)


def test_it_says_what_it_does() -> None:
    assert (Loudness.phase, Loudness.fits, Loudness.costs) == (Phase.EDIT, (), False)
