"""Judges whether a listing is complete and fresh enough to show that something is not there."""

from __future__ import annotations

from typing import Any

from reelwork.ledger.habits import PROMPT_ENOUGH
from reelwork.store.readings import ListRow
from reelwork_hooks.effects import Listing

NO_CONTROL = "nothing like it that is known to have arrived before it is shown by the same lookup"
NOT_FRESH = "nothing shows that the list is newer than the request"


def gap_of(listing: Listing[Any], ids: int, clean: int) -> str:
    """Return what a list lacks to be complete; empty if nothing."""
    if not listing.complete:
        return listing.why or "the list is not complete"
    # Pages that shift while they are read show an entry twice, and leave out another one.
    if len(listing.candidates) > ids:
        return "the list names an id twice"
    if clean < len(listing.candidates):
        return "the list has an invalid id"
    if listing.total is not None and listing.total > ids:
        return f"the list holds {ids} of {listing.total} entries"
    return ""


def unproven(older: bool, fresh: bool) -> str:
    """Return what a complete listing lacks for proof; empty if nothing."""
    return NO_CONTROL if not older else "" if fresh else NOT_FRESH


def date_of(listing: Listing[Any], habits: ListRow) -> float | None:
    """Return the server's time if its advance shows that the list is fresh; else None."""
    cached = listing.age is not None and listing.age > 0
    prompt = habits.prompt >= PROMPT_ENOUGH and habits.late == 0
    return listing.date.timestamp() if listing.date is not None and not cached and prompt else None
