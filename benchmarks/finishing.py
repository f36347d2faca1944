"""Finishing plugins beside the `ffmpeg` command with the same work, and their memory for a long video.

    python -m benchmarks.finishing [--seconds 20] [--rounds 5] [--long 600]

With `--rounds 0` only memory is measured.
Both decode the same video of 1280x720, encode H.264 with the same rate factor and preset, and keep AAC. They take
turns, each in a process of its own; what counts is the time until the file is whole, without the start of Python or
of `ffmpeg`'s reading of its options. Memory is the most that a process held, for a video of ten seconds and for one
of `--long` seconds, in 320x180; `stitch` joins two of them. `ffmpeg` is that of the package `imageio-ffmpeg` among
the peers, or the one in the PATH.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
PEERS = Path(os.environ.get("REELWORK_BENCH_PEERS", sys.prefix + "-peers")).absolute() / "bin" / "python"
FPS, RATE = 30, 48_000
SHORT = 10
SMALL = (320, 180)
GOAL = 0.9
"""The speed beside `ffmpeg` that is wanted."""
MOVING = 8
"""Seconds in which a window moves across the picture."""
ENCODED = ("-c:v", "libx264", "-preset", "fast", "-crf", "18", "-pix_fmt", "yuv420p")
WORKS: dict[str, tuple[str, ...]] = {
    "reframe": ("-i", "VIDEO", "-vf", "crop=404:720", *ENCODED, "-c:a", "copy"),
    "keyframes": ("-i", "VIDEO", "-vf", "crop=404:720:x=(iw-404)*t/SECONDS", *ENCODED, "-c:a", "copy"),
    "watermark": (
        "-i", "VIDEO", "-i", "LOGO", "-filter_complex", "[0:v][1:v]overlay=1000:600[v]",
        "-map", "[v]", "-map", "0:a", *ENCODED, "-c:a", "copy",
    ),
    "transcode": ("-i", "VIDEO", "-vf", "fps=24", *ENCODED, "-c:a", "copy"),
    "stitch": (
        "-i", "VIDEO", "-i", "VIDEO", "-filter_complex", "[0:v][0:a][1:v][1:a]concat=n=2:v=1:a=1[v][a]",
        "-map", "[v]", "-map", "[a]", *ENCODED, "-c:a", "aac",
    ),
    "loudness": ("-i", "VIDEO", "-c:v", "copy", "-af", "loudnorm=I=-14:TP=-1", "-ar", "48000", "-c:a", "aac"),
}  # fmt: skip
"""What `ffmpeg` is asked for, in place of each plugin."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--long", type=int, default=600)
    options = parser.parse_args(arguments)
    ffmpeg = found()
    with tempfile.TemporaryDirectory(prefix="reelwork-finishing-") as name:
        folder = Path(name)
        make_logo(folder / "logo.png")
        if options.rounds:
            video = make_video(folder / "video.mp4", options.seconds, (1280, 720))
            compare_all(ffmpeg, video, folder, options.rounds)
        short = make_video(folder / "short.mp4", SHORT, SMALL)
        long = make_video(folder / "long.mp4", options.long, SMALL)
        print(f"\n{'':10} {f'MB for {SHORT} s':>12} {f'MB for {options.long} s':>14}")
        for work in WORKS:
            little, much = (finished(work, one, folder)[2] for one in (short, long))
            print(f"{work:10} {little:12.0f} {much:14.0f}", flush=True)


def compare_all(ffmpeg: str, video: Path, folder: Path, rounds: int) -> None:
    print(f"{'':10} {'seconds':>8} {'ffmpeg':>8} {'speed ÷ ffmpeg':>15} {'goal':>5} {'cpu s':>6} {'ffmpeg':>7}")
    for work in WORKS:
        compare(work, ffmpeg, video, folder, rounds)


