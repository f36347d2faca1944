"""`reframe`: brings the video into the shape that a destination takes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from reelwork_hooks import Asset, Clip, Config, Job, Phase, Plugin, ReelworkError, Role, hookimpl
from reelwork_plugins.encoding import repeatable
from reelwork_plugins.files import made_once
from reelwork_plugins.finishing.pixels import pixel_aspect

if TYPE_CHECKING:
    import av
    from av.container import InputContainer, OutputContainer
    from av.filter.context import FilterContext
    from av.filter.graph import Graph
    from av.video.stream import VideoStream

# A file of this name is used again. So a change of the code that gives another video needs another number.
_RECIPE = "2"
"""Part of the file's name."""
# A blur of the whole picture costs as much as the encoding; of a small one, enlarged, it is the same to the eye.
_SMALL = 16
"""The part of the background's sides in which it is blurred."""
_SIGMA = 4
"""Pixels of the small background."""
_TURNS = {90: ("cclock",), 180: ("clock", "clock"), 270: ("clock",)}
"""For an upright picture: FFmpeg's turns for the rotation that a frame says it has."""


class ReframeConfig(Config):
    """Settings of `reframe`."""

    mode: Literal["crop", "pad"] = "crop"
    """`crop` cuts a window out of the picture. `pad` shows all of it, smaller, before a blurred background."""
    focus_x: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Where the window is, from 0 (the left edge) to 1 (the right edge)."""
    focus_y: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The same from 0 (the top) to 1 (the bottom)."""
    short_side: Annotated[int, Field(ge=64, le=4320)] | None = None
    """Pixels of the shorter side. By default no pixel is enlarged by `crop`, and `pad` keeps the video's."""
    quality: Annotated[int, Field(ge=0, le=40)] = 18
    """The encoder's rate factor: lower is better and larger; 18 looks like the original."""


class NotReframed(ReelworkError):
    """The video could not be brought into another shape."""

    money = "The video is kept as downloaded; nothing was posted."


class Reframe(Plugin):
    """Brings the video into the shape of `job.target`: by a window that is cut out, or before a blurred background.

    A video that has the shape already, or is asked for none, stays as it is. The sound is copied.
    """

    Config = ReframeConfig
    phase = Phase.EDIT
    fits = ("aspect_ratio",)
    config: ReframeConfig

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip | None:
        """Return the clip with its video in the target's shape. Calling it again gives the same file.

        Raises `NotReframed` when the video cannot be decoded or encoded.
        """
        ratio = job.target.aspect_ratio
        if ratio is None or "aspect_ratio" not in job.target.unmet(clip.video):
            return None

        def progress(percent: float) -> None:
            self.context.progress(job, percent, f"reframing to {ratio}")

        def write(part: Path) -> None:
            _write(clip.video, part, Fraction(ratio.replace(":", "/")), self.config, progress)

        path = made_once(self.context.work_dir, self._name(clip.video, ratio), ".mp4", write)
        return clip.with_video(Asset.from_file(path, Role.VIDEO))

    def _name(self, video: Asset, ratio: str) -> str:
        settings = f"{_RECIPE} {video.sha256} {ratio} {self.config.model_dump_json()}"
        return hashlib.sha256(settings.encode()).hexdigest()[:32]


def _write(
    video: Asset, part: Path, ratio: Fraction, config: ReframeConfig, progress: Callable[[float], None]
) -> None:
    import av
    from av.error import FFmpegError

    try:
        with av.open(str(video.path)) as source:
            if not source.streams.video:
                raise _failed(video, "it holds no video stream")
            with av.open(str(part), "w", format="mp4", options={"movflags": "faststart"}) as target:
                _Reframing(source, target, ratio, config).run(video.duration or 0.0, progress)
    # An encoder's own errors are neither of the first two.
    except (OSError, ValueError, FFmpegError) as error:
        raise _failed(video, str(error)) from error


def _failed(video: Asset, why: str) -> NotReframed:
    return NotReframed(
        f"reframe: {video.path} could not be brought into another shape: {why}",
        hint="Play the file to see whether it is whole; `reelwork resume` tries again.",
    )


@dataclass(frozen=True)
class _Size:
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}:{self.height}"


class _Reframing:
    """One pass over a video, frame by frame: however long it is, a few frames are in memory."""

    def __init__(
        self, source: InputContainer, target: OutputContainer, ratio: Fraction, config: ReframeConfig
    ) -> None:
        self._source, self._target, self._config = source, target, config
        self._ratio = ratio
        self._stream: VideoStream = source.streams.video[0]
        # PyAV's default, SLICE, keeps to one core for a video with one slice a frame.
        self._stream.thread_type = "AUTO"
        self._sound = {stream.index: target.add_stream_from_template(stream) for stream in source.streams.audio}
        self._graph: Graph | None = None
        self._encoder: VideoStream | None = None
        self._waiting: list[Any] = []

    def run(self, seconds: float, progress: Callable[[float], None]) -> None:
        """Decode, reframe and encode all frames, and copy the sound between them."""
        for packet in self._source.demux(self._stream, *self._source.streams.audio):
            if packet.stream.index in self._sound:
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
        self._target.mux(self._encoder.encode(None))

    def _copy(self, packet: Any) -> None:
        if packet.dts is None:
            return
        # The file's head is written with its first packet, and names the video's size, which its first frame tells.
        if self._encoder is None:
            self._waiting.append(packet)
            return
        packet.stream = self._sound[packet.stream.index]
        self._target.mux(packet)

    def _frame(self, frame: Any) -> None:
        if self._graph is None:
            self._graph, size = _graph(self._stream, frame, self._ratio, self._config)
            self._encoder = self._add_encoder(size)
            waiting, self._waiting = self._waiting, []
            for packet in waiting:
                self._copy(packet)
        self._graph.vpush(frame)
        self._encode(self._graph)

    def _add_encoder(self, size: _Size) -> VideoStream:
        rate, base = self._stream.average_rate or Fraction(30), self._stream.time_base
        options = {"crf": str(self._config.quality), "preset": "fast"}
        made: VideoStream = self._target.add_stream("libx264", rate=rate, options=options)
        made.width, made.height, made.pix_fmt = size.width, size.height, "yuv420p"
        repeatable(made.codec_context)
        # The times of the frames stay as they are, also where they are not evenly spaced.
        if base is not None:
            made.codec_context.time_base = base
        for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
            setattr(made.codec_context, name, getattr(self._stream.codec_context, name))
        return made

    def _encode(self, graph: Graph) -> None:
        assert self._encoder is not None
        for frame in _pulled(graph):
            # The kind of frame in the source binds the encoder to nothing.
            frame.pict_type = 0
            self._target.mux(self._encoder.encode(frame))


