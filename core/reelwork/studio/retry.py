"""Retries of jobs: which can be tried again, and which need consent since they pay for a new render."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from reelwork.errors import WorkflowInvalid
from reelwork.ids import short_id
from reelwork.money import dollars
from reelwork.planning.plan import total
from reelwork.plural import counted
from reelwork.store.records import ACTIVE, CANCELLED, DONE, GIVEN_UP, PAID_AGAIN, JobRow
from reelwork.store.statuses import TRIED_AGAIN
from reelwork.studio.job_view import view_of

WHY: dict[str, str] = {
    DONE: "is done: there is nothing left to do for it.",
    CANCELLED: "was cancelled, which ended it for good.",
}
ANEW = (
    "To make the video again, as a new job that is paid for: reelwork run with its prompt or file "
    "(in a batch: give the row a new id, or add --again)."
)


@dataclass(frozen=True, slots=True)
class Retry:
    """The consequences of trying some jobs again."""

    renders: int
    """New renders, which may be paid for again."""
    cost: Decimal | None
    """US dollars for them, as estimated; None when that is not known."""
    shown: Mapping[str, int]
    """The jobs that nobody works on, each as it stands: one that moves on before the retry is not paid for."""

    @property
    def needs_consent(self) -> bool:
        """True if a person must agree."""
        return self.renders > 0 and self.cost != 0

    @property
    def spends(self) -> str:
        """A sentence about the money."""
        price = "what that costs is not known" if self.cost is None else f"estimated at {dollars(self.cost)}"
        return f"This asks for {counted(self.renders, 'new render')}, which may be paid for again: {price}."


def retry_of(rows: Sequence[JobRow]) -> Retry:
    """Return what it means to try these jobs again. Raises `WorkflowInvalid` when none of them can be."""
    check_retry(rows)
    jobs = {row.id: row for row in rows}.values()
    stopped = [row for row in jobs if row.status in TRIED_AGAIN and row.status != ACTIVE]
    costs = [view_of(row).cost for row in stopped if row.step in (PAID_AGAIN, *GIVEN_UP)]
    # Active jobs move on by themselves, so their fence would never be the one that was shown.
    shown = {row.id: row.fence for row in jobs if row.status != ACTIVE}
    return Retry(len(costs), total(costs), shown)


def check_retry(rows: Sequence[JobRow]) -> None:
    """Raises `WorkflowInvalid` when none of these jobs can be tried again."""
    if not rows or any(row.status in TRIED_AGAIN for row in rows):
        return
    first = rows[0]
    told = f"The job {short_id(first.id)} {WHY[first.status]}"
    if len(rows) > 1:
        told = f"All {len(rows)} jobs are done or cancelled; there is nothing to try again."
    raise WorkflowInvalid(told, money="Nothing was sent and nothing was changed.", hint=ANEW)
