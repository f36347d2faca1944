"""The sound of a video that is written: copied as it is, or encoded as AAC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.filter.context import FilterContext
    from av.filter.graph import Graph

_RATES = (44_100, 48_000, 32_000, 24_000, 22_050, 16_000)
"""Sample rates of AAC that players are sure to take."""


class Sound(Protocol):
    """Takes the packets of one sound, and writes them into the new file."""

    def write(self, packet: Any) -> None:
        """Take the next packet."""

    def end(self) -> None:
        """Write what is still held back."""


class Copied:
    """A sound that stays as it is."""

    def __init__(self, target: OutputContainer, stream: AudioStream) -> None:
        self._target, self._stream = target, target.add_stream_from_template(stream)

    def write(self, packet: Any) -> None:
        """Write the packet as it is."""
        packet.stream = self._stream
        self._target.mux(packet)

    def end(self) -> None:
        """Do nothing: nothing is held back."""


class Encoded:
    """A sound that becomes AAC, with at most two channels and 48 kHz."""

    def __init__(self, target: OutputContainer, stream: AudioStream, bit_rate: int) -> None:
        self._target, self._stream = target, stream
        rate = stream.rate if stream.rate in _RATES else 48_000
        layout = stream.layout.name if stream.codec_context.channels <= 2 else "stereo"
        self._encoder: Any = target.add_stream("aac", rate=rate, layout=layout)
        self._encoder.bit_rate = bit_rate
        self._graph: Graph | None = None

    def write(self, packet: Any) -> None:
        """Decode the packet, and encode what can be encoded by now."""
        self._take(packet.decode())

    def end(self) -> None:
        """Encode the rest."""
        self._take(self._stream.codec_context.decode(None))
        if self._graph is not None:
            self._graph.push(None)
            self._encode(self._graph)
        self._target.mux(self._encoder.encode(None))

    def _take(self, frames: list[Any]) -> None:
        for frame in frames:
            if self._graph is None:
                self._graph = self._resampling()
            self._graph.push(frame)
            self._encode(self._graph)

    def _encode(self, graph: Graph) -> None:
        for frame in _pulled(graph):
            self._target.mux(self._encoder.encode(frame))

    def _resampling(self) -> Graph:
        from av.filter.graph import Graph

        graph, context = Graph(), self._encoder.codec_context
        at: FilterContext = graph.add_abuffer(template=self._stream)
        # Gaps are filled with silence, also the one before a sound that begins late: it stays with its pictures.
        resample = graph.add("aresample", **{"async": "1", "first_pts": "0"})
        form = {"sample_fmts": context.format.name, "channel_layouts": context.layout.name}
        last = graph.add("aformat", sample_rates=str(self._encoder.rate), **form)
        sink = graph.add("abuffersink")
        for one, other in ((at, resample), (resample, last), (last, sink)):
            one.link_to(other)
        graph.configure()
        return graph


def _pulled(graph: Graph) -> Iterator[av.AudioFrame]:
    from av.error import BlockingIOError as NothingReady
    from av.error import EOFError as AtTheEnd

    while True:
        try:
            frame: Any = graph.pull()
        except (NothingReady, AtTheEnd):
            return
        yield frame
