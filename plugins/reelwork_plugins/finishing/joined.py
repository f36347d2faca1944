"""The pictures of several videos, one after the other, in the size, frame rate and colours of one of them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwork_plugins.encoding import repeatable
from reelwork_plugins.finishing.one_pass import even, then, upright
from reelwork_plugins.finishing.overlays import pulled
from reelwork_plugins.finishing.pieces import Extent, extent, picture_of, reading
from reelwork_plugins.finishing.pixels import Size, pixel_aspect

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer
    from av.filter.context import FilterContext
    from av.filter.graph import Graph
    from av.video.stream import VideoStream
    from PIL.Image import Image

_USUAL = Fraction(30)
_LEAST, _MOST = 1, 60
"""Frames per second of a clip that are believed."""
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020"}
"""FFmpeg's numbers for how a file stores colours, with the name of each for its filter `scale`."""
_UNSPECIFIED, _FULL = 2, 2
_HIGH = 720
"""Pixels of the shorter side from which players take a video that does not say for BT.709."""


@dataclass(frozen=True)
class Look:
    """The size, frame rate and colours that all pictures get."""

    size: Size
    rate: Fraction
    matrix: str
    span: str
    """`tv` or `pc`: the range of the brightness values."""
    tags: dict[str, Any]
    """What the file says about its colours."""


@dataclass(frozen=True)
class Part:
    """A video in the whole."""

    path: Path
    extent: Extent
    begins: int
    """The frame of the whole at which it begins."""
    shared: int
    """Frames at its end that are shown together with the first of the next one."""

    @property
    def ends(self) -> int:
        """The frame of the whole before which it ends."""
        return self.begins + self.extent.frames


def look_of(path: Path) -> Look:
    """Return how a video looks. Raises FFmpeg's errors and `ValueError`."""
    with reading(path) as source:
        stream = picture_of(source)
        frame = next(source.decode(stream), None) if stream else None
        if stream is None or frame is None:
            raise ValueError("no frame of it can be decoded")
        colours = ("color_range", "colorspace", "color_primaries", "color_trc")
        return Look(
            _floored(_shown(stream, frame)),
            _rate(stream),
            _matrix(frame),
            _span(frame),
            {name: getattr(stream.codec_context, name) for name in colours},
        )


