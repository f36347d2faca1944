"""Keyframes: where the window of `reframe` is at certain times, and between them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from reelwork_hooks import Config
from reelwork_plugins.finishing.pixels import Size

_BREAK = re.compile(r"[;|\r\n]+")
_NUMBER = re.compile(r"\d{1,6}(?:\.\d{1,9})?|\.\d{1,9}")
_WORDS = "write its second and one or two numbers from 0 to 1, such as 2.5 0.8 or 2.5 0.8 0.4"
_LEAVE = "-"
"""In a text: the value that stays."""


class Keyframe(Config):
    """A time, and where the window is then."""

    at: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]
    """Seconds from the start of the job's clip."""
    focus_x: Annotated[float, Field(ge=0, le=1)] | None = None
    """From 0 (the left edge) to 1 (the right edge). As before if left out."""
    focus_y: Annotated[float, Field(ge=0, le=1)] | None = None
    """From 0 (the top) to 1 (the bottom). As before if left out."""


class KeyframesInvalid(ValueError):
    """Keyframes that no window can follow."""


def parsed(text: str) -> tuple[Keyframe, ...]:
    """Return the keyframes of a text such as `0 0.2; 2.5 0.8 0.4`, checked. Raises `KeyframesInvalid`."""
    found = tuple(_parsed(number, part) for number, part in enumerate(filter(str.strip, _BREAK.split(text)), 1))
    if not found:
        raise KeyframesInvalid("there are none: write some such as 0 0.2; 2.5 0.8")
    check(found)
    return found


def _parsed(number: int, text: str) -> Keyframe:
    words = text.split()
    given = [None if word == _LEAVE else _value(number, word) for word in words]
    if not 2 <= len(given) <= 3 or given[0] is None:
        raise KeyframesInvalid(f"keyframe {number}: {_WORDS}")
    if given[0] > 3600:
        raise KeyframesInvalid(f"keyframe {number}: its time is later than 3600 s")
    outside = next((value for value in given[1:] if value is not None and value > 1), None)
    if outside is not None:
        raise KeyframesInvalid(f"keyframe {number}: {outside:g} is outside of the picture: 0 to 1 are within")
    return Keyframe(at=given[0], focus_x=given[1], focus_y=given[2] if len(given) == 3 else None)


def _value(number: int, word: str) -> float:
    if not _NUMBER.fullmatch(word):
        raise KeyframesInvalid(f"keyframe {number}: {_WORDS}")
    return float(word)


def check(keyframes: Sequence[Keyframe]) -> None:
    """Check that times rise, and that the first keyframe has each value that a later one has.

    Raises `KeyframesInvalid`.
    """
    for number, (one, other) in enumerate(pairwise(keyframes), 2):
        if other.at == one.at:
            raise KeyframesInvalid(f"keyframes {number - 1} and {number} are both at {one.at:g} s: leave one out")
        if other.at < one.at:
            raise KeyframesInvalid(
                f"keyframe {number} is at {other.at:g} s, and the one before it at {one.at:g} s: put them in order"
            )
    for name in ("focus_x", "focus_y"):
        later = next((number for number, one in enumerate(keyframes, 1) if getattr(one, name) is not None), 1)
        if later > 1:
            raise KeyframesInvalid(
                f"keyframe {later} sets {name}, and the first does not: let it say where that starts"
            )
    if keyframes and keyframes[0].focus_x is None and keyframes[0].focus_y is None:
        raise KeyframesInvalid("the first keyframe sets no place: give it focus_x or focus_y")


@dataclass(frozen=True)
class Course:
    """Where the window is at any time, as parts of its room: the pixels by which the picture is larger."""

    points: tuple[tuple[float, float, float], ...]
    """Seconds, rising, with the parts from the left and from the top."""
    smooth: bool = False
    """Start and stop slowly at each point."""

    @property
    def ends(self) -> float:
        """The second from which the window stays where it is."""
        return self.points[-1][0]

    def later(self, seconds: float) -> Course:
        """Return it for a video in which the clip begins so many seconds later."""
        return Course(tuple((at + seconds, x, y) for at, x, y in self.points), self.smooth)

    def within(self, room: Size) -> Course:
        """Return it in pixels."""
        times, xs, ys = zip(*self.points, strict=True)
        return Course(
            tuple(zip(times, _pixels(xs, room.width), _pixels(ys, room.height), strict=True)), self.smooth
        )

    def at(self, seconds: float) -> tuple[float, float]:
        """Return where the window is at a time: at rest before the first point and after the last."""
        after = bisect_right(self.points, seconds, key=lambda point: point[0])
        if after in (0, len(self.points)):
            return self.points[min(after, len(self.points) - 1)][1:]
        (start, *before), (end, *behind) = self.points[after - 1], self.points[after]
        share = (seconds - start) / (end - start)
        if self.smooth:
            share = share * share * (3 - 2 * share)
        x, y = (one + (other - one) * share for one, other in zip(before, behind, strict=True))
        return x, y


def course_of(keyframes: Sequence[Keyframe], focus_x: float, focus_y: float, *, smooth: bool) -> Course:
    """Return the course through keyframes. The focus counts where none of them has one."""

    def points() -> Iterator[tuple[float, float, float]]:
        x, y = focus_x, focus_y
        for one in keyframes:
            x = x if one.focus_x is None else one.focus_x
            y = y if one.focus_y is None else one.focus_y
            yield one.at, x, y

    return Course(tuple(points()), smooth)


def _pixels(parts: Sequence[float], room: int) -> list[float]:
    """Return the places of a window on one axis. They are even where it rests: its picture stays as it is there."""
    last = len(parts) - 1
    rests = (at in (0, last) or parts[at] in (parts[at - 1], parts[at + 1]) for at in range(len(parts)))
    return [placed(room, part) if rest else room * part for rest, part in zip(rests, parts, strict=True)]


def placed(room: int, focus: float) -> int:
    """Return where a window at rest is, in even pixels: a colour is stored for two by two."""
    at = round(room * focus)
    return at - at % 2
