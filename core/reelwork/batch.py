"""Batch files: CSV, JSON lines or plain text, a brief per row, every row checked before anything is sent."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwork.config import brief_from
from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.identity import fingerprint
from reelwork.layers import with_one_name
from reelwork.text import name_problem
from reelwork_hooks.errors import ReelworkError
from reelwork_hooks.models import Brief

SUFFIXES = (".csv", ".jsonl", ".txt")
OTHER_NAMES = {"platform": "platforms", "n": "takes", "webhook_url": "webhook"}
LISTS = ("platforms", "hashtags")
COLUMNS = tuple(sorted({*Brief.model_fields, *OTHER_NAMES, "input_reference", "id"} - {"references", "metadata"}))
MOST_SHOWN = 20


@dataclass(frozen=True)
class Row:
    """One row of a batch."""

    name: str
    """Its `id`, or its number among the rows."""
    identity: str
    """What it is known by when the batch is run again: its `id`, or its contents and which of equals it is."""
    where: str
    brief: Brief


@dataclass(frozen=True)
class _Raw:
    line: int
    values: dict[str, Any]


def read_batch(path: Path, defaults: Mapping[str, Any]) -> list[Row]:
    """Read and check a whole batch; `defaults` is the workflow's `[brief]`.

    Raises `WorkflowInvalid` naming the file, the line and the column of everything that is wrong.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise WorkflowInvalid(f"{path}: a batch is a {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file.")
    read = list(reader(path, _text(path)))
    if not read:
        raise WorkflowInvalid(f"{path} holds no rows.", hint="Write a prompt into each row.")
    taken: dict[str, int] = {}
    problems: list[ReelworkError] = []
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for number, raw in enumerate(read, 1):
        try:
            if isinstance(raw, WorkflowInvalid):
                raise raw
            _check_id(path, raw, taken)
            rows.append(_row(path, number, raw, defaults, seen))
        except ReelworkError as problem:
            problems.append(problem)
    if problems:
        raise together(problems, len(read))
    return rows


def _row(path: Path, number: int, raw: _Raw, defaults: Mapping[str, Any], seen: dict[str, int]) -> Row:
    values = dict(raw.values)
    given = values.pop("id", None)
    where = f"{path}, line {raw.line}"
    brief = brief_from(_completed(with_one_name(values), defaults), where, section="")
    if given is not None:
        return Row(str(given), f"id:{given}", where, brief)
    contents = fingerprint(values)
    seen[contents] = seen.get(contents, 0) + 1
    return Row(str(number), f"row:{contents}:{seen[contents]}", where, brief)


