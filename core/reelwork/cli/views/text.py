"""Plain output: colour where it is wanted, columns that fit, money and ages as people write them."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import click
from rich.cells import cell_len, set_cell_size

from reelwork.plural import age, counted
from reelwork.text import one_line

LONGEST_LINE = 10_000
LEAST_ROOM = 30
"""Columns below which an explanation is put on lines of its own."""


def is_terminal(*, err: bool = False) -> bool:
    """Return whether a person sees the standard output, or with `err` the standard error."""
    stream = sys.stderr if err else sys.stdout
    # `TERM=dumb` is a terminal without colours and cursor, such as that of an editor.
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def paint(text: str, *, err: bool = False, **style: Any) -> str:
    """Return the text in a style, where a terminal shows it and NO_COLOR (https://no-color.org) allows it."""
    if not is_terminal(err=err) or os.environ.get("NO_COLOR"):
        return text
    return click.style(text, **style)


def line_width(*, err: bool = False) -> int:
    """Return the columns of the terminal; no limit where there is none."""
    # In a file or a pipe, lines are searched and cut by other programs, so they stay whole.
    return shutil.get_terminal_size().columns if is_terminal(err=err) else LONGEST_LINE


def tell(text: str, *, err: bool = False) -> None:
    """Print lines, each broken at spaces where it is wider than the terminal."""
    width = line_width(err=err)
    lines = (part for line in text.split("\n") for part in fitted(line, width))
    click.echo("\n".join(lines).replace(_KEPT_SPACE, " "), err=err)


# From Unicode's private use area, so no text has it by chance. `tell` makes it a space again.
_KEPT_SPACE = "\ue000"


def whole(path: str) -> str:
    """Return a path or address that `tell` breaks nowhere, so that it can be copied from the terminal."""
    return path.replace(" ", _KEPT_SPACE)


def fitted(line: str, width: int) -> Iterator[str]:
    """Yield a line in parts no wider than `width`. Later parts are indented to the text, not to its label."""
    # A single word that is wider, such as a path, stays whole so that it can be copied.
    if _shown_width(line) <= width:
        yield line
        return
    label = _LABEL.match(line)
    below = _shown_width(label[0]) if label and _shown_width(label[0]) <= width // 2 else 0
    indent = " " * (below or len(line) - len(line.lstrip()) + 2)
    current, empty = "", True
    for gap, word in _WORDS.findall(line):
        if not empty and _shown_width(current + gap + word) > width:
            yield current
            current, empty = indent + word, False
        else:
            current, empty = current + gap + word, False
    yield current


_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_LABEL = re.compile(r"\s*\S+(?: \S+)* {2,}(?=\S)")
_WORDS = re.compile(r"(\s*)(\S+)")


def _shown_width(text: str) -> int:
    return cell_len(_ANSI.sub("", text))


def shortened(text: str, width: int) -> str:
    """Return the text in at most so many columns."""
    text = one_line(text)
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""


def squeezed(text: str, width: int) -> str:
    """Return the text in at most so many columns, with its end: that is where names differ."""
    text = one_line(text)
    if cell_len(text) <= width or width < 5:
        return shortened(text, width)
    end = ""
    for character in reversed(text):
        # Two thirds for the end and a third for the beginning, so that both can be recognised.
        if cell_len(character + end) > (width - 1) * 2 // 3:
            break
        end = character + end
    return shortened(text, width - cell_len(end)) + end


def wrapped(text: str, indent: str, *, width: int | None = None) -> Iterator[str]:
    """Yield a long text in lines that fit the terminal, each indented. Words, such as paths, stay whole."""
    for paragraph in text.strip().splitlines():
        yield from textwrap.wrap(
            one_line(paragraph),
            width=max(LEAST_ROOM, width or line_width()),
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )


def prose(text: str) -> Iterator[str]:
    """Yield a docstring's paragraphs in the terminal's width; indented ones, such as examples, as they are."""
    for paragraph in text.split("\n\n"):
        lines = paragraph.splitlines()
        if any(line.startswith(" ") for line in lines):
            yield from lines
        else:
            yield from wrapped(" ".join(lines), "")
        yield ""


def padded(text: str, width: int) -> str:
    """Return the text filled up with spaces to a number of columns."""
    return text + " " * max(0, width - cell_len(text))


def columns(rows: Sequence[Sequence[str]], *, flexible: int, width: int, gap: str = "  ") -> list[str]:
    """Rows in aligned columns; the flexible one (-1: the last) gives way when they do not fit."""
    widths = [max(cell_len(row[index]) for row in rows) for index in range(len(rows[0]))]
    fixed = sum(widths) - widths[flexible] + len(gap) * (len(widths) - 1)
    widths[flexible] = max(8, min(widths[flexible], width - fixed))
    lines = []
    for row in rows:
        cells = [padded(shortened(cell, size), size) for cell, size in zip(row, widths, strict=True)]
        lines.append(gap.join(cells).rstrip())
    return lines


def described(rows: Sequence[Sequence[str]], *, width: int) -> list[str]:
    """Return a table whose last column explains; it goes below the others if it does not fit beside them."""
    *beside, last = [max(cell_len(row[index]) for row in rows) for index in range(len(rows[0]))]
    room = width - sum(size + 2 for size in beside)
    if room >= last:
        return columns(rows, flexible=-1, width=width)
    if room >= LEAST_ROOM:
        return _with_wrapped_end(rows, room)
    lines = []
    for row in rows[1:]:
        lines.append("  ".join(cell for cell in row[:-1] if cell))
        lines += wrapped(row[-1], "    ", width=width)
    return lines


def _with_wrapped_end(rows: Sequence[Sequence[str]], room: int) -> list[str]:
    beside = columns([[*row[:-1], "|"] for row in rows], flexible=-1, width=LONGEST_LINE)
    lines = []
    for row, line in zip(rows, beside, strict=True):
        start = line.removesuffix("|")
        first, *rest = textwrap.wrap(one_line(row[-1]), room) or [""]
        lines += [(start + first).rstrip(), *(" " * cell_len(start) + more for more in rest)]
    return lines


def lasting(seconds: float) -> str:
    """Return a duration, below a minute to a tenth of a second."""
    return f"{max(0.0, seconds):.1f} s" if seconds < 60 else age(seconds)


def count(number: int, noun: str) -> str:
    """`1 job`, `2 jobs`."""
    return counted(number, noun)
