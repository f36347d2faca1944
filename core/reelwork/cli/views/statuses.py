"""The statuses of jobs as people see them: their colours, and the order in which they are listed."""

from __future__ import annotations

from collections.abc import Mapping

from reelwork.cli.views.text import paint
from reelwork.store.statuses import Status

COLOURS: dict[str, str] = {
    Status.ACTIVE: "cyan",
    Status.DONE: "green",
    Status.FAILED: "red",
    Status.HELD: "yellow",
    Status.REJECTED: "red",
}
"""A status without a colour is shown as any other text."""
NEEDED_FIRST = (
    Status.FAILED,
    Status.HELD,
    Status.REJECTED,
    Status.CANCELLED,
    Status.ACTIVE,
    Status.DONE,
)
"""The order of jobs: those that need a person come first."""
DONE_FIRST = (
    Status.DONE,
    Status.FAILED,
    Status.HELD,
    Status.REJECTED,
    Status.CANCELLED,
    Status.ACTIVE,
)
"""The order of counts: the one that was hoped for comes first."""
TROUBLES = (Status.FAILED, Status.HELD, Status.REJECTED)
"""The ends that a person who watches should hear of at once."""


def status_word(status: str) -> str:
    """Return a job's status in its colour."""
    return paint(status, fg=COLOURS.get(status))


def counted_by_status(counts: Mapping[str, int]) -> str:
    """Return how many jobs have each status, such as `3 done, 1 failed`."""
    return ", ".join(f"{counts[status]} {status}" for status in DONE_FIRST if counts.get(status))
