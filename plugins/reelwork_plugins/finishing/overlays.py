"""Pictures laid over the frames of a video."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av
    from av.filter.context import FilterContext
    from av.filter.graph import Graph
    from PIL.Image import Image

    from reelwork_plugins.finishing.pixels import Size

_BT709, _UNSPECIFIED, _FULL = 1, 2, 2
"""FFmpeg's numbers for the colours of a video, and for a range from 0 to 255."""
_SAID = {"bt709": "bt709", "bt601": "smpte170m"}
"""The filters' names of the same colours."""
_HIGH = 720
"""Pixels of the shorter side from which players take a video that does not say for BT.709."""


@dataclass(frozen=True, eq=False)
class Overlay:
    """A picture with alpha, and where its upper left corner is, in even pixels."""

    picture: Image
    x: int
    y: int


Over = Callable[[float, "Size"], "Overlay | None"]
"""Returns the picture over a frame, by the frame's time in seconds and its size; the same object for the same."""


class Overlaying:
    """Lays a picture over each frame: one at a time is in memory, whatever their number."""

    def __init__(self, over: Over, start: float, size: Size) -> None:
        self._over, self._start, self._size = over, start, size
        self._shown: Overlay | None = None
        self._graph: Graph | None = None
        self._main: FilterContext | None = None

    def through(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """Yield the frames that are ready once this one came."""
        wanted = self._over((frame.time or 0.0) - self._start, self._size)
        if wanted is not self._shown:
            yield from self.end()
            self._shown = wanted
        if wanted is None:
            yield frame
            return
        if self._graph is None:
            self._graph, self._main = _laid(frame, wanted)
        assert self._main is not None
        self._main.push(frame)
        yield from pulled(self._graph)

    def end(self) -> Iterator[av.VideoFrame]:
        """Yield the frames that are still held back."""
        if self._graph is not None and self._main is not None:
            self._main.push(None)
            yield from pulled(self._graph)
        self._graph = self._main = self._shown = None


def laid_over(over: Over) -> Callable[[float, Size], Overlaying]:
    """Return what `OnePass` takes as its stage, to lay pictures over the frames."""
    return lambda start, size: Overlaying(over, start, size)


def pulled(graph: Graph) -> Iterator[av.VideoFrame]:
    """Yield the frames that the filters have ready."""
    from av.error import BlockingIOError as NothingReady
    from av.error import EOFError as AtTheEnd

    while True:
        try:
            yield graph.vpull()
        except (NothingReady, AtTheEnd):
            return


def _laid(frame: av.VideoFrame, over: Overlay) -> tuple[Graph, FilterContext]:
    """Return the filters that lay a picture over frames like this one, and the one that takes them."""
    import av
    from av.filter.graph import Graph

    graph, picture = Graph(), over.picture
    main = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    still = graph.add_buffer(
        width=picture.width, height=picture.height, format=av.VideoFormat("rgba"), time_base=frame.time_base
    )
    colours, span = _colours(frame), "pc" if int(frame.color_range) == _FULL else "tv"
    coloured = _then(graph, still, "scale", f"out_color_matrix={colours}:out_range={span}")
    see_through = _then(graph, coloured, "format", "yuva420p")
    # Both are said to have the same colours: where they differ, FFmpeg converts the picture to those it guesses.
    said = f"colorspace={_SAID[colours]}:range={span}"
    # Of one frame, which is repeated to the end.
    laid = graph.add("overlay", f"{over.x}:{over.y}:eof_action=repeat:format=yuv420")
    _then(graph, main, "setparams", said).link_to(laid, 0, 0)
    _then(graph, see_through, "setparams", said).link_to(laid, 0, 1)
    laid.link_to(graph.add("buffersink"))
    graph.configure()
    once = _as_frame(picture)
    once.pts, once.time_base = 0, frame.time_base
    still.push(once)
    still.push(None)
    return graph, main


def _then(graph: Graph, at: FilterContext, name: str, arguments: str) -> FilterContext:
    following = graph.add(name, arguments)
    at.link_to(following)
    return following


def _as_frame(picture: Image) -> av.VideoFrame:
    import av

    # PyAV's `from_image` drops what is see-through.
    made = av.VideoFrame(picture.width, picture.height, "rgba")
    stride, row, data = made.planes[0].line_size, picture.width * 4, picture.tobytes()
    lines = (data[at : at + row].ljust(stride, b"\0") for at in range(0, len(data), row))
    made.planes[0].update(b"".join(lines))
    return made


def _colours(frame: av.VideoFrame) -> str:
    space = int(frame.colorspace)
    if space == _UNSPECIFIED:
        space = _BT709 if min(frame.width, frame.height) >= _HIGH else 0
    return "bt709" if space == _BT709 else "bt601"