def _completed(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A row over the workflow's `[brief]`, whose metadata it adds to."""
    both = {**defaults, **values}
    shared, own = defaults.get("metadata"), values.get("metadata")
    if isinstance(shared, Mapping) and isinstance(own, Mapping):
        both["metadata"] = {**shared, **own}
    return both


def together(problems: Sequence[ReelworkError], rows: int) -> WorkflowInvalid:
    """All that is wrong with the rows of a batch as one error."""
    first = problems[0]
    if len(problems) == 1:
        return WorkflowInvalid(first.message, hint=first.hint, money=_unsent(rows))
    shown = "\n".join(f"  {problem.message}".replace("\n", "\n  ") for problem in problems[:MOST_SHOWN])
    more = f"\n  … and {len(problems) - MOST_SHOWN} more" if len(problems) > MOST_SHOWN else ""
    return WorkflowInvalid(
        f"{len(problems)} of {rows} rows are wrong:\n{shown}{more}",
        hint=first.hint,
        money=_unsent(rows),
    )


def _unsent(rows: int) -> str:
    return f"None of the {rows} rows was sent." if rows > 1 else "Its one row was not sent."


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise WorkflowInvalid(f"There is no file {path}.") from None
    except OSError as error:
        raise WorkflowInvalid(f"{path} cannot be read: {error.strerror}.") from error
    if not data.strip():
        raise WorkflowInvalid(f"{path} is empty.", hint="Write a prompt into each row.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise WorkflowInvalid(
            f"{path}, line {line}: byte {data[error.start]:#04x} is not UTF-8 text.",
            hint="Save the file as UTF-8 (in Excel: “CSV UTF-8”) and run again.",
        ) from error


def _check_id(path: Path, raw: _Raw, lines: dict[str, int]) -> None:
    given = raw.values.get("id")
    if given is None:
        return
    if problem := name_problem(str(given)):
        raise WorkflowInvalid(
            f"{path}, line {raw.line}: the id cannot be used: {problem}.",
            hint="Write the id anew: it is what a row is known by when the file is run again.",
        )
    if str(given) in lines:
        raise WorkflowInvalid(
            f"{path}, line {raw.line}: the id {given!r} is already used on line {lines[str(given)]}.",
            hint="Give each row an id of its own: it is what a row is known by when the file is run again.",
        )
    lines[str(given)] = raw.line


def _csv(path: Path, text: str) -> Iterator[_Raw | WorkflowInvalid]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = _without_empty_end(next((cells for cells in reader if any(map(str.strip, cells))), []))
        _check_header(path, reader.line_num, header)
    except csv.Error as error:
        raise _no_csv(path, reader.line_num, error) from error
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
            if cells is None:
                return
            if any(cell.strip() for cell in cells):
                yield _Raw(line, _cells(path, line, header, cells))
        except csv.Error as error:
            yield _no_csv(path, reader.line_num, error)
        except WorkflowInvalid as problem:
            yield problem


def _no_csv(path: Path, line: int, error: csv.Error) -> WorkflowInvalid:
    return WorkflowInvalid(f"{path}, line {line}: not valid CSV: {error}.")


def _without_empty_end(cells: Sequence[str]) -> list[str]:
    """The cells, stripped, without the empty ones some spreadsheets put at the end of every line."""
    stripped = [cell.strip() for cell in cells]
    while stripped and not stripped[-1]:
        stripped.pop()
    return stripped


def _check_header(path: Path, line: int, header: Sequence[str]) -> None:
    where = f"{path}, line {line}"
    if "prompt" not in header:
        separator = next((mark for mark in ";\t" if len(header) == 1 and mark in header[0]), "")
        known = f"Name the columns in the first line. Possible: {', '.join(COLUMNS)}, metadata.NAME."
        raise WorkflowInvalid(
            f"{where}: there is no column 'prompt'; the columns are {', '.join(map(repr, header))}.",
            hint=f"Separate the columns with commas, not {separator!r}." if separator else known,
        )
    for name in header:
        if name not in COLUMNS and not re.match(r"metadata\.\S", name):
            problem = NotFound("column", name, (*COLUMNS, "metadata.NAME"))
            raise WorkflowInvalid(f"{where}: {problem.message}", hint=problem.hint)
    same = Counter(OTHER_NAMES.get(name, name) for name in header)
    twice = next((name for name in header if same[OTHER_NAMES.get(name, name)] > 1), None)
    if twice:
        raise WorkflowInvalid(f"{where}: the column {OTHER_NAMES.get(twice, twice)!r} is there twice.")


def _cells(path: Path, line: int, header: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    cells = _without_empty_end(cells)
    if len(cells) > len(header):
        raise WorkflowInvalid(
            f"{path}, line {line}: {len(cells)} cells, but there are {len(header)} columns.",
            hint='A cell that contains a comma needs quotes: "a cat, sleeping".',
        )
    values: dict[str, Any] = {}
    for name, text in zip(header, cells, strict=False):
        if text:
            _put(values, name, text)
    return values


def _put(values: dict[str, Any], name: str, text: str) -> None:
    name = OTHER_NAMES.get(name, name)
    if name.startswith("metadata."):
        values.setdefault("metadata", {})[name.removeprefix("metadata.")] = text
    elif name in LISTS:
        values[name] = _split(text)
    else:
        values[name] = text


def _jsonl(path: Path, text: str) -> Iterator[_Raw | WorkflowInvalid]:
    for number, line in _lines(text):
        try:
            yield _Raw(number, _named(path, number, _object(path, number, line)))
        except WorkflowInvalid as problem:
            yield problem


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        problem = getattr(error, "msg", str(error))
        raise WorkflowInvalid(f"{path}, line {number}: not valid JSON: {problem}.") from error
    if not isinstance(value, dict):
        raise WorkflowInvalid(f'{path}, line {number}: a row must be an object such as {{"prompt": "…"}}.')
    return value


def _named(path: Path, line: int, row: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, item in row.items():
        name = OTHER_NAMES.get(key, key)
        if name in values:
            raise WorkflowInvalid(f"{path}, line {line}: {name!r} is there twice.")
        values[name] = _split(item) if name in LISTS and isinstance(item, str) else item
    return values


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.lstrip("#") for part in re.split(r"[\s,;|]+", text) if part)


def _plain(path: Path, text: str) -> Iterator[_Raw | WorkflowInvalid]:
    for number, line in _lines(text):
        if not line.lstrip().startswith("#"):
            yield _Raw(number, {"prompt": line.strip()})


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that hold something, with their numbers.

    Not `str.splitlines`, which would cut a prompt in two at characters such as U+2028 that editors show as text.
    """
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if line.strip():
            yield number, line


_READERS = {".csv": _csv, ".jsonl": _jsonl, ".txt": _plain}
