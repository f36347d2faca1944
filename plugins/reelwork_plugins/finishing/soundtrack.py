"""The sounds of several videos, one after the other, with music under them."""

from __future__ import annotations

from array import array
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwork_plugins.finishing.joined import Part
from reelwork_plugins.finishing.pieces import reading

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.filter.context import FilterContext
    from av.filter.graph import Graph

_USUAL = 48_000
_RATES = (44_100, 48_000)
_WIDE = 8
"""Bytes of a sample: two channels of 32 bits."""
_BLOCK = 1024
"""Samples that are mixed at a time."""
_LIMIT = 0.98
"""The highest value of a sample: two sounds together may be louder than one can be."""
# Speech is far above it, the noise of a quiet room below.
_HEARD = 0.003
"""The level of the videos' own sound from which the music is turned down."""


@dataclass(frozen=True)
class Music:
    """The music under a video."""

    path: Path
    volume: float
    """dB."""
    fade: float
    """Seconds at the end of the video in which it fades out."""
    duck: float
    """dB by which it is turned down while the videos' own sound is heard."""


@dataclass(frozen=True)
class Track:
    """The sound of the whole: where each video's begins in samples, and the music."""

    parts: Sequence[Part]
    music: Music | None
    rate: int
    """Samples per second."""
    frame_rate: Fraction

    @property
    def heard(self) -> bool:
        """True when there is anything to hear."""
        return self.music is not None or any(part.extent.sound for part in self.parts)

    @property
    def samples(self) -> int:
        """The length of the whole."""
        return self.at(self.parts[-1].ends)

    def at(self, frame: int) -> int:
        """Return the sample that is heard when a frame begins to be shown."""
        return round(frame * self.rate / self.frame_rate)


def rate_of(path: Path) -> int:
    """Return the samples per second of a file's sound, if every player takes them; else 48000."""
    with reading(path) as source:
        rate = source.streams.audio[0].rate if source.streams.audio else _USUAL
        return rate if rate in _RATES else _USUAL


def add_encoder(target: OutputContainer, track: Track) -> AudioStream:
    """Add the stream of sound to a file."""
    made: AudioStream = target.add_stream("aac", rate=track.rate, layout="stereo")
    made.bit_rate = 192_000
    return made


