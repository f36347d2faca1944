"""Reading a store beside its writer, on connections that only read."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from reelwork.errors import NotFound

# Schedules, spending and figures are imported where they are asked for: a list of jobs and a plan need none of
# their rows, and Python takes a millisecond to make each kind.
from reelwork.store.sqlite import (
    budgets,
    bulk_reads,
    causes,
    effects,
    event_numbers,
    evidence,
    job_reads,
    limits,
    outbox,
    pages,
    plugin_state,
    post_stops,
    renders,
    retention,
    tokens,
    workers,
)
from reelwork.store.sqlite.batches import SqliteBatchReader
from reelwork.store.sqlite.opening import connect
from reelwork.store.sqlite.read_connections import ReadConnections

if TYPE_CHECKING:
    from reelwork.store.causes import DealtWith
    from reelwork.store.ceilings import Budget
    from reelwork.store.figures import Figures
    from reelwork.store.outbox import DeliveryRow, TargetRow
    from reelwork.store.post_stops import PostStop
    from reelwork.store.records import (
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
    from reelwork.store.schedules import ScheduleRow, SlotRow
    from reelwork.store.spending import By, Spending
    from reelwork.store.tokens import LinkRow, TokenRow


class SqliteReader:
    """Reads runs, jobs, renders and effects as they stood at the last commit before each question."""

    _only: str = ""
    """The one brand that it is limited to; empty for none."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Open the store to read it only. Raises `StoreInvalid`."""
        # Once by the writer's rules, so that an older store is of this version before it is read. Kept, since the
        # last to close a file empties its log: that is done once, at the end.
        self._opened = connect(path)
        self.path = path
        self._clock = clock
        self._reads = ReadConnections(path)

    def close(self) -> None:
        """Close it."""
        self._reads.close()
        self._opened.close()

    def of_brand(self, brand: str) -> Self:
        """Return the same store, limited to one brand. Raises `NotFound` where it is limited to another one."""
        # Whoever is limited must not get out by naming another brand.
        if self._only not in ("", brand):
            raise NotFound("brand", brand, [self._only])
        other = copy.copy(self)
        other._reads, other._only = self._reads.of_brand(brand), brand
        return other

    @property
    def batches(self) -> SqliteBatchReader:
        """The jobs of batch files."""
        return SqliteBatchReader(self._reads.ask)

    def job(self, job_id: str) -> JobRow | None:
        """Return one job; None if there is none."""
        return self._reads.ask(lambda db: job_reads.get_job(db, job_id))

    def run(self, run_id: str) -> RunRow | None:
        """Return one run; None if there is none."""
        return self._reads.ask(lambda db: job_reads.get_run(db, run_id))

    async def plugin_value(self, instance: str, key: str) -> str | None:
        """Return a value that an instance of a plugin keeps; None if there is none."""
        return self._reads.ask(lambda db: plugin_state.value_of(db, instance, key))

    def runs(self, *, before: str | None = None, limit: int = -1) -> list[RunHead]:
        """Return runs, newest first: those added before the run `before`."""
        return self._reads.ask(lambda db: pages.runs(db, before, limit))

    def run_head(self, run_id: str) -> RunHead | None:
        """Return one run without what is frozen in it; None if there is none."""
        return self._reads.ask(lambda db: pages.run_head(db, run_id))

    def posts(self, *, before: str | None = None, job_id: str | None = None, limit: int = -1) -> list[EffectRow]:
        """Return posts that happened, newest first: those written down before the effect `before`."""
        return self._reads.ask(lambda db: pages.posts(db, before, job_id, limit))

    def events_after(self, seq: int, limit: int, job_id: str | None = None) -> list[EventRow]:
        """Return the lines of all jobs' stories that were written after the line `seq`, oldest first."""
        return self._reads.ask(lambda db: pages.events_after(db, seq, limit, job_id))

    def last_event(self) -> int:
        """Return the number of the newest line of all stories; 0 if there is none."""
        return self._reads.ask(event_numbers.last_event)

    def jobs(self, **which: Any) -> list[JobRow]:
        """Return jobs, newest first. Takes what `find_jobs` does, such as `statuses`, `before` and `limit`."""
        return self._reads.ask(lambda db: job_reads.find_jobs(db, **which))

    def jobs_with_keys(self, keys: Sequence[str]) -> dict[str, JobRow]:
        """Return the jobs that have these keys."""
        return self._reads.ask(lambda db: job_reads.jobs_with_keys(db, keys))

    def counts(self) -> Mapping[str, int]:
        """Return the number of jobs of each status."""
        return self._reads.ask(job_reads.count_by_status)

    def heads(self, statuses: Sequence[str], runs: Collection[str] | None = None) -> list[JobHead]:
        """Return the jobs of these statuses, of these runs or of all, oldest first, without their data."""
        return self._reads.ask(lambda db: bulk_reads.heads(db, statuses, runs))

    def runs_with(self, statuses: Sequence[str]) -> list[str]:
        """Return the runs that have jobs of these statuses."""
        return self._reads.ask(lambda db: bulk_reads.runs_with(db, statuses))

    def some(self, ids: Sequence[str]) -> list[JobRow]:
        """Return the jobs with these ids, in this order."""
        return self._reads.ask(lambda db: bulk_reads.some(db, ids))

    def some_heads(self, ids: Sequence[str]) -> list[JobHead]:
        """Return the same without the jobs' data."""
        return self._reads.ask(lambda db: bulk_reads.some_heads(db, ids))

    def events(self, job_id: str) -> list[EventRow]:
        """Return a job's story, oldest line first."""
        return self._reads.ask(lambda db: job_reads.events(db, job_id))

    def effects_of(self, job_id: str) -> list[EffectRow]:
        """Return a job's effects, oldest first."""
        return self._reads.ask(lambda db: effects.of_job(db, job_id))

    def renders(self, ids: Sequence[str]) -> dict[str, RenderRow]:
        """Return the renders with these ids; unknown ones are left out."""
        return self._reads.ask(lambda db: renders.some(db, ids))

    def accounts_of(self, run_ids: Iterable[str]) -> list[str]:
        """Accounts at which jobs of these runs have a render or a request in doubt, whatever is set now."""
        return self._reads.ask(lambda db: evidence.accounts_of(db, run_ids))

    def sendings(self, job_ids: Sequence[str]) -> dict[str, Sendings]:
        """Return the render requests sent for each of these jobs, and the requests' money."""
        return self._reads.ask(lambda db: effects.sendings(db, job_ids))

    def calls(self, account: str, since: float) -> list[float]:
        """Return when requests of an account were answered since a time, oldest first; a day back at most."""
        return self._reads.ask(lambda db: limits.calls(db, account, since))

    def counted(self, budget: Budget) -> dict[str, int]:
        """Return the money that this day's and month's budgets hold, by name, in millionths of a US dollar."""
        return self._reads.ask(lambda db: budgets.held(db, budget, self._clock()))

    def promised(self, brand: str | None) -> int:
        """Return what is promised to the open jobs of firings, and not reserved yet: those of a brand, or all."""
        from reelwork.store.sqlite import schedules

        return self._reads.ask(lambda db: schedules.promised_to(db, brand))

    def spending(self, by: By, *, since: date | None = None, until: date | None = None) -> list[Spending]:
        """Money by day or month (UTC), provider, workflow, run or brand, oldest first; both days included."""
        from reelwork.store.sqlite import spending

        return self._reads.ask(lambda db: spending.spending(db, by, since, until))

    def figures(self) -> Figures:
        """Return how the store stands at this moment."""
        from reelwork.store.sqlite import figures

        return self._reads.ask(lambda db: figures.figures(db, self._clock()))

    def newest_runs(self, since: float) -> list[RunRow]:
        """Return the newest run of each workflow that ran at or after a time, by the workflow's name."""
        from reelwork.store.sqlite import figures

        return self._reads.ask(lambda db: figures.newest_runs(db, since))

    def tokens(self) -> list[TokenRow]:
        """Return the tokens by which programs and persons enter a server, by name."""
        return self._reads.ask(tokens.all_tokens)

    def link_with(self, hash_: str, now: float) -> LinkRow | None:
        """Return the link to sign in with that has this hash, if it can still be used."""
        return self._reads.ask(lambda db: tokens.link_with(db, hash_, now))

    def token_with(self, hash_: str) -> TokenRow | None:
        """Return the token with this hash; None if there is none."""
        return self._reads.ask(lambda db: tokens.token_with(db, hash_))

    def dealt_with(self) -> list[DealtWith]:
        """Return the causes of failures that people have dealt with."""
        return self._reads.ask(causes.dealt_with)

    def brands(self) -> list[str]:
        """Return the brands for which there was ever a run, by name."""
        return self._reads.ask(job_reads.brands)

    def post_stops(self) -> list[PostStop]:
        """Return the stops that keep posts from leaving, the oldest first."""
        return self._reads.ask(post_stops.all_stops)

    def posts_under_way(self) -> int:
        """Return how many posts have left and have no outcome yet."""
        return self._reads.ask(post_stops.under_way)

    def webhook_targets(self) -> list[TargetRow]:
        """Return the webhooks that are sent, by name."""
        return self._reads.ask(outbox.targets)

    def deliveries(self, target: str | None, limit: int, *, id_: str | None = None) -> list[DeliveryRow]:
        """Return deliveries, the newest events first."""
        return self._reads.ask(lambda db: outbox.deliveries(db, target, limit, id_))

    def next_delivery(self, name: str) -> float | None:
        """Return when the next event to a webhook is due; None if nothing waits."""
        return self._reads.ask(lambda db: outbox.next_due(db, name))

    def removable(self, before: float) -> Removable:
        """Count what `remove_ended` would remove, and the jobs of the same age that it would leave."""
        return self._reads.ask(lambda db: retention.removable(db, before, self._clock()))

    def schedules(self) -> list[ScheduleRow]:
        """Return the schedules by name, removed ones included."""
        from reelwork.store.sqlite import schedules

        return self._reads.ask(schedules.schedules)

    def slots(self, name: str, limit: int = -1) -> list[SlotRow]:
        """Return the slots of a schedule, newest first."""
        from reelwork.store.sqlite import schedules

        return self._reads.ask(lambda db: schedules.slots(db, name, limit))

    def waiting_slots(self, name: str) -> list[SlotRow]:
        """Return the slots of a schedule that wait, oldest first."""
        from reelwork.store.sqlite import schedules

        return self._reads.ask(lambda db: schedules.waiting(db, name))

    def last_successes(self) -> dict[str, float]:
        """Return the time of each schedule's last firing whose jobs are all done; none for one without."""
        from reelwork.store.sqlite import schedules

        return self._reads.ask(schedules.last_successes)

    def used_rows(self, name: str) -> list[tuple[int, str]]:
        """Return the rows of its batch that a schedule has used, each with its cycle."""
        from reelwork.store.sqlite import schedules

        return self._reads.ask(lambda db: schedules.used_rows(db, name))

    def is_running(self, name: str) -> bool:
        """Return whether a job of a firing of this schedule is running: one that is held is not."""
        from reelwork.store.sqlite import schedules

        return self._reads.ask(lambda db: schedules.is_running(db, name))

    def fired_jobs(self, statuses: Sequence[str], name: str | None = None) -> list[str]:
        """Return the jobs of these statuses that a schedule has fired, or any schedule, oldest first."""
        from reelwork.store.sqlite import schedules

        return self._reads.ask(lambda db: schedules.fired_jobs(db, statuses, name))

    def jobs_of_firing(self, run_id: str) -> list[JobRow]:
        """Return the jobs that a firing has launched, oldest first."""
        from reelwork.store.sqlite import schedules

        return self._reads.ask(lambda db: schedules.jobs_of_firing(db, run_id))

    def backup_taken_at(self) -> str | None:
        """Return when this file was copied as a backup; None for a store in use."""
        query = "SELECT value FROM facts WHERE name = 'backup_taken_at'"
        row = self._reads.ask(lambda db: db.execute(query).fetchone())
        return None if row is None else str(row[0])

    def runs_at_work(self) -> set[str]:
        """Return the runs whose jobs a living process drives now, as far as known. Nothing is changed."""
        return workers.runs_at_work(self.path)

    def served_at(self) -> list[str]:
        """Return where servers of this store answer on this machine now. Nothing is changed."""
        return workers.served_at(self.path)

    def anybody_works(self) -> bool:
        """Return whether a process that drives jobs of this store is alive; True if that is not known."""
        return bool(workers.living(self.path))
