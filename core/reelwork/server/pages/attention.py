"""What the first page tells of schedules and accounts that need a person, and of times that were not fired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from reelwork.credentials.accounts import Accounts
from reelwork.credentials.ended import SOON_SECONDS, Ended, ended_accounts
from reelwork.schedules.as_json import there
from reelwork.schedules.not_fired import NotFired, not_fired, refused_last
from reelwork.store.reader import SyncReader
from reelwork.studio.causes import alike
from reelwork_hooks.errors import InvalidInput

RECENT_SECONDS = 7 * 86_400.0
"""Seconds for which times that were not fired are told."""


@dataclass(frozen=True)
class Stopped:
    """Schedules that do not fire for one reason."""

    names: tuple[str, ...]
    reason: str
    refused: NotFired | None = None
    """The last times that were refused, of all of them together; None if their file cannot be run."""


def stopped(store: SyncReader, now: float) -> list[Stopped]:
    """Return the schedules that need a person, those with one reason together."""
    found: dict[str, Stopped] = {}
    for schedule in there(store.schedules()):
        refused = refused_last(store, schedule, now)
        reason = schedule.row.trouble or (refused.newest.reason if refused else "")
        if reason:
            told = None if schedule.row.trouble else refused
            first = found.setdefault(alike(reason), Stopped((), reason))
            together = _together(first.refused, told)
            found[alike(reason)] = Stopped((*first.names, schedule.name), first.reason, together)
    return list(found.values())


def _together(one: NotFired | None, other: NotFired | None) -> NotFired | None:
    """Return the times of two schedules as one, with the newest of them."""
    if one is None or other is None:
        return one or other
    newest = max(one, other, key=lambda some: some.newest.at)
    return replace(newest, count=one.count + other.count)


def signed_out(now: float) -> list[Ended]:
    """Return the accounts of this machine with which nobody is signed in any more, or will be in a few days."""
    try:
        return list(ended_accounts(Accounts(), now + SOON_SECONDS))
    except InvalidInput:
        # A file of accounts that cannot be read keeps posts back, and they say so.
        return []


def left_out(store: SyncReader, now: float) -> Iterator[NotFired]:
    """Yield the times of the last days that were not fired, by schedule and state."""
    for schedule in there(store.schedules()):
        yield from not_fired(store, schedule, now - RECENT_SECONDS)
