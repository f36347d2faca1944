"""The results of reading lists, as the store holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Owner(NamedTuple):
    """The effect to which an id at the other side belongs."""

    key: str
    spec: str
    asked: str
    how: str
    first_no: int | None
    sent_no: int | None
    answered_no: int | None


class EchoRow(NamedTuple):
    """The record of how controls came back at a place, in one field and one state."""

    state: str
    field: str
    exact: int
    differs: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListRow:
    """The behaviour of the list at a place."""

    prompt: int = 0
    """Readings that showed what an earlier one had not: a control, not a settle time before, or the end of one."""
    late: int = 0
    """Controls that were not."""
    slowest: float = 0.0
    """Seconds within which the list was seen to be renewed."""
    turned_up: str = ""
    """The id that turned up after its effect was believed not to have happened and was sent again."""


class Read(NamedTuple):
    """All that the store knows about the ids that one reading listed."""

    number: int
    first_seen: Mapping[str, int]
    """By id, the number of the first reading that listed it."""
    owners: Mapping[str, Owner]
    echoes: tuple[EchoRow, ...]
    habits: ListRow
