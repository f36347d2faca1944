"""One pass over a video, frame by frame: its picture goes through filters, its sound is copied."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from reelwork_hooks import Asset, ReelworkError
from reelwork_plugins.encoding import repeatable
from reelwork_plugins.finishing.overlays import pulled
from reelwork_plugins.finishing.pixels import Size, pixel_aspect
from reelwork_plugins.finishing.sound import Copied, Sound

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.filter.context import FilterContext
    from av.filter.graph import Graph
    from av.video.stream import VideoStream

_TURNS = {90: ("cclock",), 180: ("clock", "clock"), 270: ("clock",)}
"""For an upright picture: FFmpeg's turns for the rotation that a frame says it has."""


Progress = Callable[[float], None]
"""Told how far it is, 0 to 100."""
Failed = Callable[[str], ReelworkError]
"""Makes the error of a plugin, of the reason."""
Filters = Callable[["Graph", "FilterContext", Size], "tuple[FilterContext, Size]"]
"""Adds filters to a graph behind those that turn the picture upright; gives the last one, and the size there."""
Sounds = Callable[["OutputContainer", "InputContainer"], "dict[int, Sound]"]
"""Adds the sounds of a new file; gives them by the numbers of the streams that they are made of."""


class Stage(Protocol):
    """Changes frames behind the filters, in Python: what is different for each of them."""

    def through(self, frame: av.VideoFrame) -> Iterable[av.VideoFrame]:
        """Yield the frames that are ready once this one came."""
        ...

    def end(self) -> Iterable[av.VideoFrame]:
        """Yield the frames that are still held back."""
        ...


Stages = Callable[[float, Size], Stage]
"""Makes the stage: of the time in seconds at which the video starts, and the size of the new one."""
BT709, UNSAID = 1, 2
"""FFmpeg's numbers for the colours of a video."""
_ENCODERS: dict[str, Literal["libx264", "libx265"]] = {"h264": "libx264", "hevc": "libx265"}
"""FFmpeg's encoders of the codecs that are written."""


def upright_alone(graph: Graph, at: FilterContext, whole: Size) -> tuple[FilterContext, Size]:
    """Add nothing: the picture stays as it is shown, with sides that can be encoded."""
    size = Size(whole.width - whole.width % 2, whole.height - whole.height % 2)
    return (at if size == whole else then(graph, at, "crop", f"{size}:0:0")), size


def all_copied(target: OutputContainer, source: InputContainer) -> dict[int, Sound]:
    """Copy every sound as it is."""
    streams: Iterable[AudioStream] = source.streams.audio
    return {stream.index: Copied(target, stream) for stream in streams}


def recipe(*facts: object) -> str:
    """Return the name of a file that these facts alone decide."""
    return hashlib.sha256(" ".join(map(str, facts)).encode()).hexdigest()[:32]


@contextmanager
def opened(
    video: Asset, part: Path, failed: Failed, container: str = "mp4"
) -> Iterator[tuple[InputContainer, OutputContainer]]:
    """Open a video, and the file that is made of it. What goes wrong within is raised as `failed(why)`."""
    import av
    from av.error import FFmpegError

    try:
        with av.open(str(video.path)) as source:
            if not source.streams.video:
                raise failed("it holds no video stream")
            options = {"movflags": "faststart"} if container == "mp4" else {}
            with av.open(str(part), "w", format=container, options=options) as target:
                yield source, target
    # An encoder's own errors are neither of the first two.
    except (OSError, ValueError, FFmpegError) as error:
        raise failed(str(error)) from error


