"""Which row of a batch file a firing takes: the first one in the file that was not used in this round."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NextRow:
    """A row to be used."""

    at: int
    """Its place in the file."""
    identity: str
    """What it is known by: its `id`, or what it means."""
    cycle: int
    left: int
    """The number of rows that are left in this round after it."""
    again: int = 0
    """How often it was given back: what it makes is new each time."""


def next_row(identities: Sequence[str], used: Collection[tuple[int, str]], at_end: str) -> NextRow | None:
    """Return the row that is used next; None at the end, unless `at_end` is `repeat`."""
    cycle = max((one for one, _ in used if one >= 0), default=0)
    taken = {row for one, row in used if one == cycle}
    found = _first(identities, taken, cycle, used)
    # Rows of the file, and not rows that were used: those that are gone from it are of no account.
    if found is None and at_end == "repeat":
        return _first(identities, frozenset(), cycle + 1, used)
    return found


def number_used(used: Collection[tuple[int, str]]) -> int:
    """Return how many rows are used, over all rounds, without those that were given back."""
    return sum(cycle >= 0 for cycle, _ in used)


def _first(
    identities: Sequence[str], taken: Collection[str], cycle: int, used: Collection[tuple[int, str]]
) -> NextRow | None:
    free = [(at, identity) for at, identity in enumerate(identities) if identity not in taken]
    if not free:
        return None
    at, identity = free[0]
    again = sum(round_ < 0 and row == identity for round_, row in used)
    return NextRow(at, identity, cycle, len(free) - 1, again)
