"""Batch files of JSON, an object for each row, and of plain text, a prompt in each line."""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from reelwork.errors import WorkflowInvalid
from reelwork.planning.batch.decoding import text_of
from reelwork.planning.batch.raw import LISTS, OTHER_NAMES, Raw, is_known, split

A_ROW = 'a row must be an object such as {"prompt": "…"}'


def read_json_lines(path: Path, extra: Collection[str]) -> Iterator[Raw | WorkflowInvalid]:
    """Yield the rows of a file with an object in each line."""
    for number, line in _lines(text_of(path)):
        try:
            yield _row(path, number, _parsed(path, number, line), extra)
        except WorkflowInvalid as problem:
            yield problem


def read_json_array(path: Path, extra: Collection[str]) -> Iterator[Raw | WorkflowInvalid]:
    """Yield the rows of a file that is one list of objects."""
    text = text_of(path)
    decoder, at, line = json.JSONDecoder(), _past_space(text, 0), 1
    if text[at : at + 1] != "[":
        raise WorkflowInvalid(
            f'{path}: a .json batch is a list of rows: [{{"prompt": "…"}}, …].',
            hint="With an object in each line, name the file .jsonl.",
        )
    counted, at = 0, _past_space(text, at + 1)
    while text[at : at + 1] != "]":
        line += text.count("\n", counted, at)
        counted = at
        try:
            # One row at a time: `json.loads` of the list would hold all rows of a long batch in memory, and could
            # not say on which line one is wrong.
            value, at = decoder.raw_decode(text, at)
        # Brackets nested deep enough end the parser with a RecursionError, which is no ValueError.
        except (ValueError, RecursionError) as error:
            raise _no_json(path, line, error) from error
        try:
            yield _row(path, line, value, extra)
        except WorkflowInvalid as problem:
            yield problem
        at = _past_space(text, at)
        if text[at : at + 1] not in (",", "]"):
            raise WorkflowInvalid(f"{path}, line {line}: not valid JSON: a comma or ] must follow this row.")
        if text[at] == ",":
            at = _past_space(text, at + 1)
    if text[at + 1 :].strip():
        raise WorkflowInvalid(f"{path}: not valid JSON: something follows the list.")


def read_lines(path: Path) -> Iterator[Raw | WorkflowInvalid]:
    """Yield the rows of a file with a prompt in each line; lines that begin with # are remarks."""
    for number, line in _lines(text_of(path)):
        if not line.lstrip().startswith("#"):
            yield Raw(number, {"prompt": line.strip()})


def _past_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _parsed(path: Path, line: int, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_json(path, line, error) from error


def _no_json(path: Path, line: int, error: Exception) -> WorkflowInvalid:
    return WorkflowInvalid(f"{path}, line {line}: not valid JSON: {getattr(error, 'msg', str(error))}.")


def _row(path: Path, line: int, row: Any, extra: Collection[str]) -> Raw:
    if not isinstance(row, Mapping):
        raise WorkflowInvalid(f"{path}, line {line}: {A_ROW}.")
    values: dict[str, Any] = {}
    columns: dict[str, Any] = {}
    for key, item in row.items():
        name = OTHER_NAMES.get(str(key), str(key))
        if name in values:
            raise WorkflowInvalid(f"{path}, line {line}: {name!r} appears twice.")
        # A template's column may have any name, but never one that means something else in every batch.
        if name in extra and not is_known(name):
            if item not in (None, ""):
                columns[name] = _plain_cell(path, line, name, item)
        else:
            values[name] = split(item) if name in LISTS and isinstance(item, str) else item
    return Raw(line, values, columns)


def _plain_cell(path: Path, line: int, name: str, item: Any) -> Any:
    if not isinstance(item, str | int | float | bool):
        raise WorkflowInvalid(f"{path}, line {line}: {name} must be a text, a number, true or false.")
    return item


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that hold something, with their numbers."""
    # Not `str.splitlines`: it would cut a prompt in two at U+2028 and others that editors show as text.
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if line.strip():
            yield number, line