class OnePass:
    """One pass over a video, frame by frame: however long it is, a few frames are in memory."""

    def __init__(
        self,
        source: InputContainer,
        target: OutputContainer,
        quality: float,
        *,
        filters: Filters,
        stage: Stages | None = None,
        sounds: Sounds = all_copied,
        codec: str = "h264",
        fps: Fraction | None = None,
        unsaid: int = UNSAID,
    ) -> None:
        self._source, self._target, self._quality = source, target, quality
        self._codec, self._fps, self._unsaid = codec, fps, unsaid
        self._filters, self._stages = filters, stage
        self._stage: Stage | None = None
        self._stream: VideoStream = source.streams.video[0]
        # PyAV's default, SLICE, keeps to one core for a video with one slice a frame.
        self._stream.thread_type = "AUTO"
        self._sounds = sounds(target, source)
        self._graph: Graph | None = None
        self._encoder: VideoStream | None = None
        self._waiting: list[Any] = []

    def run(self, seconds: float, progress: Progress) -> None:
        """Decode, filter and encode all frames, and copy the sound between them."""
        for packet in self._source.demux(self._stream, *self._heard()):
            if packet.stream.index in self._sounds:
                self._copy(packet)
                continue
            for frame in packet.decode():
                self._frame(frame)
            if seconds and packet.pts is not None and packet.time_base is not None:
                progress(min(100.0 * float(packet.pts * packet.time_base) / seconds, 100.0))
        if self._graph is None or self._encoder is None:
            raise ValueError("no frame of it can be decoded")
        self._graph.vpush(None)
        self._encode(self._graph)
        if self._stage is not None:
            self._write(self._stage.end())
        for sound in self._sounds.values():
            sound.end()
        self._target.mux(self._encoder.encode(None))

    def _heard(self) -> list[AudioStream]:
        return [stream for stream in self._source.streams.audio if stream.index in self._sounds]

    def _copy(self, packet: Any) -> None:
        if packet.dts is None:
            return
        # The file's head is written with its first packet, and names the video's size, which its first frame tells.
        if self._encoder is None:
            self._waiting.append(packet)
            return
        self._sounds[packet.stream.index].write(packet)

    def _frame(self, frame: Any) -> None:
        if self._graph is None:
            self._graph, size = _graph(self._stream, frame, self._filters)
            self._encoder = self._add_encoder(size)
            if self._stages is not None:
                start = float((self._stream.start_time or 0) * (self._stream.time_base or 0))
                self._stage = self._stages(start, size)
            waiting, self._waiting = self._waiting, []
            for packet in waiting:
                self._copy(packet)
        self._graph.vpush(frame)
        self._encode(self._graph)

    def _add_encoder(self, size: Size) -> VideoStream:
        rate, base = self._stream.average_rate or Fraction(30), self._stream.time_base
        if self._fps is not None:
            rate, base = self._fps, 1 / self._fps
        options = {"crf": f"{self._quality:g}", "preset": "fast"}
        made = self._target.add_stream(_ENCODERS[self._codec], rate=rate, options=options)
        made.width, made.height, made.pix_fmt = size.width, size.height, "yuv420p"
        repeatable(made.codec_context)
        # The times of the frames stay as they are, also where they are not evenly spaced.
        if base is not None:
            made.codec_context.time_base = base
        for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
            colours = int(getattr(self._stream.codec_context, name))
            said = self._unsaid if colours == UNSAID and name != "color_range" else colours
            setattr(made.codec_context, name, said)
        return made

    def _encode(self, graph: Graph) -> None:
        for frame in pulled(graph):
            self._write((frame,) if self._stage is None else self._stage.through(frame))

    def _write(self, frames: Iterable[av.VideoFrame]) -> None:
        assert self._encoder is not None
        for frame in frames:
            # The kind of frame in the source binds the encoder to nothing.
            frame.pict_type = 0
            self._target.mux(self._encoder.encode(frame))


def _graph(stream: VideoStream, frame: Any, filters: Filters) -> tuple[Graph, Size]:
    """Return the filters from a decoded frame to one for the encoder, and its size."""
    from av.filter.graph import Graph

    graph = Graph()
    at: FilterContext = graph.add_buffer(template=stream)
    at, whole = upright(graph, at, stream, frame)
    at, size = filters(graph, at, whole)
    at = then(graph, at, "format", "yuv420p")
    at.link_to(graph.add("buffersink"))
    graph.configure()
    return graph, size


def then(graph: Graph, at: FilterContext, name: str, arguments: str) -> FilterContext:
    """Add a filter behind another; return it."""
    following = graph.add(name, arguments)
    at.link_to(following)
    return following


def upright(graph: Graph, at: FilterContext, stream: VideoStream, frame: Any) -> tuple[FilterContext, Size]:
    """Turn the picture upright and make its pixels square. Return the size that it has then."""
    width, height = frame.width, frame.height
    aspect = pixel_aspect(stream)
    if aspect != 1:
        width = even(width * aspect)
        at = then(graph, at, "scale", f"{width}:{height}")
    for turn in _TURNS.get(frame.rotation % 360, ()):
        at = then(graph, at, "transpose", turn)
        width, height = height, width
    return then(graph, at, "setsar", "1"), Size(width, height)


def even(number: float | Fraction) -> int:
    """Return the next even number; at least 2."""
    # 4:2:0 stores one color for two by two pixels.
    return max(round(number / 2) * 2, 2)