def found() -> str:
    """Return the `ffmpeg` to compare with."""
    asked = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"
    if PEERS.exists():
        done = subprocess.run([PEERS, "-c", asked], capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.strip()
    path = shutil.which("ffmpeg")
    if path is None:
        raise SystemExit("there is no ffmpeg: make bench installs one, in an environment of its own")
    return path


def compare(work: str, ffmpeg: str, video: Path, folder: Path, rounds: int) -> None:
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(finished(work, video, folder))
        theirs.append(by_ffmpeg(ffmpeg, work, video, folder))
    seconds, other = (median(one[0] for one in each) for each in (ours, theirs))
    ratio = median(other[0] / own[0] for own, other in zip(ours, theirs, strict=True))
    cpu, other_cpu = (median(one[1] for one in each) for each in (ours, theirs))
    row = f"{work:10} {seconds:8.2f} {other:8.2f} {ratio:15.2f} {GOAL if work != 'loudness' else '':>5}"
    print(f"{row} {cpu:6.1f} {other_cpu:7.1f}", flush=True)


def finished(work: str, video: Path, folder: Path) -> tuple[float, float, float]:
    """Return the seconds, the processor seconds and the most megabytes of a plugin's work, in a new process."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        command = [sys.executable, "-m", "benchmarks.finishing", "do", work, str(video), name]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    seconds, cpu, megabytes = map(float, done.stdout.split())
    return seconds, cpu, megabytes


def by_ffmpeg(ffmpeg: str, work: str, video: Path, folder: Path) -> tuple[float, float]:
    """Return the seconds and the processor seconds of the same by `ffmpeg`."""
    given = {"VIDEO": str(video), "LOGO": str(folder / "logo.png")}
    words = [given.get(word, word).replace("SECONDS", str(MOVING)) for word in WORKS[work]]
    command = [ffmpeg, "-y", "-v", "error", *words, "-movflags", "+faststart", str(folder / "other.mp4")]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


# --- within a process of its own ----------------------------------------------------------------------------


def do(work: str, video: Path, folder: Path) -> None:
    from reelwork.media.probe import probe
    from reelwork.testing import SampleContext, sample_job, sample_platform
    from reelwork_hooks import Asset, Clip, Role, Target

    facts = probe(video)
    asset = Asset.from_file(video, Role.VIDEO, width=facts.width, height=facts.height, duration=facts.duration)
    plugin = plugin_for(work)(video, SampleContext(folder, work))
    target = Target(aspect_ratio="9:16") if work in ("reframe", "keyframes") else Target()
    job = sample_job(target=target, platform=sample_platform(longest_duration=3600))
    began, cpu = time.perf_counter(), time.process_time()
    assert plugin.post_download(Clip(video=asset), job) is not None
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(seconds, cpu, most_megabytes())


def most_megabytes() -> float:
    """Return the most memory that this process held."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    # `ru_maxrss` of Linux begins with what the process held that started this one.
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1000


def plugin_for(work: str) -> Callable[[Path, Any], Any]:
    from reelwork_plugins.finishing.keyframes import Keyframe
    from reelwork_plugins.finishing.loudness import Loudness, LoudnessConfig
    from reelwork_plugins.finishing.reframe import Reframe, ReframeConfig
    from reelwork_plugins.finishing.stitch import Stitch, StitchConfig
    from reelwork_plugins.finishing.transcode import Transcode, TranscodeConfig
    from reelwork_plugins.finishing.watermark import Watermark, WatermarkConfig

    across = (Keyframe(at=0, focus_x=0), Keyframe(at=MOVING, focus_x=1))
    makers: dict[str, Callable[[Path, Any], Any]] = {
        "reframe": lambda video, context: Reframe(ReframeConfig(), context),
        "keyframes": lambda video, context: Reframe(ReframeConfig(keyframes=across), context),
        "watermark": lambda video, context: Watermark(
            WatermarkConfig(picture=video.with_name("logo.png")), context
        ),
        "transcode": lambda video, context: Transcode(TranscodeConfig(fps=24, quality=18), context),
        "stitch": lambda video, context: Stitch(StitchConfig(outro=video, longest=3600), context),
        "loudness": lambda video, context: Loudness(LoudnessConfig(), context),
    }
    return makers[work]


def make_logo(path: Path) -> None:
    from PIL import Image

    Image.new("RGBA", (240, 80), (255, 255, 255, 160)).save(path)


def make_video(path: Path, seconds: int, size: tuple[int, int]) -> Path:
    """Write a moving test picture with noise, and a tone."""
    import av
    from av.filter import Graph

    width, height = size
    graph = Graph()
    source = graph.add("testsrc2", f"size={width}x{height}:rate={FPS}:duration={seconds}")
    noise, shape, sink = (
        graph.add("noise", "alls=8:allf=t"),
        graph.add("format", "yuv420p"),
        graph.add("buffersink"),
    )
    for one, other in ((source, noise), (noise, shape), (shape, sink)):
        one.link_to(other)
    graph.configure()
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        voice: Any = container.add_stream("aac", rate=RATE, layout="stereo")
        for number in range(seconds * FPS):
            frame: Any = graph.vpull()
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
            container.mux(voice.encode(a_tone(voice, number * RATE // FPS, RATE // FPS)))
        container.mux(stream.encode())
        container.mux(voice.encode())
    return path


def a_tone(voice: Any, start: int, samples: int) -> Any:
    import av

    frame = av.AudioFrame(format=voice.format.name, layout="stereo", samples=samples)
    frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
    values = array(
        "f", (0.1 * math.sin(2 * math.pi * 440 * (start + at) / RATE) for at in range(samples))
    ).tobytes()
    for plane in frame.planes:
        plane.update(values)
    return frame


if __name__ == "__main__":
    if sys.argv[1:2] == ["do"]:
        do(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
