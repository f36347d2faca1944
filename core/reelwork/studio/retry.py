"""Trying jobs again, also where that pays for a new render: what may be, and what it needs a yes for."""

from __future__ import annotations

from collections.abc import Sequence

from reelwork.errors import WorkflowInvalid
from reelwork.ids import short_id
from reelwork.store.records import ACTIVE, CANCELLED, DONE, FAILED, HELD, REJECTED, JobRow

TRIED = (ACTIVE, FAILED, HELD, REJECTED)
WHY: dict[str, str] = {
    DONE: "is done: there is nothing left to do for it.",
    CANCELLED: "was cancelled, which ended it for good.",
}
ANEW = (
    "To make the video anew, as a new job that is paid for: reelwork run with its prompt or file "
    "(in a batch: give the row a new id, or add --again)."
)


def check_retry(rows: Sequence[JobRow]) -> None:
    """Raises `WorkflowInvalid` when none of these jobs can be tried again."""
    if not rows or any(row.status in TRIED for row in rows):
        return
    first = rows[0]
    told = f"The job {short_id(first.id)} {WHY[first.status]}"
    if len(rows) > 1:
        told = f"All {len(rows)} jobs are done or cancelled; there is nothing to try again."
    raise WorkflowInvalid(told, money="Nothing was sent and nothing was changed.", hint=ANEW)
