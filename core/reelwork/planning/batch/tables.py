"""Batch files with a header line: cells separated by commas, semicolons, tabs or bars."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.planning.batch.decoding import text_of
from reelwork.planning.batch.raw import COLUMNS, NAMED, OTHER_NAMES, REFERENCES, Raw, is_known, raw_of
from reelwork.plural import counted

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
NUMBERS = ("duration", "fps", "seed", "takes", "n")
# Above the csv module's own limit (131,072): our checks say in plain words which cell is too long.
LARGEST_CELL = 1_000_000
"""Characters."""


@dataclass(frozen=True)
class Header:
    """The names of the columns, and what may be among them beside the keys of `[brief]`."""

    names: tuple[str, ...]

    @classmethod
    def read(cls, where: str, cells: Sequence[str], extra: Collection[str], *, prompts: bool) -> Header:
        """Check the header line.

        `extra` are columns that the workflow's templates ask for; with `prompts` no column `prompt` is needed.
        Raises `WorkflowInvalid` naming what was probably meant.
        """
        # Some programs write an accent as a character of its own: a template's `{städte}` must find its column.
        names = tuple(unicodedata.normalize("NFC", name) for name in without_empty_end(cells))
        if "prompt" not in names and not prompts and not get_close_matches("prompt", map(str.lower, names), n=1):
            raise WorkflowInvalid(
                f"{where}: there is no column 'prompt'; the columns are {', '.join(map(repr, names))}.",
                hint="Name the columns in the first line. "
                f"Possible: {', '.join((*COLUMNS, 'reference.ROLE', *NAMED))}.",
            )
        for name in names:
            if name and not is_known(name) and name not in extra:
                raise _unknown(where, name, names, extra)
        same = Counter(OTHER_NAMES.get(name, name) for name in names if name)
        twice = next((name for name in names if same[OTHER_NAMES.get(name, name)] > 1), None)
        if twice:
            raise WorkflowInvalid(f"{where}: the column {OTHER_NAMES.get(twice, twice)!r} appears twice.")
        return cls(names)

    def row(self, path: Path, line: int, cells: Sequence[str]) -> Raw:
        """Return the row with these cells. Raises `WorkflowInvalid`."""
        cells = without_empty_end(cells)
        if len(cells) > len(self.names):
            raise WorkflowInvalid(
                f"{path}, line {line}: {counted(len(cells), 'cell')}, but {_columns(len(self.names))}.",
                hint='A cell that contains a comma needs quotes: "a cat, sleeping".',
            )
        named = list(zip(self.names, cells, strict=False))
        nameless = next((number for number, (name, text) in enumerate(named, 1) if text and not name), 0)
        if nameless:
            raise WorkflowInvalid(f"{path}, line {line}: cell {nameless} is in a column without a name.")
        return raw_of(line, named)


def read_table(
    path: Path, extra: Collection[str], *, prompts: bool, say: Callable[[str], None]
) -> Iterator[Raw | WorkflowInvalid]:
    """Yield the rows of a table. `say` is told of a separator that the file's ending does not promise."""
    text = text_of(path)
    promised = "\t" if path.suffix.lower() == ".tsv" else ","
    separator, skipped = _separator(text, extra, promised)
    if separator != promised:
        say(f"{path}: its columns are separated by {SEPARATORS[separator]}.")
    csv.field_size_limit(LARGEST_CELL)
    # `newline=""`: a cell may hold line breaks, which StringIO would change. `strict`: a quote that is never closed
    # would otherwise take the rest of the file for one cell.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    try:
        for _ in range(skipped):
            next(reader)
        first = next((cells for cells in reader if any(map(str.strip, cells))), [])
        header = Header.read(f"{path}, line {reader.line_num}", first, extra, prompts=prompts)
    except csv.Error as error:
        raise _no_csv(path, reader.line_num, error) from error
    while True:
        # Before the row is read: it may take several lines, and is named by its first one.
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
            if cells is None:
                return
            if any(cell.strip() for cell in cells):
                yield header.row(path, line, cells if separator == "," else _with_points(header, cells))
        except csv.Error as error:
            yield _no_csv(path, reader.line_num, error)
        except WorkflowInvalid as problem:
            yield problem


def _separator(text: str, extra: Collection[str], promised: str) -> tuple[str, int]:
    """Return the separator that gives the most names, and the number of lines before the header."""
    # Exporters write this line for Excel, which reads it: it is no row.
    said = re.match(rf'"?sep=([{"".join(SEPARATORS)}])"?\r?\n', text)
    if said:
        return said[1], 1
    # Only the header decides: prompts in the rows are full of commas.
    first = next((line for line in io.StringIO(text, newline=None) if line.strip()), "")
    found = {mark: _header_cells(text if '"' in first else first, mark) for mark in SEPARATORS}
    # Where several give as many, as in a table of one column, it is the one that parts the header from empty cells
    # at its end, else the one that the file's ending promises.
    ranks = {mark: (*_names(cells, extra), len(cells), mark == promised) for mark, cells in found.items()}
    return max(SEPARATORS, key=lambda mark: ranks[mark]), 0


def _header_cells(text: str, separator: str) -> list[str]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        return next((cells for cells in reader if any(map(str.strip, cells))), [])
    except csv.Error:
        return []


def _names(cells: Sequence[str], extra: Collection[str]) -> tuple[int, int]:
    """Return how many of the header's names are known, and how many there are."""
    names = without_empty_end(cells)
    return sum(is_known(name) or name in extra for name in names), len(names)


def _with_points(header: Header, cells: Sequence[str]) -> list[str]:
    """Return the cells with 4.5 for 4,5."""
    return [
        # A spreadsheet that writes commas in numbers separates by something else. 4,5 s would be no number.
        re.sub(r"^\s*(-?\d+),(\d+)\s*$", r"\1.\2", cell) if name in NUMBERS else cell
        for name, cell in zip((*header.names, *("",) * len(cells)), cells, strict=False)
    ]


def _columns(number: int) -> str:
    return f"there {'is' if number == 1 else 'are'} {counted(number, 'column')}"


def without_empty_end(cells: Sequence[str]) -> list[str]:
    """Return the cells, stripped, without empty ones at the end."""
    stripped = [cell.strip() for cell in cells]
    while stripped and not stripped[-1]:
        # Some spreadsheets write as many separators as the widest line has.
        stripped.pop()
    return stripped


def _unknown(where: str, name: str, names: Sequence[str], extra: Collection[str]) -> WorkflowInvalid:
    known = (*COLUMNS, *extra, *REFERENCES, *NAMED)
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    if near and near[0] in names:
        return WorkflowInvalid(
            f"{where}: the columns {near[0]!r} and {name!r} are both there; there is none named {name!r}.",
            hint=f"Keep {near[0]!r} only, or write the other as metadata.NAME.",
        )
    problem = NotFound("column", name, known)
    return WorkflowInvalid(f"{where}: {problem.message}", hint=problem.hint)


def _no_csv(path: Path, line: int, error: csv.Error) -> WorkflowInvalid:
    return WorkflowInvalid(f"{path}, line {line}: not valid CSV: {error}.")