def _pulled(graph: Graph) -> Iterator[av.VideoFrame]:
    """Yield the frames that the filters have ready."""
    from av.error import BlockingIOError as NothingReady
    from av.error import EOFError as AtTheEnd

    while True:
        try:
            yield graph.vpull()
        except (NothingReady, AtTheEnd):
            return


def _graph(stream: VideoStream, frame: Any, ratio: Fraction, config: ReframeConfig) -> tuple[Graph, _Size]:
    """Return the filters from a decoded frame to one in the wanted shape, and its size."""
    from av.filter.graph import Graph

    graph = Graph()
    at: FilterContext = graph.add_buffer(template=stream)
    at, whole = _upright(graph, at, stream, frame)
    at, size = (_cropped if config.mode == "crop" else _padded)(graph, at, whole, ratio, config)
    at = _then(graph, at, "format", "yuv420p")
    at.link_to(graph.add("buffersink"))
    graph.configure()
    return graph, size


def _then(graph: Graph, at: FilterContext, name: str, arguments: str) -> FilterContext:
    following = graph.add(name, arguments)
    at.link_to(following)
    return following


def _upright(graph: Graph, at: FilterContext, stream: VideoStream, frame: Any) -> tuple[FilterContext, _Size]:
    """Turn the picture upright and make its pixels square. Return the size that it has then."""
    width, height = frame.width, frame.height
    aspect = pixel_aspect(stream)
    if aspect != 1:
        width = _even(width * aspect)
        at = _then(graph, at, "scale", f"{width}:{height}")
    for turn in _TURNS.get(frame.rotation % 360, ()):
        at = _then(graph, at, "transpose", turn)
        width, height = height, width
    return _then(graph, at, "setsar", "1"), _Size(width, height)


def _cropped(
    graph: Graph, at: FilterContext, whole: _Size, ratio: Fraction, config: ReframeConfig
) -> tuple[FilterContext, _Size]:
    """Cut the largest window of the shape out of the picture."""
    width = min(_floor(whole.width), _even(whole.height * ratio))
    height = min(_floor(whole.height), _even(whole.width / ratio))
    x, y = _placed(whole.width - width, config.focus_x), _placed(whole.height - height, config.focus_y)
    at = _then(graph, at, "crop", f"{width}:{height}:{x}:{y}")
    if config.short_side is None:
        return at, _Size(width, height)
    size = _sized(config.short_side, ratio)
    return _then(graph, at, "scale", f"{size}:flags=lanczos"), size


def _padded(
    graph: Graph, at: FilterContext, whole: _Size, ratio: Fraction, config: ReframeConfig
) -> tuple[FilterContext, _Size]:
    """Show the whole picture before an enlarged, blurred one."""
    size = _sized(config.short_side or min(whole.width, whole.height), ratio)
    split = _then(graph, at, "split", "2")
    small = _Size(max(_even(Fraction(size.width, _SMALL)), 2), max(_even(Fraction(size.height, _SMALL)), 2))
    back = graph.add("scale", f"{small}:force_original_aspect_ratio=increase")
    split.link_to(back, 0, 0)
    for name, arguments in (("crop", f"{small}"), ("gblur", f"{_SIGMA}"), ("scale", f"{size}:flags=bicubic")):
        back = _then(graph, back, name, arguments)
    back = _then(graph, back, "setsar", "1")
    part = min(Fraction(size.width, whole.width), Fraction(size.height, whole.height))
    inner = _Size(min(_even(whole.width * part), size.width), min(_even(whole.height * part), size.height))
    front = graph.add("scale", f"{inner}:flags=lanczos")
    split.link_to(front, 1, 0)
    front = _then(graph, front, "setsar", "1")
    over = graph.add(
        "overlay", f"{_placed(size.width - inner.width, 0.5)}:{_placed(size.height - inner.height, 0.5)}"
    )
    back.link_to(over, 0, 0)
    front.link_to(over, 0, 1)
    return over, size


def _sized(short: int, ratio: Fraction) -> _Size:
    """Return the size with this shorter side."""
    one = Fraction(1)
    return _Size(_even(short * max(ratio, one)), _even(short / min(ratio, one)))


def _even(number: float | Fraction) -> int:
    # 4:2:0 stores one color for two by two pixels.
    return max(round(number / 2) * 2, 2)


def _floor(number: int) -> int:
    return number - number % 2


def _placed(room: int, focus: float) -> int:
    return _floor(round(room * focus))
