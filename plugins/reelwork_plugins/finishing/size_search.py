"""Finds the best quality and frame size at which a video has at most so many bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

MOST_TRIES = 6
"""Times a video is encoded, each with what the ones before have shown."""
# Of an encoder's rate factor, six more halve the bytes of an ordinary video, and two those of noise.
_HALVING = 6.0
"""Steps of quality that halve the bytes, until two tries at the same frame size have shown it."""
_FEWEST, _MOST = 1.5, 12.0
"""The bounds of what two tries are believed."""
# A smaller picture has more detail in each of its pixels.
_BY_PIXELS = 0.75
"""The power of the number of pixels to which bytes are proportional."""
_AIM = 0.93
"""The part of the room that is aimed at: an estimate is never exact."""
_WARIER = 0.04
"""What is taken off that part for each try that came out too large."""
_ENOUGH = 0.8
"""The part of the room from which more quality is not worth another try."""
_APART = 0.3
"""Steps of quality that can be told apart."""
# A video often has more bytes than it needs. So nothing is known before it was encoded once.
_HOPE = 4.0
"""Steps by which the first estimate may be worse than allowed, and the frame is tried all the same."""


@dataclass(frozen=True)
class Try:
    """A way to encode: the part of the video's sides, and the rate factor, of which lower is better."""

    scale: Fraction
    quality: float


@dataclass(frozen=True)
class Made:
    """A try, and the bytes that came of it."""

    tried: Try
    bytes: int


class SizeSearch:
    """Says how to encode next, from the bytes that earlier tries had.

    A larger frame counts more than a better quality. `given` is the number of bytes that the video has now: the
    first try is estimated by it. All bytes are those of the picture alone.
    """

    def __init__(self, room: int, scales: Sequence[Fraction], best: float, worst: float, given: int) -> None:
        self._room, self._scales, self._best, self._worst = room, scales, best, max(worst, best)
        self._first = Made(Try(scales[0], best), max(given, 1))
        self.made: list[Made] = []

    def add(self, tried: Try, size: int) -> bool:
        """Add the outcome of a try. Return whether it is the best one that fits."""
        before, now = self.found, Made(tried, max(size, 1))
        self.made.append(now)
        return self.found is now and now is not before

    @property
    def found(self) -> Made | None:
        """The best outcome that fits; None if there is none."""
        fitting = [made for made in self.made if made.bytes <= self._room]
        return max(fitting, key=lambda made: (made.tried.scale, -made.tried.quality), default=None)

    def next(self) -> Try | None:
        """Return what to try next; None if the best was found, or nothing fits."""
        if len(self.made) == MOST_TRIES:
            return None
        found = self.found
        if found is not None:
            wanted = self._largest(found.tried.scale) or self._better(found)
        elif len(self.made) == MOST_TRIES - 1:
            wanted = self._last()
        else:
            wanted = self._largest(Fraction(0)) or self._last()
        return None if wanted is None or any(made.tried == wanted for made in self.made) else wanted

    def _last(self) -> Try:
        return Try(self._scales[-1], self._worst)

    def _largest(self, above: Fraction) -> Try | None:
        """Return the try with the largest frame, larger than `above`, that is expected to fit."""
        for scale in self._scales:
            spoilt = any(
                made.tried.scale == scale and made.tried.quality >= self._worst and made.bytes > self._room
                for made in self.made
            )
            if scale > above and not spoilt:
                quality = self._estimate(scale)
                if quality <= self._worst + (0 if self.made else _HOPE):
                    return Try(scale, self._careful(scale, quality))
        return None

    def _careful(self, scale: Fraction, quality: float) -> float:
        """Return a quality at which even a poor estimate fits, for a frame size that was not tried yet."""
        if self._points(scale):
            return quality
        most = min(quality, self._worst)
        return round((most + self._worst) / 2, 1) if self.made else most

    def _better(self, found: Made) -> Try | None:
        """Return a try that fills more of the room with the same frame; None if that is not worth it."""
        if found.bytes >= self._room * _ENOUGH or found.tried.quality <= self._best:
            return None
        quality = self._estimate(found.tried.scale)
        return Try(found.tried.scale, quality) if quality <= found.tried.quality - _APART else None

    def _estimate(self, scale: Fraction) -> float:
        """Return the quality at which the video is expected to fit at this frame size."""
        points = self._points(scale)
        too_large = [made.tried.quality for made in points if made.bytes > self._room]
        fitting = [made.tried.quality for made in points if made.bytes <= self._room]
        aim = self._room * (_AIM - _WARIER * sum(made.bytes > self._room for made in self.made))
        near = min(points or [self._from_another(scale)], key=lambda made: abs(math.log(made.bytes / aim)))
        quality = near.tried.quality + self._halving(scale) * math.log2(near.bytes / aim)
        low = max(too_large) + _APART if too_large else self._best
        high = min(fitting) - _APART if fitting else math.inf
        return math.ceil(max(min(quality, high), low, self._best) * 10) / 10

    def _points(self, scale: Fraction) -> list[Made]:
        return [made for made in self.made if made.tried.scale == scale]

    def _from_another(self, scale: Fraction) -> Made:
        """Return what a try at another frame size would have come to at this one."""
        other = min(self.made or [self._first], key=lambda made: abs(math.log(made.tried.scale / scale)))
        part = float(scale / other.tried.scale) ** (2 * _BY_PIXELS)
        return Made(Try(scale, other.tried.quality), max(round(other.bytes * part), 1))

    def _halving(self, scale: Fraction) -> float:
        """Return the steps of quality that halve the bytes, by the two tries nearest to each other."""
        pairs = [pair for other in self._scales for pair in _pairs(self._points(other))]
        own = _pairs(self._points(scale)) or pairs
        if not own:
            return _HALVING
        one, other = min(own, key=lambda pair: pair[1].tried.quality - pair[0].tried.quality)
        steps = (other.tried.quality - one.tried.quality) / math.log2(one.bytes / other.bytes)
        return min(max(steps, _FEWEST), _MOST)


def _pairs(points: Sequence[Made]) -> list[tuple[Made, Made]]:
    """Return the neighbours in quality of which the worse has fewer bytes."""
    ordered = sorted(points, key=lambda made: made.tried.quality)
    return [(one, other) for one, other in pairwise(ordered) if one.bytes > other.bytes]
