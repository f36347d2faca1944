"""Batch files: CSV, JSON lines or plain text, a brief per row, every row checked before anything is sent."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwork.config import brief_from, with_one_name
from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.identity import fingerprint
from reelwork_hooks.errors import ReelworkError
from reelwork_hooks.models import Brief

SUFFIXES = (".csv", ".jsonl", ".txt")
OTHER_NAMES = {"platform": "platforms", "n": "takes", "webhook_url": "webhook"}
LISTS = ("platforms", "hashtags")
COLUMNS = tuple(sorted({*Brief.model_fields, *OTHER_NAMES, "input_reference", "id"} - {"references", "metadata"}))
MOST_SHOWN = 10


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
    raws = list(_READERS[path.suffix.lower()](path, _text(path)))
    if not raws:
        raise WorkflowInvalid(f"{path} holds no rows.", hint="Write a prompt into each row.")
    _check_ids(path, raws)
    problems: list[ReelworkError] = []
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for number, raw in enumerate(raws, 1):
        try:
            rows.append(_row(path, number, raw, defaults, seen))
        except ReelworkError as problem:
            problems.append(problem)
    if problems:
        raise _together(problems, len(raws))
    return rows


def _row(path: Path, number: int, raw: _Raw, defaults: Mapping[str, Any], seen: dict[str, int]) -> Row:
    values = dict(raw.values)
    given = values.pop("id", None)
    where = f"{path}, line {raw.line}"
    brief = brief_from({**defaults, **with_one_name(values)}, where)
    if given is not None:
        return Row(str(given), f"id:{given}", where, brief)
    contents = fingerprint(values)
    seen[contents] = seen.get(contents, 0) + 1
    return Row(str(number), f"row:{contents}:{seen[contents]}", where, brief)


def _together(problems: Sequence[ReelworkError], rows: int) -> WorkflowInvalid:
    first = problems[0]
    if len(problems) == 1:
        return WorkflowInvalid(first.message, hint=first.hint, money=f"None of the {rows} rows was sent.")
    shown = "\n".join(f"  {problem.message}" for problem in problems[:MOST_SHOWN])
    more = f"\n  … and {len(problems) - MOST_SHOWN} more" if len(problems) > MOST_SHOWN else ""
    return WorkflowInvalid(
        f"{len(problems)} of {rows} rows are wrong:\n{shown}{more}",
        hint=first.hint,
        money=f"None of the {rows} rows was sent.",
    )


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


def _check_ids(path: Path, raws: Sequence[_Raw]) -> None:
    lines: dict[str, int] = {}
    for raw in raws:
        given = raw.values.get("id")
        if given is None:
            continue
        if str(given) in lines:
            raise WorkflowInvalid(
                f"{path}, line {raw.line}: the id {given!r} is already used on line {lines[str(given)]}.",
                hint="Give each row an id of its own: it is what a row is known by when the file is run again.",
            )
        lines[str(given)] = raw.line


def _csv(path: Path, text: str) -> Iterator[_Raw]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader)]
        _check_header(path, header)
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _Raw(line, _cells(path, line, header, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise WorkflowInvalid(f"{path}, line {reader.line_num}: not valid CSV: {error}.") from error


def _check_header(path: Path, header: Sequence[str]) -> None:
    if "prompt" not in header:
        raise WorkflowInvalid(
            f"{path}, line 1: there is no column 'prompt'; the columns are {', '.join(map(repr, header))}.",
            hint=f"Name the columns in the first line. Possible: {', '.join(COLUMNS)}, metadata.NAME.",
        )
    for name in header:
        if name not in COLUMNS and not re.match(r"metadata\.\S", name):
            problem = NotFound("column", name, COLUMNS)
            raise WorkflowInvalid(f"{path}, line 1: {problem.message}", hint=problem.hint)
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice:
        raise WorkflowInvalid(f"{path}, line 1: the column {twice!r} is there twice.")


def _cells(path: Path, line: int, header: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    if len(cells) > len(header):
        raise WorkflowInvalid(
            f"{path}, line {line}: {len(cells)} cells, but there are {len(header)} columns.",
            hint='A cell that contains a comma needs quotes: "a cat, sleeping".',
        )
    values: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=False):
        text = cell.strip()
        if text:
            _put(values, name, text)
    return values


def _put(values: dict[str, Any], name: str, text: str) -> None:
    name = OTHER_NAMES.get(name, name)
    if name.startswith("metadata."):
        values.setdefault("metadata", {})[name.removeprefix("metadata.")] = text
    elif name in LISTS:
        values[name] = tuple(part.lstrip("#") for part in re.split(r"[\s,;|]+", text) if part)
    else:
        values[name] = text


def _jsonl(path: Path, text: str) -> Iterator[_Raw]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise WorkflowInvalid(f"{path}, line {number}: not valid JSON: {error.msg}.") from error
        if not isinstance(value, dict):
            raise WorkflowInvalid(f'{path}, line {number}: a row must be an object such as {{"prompt": "…"}}.')
        yield _Raw(number, {str(OTHER_NAMES.get(key, key)): _listed(key, item) for key, item in value.items()})


def _listed(name: str, item: Any) -> Any:
    return (item,) if OTHER_NAMES.get(name, name) in LISTS and isinstance(item, str) else item


def _plain(path: Path, text: str) -> Iterator[_Raw]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield _Raw(number, {"prompt": line.strip()})


_READERS = {".csv": _csv, ".jsonl": _jsonl, ".txt": _plain}
