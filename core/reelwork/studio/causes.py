"""What needs a person, by its cause: jobs that are held, or have failed, for one reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from reelwork.ids import fingerprint
from reelwork.store.causes import DealtWith
from reelwork.store.reader import SyncReader
from reelwork.store.statuses import Status
from reelwork.studio.job_view import JobView, views_of

LOOKED_AT = 200
"""Held and failed jobs that are looked at for what they have in common."""
_VARYING = re.compile(r"\S*\d\S*")
"""Ids, times and amounts: they differ from job to job though the cause is one."""


@dataclass(frozen=True)
class Cause:
    """Jobs that need a person for one reason."""

    key: str
    """Equal for the same reason at another time."""
    reason: str
    """The newest job's."""
    jobs: Sequence[JobView]
    newest_at: float
    """When it happened last, in seconds since the epoch."""

    @property
    def first(self) -> JobView:
        """The newest of them."""
        return self.jobs[0]

    @property
    def spent(self) -> Decimal:
        """Spent for all of them, in US dollars."""
        return sum((one.money.spent for one in self.jobs if one.money is not None), Decimal(0))

    @property
    def in_doubt(self) -> Decimal:
        """The part of it that may not have been charged."""
        return sum((one.money.in_doubt for one in self.jobs if one.money is not None), Decimal(0))


@dataclass(frozen=True)
class Failures:
    """The causes of failures: those that need a person, and those that one has dealt with."""

    open: Sequence[Cause]
    dealt: Sequence[tuple[Cause, DealtWith]]


def alike(reason: str) -> str:
    """Return what is equal for reasons that differ in ids, times and amounts only."""
    return _VARYING.sub("#", reason)


def causes_of(store: SyncReader, status: Status, without: Sequence[str] = ()) -> list[Cause]:
    """Return the causes of jobs with this status, the most frequent first, except of brands `without`."""
    return _causes(store, status, {}, without)


def failures_of(store: SyncReader, without: Sequence[str] = ()) -> Failures:
    """Return the causes of failures, except of brands `without`.

    One that happens again after a person dealt with it is open again.
    """
    dealt = {one.cause: one for one in store.dealt_with()}
    until = {one.cause: one.until for one in dealt.values()}
    known = [one for one in _causes(store, Status.FAILED, {}, without) if one.key in dealt]
    return Failures(
        _causes(store, Status.FAILED, until, without),
        [(one, dealt[one.key]) for one in known if one.newest_at <= until[one.key]],
    )


def _causes(store: SyncReader, status: Status, until: dict[str, float], without: Sequence[str]) -> list[Cause]:
    rows = store.jobs(statuses=(status,), without_brands=without, limit=LOOKED_AT)
    at = {row.id: row.updated_at for row in rows}
    groups: dict[str, list[JobView]] = {}
    for view in views_of(store, rows, [row.id for row in rows]):
        key = fingerprint([status, alike(view.reason)])
        if at[view.id] > until.get(key, float("-inf")):
            groups.setdefault(key, []).append(view)
    found = [Cause(key, jobs[0].reason, jobs, max(at[one.id] for one in jobs)) for key, jobs in groups.items()]
    return sorted(found, key=lambda cause: -len(cause.jobs))