def mixed(track: Track) -> Iterator[av.AudioFrame]:
    """Yield the sound of the whole. A few blocks are in memory at a time. Raises FFmpeg's errors."""
    graph, own, under = _graph(track)
    music = None if track.music is None else _Reader(_repeated(track.music.path, track.rate))
    done = 0
    for block in _in_turn(track):
        own.push(_frame(block, done, track.rate))
        if music is not None and under is not None:
            under.push(_frame(music.read(len(block) // _WIDE), done, track.rate))
        done += len(block) // _WIDE
        yield from _pulled(graph)
    own.push(None)
    if under is not None:
        under.push(None)
    yield from _pulled(graph)


class _Reader:
    """Reads a sound in any lengths, and silence after its end."""

    def __init__(self, blocks: Generator[bytes]) -> None:
        self._blocks, self._rest = blocks, b""

    def read(self, samples: int) -> bytes:
        """Return the next samples."""
        wanted = samples * _WIDE
        while len(self._rest) < wanted and (block := next(self._blocks, b"")):
            self._rest += block
        given, self._rest = self._rest[:wanted], self._rest[wanted:]
        return given.ljust(wanted, b"\0")

    def close(self) -> None:
        """Close its file."""
        self._blocks.close()


def _in_turn(track: Track) -> Iterator[bytes]:
    """Yield the videos' own sounds, one after the other, and two together in a cross-fade."""
    heard, current = 0, _sound(track, 0)
    for number, part in enumerate(track.parts):
        with closing(current):
            fades = track.at(part.ends - part.shared)
            yield from map(current.read, _lengths(fades - max(heard, track.at(part.begins))))
            if number + 1 == len(track.parts):
                return
            following = _sound(track, number + 1)
            for length in _lengths(track.at(part.ends) - fades):
                yield _sum(current.read(length), following.read(length))
        heard, current = track.at(part.ends), following


def _lengths(samples: int) -> Iterator[int]:
    for done in range(0, samples, _BLOCK):
        yield min(_BLOCK, samples - done)


def _sum(one: bytes, other: bytes) -> bytes:
    return array("f", map(add, array("f", one), array("f", other))).tobytes()


def _sound(track: Track, number: int) -> _Reader:
    """Return the sound of a video, which fades where its picture does."""
    part = track.parts[number]
    if not part.extent.sound:
        return _Reader(_nothing())
    begins, ends = track.at(part.begins), track.at(part.ends)
    fades: list[tuple[str, int, int]] = []
    if number and (shared := track.parts[number - 1].shared):
        fades.append(("in", 0, track.at(part.begins + shared) - begins))
    if part.shared:
        out = track.at(part.ends - part.shared)
        fades.append(("out", out - begins, ends - out))
    return _Reader(_decoded(part.path, track.rate, part.extent.start, fades))


def _nothing() -> Generator[bytes]:
    yield from ()


def _repeated(path: Path, rate: int) -> Generator[bytes]:
    any_ = True
    while any_:
        any_ = False
        for block in _decoded(path, rate, None, ()):
            any_ = True
            yield block


def _decoded(
    path: Path, rate: int, start: Fraction | None, fades: Iterable[tuple[str, int, int]]
) -> Generator[bytes]:
    """Yield a file's first sound from a time on; from its own beginning for None."""
    from av.filter.graph import Graph

    with reading(path) as source:
        stream = source.streams.audio[0]
        base = stream.time_base or Fraction(1)
        # Gaps are filled with silence, also the one before a sound that begins late: it stays with its pictures.
        begins = start if start is not None else Fraction(stream.start_time or 0) * base
        graph = Graph()
        at: FilterContext = graph.add_abuffer(template=stream)
        # FFmpeg would make both channels softer than the one.
        at = _then(graph, at, "pan", args="stereo|c0=c0|c1=c0") if stream.codec_context.channels == 1 else at
        at = _then(graph, at, "aresample", sample_rate=str(rate), first_pts="0", **{"async": "1"})
        at = _then(graph, at, "aformat", sample_fmts="flt", channel_layouts="stereo", sample_rates=str(rate))
        for kind, first, count in fades:
            given = {"type": kind, "start_sample": str(first), "nb_samples": str(count), "curve": "qsin"}
            at = _then(graph, at, "afade", **given)
        at.link_to(graph.add("abuffersink"))
        graph.configure()
        for frame in source.decode(stream):
            if frame.pts is not None:
                frame.pts -= round(begins / base)
            graph.push(frame)
            yield from map(_bytes, _pulled(graph))
        graph.push(None)
        yield from map(_bytes, _pulled(graph))


def _graph(track: Track) -> tuple[Graph, FilterContext, FilterContext | None]:
    """Return the filters that mix: the first takes the videos' own sounds, the second the music."""
    from av.filter.graph import Graph

    graph, rate = Graph(), track.rate
    own = at = _input(graph, rate)
    under = None
    if track.music is not None:
        under = _input(graph, rate)
        at = _under(graph, at, _shaped(graph, under, track, track.music), track.music)
    at = _then(graph, at, "alimiter", limit=str(_LIMIT), level="0", attack="5", release="50", latency="1")
    at = _then(graph, at, "aformat", sample_fmts="fltp", channel_layouts="stereo", sample_rates=str(rate))
    at.link_to(graph.add("abuffersink"))
    graph.configure()
    return graph, own, under


def _shaped(graph: Graph, at: FilterContext, track: Track, music: Music) -> FilterContext:
    """Add the music's volume, and its end."""
    at = _then(graph, at, "volume", volume=f"{music.volume:.4f}dB")
    fade = min(round(music.fade * track.rate), track.samples)
    if not fade:
        return at
    return _then(graph, at, "afade", type="out", start_sample=str(track.samples - fade), nb_samples=str(fade))


def _under(graph: Graph, own: FilterContext, music: FilterContext, said: Music) -> FilterContext:
    """Put the music under the videos' own sounds, and turn it down while they are heard."""
    if said.duck:
        split = _then(graph, own, "asplit", outputs="2")
        # The rest of the music passes by: so it is never turned down further than asked for.
        share = f"{1 - 10 ** (-said.duck / 20):.6f}"
        ducked = graph.add(
            "sidechaincompress", threshold=str(_HEARD), ratio="20", attack="50", release="600", mix=share
        )
        music.link_to(ducked, 0, 0)
        split.link_to(ducked, 1, 1)
        own, music = split, ducked
    both = graph.add("amix", inputs="2", normalize="0", duration="first")
    own.link_to(both, 0, 0)
    music.link_to(both, 0, 1)
    return both


def _input(graph: Graph, rate: int) -> FilterContext:
    return graph.add_abuffer(sample_rate=rate, format="flt", layout="stereo", time_base=Fraction(1, rate))


def _then(graph: Graph, at: FilterContext, name: str, **arguments: str) -> FilterContext:
    following = graph.add(name, **arguments)
    at.link_to(following)
    return following


def _frame(block: bytes, at: int, rate: int) -> av.AudioFrame:
    import av

    frame = av.AudioFrame(format="flt", layout="stereo", samples=len(block) // _WIDE)
    frame.planes[0].update(block)
    frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
    return frame


def _bytes(frame: Any) -> bytes:
    return bytes(frame.planes[0])[: frame.samples * _WIDE]


def _pulled(graph: Graph) -> Iterator[Any]:
    from av.error import BlockingIOError as NothingReady
    from av.error import EOFError as AtTheEnd

    while True:
        try:
            yield graph.pull()
        except (NothingReady, AtTheEnd):
            return
