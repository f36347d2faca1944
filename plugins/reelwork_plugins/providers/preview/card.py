"""The words and marks on the picture: the mark, the prompt, the facts, the time code and the progress bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter

from reelwork_plugins.letters import font
from reelwork_plugins.providers.preview.colour import RGB, Planes, to_yuv
from reelwork_plugins.providers.preview.lettering import (
    Line,
    draw_line,
    fit,
    leading,
    printable,
    width_of,
    wrap,
)

# Limited range: luma runs from 16 to 235, and chroma of 128 is without colour.
_WHITE, _BLACK, _GREY = 235, 16, 128
_SMALLEST_TEXT = 8


@dataclass(frozen=True, slots=True)
class Words:
    """The texts on the card."""

    label: str
    prompt: str
    facts: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Measures in pixels, from the size of the picture."""

    width: int
    height: int
    margin: int
    column: int
    small: int
    bar_top: int
    bar_height: int

    @classmethod
    def of(cls, width: int, height: int) -> _Layout:
        side = min(width, height)
        margin = max(round(side * 0.065), 4)
        # Even, since chroma has half the size: an odd edge would fall into the middle of one of its pixels.
        bar_height = max(2 * round(side / 300), 2)
        bar_top = 2 * ((height - margin - bar_height) // 2)
        column = min(width - 2 * margin, round(height * 1.45))
        return cls(width, height, margin, column, max(round(side * 0.031), _SMALLEST_TEXT), bar_top, bar_height)

    @property
    def roomy(self) -> bool:
        """True if there is space for the facts and the time code."""
        return min(self.width, self.height) >= 120


class Card:
    """The words, drawn once, and the parts that move, drawn on each frame."""

    def __init__(self, width: int, height: int, words: Words, accent: RGB, fps: int, frames: int) -> None:
        self._layout = _Layout.of(width, height)
        self._accent = to_yuv(accent)
        self._fps, self._frames = fps, frames
        self._text = Image.new("L", (width, height))
        floor = self._write_foot(words.facts)
        self._write_middle(words, floor)
        self._shade = self._shadow()
        self._small_text = self._text.reduce(2)

    def draw(self, planes: Planes, frame: int) -> None:
        """Put the card on one frame, counted from 0."""
        planes.y.paste(_BLACK, (0, 0), self._shade)
        planes.y.paste(_WHITE, (0, 0), self._text)
        planes.u.paste(_GREY, (0, 0), self._small_text)
        planes.v.paste(_GREY, (0, 0), self._small_text)
        self._draw_progress(planes, (frame + 1) / self._frames)
        if self._layout.roomy:
            self._draw_clock(planes, frame)

    def _write_foot(self, facts: Sequence[str]) -> int:
        """Write the facts and the clip's length. Return the lowest line that the middle may reach."""
        at = self._layout
        if not at.roomy:
            return at.bar_top - at.margin // 2
        baseline = at.bar_top - round(at.small * 0.75)
        total = time_code(self._frames, self._fps)
        clock = width_of(total, at.small)
        right = at.width - at.margin - clock
        draw_line(self._text, Line(total, right, baseline), at.small, 190)
        line = "  ·  ".join(facts)
        if width_of(line, at.small) <= right - at.margin - clock - 3 * at.small:
            x = (at.width - width_of(line, at.small)) / 2
            draw_line(self._text, Line(line, x, baseline), at.small, 205)
            return round(baseline - at.small * 1.6)
        lines = wrap_facts(facts, at.small, at.width - 2 * at.margin)
        return self._write_facts(lines, baseline)

    def _write_facts(self, lines: Sequence[str], clock_baseline: int) -> int:
        at = self._layout
        room = max(int(at.height * 0.2 / leading(at.small)), 1)
        shown = lines[:room]
        first = clock_baseline - leading(at.small) * (len(shown) + 0.15)
        for index, line in enumerate(shown):
            x = (at.width - width_of(line, at.small)) / 2
            draw_line(self._text, Line(line, x, first + index * leading(at.small)), at.small, 205)
        return round(first - at.small * 1.6)

    def _write_middle(self, words: Words, floor: int) -> None:
        """Write the mark and the prompt, together in the middle of the remaining space."""
        at = self._layout
        size, tracking, mark_width = _mark_size(words.label, min(at.column * 0.80, at.height * 1.1), at.height)
        cap = font(size).getbbox("E", anchor="ls")[1] * -1
        gap = max(round(cap * 0.62), 3)
        space = floor - at.margin - cap - 2 * gap
        largest = max(round(min(at.width, at.height) * 0.062), _SMALLEST_TEXT)
        smallest = max(round(largest * 0.52), _SMALLEST_TEXT)
        few = 3 if at.width >= at.height else 6
        prompt_size, lines = fit(printable(words.prompt), at.column, space, largest, smallest, few, 8)
        rule = max(at.bar_height // 2, 1)
        block = cap + 2 * gap + rule + len(lines) * leading(prompt_size)
        top = at.margin + max((floor - at.margin - block) * 0.46, 0)
        mark = Line(words.label, (at.width - mark_width) / 2, top + cap)
        draw_line(self._text, mark, size, 250, tracking)
        middle = round(top + cap + gap)
        half = round(mark_width * 0.07)
        self._text.paste(215, (at.width // 2 - half, middle, at.width // 2 + half, middle + rule))
        baseline = middle + rule + gap * 0.55 + prompt_size
        for index, line in enumerate(lines):
            x = (at.width - width_of(line, prompt_size)) / 2
            draw_line(self._text, Line(line, x, baseline + index * leading(prompt_size)), prompt_size, 240)

    def _shadow(self) -> Image.Image:
        """Return a soft dark halo below all words, so that they are legible on any picture."""
        side = min(self._text.size)
        half = [v // 2 for v in range(256)]
        wide = self._text.reduce(4).filter(ImageFilter.GaussianBlur(side / 75))
        strong = wide.point([min(round(v * 1.4), 125) for v in range(256)])
        near = self._text.filter(ImageFilter.GaussianBlur(max(side / 420, 0.8))).point(half)
        return ImageChops.lighter(strong.resize(self._text.size, Image.Resampling.BICUBIC), near)

    def _draw_progress(self, planes: Planes, part: float) -> None:
        at = self._layout
        left, right = 2 * (at.margin // 2), 2 * ((at.width - at.margin) // 2)
        top, bottom = at.bar_top, at.bar_top + at.bar_height
        track = Image.new("L", (right - left, at.bar_height), 70)
        planes.y.paste(_WHITE, (left, top), track)
        end = left + round((right - left) * part)
        luma, u, v = self._accent
        planes.y.paste(luma, (left, top, end, bottom))
        small = (left // 2, top // 2, max(end // 2, left // 2), bottom // 2)
        planes.u.paste(u, small)
        planes.v.paste(v, small)

    def _draw_clock(self, planes: Planes, frame: int) -> None:
        at = self._layout
        text = time_code(frame, self._fps)
        box = Image.new("L", (2 * round(at.small * 4), 2 * round(at.small * 0.8)))
        draw_line(box, Line(text, 0, at.small * 1.1), at.small, 240)
        top = at.bar_top - round(at.small * 0.75) - round(at.small * 1.1)
        planes.y.paste(_BLACK, (at.margin + 1, top + 1), box.point([v // 2 for v in range(256)]))
        planes.y.paste(_WHITE, (at.margin, top), box)


def wrap_facts(facts: Sequence[str], size: int, width: float) -> list[str]:
    """Return facts in lines that break between facts, and within one only when it is wider than a line."""
    lines: list[str] = []
    for fact in facts:
        joined = f"{lines[-1]}  ·  {fact}" if lines else fact
        if lines and width_of(joined, size) <= width:
            lines[-1] = joined
        else:
            lines += wrap(fact, size, width)
    return lines


def time_code(frame: int, fps: int) -> str:
    """Return minutes, seconds and frames, such as `00:02:14`."""
    seconds, rest = divmod(frame, fps)
    return f"{seconds // 60:02}:{seconds % 60:02}:{rest:02}"


def _mark_size(label: str, width: float, height: int) -> tuple[int, float, float]:
    """Return font size, tracking and resulting width of the mark."""
    size = max(round(height * 0.17), _SMALLEST_TEXT)
    while size > _SMALLEST_TEXT and width_of(label, size, size * 0.16) > width:
        size -= 1
    tracking = size * 0.16
    return size, tracking, width_of(label, size, tracking)
