"""Finds jobs by the names people type: an id, its beginning, or its last characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, overload

from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.settings.arguments import check_ids
from reelwork.store.records import PAID_AGAIN, JobHead, JobRow
from reelwork.store.statuses import GOES_ON, Status


class Jobs(Protocol):
    """The part of a store that finds jobs."""

    def jobs(self, **which: Any) -> list[JobRow]:
        """Jobs, newest first."""
        ...


def find_job(store: Jobs, name: str, kind: str = "job") -> JobRow:
    """Return a job by its id, or by a beginning or end that no other has. Raises `NotFound`, `WorkflowInvalid`."""
    # Messages name a job by the end of its id; a beginning is tried first, since a whole id is one.
    rows = store.jobs(prefix=name) if name else []
    rows = rows or (store.jobs(suffix=name) if name else [])
    if len(rows) == 1:
        return rows[0]
    # Never the first of several: a command that pays or cancels must not pick one by chance.
    if rows:
        raise WorkflowInvalid(f"{len(rows)} jobs have an id like {name!r}.", hint="Give more of the id.")
    raise NotFound(kind, name, (), hint="List the jobs with: reelwork jobs list")


def find_named(store: Jobs, name: str) -> list[JobRow]:
    """Return the jobs of a run, oldest first, or the job of that name. Raises `NotFound`, `WorkflowInvalid`."""
    of_run = store.jobs(run_id=name) if name else []
    return of_run[::-1] or [find_job(store, name, "job or run")]


def known_statuses(statuses: str | Sequence[str]) -> tuple[str, ...]:
    """Statuses to look for, one or several. Raises `NotFound` for one that there is not."""
    asked = (statuses,) if isinstance(statuses, str) else tuple(statuses)
    for status in asked:
        if status not in tuple(Status):
            raise NotFound("status", status, tuple(Status))
    return asked


# Rows hold whole prompts. So many are a few megabytes, and one query for each would be slow.
READ_AT_ONCE = 500


class Some(Protocol):
    """The part of a store that reads jobs by their ids."""

    def some(self, ids: Sequence[str]) -> list[JobRow]:
        """Return the jobs with these ids, in this order."""
        ...

    def some_heads(self, ids: Sequence[str]) -> list[JobHead]:
        """Return the same without the jobs' data."""
        ...


class Heads(Jobs, Protocol):
    """The part of a store that finds many jobs without reading their data."""

    def heads(self, statuses: Sequence[str], runs: Sequence[str] | None = None) -> list[JobHead]:
        """Return the jobs of these statuses, of these runs or of all, oldest first."""
        ...


class JobRows(Sequence[JobRow]):
    """Jobs as they stand when they are read."""

    # A hundred thousand at once would fill the memory.

    def __init__(self, store: Some, ids: Sequence[str]) -> None:
        self._store = store
        self.ids = ids

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, at: int) -> JobRow: ...

    @overload
    def __getitem__(self, at: slice) -> JobRows: ...

    def __getitem__(self, at: int | slice) -> JobRow | JobRows:
        """Return one of them, or some."""
        if isinstance(at, slice):
            return JobRows(self._store, self.ids[at])
        return self._store.some([self.ids[at]])[0]

    def __iter__(self) -> Iterator[JobRow]:
        for first in range(0, len(self.ids), READ_AT_ONCE):
            yield from self._store.some(self.ids[first : first + READ_AT_ONCE])

    def heads(self) -> list[JobHead]:
        """Return the heads of all of them."""
        return self._store.some_heads(self.ids)


def heads_of(rows: Sequence[JobRow]) -> list[JobHead]:
    """Return the heads of these jobs. Does not read the data of jobs that are not read yet."""
    return rows.heads() if isinstance(rows, JobRows) else [head_of(row) for row in rows]


def head_of(row: JobRow) -> JobHead:
    """Return the head of a job: its ids, status and step, without its data."""
    return JobHead(row.id, row.run_id, row.status, row.step, row.render_id)


def heads_named(store: Heads, names: Sequence[str]) -> list[JobHead]:
    """Return the jobs that these names mean, each once. Raises `NotFound`, `WorkflowInvalid`."""
    check_ids(names)
    # A job may be named twice: by its run and by its id.
    found: list[JobHead] = []
    for name in names:
        found += store.heads(tuple(Status), [name]) or [head_of(find_job(store, name, "job or run"))]
    return list({head.id: head for head in found}.values())


def resumable(store: Heads) -> list[JobHead]:
    """Return the jobs that can continue without being paid for again, oldest first."""
    return [head for head in store.heads(GOES_ON) if head.step != PAID_AGAIN]
