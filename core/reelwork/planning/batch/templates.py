"""Texts of a workflow with places that a batch row fills in: `A {animal} in the snow`.

A place is a column's name in braces. `{{animal}}` is that word in braces; every other brace is text, so that
prompts written as JSON stay what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reelwork.errors import WorkflowInvalid

# A name begins with a letter, so that JSON in a prompt, `{"a": 1}`, holds no place.
_PLACE = re.compile(r"\{\{([^\W\d][\w.-]*)\}\}|\{([^\W\d][\w.-]*)\}")


def columns_in(value: Any) -> set[str]:
    """Return the columns that a setting's texts ask for."""
    return {place[2] for text in _texts(value) for place in _PLACE.finditer(text) if place[2]}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def filled(field: str, value: Any, cells: Mapping[str, str], where: str) -> Any:
    """Return the setting with every place filled in. Raises `WorkflowInvalid` naming row and column."""
    if isinstance(value, Mapping):
        return {key: filled(f"{field}.{key}", item, cells, where) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled(field, item, cells, where) for item in value]
    if not isinstance(value, str) or "{" not in value:
        return value

    def cell(place: re.Match[str]) -> str:
        if place[1]:
            return f"{{{place[1]}}}"
        if place[2] not in cells:
            raise WorkflowInvalid(
                f"{where}: the cell {place[2]!r} is empty or missing; the workflow's {field} is filled in with it.",
                hint=f"Fill the column {place[2]!r}. To mean the braces, write {{{{{place[2]}}}}} in the workflow.",
            )
        return cells[place[2]]

    return _PLACE.sub(cell, value)


def without_places(brief: Mapping[str, Any], cells: Mapping[str, str], where: str) -> dict[str, Any]:
    """Return a `[brief]` that no batch fills in, with its own values in their places.

    Raises `WorkflowInvalid` when it has other places.
    """
    for field, value in brief.items():
        asked = sorted(columns_in(value) - cells.keys())
        if asked:
            raise WorkflowInvalid(
                f"{where}: {field} has the place {{{asked[0]}}}, which a row of a batch file fills in.",
                hint=f"Run a batch: reelwork run FILE.csv --workflow {where}. To mean the braces, "
                f"write {{{{{asked[0]}}}}}.",
            )
    return {field: filled(field, value, cells, where) for field, value in brief.items()}
