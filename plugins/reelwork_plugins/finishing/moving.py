"""A window that moves over the frames of a video, by parts of a pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from reelwork_plugins.finishing.keyframes import Course
from reelwork_plugins.finishing.pixels import Size

if TYPE_CHECKING:
    import av
    from PIL.Image import Image

# Exact in the 32 bits in which Pillow takes it, and finer than the eye.
_STEPS = 64
"""Places of the window for each pixel."""
_Box = tuple[float, float, float, float]


class Moving:
    """Cuts a window out of each frame: one at a time is in memory.

    A filter that crops moves by whole pixels, or by two where a colour is stored for two: slow moves would stutter.
    """

    def __init__(self, course: Course, window_in: Callable[[Size], Size], start: float, size: Size) -> None:
        self._course, self._window_in, self._start, self._size = course, window_in, start, size
        self._window = size
        self._pixels: Course | None = None

    def through(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """Yield the window's picture, in the new size."""
        if self._pixels is None:
            self._window = self._window_in(Size(frame.width, frame.height))
            room = Size(frame.width - self._window.width, frame.height - self._window.height)
            self._pixels = self._course.within(room)
        x, y = map(_fine, self._pixels.at((frame.time or 0.0) - self._start))
        yield self._cut(frame, (x, y, x + self._window.width, y + self._window.height))

    def end(self) -> Iterator[av.VideoFrame]:
        """Yield nothing: nothing is held back."""
        yield from ()

    def _cut(self, frame: av.VideoFrame, box: _Box) -> av.VideoFrame:
        import av

        made = av.VideoFrame(self._size.width, self._size.height, "yuv420p")
        made.pts, made.time_base = frame.pts, frame.time_base
        for plane, new, part in zip(frame.planes, made.planes, (1, 2, 2), strict=True):
            left, top, right, bottom = (side / part for side in box)
            cut = _cut(_as_picture(plane), (left, top, right, bottom), (new.width, new.height))
            new.update(cut.tobytes("raw", "L", new.line_size, 1))
        return made


def _fine(place: float) -> float:
    return round(place * _STEPS) / _STEPS


def _as_picture(plane: Any) -> Image:
    """Return a plane as a picture, without a copy."""
    from PIL import Image

    return Image.frombuffer("L", (plane.width, plane.height), plane, "raw", "L", plane.line_size, 1)


def _cut(picture: Image, box: _Box, size: tuple[int, int]) -> Image:
    from PIL import Image

    left, top, right, bottom = map(int, box)
    if (left, top, right, bottom) == box and size == (right - left, bottom - top):
        return picture.crop(box)
    return picture.resize(size, Image.Resampling.LANCZOS, box)
