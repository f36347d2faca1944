"""The soak: a state machine that adds jobs, breaks everything that can break, and judges by the world's own log.

Each step is one of its rules. After each step `Judge` compares what the other sides were asked for with what the
ledger says; at the end all is healed, the work is brought to an end and every job must have an explained one.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from soak_judge import Judge
from soak_process import Process, store_at
from soak_workflows import DESTINATIONS, KINDS, LIMITS, Workflows
from soak_world import LATE, SETTLE, Here, World

from reelwork.engine.timing import LEASE
from reelwork.errors import WorkflowInvalid
from reelwork.ids import new_id
from reelwork.ledger import Ledger
from reelwork.plugins.pipeline import Pipeline
from reelwork.store.commands import SetJob
from reelwork.store.records import FAILED, HELD, LOST, PAID_AGAIN, REJECTED, EffectRow, JobRow, RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.decisions import cancel, resolve
from reelwork.studio.launch import launch_brief
from reelwork_hooks import Brief

TEXTS = ("a fox", "an owl", "a crab")
CONTROL = "a whale in a blue sea"
"""At least as long as the others: what shows it shows them."""
POINTS = ("before commit", "after commit", "leaving", "accepted", "looking", "polling", "fetching")
FAULTS = ("lost after", "500", "lost before", "late", "429", "refused", "bug", "stuck thread", "rejected", "")
LISTINGS = ("complete", "unsure", "down", "short", "stale")
OUTCOMES = ("completed", "completed cheap", "failed", "failed free", "lost")
MOST_JOBS = 12
PROCESSES = 3
MOST_ROUNDS = 300

few = st.integers(1, 6)
process = st.integers(0, PROCESSES - 1)
job = st.integers(0, MOST_JOBS - 1)
side = st.integers(0, 5)


class Soak(RuleBasedStateMachine):
    """Jobs, processes, faults and persons on one store."""

    ledger: ClassVar[type[Ledger]] = Ledger
    store: ClassVar[type[SqliteStore]] = SqliteStore
    steps: ClassVar[int] = 0
    """Rules carried out by all machines of this class."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        fast = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(prefix="reelwork-soak-", dir=fast if fast.is_dir() else None))
        self.world = Here.world = World()
        self.pipelines: dict[str, Pipeline] = {}
        self.desk = store_at(self.folder / "store.db", self.world.clock)
        self.judge = Judge(self.world, self.desk)
        self.processes: list[Process | None] = [None] * PROCESSES
        self.struck: Counter[str] = Counter()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def _process(self, number: int) -> Process:
        found = self.processes[number]
        if found is None or found.dead:
            found = Process(
                self.folder / "store.db", self.world.clock, self.pipelines, ledger=self.ledger, store=self.store
            )
            self.processes[number] = found
        return found

    def _alive(self) -> list[Process]:
        return [one for one in self.processes if one is not None and not one.dead]

    @initialize(warm=st.booleans())
    def begin(self, warm: bool) -> None:
        """Half of the worlds know something that was made and posted before all that comes."""
        if warm:
            self._add_controls()
            self.time_passes(SETTLE + 1)

    # --- jobs ------------------------------------------------------------------------------------------

    @rule(
        kind=st.sampled_from(KINDS),
        text=st.sampled_from(TEXTS),
        count=st.integers(1, 3),
        destinations=st.sampled_from(DESTINATIONS),
        limits=st.sampled_from(LIMITS),
        faults=st.lists(st.sampled_from(FAULTS), max_size=4),
    )
    def add_jobs(
        self, kind: str, text: str, count: int, destinations: tuple[str, ...], limits: str, faults: list[str]
    ) -> None:
        kind, text, destinations = self.narrowed(kind, text, destinations)
        self.world.providers[kind].faults = list(faults)
        count = min(count, MOST_JOBS - len(self.judge.texts))
        if count > 0:
            self._add(kind, text, count, destinations, limits)

    def _add(self, kind: str, text: str, count: int, destinations: tuple[str, ...], limits: str) -> None:
        pipeline = Workflows.pipeline(kind, destinations, limits)
        run_id = new_id()
        self.pipelines[run_id] = pipeline
        brief = Brief(prompt=text, caption=text, duration=1, takes=count, publish_takes="all")
        launch = launch_brief(pipeline, brief, run_id)
        self._do(self.desk.add_run(RunRow(run_id, None, "soak", "{}", self.world.clock())))
        rows = self._do(self.desk.add_jobs(run_id, launch.jobs))
        self.judge.added(rows, text, pipeline.budget)

    def narrowed(self, kind: str, text: str, where: tuple[str, ...]) -> tuple[str, str, tuple[str, ...]]:
        """What a form of the soak makes of what was drawn."""
        return kind, text, where

    @rule(number=process, rounds=few, seconds=st.sampled_from((0.0, 12.0, SETTLE + 1)))
    def work(self, number: int, rounds: int = 1, seconds: float = 0.0) -> None:
        for _ in range(rounds):
            self._do(self._process(number).turn())
            self._bury_dead()
            self.time_passes(seconds)

    @rule(number=process, point=st.sampled_from(POINTS), nth=few, how=st.sampled_from(("dies", "stops")))
    def work_until_struck(self, number: int, point: str, nth: int, how: str) -> None:
        found = self._process(number)
        found.strike(point, nth, how)
        self._do(found.turn())
        self.struck["processes paused"] += not found.dead and found.paused
        self._bury_dead()

    @precondition(lambda self: self.judge.texts)
    @rule(number=process, point=st.sampled_from(POINTS[:4]), nth=few, rounds=st.integers(2, 8), wakes=st.booleans())
    def sleep_beyond_the_lease(self, number: int, point: str, nth: int, rounds: int, wakes: bool) -> None:
        """One is paused where it hurts, another takes over what it had; then the first goes on unaware."""
        self.work_until_struck(number, point, nth, "stops")
        self.time_passes(LEASE + 1)
        self.work((number + 1) % PROCESSES, rounds, SETTLE + 1)
        found = self.processes[number]
        if wakes and found is not None:
            lost = self.judge.not_held_by(found.owner.name)
            self._do(found.wake())
            self.judge.check_untouched(lost)

    @precondition(lambda self: any(one.paused for one in self._alive()))
    @rule(number=process)
    def wake_up(self, number: int) -> None:
        paused = [one for one in self._alive() if one.paused]
        self._do(paused[number % len(paused)].wake())
        self._bury_dead()

    @precondition(lambda self: self._alive())
    @rule(number=process)
    def kill(self, number: int) -> None:
        alive = self._alive()
        self._do(alive[number % len(alive)].bury())
        self._bury_dead()

    def _bury_dead(self) -> None:
        for number, one in enumerate(self.processes):
            if one is not None and one.dead:
                self.struck["processes that died"] += 1
                for each in self.world.sides:
                    each.forget(one)
                self.processes[number] = None

    # --- the world -------------------------------------------------------------------------------------

    @precondition(lambda self: self.judge.texts)
    @rule(number=side, faults=st.lists(st.sampled_from(FAULTS), min_size=1, max_size=4))
    def things_go_wrong(self, number: int, faults: list[str]) -> None:
        self.world.sides[number].faults = list(faults)

    @precondition(lambda self: self.judge.texts)
    @rule(number=side, outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=3))
    def renders_will_end(self, number: int, outcomes: list[str]) -> None:
        self.world.sides[number % 3].outcomes = list(outcomes)

    @rule(
        number=side,
        listing=st.sampled_from(LISTINGS),
        lag=st.sampled_from((0.0, LATE)),
    )
    def listing_is(self, number: int, listing: str, lag: float) -> None:
        self.world.sides[number].listing = listing
        self.world.sides[number].frozen_at = self.world.clock()
        self.world.sides[number].lag = lag

    @rule(number=side)
    def outage_begins_or_ends(self, number: int) -> None:
        self.world.sides[number].outage = not self.world.sides[number].outage

    @precondition(lambda self: any(each.late for each in self.world.sides))
    @rule(number=process)
    def stuck_thread_ends(self, number: int) -> None:
        alive = self._alive()
        if alive:
            for each in self.world.sides:
                each.arrive(thread_ends=alive[number % len(alive)])

    @rule(seconds=st.sampled_from((3.0, 12.0, SETTLE + 1, 70.0, 5000.0)))
    def time_passes(self, seconds: float) -> None:
        self.world.time_passes(seconds)

    # --- persons ---------------------------------------------------------------------------------------

    def _jobs(self, *statuses: str) -> list[JobRow]:
        return list(self.desk.jobs(statuses=statuses))[::-1]

    @precondition(lambda self: self._jobs(FAILED, HELD))
    @rule()
    def resume(self) -> None:
        rows = [row for row in self._jobs(FAILED, HELD) if row.step != PAID_AGAIN]
        self._do(self.desk.wake([row.id for row in rows], (FAILED, HELD)))

    @precondition(lambda self: self._jobs(FAILED, HELD, REJECTED))
    @rule(number=job)
    def retry(self, number: int) -> None:
        rows = self._jobs(FAILED, HELD, REJECTED)
        row = rows[number % len(rows)]
        if row.status == HELD and row.step == LOST:
            self._do(self.desk.decide(row.id, SetJob(HELD, PAID_AGAIN, None, row.reason)))
        self._do(self.desk.wake([row.id], (FAILED, HELD, REJECTED)))

    @precondition(lambda self: self.judge.texts)
    @rule(number=job)
    def cancel(self, number: int) -> None:
        rows = self._jobs("active", FAILED, HELD, REJECTED)
        # Seldom: a cancelled job teaches little more.
        if number < len(rows) // 2:
            self._do(cancel(self.desk, rows[number]))

    @precondition(lambda self: self.judge.knowable())
    @rule(number=job)
    def decide(self, number: int) -> None:
        known = self.judge.knowable()
        self._decide(*known[number % len(known)])

    def _decide(self, row: JobRow, effect: EffectRow, remote_id: str | None) -> None:
        choice: Any = "happened" if remote_id else "not-happened"
        # Refused as long as a process lives that may still do it.
        with contextlib.suppress(WorkflowInvalid):
            shown: Any = {"destination": effect.subject, "attempt": effect.attempt}
            self._do(resolve(self.desk, row, choice, remote_id=remote_id, **shown))

    @precondition(lambda self: self.judge.texts)
    @rule(number=job)
    def look_early(self, number: int) -> None:
        rows = [row for row in self._jobs() if row.render_id]
        if rows:
            self._do(self.desk.look_now(rows[number % len(rows)].render_id))

    @precondition(lambda self: self.judge.texts)
    @rule()
    def reconcile(self) -> None:
        received = [each.received for each in self.world.sides]
        self._reconcile()
        assert received == [each.received for each in self.world.sides], "reconciling sent something"

    def _reconcile(self) -> None:
        clerk = Process(
            self.folder / "store.db", self.world.clock, self.pipelines, ledger=self.ledger, store=self.store
        )
        self._do(clerk.reconcile())
        self._do(clerk.bury())

    # --- judging ---------------------------------------------------------------------------------------

    @invariant()
    def judged(self) -> None:
        type(self).steps += 1
        self.judge.check()

    def teardown(self) -> None:
        try:
            if not self.judge.condemned:
                self._end_well()
        finally:
            for one in self._alive():
                self._do(one.bury())
            self.desk._db.close()
            self.loop.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _end_well(self) -> None:
        for each in self.world.sides:
            each.heal()
        for one in self._alive():
            self._do(one.wake())
            for each in self.world.sides:
                each.arrive(thread_ends=one)
        for one in self._alive():
            self._do(one.bury())
        self._bury_dead()
        self.world.time_passes(2 * LATE + SETTLE)
        self._run_to_quiet()
        self._add_controls()
        for _ in range(3):
            self.resume()
            self._run_to_quiet()
            for known in self.judge.knowable():
                self._decide(*known)
            self._run_to_quiet()
        self._reconcile()
        self.judge.check()
        self.judge.check_ends()

    def _add_controls(self) -> None:
        """Something is made and posted after all that is in doubt, and its answers arrive."""
        self._add("lookup", CONTROL, 1, ("lookup",), "none")
        self._run_to_quiet()

    def _run_to_quiet(self) -> None:
        for _ in range(MOST_ROUNDS):
            self.work(0)
            self.judge.check()
            due = self._do(self.desk.next_due(None))
            if due is None:
                return
            self.world.time_passes(max(due - self.world.clock.now, 20.0))
        reasons = [f"{row.id} at {row.step}: {row.reason}" for row in self._jobs("active")]
        raise AssertionError(f"jobs that never come to rest: {reasons}")


class Alike(Soak):
    """The same where it is hardest: all ask for the same, and only a listing can tell what became of it."""

    def narrowed(self, kind: str, text: str, where: tuple[str, ...]) -> tuple[str, str, tuple[str, ...]]:
        return "lookup", TEXTS[0], ("lookup",) if where else ()
