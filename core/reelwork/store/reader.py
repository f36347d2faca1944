"""Reading a store. Everything here blocks its thread for as long as the answer takes, and waits for no writer.

What decides about money or posts is not read here: the engine asks that inside the transaction that acts on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol, Self

from reelwork.store.outbox import OutboxReader
from reelwork.store.schedules import ScheduleReader

if TYPE_CHECKING:
    from reelwork.store.causes import DealtWith
    from reelwork.store.ceilings import Budget
    from reelwork.store.figures import Figures
    from reelwork.store.post_stops import PostStop
    from reelwork.store.records import (
        BatchJob,
        EffectRow,
        EventRow,
        JobHead,
        JobRow,
        Removable,
        RenderRow,
        RunHead,
        RunRow,
        Sendings,
    )
    from reelwork.store.spending import By, Spending
    from reelwork.store.tokens import LinkRow, TokenRow


class SyncBatchReader(Protocol):
    """Reads the jobs of batch files."""

    def any(self) -> bool:
        """Return whether there is, or was, a job of a batch."""
        ...

    def keys(self, base: str) -> set[str]:
        """Return the keys of a batch's jobs, removed ones included."""
        ...

    def with_prompts(self, prompts: Sequence[str]) -> list[BatchJob]:
        """Return the jobs of all batches with one of these prompts, newest first."""
        ...

    def of(self, bases: Sequence[str], file: str) -> list[BatchJob]:
        """Return the newest jobs of these batches, and of all that were read from this file."""
        ...

    def removed(self) -> list[tuple[str, str]]:
        """Return the id and key of each job of a batch that was removed from the store."""
        ...


class SyncReader(ScheduleReader, OutboxReader, Protocol):
    """Reads runs, jobs, renders and effects as they stood at the last commit before each question.

    A read after an awaited change sees that change. Raises `StoreUnwritable` when the store cannot be read.
    """

    def close(self) -> None:
        """Close it."""

    def of_brand(self, brand: str) -> Self:
        """Return the same store for whoever is limited to one brand: nothing else is read, and decided about.

        Raises `NotFound` where it is limited to another brand already.
        """
        ...

    @property
    def batches(self) -> SyncBatchReader:
        """The jobs of batch files."""
        ...

    def job(self, job_id: str) -> JobRow | None:
        """Return one job; None if there is none."""
        ...

    def run(self, run_id: str) -> RunRow | None:
        """Return one run; None if there is none."""
        ...

    async def plugin_value(self, instance: str, key: str) -> str | None:
        """Return a value that an instance of a plugin keeps; None if there is none."""
        ...

    def runs(self, *, before: str | None = None, limit: int = -1) -> list[RunHead]:
        """Return runs, newest first: those added before the run `before`."""
        ...

    def run_head(self, run_id: str) -> RunHead | None:
        """Return one run without what is frozen in it; None if there is none."""
        ...

    def posts(self, *, before: str | None = None, job_id: str | None = None, limit: int = -1) -> list[EffectRow]:
        """Return posts that happened, newest first: those written down before the effect `before`."""
        ...

    def events_after(self, seq: int, limit: int, job_id: str | None = None) -> list[EventRow]:
        """Return the lines of all jobs' stories that were written after the line `seq`, oldest first."""
        ...

    def last_event(self) -> int:
        """Return the number of the newest line of all stories; 0 if there is none."""
        ...

    def jobs(self, **which: Any) -> list[JobRow]:
        """Return jobs, newest first. Takes what `find_jobs` does, such as `statuses`, `before` and `limit`."""
        ...

    def jobs_with_keys(self, keys: Sequence[str]) -> dict[str, JobRow]:
        """Return the jobs that have these keys; removed ones with step `REMOVED` and no data."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Return the number of jobs of each status."""
        ...

    def heads(self, statuses: Sequence[str], runs: Collection[str] | None = None) -> list[JobHead]:
        """Return the jobs of these statuses, of these runs or of all, oldest first, without their data."""
        ...

    def runs_with(self, statuses: Sequence[str]) -> list[str]:
        """Return the runs that have jobs of these statuses."""
        ...

    def some(self, ids: Sequence[str]) -> list[JobRow]:
        """Return the jobs with these ids, in this order."""
        ...

    def some_heads(self, ids: Sequence[str]) -> list[JobHead]:
        """Return the same without the jobs' data."""
        ...

    def events(self, job_id: str) -> list[EventRow]:
        """Return a job's story, oldest line first."""
        ...

    def effects_of(self, job_id: str) -> list[EffectRow]:
        """Return a job's effects, oldest first."""
        ...

    def renders(self, ids: Sequence[str]) -> dict[str, RenderRow]:
        """Return the renders with these ids; unknown ones are left out."""
        ...

    def accounts_of(self, run_ids: Iterable[str]) -> list[str]:
        """Accounts at which jobs of these runs have a render or a request in doubt, whatever is set now."""
        ...

    def sendings(self, job_ids: Sequence[str]) -> dict[str, Sendings]:
        """Return the render requests sent for each of these jobs, and the requests' money."""
        ...

    def calls(self, account: str, since: float) -> list[float]:
        """Return when requests of an account were answered since a time, oldest first; a day back at most.

        To show and to plan with. Whether a limit lets a request through is decided with the request, by `apply`.
        """
        ...

    def counted(self, budget: Budget) -> dict[str, int]:
        """Return the money that this day's and month's budgets hold, by name, in millionths of a US dollar.

        To show and to plan with. Whether a budget allows a request is decided with the request, by `apply`.
        """
        ...

    def promised(self, brand: str | None) -> int:
        """Return what is promised to the open jobs of firings of a brand, or of all, in millionths of a US dollar.

        Their requests reserve it when they are sent. Until then another firing finds no room there.
        """
        ...

    def spending(self, by: By, *, since: date | None = None, until: date | None = None) -> list[Spending]:
        """Money by day or month (UTC), provider, workflow, run or brand, oldest first.

        `since` and `until` are days in UTC, both included.
        """
        ...

    def figures(self) -> Figures:
        """Return how the store stands at this moment."""
        ...

    def newest_runs(self, since: float) -> list[RunRow]:
        """Return the newest run of each workflow that ran at or after a time, by the workflow's name."""
        ...

    def tokens(self) -> list[TokenRow]:
        """Return the tokens by which programs and persons enter a server, by name."""
        ...

    def link_with(self, hash_: str, now: float) -> LinkRow | None:
        """Return the link to sign in with that has this hash, if it can still be used."""
        ...

    def token_with(self, hash_: str) -> TokenRow | None:
        """Return the token with this hash; None if there is none."""
        ...

    def dealt_with(self) -> list[DealtWith]:
        """Return the causes of failures that people have dealt with, the latest first."""
        ...

    def brands(self) -> list[str]:
        """Return the brands for which there was ever a run, by name."""
        ...

    def post_stops(self) -> list[PostStop]:
        """Return the stops that keep posts from leaving, the oldest first."""
        ...

    def posts_under_way(self) -> int:
        """Return how many posts have left and have no outcome yet."""
        ...

    def removable(self, before: float) -> Removable:
        """Count what `remove_ended` would remove, and the jobs of the same age that it would leave."""
        ...

    def runs_at_work(self) -> set[str]:
        """Return the runs whose jobs a living process drives now, as far as known. Nothing is changed."""
        ...

    def served_at(self) -> list[str]:
        """Return where servers of this store answer on this machine now. Nothing is changed."""
        ...

    def anybody_works(self) -> bool:
        """Return whether a process that drives jobs of this store is alive; True if that is not known."""
        ...
