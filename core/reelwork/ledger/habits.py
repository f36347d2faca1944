"""The habits of lists: how soon a list shows what was sent, and whether it is fresh or a cached copy."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from reelwork.clock import Instant
from reelwork.ledger.sending_record import sent_of
from reelwork.store.readings import ListRow, Read
from reelwork.store.records import EffectRow

# Once proves nothing: a cached copy may have been renewed by chance between the two readings.
PROMPT_ENOUGH = 2
"""The number of readings that must have shown what the one before did not."""
# A short settle time must not make a slow machine or network look like a slow list.
RENEWED_WITHIN = 5.0
"""Seconds that two such readings may be apart even if the settle time is shorter."""
# Two lookups are then as far apart as that render took: nobody waits longer than this for a doubt to be settled.
LONGEST_RENEWAL = 600.0
"""Seconds for which a render may have run and still show how soon the list is renewed."""


def habits_with(read: Read, settle_seconds: float, controls: Iterable[EffectRow], now: Instant) -> ListRow:
    """Return how the list behaves, as this reading shows it too."""
    habits, longest = read.habits, max(settle_seconds, 1.0)
    # Only what this very reading lists for the first time shows that it is newer than the reading before.
    fresh = [owner for id_, owner in read.owners.items() if read.first_seen.get(id_) == read.number]
    within = max(longest, RENEWED_WITHIN)
    ages = [age for owner in fresh if (age := since_before(owner.how, now)) is not None and age <= within]
    if ages:
        habits = replace(habits, prompt=habits.prompt + 1, slowest=max(habits.slowest, *ages))
    for control in controls:
        age = age_of(control, now)
        # Accepted longer ago than the settle time and still not listed: the list lags, so it is never taken for
        # prompt.
        if age is not None and age > longest and control.remote_id not in read.first_seen:
            habits = replace(habits, late=habits.late + 1)
    return habits


def renewed_again(habits: ListRow, seconds: float) -> ListRow:
    """Return how the list behaves, which showed the beginning of a render, and now its end.

    Two copies of the list, at least: one was made after the request, and one after that. So no copy is kept for
    longer than from right before the request until now, and looks that far apart cannot both show the same one.
    """
    return replace(habits, prompt=habits.prompt + 1, slowest=max(habits.slowest, seconds))


def since_before(how: str, now: Instant) -> float | None:
    """Return the seconds since the list was read right before something was sent; None where that is not known."""
    sent = json.loads(how)
    if not sent.get("answered") or sent.get("before") is None:
        return None
    return Instant(sent["boot"], sent["before"]).until(now)


def age_of(control: EffectRow, now: Instant) -> float | None:
    """Return the seconds since a control was accepted; None where that is not known."""
    answered = sent_of(control).answered
    return None if answered is None else answered.until(now)
