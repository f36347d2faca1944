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


def next_row(identities: Sequence[str], used: Collection[tuple[int, str]], at_end: str) -> NextRow | None:
    """Return the row that is used next; None at the end, unless `at_end` is `repeat`."""
    cycle = max((one for one, _ in used), default=0)
    taken = {row for one, row in used if one == cycle}
    found = _first(identities, taken, cycle)
    # Rows of the file, and not rows that were used: those that are gone from it are of no account.
    if found is None and at_end == "repeat":
        return _first(identities, frozenset(), cycle + 1)
    return found


def _first(identities: Sequence[str], taken: Collection[str], cycle: int) -> NextRow | None:
    free = [(at, identity) for at, identity in enumerate(identities) if identity not in taken]
    return NextRow(*free[0], cycle, len(free) - 1) if free else None
