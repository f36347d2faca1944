"""Finding jobs by the names people type: an id, its beginning, or its last characters."""

from __future__ import annotations

from typing import Any, Protocol

from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.store.rows import ACTIVE, FAILED, HELD, PAID_AGAIN, JobRow


class Jobs(Protocol):
    """What of a store is needed to find jobs."""

    def jobs(self, **which: Any) -> list[JobRow]:
        """Jobs, newest first."""
        ...


def find_job(store: Jobs, name: str) -> JobRow:
    """A job by its id, or by a beginning or end of it that no other has. Raises `NotFound`, `WorkflowInvalid`."""
    rows = store.jobs(prefix=name) if name else []
    rows = rows or [row for row in store.jobs() if name and row.id.endswith(name)]
    if len(rows) == 1:
        return rows[0]
    if rows:
        raise WorkflowInvalid(f"{len(rows)} jobs have an id like {name!r}.", hint="Give more of the id.")
    raise NotFound("job", name, (), hint="List the jobs with: reelwork jobs list")


def find_named(store: Jobs, name: str) -> list[JobRow]:
    """The jobs of a run, oldest first, or the one job of that name. Raises `NotFound`, `WorkflowInvalid`."""
    of_run = store.jobs(run_id=name) if name else []
    return of_run[::-1] or [find_job(store, name)]


def resumable(store: Jobs) -> list[JobRow]:
    """The jobs that can go on without being paid for again, oldest first."""
    rows = store.jobs(statuses=(ACTIVE, FAILED, HELD))
    return [row for row in reversed(rows) if row.step != PAID_AGAIN]
