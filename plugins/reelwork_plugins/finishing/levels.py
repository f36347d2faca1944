"""Loudness: measured by EBU R 128, and the sound of a video written anew at another level."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwork_plugins.finishing.one_pass import Progress

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.filter.context import FilterContext
    from av.filter.graph import Graph

SILENT = -70.0
"""LUFS that the measure gives for what has no part above its gate: silence, or less than 0.4 seconds."""
_TAIL = 4096
"""Bytes at the end of the notes, in which all last values are."""
_FINER = 4
"""Samples between two of the sound's own that the limiter sees: a true peak lies between them."""
_RATES = {"aac": (44_100, 48_000, 32_000, 24_000, 22_050, 16_000), "libopus": (48_000,)}
"""Sample rates that players of a codec are sure to take."""


@dataclass(frozen=True)
class Level:
    """The loudness of a whole sound, and its highest true peak."""

    lufs: float
    peak: float
    """dBTP."""

    @property
    def silent(self) -> bool:
        """True when nothing of it is loud enough to be measured."""
        return self.lufs <= SILENT


@dataclass(frozen=True)
class Change:
    """A gain in dB, and the highest peak in dBFS that a limiter lets through; None without a limiter."""

    gain: float
    limit: float | None = None


def measured(path: Path, notes: Path, progress: Progress) -> Level:
    """Return the level of a file's first sound. Raises FFmpeg's errors and `OSError`.

    `notes` is a file to write to; the caller removes it.
    """
    import av
    from av.filter.graph import Graph

    with av.open(str(path)) as source:
        stream = source.streams.audio[0]
        graph = Graph()
        at: FilterContext = graph.add_abuffer(template=stream)
        at = _then(graph, at, "ebur128", metadata="1", peak="true", framelog="quiet")
        # Through a file, since not every PyAV shows the metadata of a frame.
        at = _then(graph, at, "ametadata", mode="print", file=str(notes), direct="1")
        at.link_to(graph.add("abuffersink"))
        graph.configure()
        for _ in _through(graph, _told(source, stream, progress)):
            pass
    return _read(notes)


def _read(notes: Path) -> Level:
    with notes.open("rb") as file:
        file.seek(max(notes.stat().st_size - _TAIL, 0))
        lines = file.read().decode().splitlines()
    last = dict(line.split("=", 1) for line in lines if line.startswith("lavfi.r128.") and "=" in line)
    peaks = [float(value) for name, value in last.items() if name.startswith("lavfi.r128.true_peaks_ch")]
    highest = max(peaks, default=0.0)
    return Level(float(last.get("lavfi.r128.I", SILENT)), 20 * math.log10(highest) if highest > 0 else -math.inf)


def write_sound(path: Path, part: Path, codec: str, change: Change, progress: Progress) -> None:
    """Write a file's first sound alone, changed, into a file. Raises FFmpeg's errors and `OSError`."""
    import av

    container = "mp4" if codec == "aac" else "webm"
    with av.open(str(path)) as source, av.open(str(part), "w", format=container) as target:
        stream = source.streams.audio[0]
        rate = stream.rate if stream.rate in _RATES[codec] else 48_000
        layout = stream.layout.name if stream.codec_context.channels <= 2 else "stereo"
        encoder: Any = target.add_stream(codec, rate=rate, layout=layout)
        channels = encoder.codec_context.channels
        encoder.bit_rate = min(max(stream.bit_rate or 0, 96_000 * channels), 256_000 * channels)
        graph = _changing(stream, encoder, change)
        for frame in _through(graph, _told(source, stream, progress)):
            target.mux(encoder.encode(frame))
        target.mux(encoder.encode(None))


def _changing(stream: AudioStream, encoder: Any, change: Change) -> Graph:
    from av.filter.graph import Graph

    graph = Graph()
    rate = encoder.rate
    at: FilterContext = graph.add_abuffer(template=stream)
    # Gaps are filled with silence, also the one before a sound that begins late: it stays with its pictures.
    at = _then(graph, at, "aresample", **{"async": "1", "first_pts": "0"})
    at = _then(graph, at, "volume", volume=f"{change.gain:.4f}dB", precision="double")
    if change.limit is not None:
        at = _then(graph, at, "aresample", sample_rate=str(rate * _FINER))
        most = f"{10 ** (change.limit / 20):.6f}"
        at = _then(graph, at, "alimiter", limit=most, level="0", attack="5", release="50", latency="1")
    at = _then(graph, at, "aresample", sample_rate=str(rate))
    context = encoder.codec_context
    format_of = {"sample_fmts": context.format.name, "channel_layouts": context.layout.name}
    at = _then(graph, at, "aformat", sample_rates=str(rate), **format_of)
    at.link_to(graph.add("abuffersink"))
    graph.configure()
    return graph


def _then(graph: Graph, at: FilterContext, name: str, **arguments: str) -> FilterContext:
    following = graph.add(name, **arguments)
    at.link_to(following)
    return following


def _told(source: Any, stream: AudioStream, progress: Progress) -> Iterator[av.AudioFrame]:
    """Yield the frames of a sound, and tell how far they are."""
    length = source.duration / 1_000_000 if source.duration else 0.0
    for frame in source.decode(stream):
        if length and frame.pts is not None:
            progress(min(100.0 * frame.time / length, 100.0))
        yield frame


def _through(graph: Graph, frames: Iterable[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    for frame in frames:
        graph.push(frame)
        yield from _pulled(graph)
    graph.push(None)
    yield from _pulled(graph)


def _pulled(graph: Graph) -> Iterator[Any]:
    from av.error import BlockingIOError as NothingReady
    from av.error import EOFError as AtTheEnd

    while True:
        try:
            yield graph.pull()
        except (NothingReady, AtTheEnd):
            return
