"""A row as its file has it, before anything of it is checked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, get_args

from reelwork.planning.batch.cells import COPIES, TABLES
from reelwork_hooks.models import Brief, ReferenceRole

OTHER_NAMES = {"platform": "platforms", "n": "takes", "webhook_url": "webhook"}
LISTS = ("platforms", "hashtags")
COLUMNS = tuple(
    sorted({*Brief.model_fields, *OTHER_NAMES, "input_reference", "id"} - {"references", COPIES, *TABLES})
)
_NAMES = frozenset(COLUMNS)
_NAMED = re.compile(r"(metadata|vars|options|destination\.\S+)\.\S")
REFERENCE = "reference."
DESTINATION = "destination."
NAMED = ("destination.NAME.KEY", *(f"{table}.NAME" for table in TABLES))
"""Columns of which a file may have any number."""
REFERENCES = tuple(f"{REFERENCE}{role}" for role in get_args(ReferenceRole))


@dataclass(frozen=True, slots=True)
class Raw:
    """One row: the keys of `[brief]` and `id`, and what only the workflow's templates ask for."""

    line: int
    values: dict[str, Any]
    columns: dict[str, Any] = field(default_factory=dict)
    """Cells of columns that `[brief]` does not have."""


def is_known(name: str) -> bool:
    """Return whether this is the name of a column that every batch may have."""
    return name in _NAMES or name in REFERENCES or _NAMED.match(name) is not None


def raw_of(line: int, cells: Iterable[tuple[str, str]]) -> Raw:
    """Return a row from the cells of a table, without those that are empty."""
    values: dict[str, Any] = {}
    columns: dict[str, Any] = {}
    for name, text in cells:
        if not text:
            continue
        if is_known(name):
            _put(values, name, text)
        else:
            columns[name] = text
    return Raw(line, values, columns)


def _put(values: dict[str, Any], name: str, text: str) -> None:
    name = OTHER_NAMES.get(name, name)
    table, _, key = name.partition(".")
    if table in TABLES:
        values.setdefault(table, {})[key] = text
    elif name.startswith(REFERENCE):
        values.setdefault("references", []).append({"source": text.strip(), "role": name.removeprefix(REFERENCE)})
    elif name.startswith(DESTINATION):
        # The name of an instance may have a dot, a key has none.
        instance, _, key = name.removeprefix(DESTINATION).rpartition(".")
        own = values.setdefault(COPIES, {}).setdefault(instance, {})
        own[key] = split(text) if key in LISTS else text
    elif name in LISTS:
        values[name] = split(text)
    else:
        values[name] = text


@lru_cache(maxsize=1024)
def split(text: str) -> tuple[str, ...]:
    """Return the platforms or hashtags in one text."""
    return tuple(part.lstrip("#") for part in re.split(r"[\s,;|]+", text) if part)
