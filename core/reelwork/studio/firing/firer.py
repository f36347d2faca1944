"""Fires what is due of a schedule, or writes down why it is not fired."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from reelwork.engine.left import left_for
from reelwork.errors import BudgetExceeded, MovedOn, in_sentences
from reelwork.ids import new_id
from reelwork.plural import counted
from reelwork.schedules.decisions import STILL_RUNNING, Due, decide, expired, fired, is_ahead, refused
from reelwork.schedules.foresight import Expected
from reelwork.schedules.rule import Firing
from reelwork.schedules.spec import Schedule, found_in, schedule_of
from reelwork.store.protocol import Store
from reelwork.store.records import JobRow
from reelwork.store.schedules import Decided, NewFiring, Outcome, SlotRow, SlotState
from reelwork.store.statuses import Status
from reelwork.studio.firing.launching import (
    Allow,
    BudgetShort,
    NotAgreed,
    Prepared,
    RowsUsedUp,
    SlotOver,
    allowed_by,
    check_file,
    prepare,
)
from reelwork.studio.session import Session
from reelwork_hooks.errors import ReelworkError

log = logging.getLogger("reelwork.schedules")

By = Callable[[SlotRow], Store]
LEFT = "job {} of the firing before is left to another process"
FEW_ROWS = 3
"""Rows of a batch file that are left when that is said."""
# A day's budget is free again at midnight (UTC), and money that was reserved may be released before.
BUDGET_AGAIN = 600.0
"""Seconds after which a firing that waits for its budget is tried again."""


@dataclass
class Firer:
    """Fires the schedules of one store. Every time is handed in."""

    session: Session
    _said: set[str] = field(default_factory=set)
    """The jobs of which it was said that they keep a schedule waiting."""
    vouched: Callable[[], bool] = lambda: False
    """Returns whether a server's clock has agreed with this machine's since that was last set."""
    expected: dict[str, Expected] = field(default_factory=dict)
    """What a firing of each schedule costs, as its files were when they were last checked."""

    async def look(self, name: str, now: float) -> list[SlotRow]:
        """Decide about everything of a schedule that is due; return the slots that were written."""
        await self._pull_back(name, now)
        written: list[SlotRow] = []
        for slot in self.session.store.waiting_slots(name):
            written += await self._again(name, slot, now)
        schedule = self._schedule(name)
        if schedule is None:
            return written
        running = what_keeps(self.session.store, name)
        due = decide(schedule, self.session.store.waiting_slots(name), running=running, now=now)
        return written if due is None else [*written, *await self._settle(schedule, due, now)]

    async def _pull_back(self, name: str, now: float) -> None:
        """Let a schedule go on whose times were decided while the clock of the machine was ahead."""
        schedule = self._schedule(name)
        store = self.session.store
        slots = partial(store.slots, name)
        if schedule is None or not is_ahead(schedule, now, slots, vouched=self.vouched()):
            return
        row = schedule.row
        # Of several servers, the one that has moved it says so.
        if await store.pull_back(name, row.version, row.decided_until, now):
            then, here = (
                f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC" for at in (row.decided_until, now)
            )
            log.warning(
                "schedule %s was decided up to %s by a clock that was ahead; it continues from now, %s; nothing "
                "that has fired fires again",
                name,
                then,
                here,
            )

    async def check(self, name: str, now: float) -> str:
        """Look whether the file of a schedule could be run now; keep and return what is wrong with it."""
        schedule = self._schedule(name)
        if schedule is None:
            return ""
        try:
            made = await check_file(self.session, name, schedule.spec, self._used(name), now)
        except ReelworkError as error:
            self.expected.pop(name, None)
            return await self._in_trouble(schedule, error)
        self.expected[name] = Expected(schedule, made.cost, made.budget, len(made.jobs), made.account, made.per_day)
        await self._tell(schedule, "")
        return ""

    async def fire_now(self, name: str, now: float, allow: Allow, by: By | None = None) -> SlotRow:
        """Fire a schedule beside its times, which stay as they are. Raises a `ReelworkError`.

        `by` gives the store through which the slot is written; the session's own if there is none.
        """
        store = self.session.store
        schedule = found_in(store.schedules(), name)
        at = datetime.fromtimestamp(now, UTC)
        firing = Firing(f"now:{at:%Y-%m-%dT%H:%M:%SZ}:{new_id()[-6:]}", now)
        prepared = await prepare(self.session, name, schedule.spec, self._used(name), now, allow)
        slot = _used_by(fired(schedule, firing, now, "by hand"), prepared)
        # The mark as it is by now: a person fires it, whatever a server decides about its times meanwhile. But not
        # what it was before somebody changed it: that may be another file, and another agreement.
        row = found_in(store.schedules(), name).row
        if row.version != schedule.row.version:
            raise _changed(name)
        new = NewFiring(slot, prepared.run, prepared.jobs, prepared.cost, prepared.budget)
        decided = Decided(name, row.version, row.decided_until, row.decided_until, (), new)
        if await (store if by is None else by(slot)).settle(decided) is not Outcome.WRITTEN:
            raise _changed(name)
        return slot

    def _schedule(self, name: str) -> Schedule | None:
        rows = self.session.store.schedules()
        row = next((row for row in rows if row.name == name and row.removed_at is None), None)
        return None if row is None else schedule_of(row)

    def _used(self, name: str) -> list[tuple[int, str]]:
        return self.session.store.used_rows(name)

    async def _settle(self, schedule: Schedule, due: Due, now: float) -> Sequence[SlotRow]:
        row = schedule.row
        decided = Decided(row.name, row.version, row.decided_until, due.decided_until, due.slots)
        if due.fires is None:
            return await self._write(decided)
        try:
            firing = await self._prepared(schedule, due.fires, now)
        except (BudgetShort, NotAgreed, RowsUsedUp, SlotOver) as error:
            return await self._write(
                replace(decided, slots=(*due.slots, _not_made(schedule, due.fires, error, now)))
            )
        except ReelworkError as error:
            # Left undecided: once the file is mended, these are times that were missed.
            await self._in_trouble(schedule, error)
            return ()
        await self._tell(schedule, "")
        try:
            return await self._write(replace(decided, firing=firing))
        except BudgetExceeded as error:
            short = BudgetShort(error.message)
            return await self._write(
                replace(decided, slots=(*due.slots, _not_made(schedule, due.fires, short, now)))
            )

    async def _prepared(self, schedule: Schedule, firing: Firing, now: float, reason: str = "") -> NewFiring:
        allow = allowed_by(schedule.spec.agreed)
        used, slot_at = self._used(schedule.name), schedule.spec.slot_of(firing)
        made = await prepare(self.session, schedule.name, schedule.spec, used, now, allow, slot_at, firing.at)
        if made.row is not None and made.row.left <= FEW_ROWS and schedule.spec.at_end == "stop":
            left = counted(made.row.left, "row")
            log.warning("schedule %s: %s left in %s", schedule.name, left, schedule.spec.file)
        slot = _used_by(fired(schedule, firing, now, reason), made)
        alone = schedule.spec.overlap != "allow"
        return NewFiring(slot, made.run, made.jobs, made.cost, made.budget, alone)

    async def _again(self, name: str, slot: SlotRow, now: float) -> Sequence[SlotRow]:
        """Try a slot that waits, if its time has come."""
        schedule = self._schedule(name)
        if schedule is None or slot.due_at is None or slot.due_at > now or schedule.paused_at(now):
            return ()
        if expired(schedule, slot, now):
            why = what_keeps(self.session.store, name) or slot.reason
            lost = replace(slot, state=SlotState.MISSED, reason=why, due_at=None, decided_at=now)
            return await self._write(_beside(schedule, lost))
        if schedule.spec.overlap != "allow" and self.session.store.is_running(name):
            self._say_left(name)
            return ()
        firing = Firing(slot.key, slot.at)
        try:
            new = await self._prepared(schedule, firing, now, reason=f"waited: {slot.reason}")
            return await self._write(replace(_beside(schedule), firing=new))
        except (BudgetShort, BudgetExceeded, NotAgreed, RowsUsedUp, SlotOver) as error:
            return await self._write(_beside(schedule, _not_made(schedule, firing, error, now)))
        except ReelworkError as error:
            await self._in_trouble(schedule, error)
            return ()

    def _say_left(self, name: str) -> None:
        """Say once of each job that it keeps its schedule waiting, where waiting alone will not end that."""
        for job in _unended(self.session.store, name):
            why = left_for(job.reason)
            if why and job.id not in self._said:
                self._said.add(job.id)
                log.warning("schedule %s waits for job %s, which is left to another process: %s", name, job.id, why)

    async def _write(self, decided: Decided) -> Sequence[SlotRow]:
        """Write a decision; return its slots, or none if another process was first or a job is running."""
        outcome = await self.session.store.settle(decided)
        if outcome is not Outcome.WRITTEN:
            return ()
        return [*decided.slots, *([decided.firing.slot] if decided.firing else [])]

    async def _in_trouble(self, schedule: Schedule, error: ReelworkError) -> str:
        told = in_sentences(error)
        if told != schedule.row.trouble:
            log.error("schedule %s cannot fire: %s", schedule.name, told)
        await self._tell(schedule, told)
        return told

    async def _tell(self, schedule: Schedule, trouble: str) -> None:
        if trouble != schedule.row.trouble:
            await self.session.store.tell_trouble(schedule.name, schedule.row.version, trouble)


def _changed(name: str) -> MovedOn:
    return MovedOn(
        f"The schedule {name!r} was changed at this moment.",
        money="Nothing was sent, nothing was spent.",
        hint="Fire it again.",
    )


def what_keeps(store: Store, name: str) -> str:
    """Say what keeps the next firing of a schedule back; empty if nothing does."""
    if not store.is_running(name):
        return ""
    # A job that nobody here can go on with looks like one that runs, and would send a person to wait for it.
    for job in _unended(store, name):
        if why := left_for(job.reason):
            return f"{LEFT.format(job.id)}: {why}"
    return STILL_RUNNING


def _unended(store: Store, name: str) -> Iterator[JobRow]:
    rows = map(store.job, store.fired_jobs((Status.ACTIVE,), name))
    return (row for row in rows if row is not None)


def _beside(schedule: Schedule, *slots: SlotRow) -> Decided:
    """Return a decision about slots that are older than the mark, which stays where it is."""
    row = schedule.row
    return Decided(row.name, row.version, row.decided_until, row.decided_until, slots)


def _used_by(slot: SlotRow, made: Prepared) -> SlotRow:
    """Return the slot with the run that it became, and the row that it used."""
    if made.row is None:
        return replace(slot, run_id=made.run.id)
    return replace(slot, run_id=made.run.id, cycle=made.row.cycle, row=made.row.identity)


def _not_made(schedule: Schedule, firing: Firing, error: ReelworkError, now: float) -> SlotRow:
    if isinstance(error, SlotOver):
        return replace(refused(schedule, firing, error.message, now), state=SlotState.MISSED)
    slot = refused(schedule, firing, in_sentences(error), now)
    short = isinstance(error, BudgetShort | BudgetExceeded)
    if not short or schedule.spec.on_budget != "wait":
        return slot
    return replace(slot, state=SlotState.WAITING, due_at=_try_again(now))


def _try_again(now: float) -> float:
    """Return when a budget is looked at again: soon, or when the day (UTC) ends."""
    day = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return min(now + BUDGET_AGAIN, (day + timedelta(days=1)).timestamp())