def parts_of(paths: Sequence[Path], rate: Fraction, fade: float) -> tuple[Part, ...]:
    """Return where each video is in the whole. `fade` is the length of a cross-fade in seconds; 0 without one."""
    extents = [extent(path, rate) for path in paths]
    parts: list[Part] = []
    begins = 0
    for at, one in enumerate(extents):
        following = extents[at + 1].frames if at + 1 < len(extents) else 0
        # A video may be a frame shorter than it says. Its two fades must not meet.
        shared = min(round(fade * rate), one.frames // 2, following // 2)
        parts.append(Part(paths[at], one, begins, shared))
        begins += one.frames - shared
    return tuple(parts)


def add_encoder(target: OutputContainer, look: Look, quality: int) -> VideoStream:
    """Add the stream of pictures to a file."""
    options = {"crf": str(quality), "preset": "fast"}
    made: VideoStream = target.add_stream("libx264", rate=look.rate, options=options)
    made.width, made.height, made.pix_fmt = look.size.width, look.size.height, "yuv420p"
    repeatable(made.codec_context)
    made.codec_context.time_base = 1 / look.rate
    for name, value in look.tags.items():
        setattr(made.codec_context, name, value)
    return made


def pictures(parts: Sequence[Part], look: Look) -> Iterator[av.VideoFrame]:
    """Yield the frames of the whole. A few are in memory at a time, also in a cross-fade: both videos are read.

    Raises FFmpeg's errors and `ValueError`.
    """
    taken, current = 0, _exactly(parts[0], look)
    for number, part in enumerate(parts):
        with closing(current):
            yield from _numbered(islice(current, part.extent.frames - taken - part.shared), part.begins + taken)
            if number + 1 == len(parts):
                return
            following = _exactly(parts[number + 1], look)
            mixed = _mixed(current, following, part.shared)
            yield from _numbered(mixed, part.ends - part.shared)
        taken, current = part.shared, following


def _numbered(frames: Iterator[av.VideoFrame], first: int) -> Iterator[av.VideoFrame]:
    for number, frame in enumerate(frames, first):
        frame.pts = number
        # The kind of frame in the source binds the encoder to nothing.
        frame.pict_type = 0
        yield frame


def _mixed(one: Iterator[Any], other: Iterator[Any], count: int) -> Iterator[av.VideoFrame]:
    for number in range(count):
        yield _blended(next(one), next(other), (number + 1) / (count + 1))


def _blended(one: av.VideoFrame, other: av.VideoFrame, share: float) -> av.VideoFrame:
    """Return a picture between two: `share` is that of the other one."""
    import av
    from PIL import Image

    made = av.VideoFrame(one.width, one.height, "yuv420p")
    made.time_base = one.time_base
    for before, after, plane in zip(one.planes, other.planes, made.planes, strict=True):
        mixed = Image.blend(_as_picture(before), _as_picture(after), share)
        row, data = mixed.width, mixed.tobytes()
        lines = (data[at : at + row].ljust(plane.line_size, b"\0") for at in range(0, len(data), row))
        plane.update(b"".join(lines))
    return made


def _as_picture(plane: Any) -> Image:
    from PIL import Image

    size = (plane.width, plane.height)
    return Image.frombuffer("L", size, bytes(plane), "raw", "L", plane.line_size, 1)


def _exactly(part: Part, look: Look) -> Generator[Any]:
    """Yield as many frames as a video was found to have: the last one again for those that cannot be decoded."""
    last, left = None, part.extent.frames
    for frame in islice(_fitted(part, look), left):
        last, left = frame, left - 1
        yield frame
    if last is None:
        raise ValueError(f"no frame of {part.path.name} can be decoded")
    for _ in range(left):
        yield last


def _fitted(part: Part, look: Look) -> Iterator[Any]:
    graph: Graph | None = None
    with reading(part.path) as source:
        stream = picture_of(source)
        assert stream is not None
        stream.thread_type = "AUTO"
        start = round(part.extent.start / (stream.time_base or 1))
        for frame in source.decode(stream):
            if frame.pts is None:
                continue
            frame.pts -= start
            graph = graph or _graph(stream, frame, look)
            graph.vpush(frame)
            yield from pulled(graph)
        if graph is not None:
            graph.vpush(None)
            yield from pulled(graph)


def _graph(stream: VideoStream, frame: Any, look: Look) -> Graph:
    """Return the filters from a decoded frame to those of the whole."""
    from av.filter.graph import Graph

    graph = Graph()
    at: FilterContext = graph.add_buffer(template=stream)
    at = then(graph, at, "fps", str(look.rate))
    at, whole = upright(graph, at, stream, frame)
    if _floored(whole) == look.size:
        at = then(graph, at, "crop", f"{look.size}:0:0") if whole != look.size else at
        at = then(graph, at, "scale", _recoloured(frame, look)) if _differs(frame, look) else at
    else:
        inner = _inner(whole, look.size)
        at = then(graph, at, "scale", f"{inner}:flags=lanczos:{_recoloured(frame, look)}")
        at = then(graph, at, "format", "yuv420p")
        at = then(graph, at, "pad", f"{look.size}:{_half(look.size.width, inner.width)}:"
                                    f"{_half(look.size.height, inner.height)}")  # fmt: skip
    at = then(graph, at, "format", "yuv420p")
    at.link_to(graph.add("buffersink"))
    graph.configure()
    return graph


def _inner(whole: Size, size: Size) -> Size:
    """Return the largest size of a picture's own shape within another."""
    part = min(Fraction(size.width, whole.width), Fraction(size.height, whole.height))
    return Size(min(even(whole.width * part), size.width), min(even(whole.height * part), size.height))


def _half(room: int, taken: int) -> int:
    left = (room - taken) // 2
    return left - left % 2


def _recoloured(frame: Any, look: Look) -> str:
    to = f"out_color_matrix={look.matrix}:out_range={look.span}"
    return to if _plain(frame) else f"in_color_matrix={_matrix(frame)}:in_range={_span(frame)}:{to}"


def _differs(frame: Any, look: Look) -> bool:
    return _plain(frame) or (_matrix(frame), _span(frame)) != (look.matrix, look.span)


def _plain(frame: Any) -> bool:
    """Return whether a frame stores red, green and blue."""
    return bool(frame.format.is_rgb or frame.format.has_palette)


def _rate(stream: VideoStream) -> Fraction:
    """Return the frames per second: where they are not evenly spaced, those with which none of them is lost."""
    rates = (rate for rate in (stream.base_rate, stream.average_rate) if rate and _LEAST <= rate <= _MOST)
    return next(rates, _USUAL)


def _matrix(frame: Any) -> str:
    usual = "bt709" if min(frame.width, frame.height) >= _HIGH else "bt601"
    return _MATRICES.get(int(frame.colorspace), usual)


def _span(frame: Any) -> str:
    full = int(frame.color_range) == _FULL or frame.format.name.startswith("yuvj")
    return "pc" if full else "tv"


def _shown(stream: VideoStream, frame: Any) -> Size:
    aspect = pixel_aspect(stream)
    width = frame.width if aspect == 1 else even(frame.width * aspect)
    return Size(frame.height, width) if frame.rotation % 180 else Size(width, frame.height)


def _floored(size: Size) -> Size:
    return Size(size.width - size.width % 2, size.height - size.height % 2)
