"""Fires the schedules of a store for as long as a server runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from reelwork.clock import UNTRUSTED, Timeline, clock_of, in_words
from reelwork.errors import StoreUnwritable, describe, in_sentences
from reelwork.schedules.clock_watch import ClockWatch
from reelwork.schedules.spec import Schedule, schedule_of
from reelwork.schedules.trigger import ScheduleTrigger
from reelwork.settings.pings import pings_may_be_private
from reelwork.store.schedules import ScheduleRow, SlotRow, SlotState
from reelwork.studio.firing.firer import Firer
from reelwork.studio.firing.foreseeing import Foreseeing
from reelwork.studio.firing.pinging import SchedulePings
from reelwork.studio.pings import Pings
from reelwork.studio.session import Session
from reelwork_hooks.errors import ReelworkError

log = logging.getLogger("reelwork.schedules")

LAST_PINGS = 2.0
"""Seconds for which pings may still arrive when a server ends."""
LOOK = 10.0
"""Seconds between two looks, in which what other processes and editors have changed is seen."""
FEW = 3
"""Slots with one fate that are told one by one."""
Told = Callable[[SlotRow], None]


class Runner:
    """Fires what is due. Jobs are only written: the engine of the same store drives them.

    `session` is the server's own. Any number of runners may work on one store: each slot is fired once. Raises
    `StoreInvalid` for a store from which nothing may be sent.
    """

    def __init__(
        self, session: Session, *, clock: Callable[[], float], on_slot: Told | None = None, every: float = LOOK
    ) -> None:
        # Nothing is written for a store that forgot what was sent, or that is a copy.
        session.store.check_whole()
        self._session = session
        self._watch = ClockWatch()
        self._firer = Firer(session, vouched=lambda: self._watch.is_vouched_for)
        self._foreseeing = Foreseeing(session.store)
        self._pings = Pings(session.context, private=pings_may_be_private())
        self._pinging = SchedulePings(session.store, self._pings)
        self._on_slot = on_slot
        self._every = every
        # The machine's own clocks: the timeline of the engine takes a step out of all that waits, and here it is
        # the step that matters.
        self._clock = clock.clock if isinstance(clock, Timeline) else clock_of(clock)
        self._doubting = False
        self._seen: dict[str, tuple[object, ...]] = {}
        """By schedule, its version and how its files were when they were last checked."""
        self._troubles: dict[tuple[str, int], str] = {}
        """By schedule and version, what was last said of it."""

    async def run(self, stop: asyncio.Event) -> None:
        """Fire what is due until `stop` is set. Raises `StoreUnwritable` when the store cannot be written."""
        due = asyncio.Event()
        scheduler = AsyncIOScheduler(timezone=UTC)
        scheduler.start()
        # One task ends both waits: a schedule's own time, and the end of the server.
        ended = asyncio.create_task(_set_after(stop, due))
        try:
            while not stop.is_set():
                due.clear()
                self._wake_at_their_times(scheduler, due)
                await self.look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._every):
                        await due.wait()
        finally:
            ended.cancel()
            scheduler.shutdown(wait=False)
            await self.close_pings(LAST_PINGS)

    async def close_pings(self, seconds: float) -> None:
        """Tell what there is to tell of firings that have ended, and let that arrive within some seconds."""
        for row in self._rows():
            with suppress(ReelworkError):
                await self._pinging.look(schedule_of(row), self._clock.wall())
        await self._pings.close(seconds)

    async def look(self) -> list[SlotRow]:
        """Decide about everything that is due now; return the slots that were written."""
        now = self._clock.wall()
        if not self._trusted(now):
            return []
        written: list[SlotRow] = []
        for row in self._rows():
            try:
                await self._check_files(schedule_of(row), now)
                slots = await self._firer.look(row.name, now)
                await self._pinging.look(schedule_of(row), now)
            except StoreUnwritable:
                raise
            except Exception as error:
                # Its own fault, or one of ours: the other schedules go on all the same.
                await self._in_trouble(row, error)
                continue
            self._tell(slots)
            written += slots
        await self._foresee(now, again=bool(written))
        return written

    async def _foresee(self, now: float, *, again: bool) -> None:
        """Tell which firings of the next day will find no room in a budget."""
        rows = {row.name: row for row in self._rows()}
        # As they stand now: a pause or another mark is no reason to plan a firing anew.
        some = [
            replace(one, schedule=schedule_of(rows[name]))
            for name, one in self._firer.expected.items()
            if name in rows
        ]
        await self._foreseeing.look(some, now, again=again)

    async def _in_trouble(self, row: ScheduleRow, error: Exception) -> None:
        told = in_sentences(error) if isinstance(error, ReelworkError) else f"It fails: {describe(error)}."
        # Once for each version and trouble, not for each look.
        if told != self._troubles.get((row.name, row.version)):
            self._troubles[row.name, row.version] = told
            log.error("schedule %s cannot fire: %s", row.name, told)
            log.debug("schedule %s", row.name, exc_info=error)
        await self._session.store.tell_trouble(row.name, row.version, told)

    def _trusted(self, now: float) -> bool:
        trusted = self._watch.trusts(now, self._clock.steady())
        if not trusted and not self._doubting:
            log.warning(
                "the clock of this machine was set forward; schedules wait for %s, in case it is corrected",
                in_words(UNTRUSTED),
            )
        self._doubting = not trusted
        return trusted

    def _rows(self) -> list[ScheduleRow]:
        return [row for row in self._session.store.schedules() if row.removed_at is None]

    async def _check_files(self, schedule: Schedule, now: float) -> None:
        """Say what is wrong with a file as soon as it is there, and not when it is due."""
        spec = schedule.spec
        # Each row of a batch may cost something else.
        used = len(self._session.store.used_rows(schedule.name)) if spec.is_batch else 0
        seen = (schedule.row.version, used, *(_state(path) for path in (spec.file, spec.workflow) if path))
        if self._seen.get(schedule.name) != seen:
            self._seen[schedule.name] = seen
            await self._firer.check(schedule.name, now)

    def _tell(self, slots: Sequence[SlotRow]) -> None:
        """Tell what became of slots, those of one fate in one line: after an outage there may be thousands."""
        fates: dict[tuple[str, str, str], list[SlotRow]] = {}
        for slot in slots:
            reason, _, _ = slot.reason.partition("; ")
            fates.setdefault((slot.schedule, slot.state, reason), []).append(slot)
        for (name, state, reason), same in fates.items():
            if self._on_slot is not None or len(same) <= FEW:
                for slot in same:
                    self._tell_one(slot)
                continue
            said = log.info if state in (SlotState.FIRED, SlotState.PAUSED) else log.warning
            why = f": {reason}" if reason else ""
            said("schedule %s, %s to %s: %d times %s%s", name, same[0].key, same[-1].key, len(same), state, why)

    def _tell_one(self, slot: SlotRow) -> None:
        why = f": {slot.reason}" if slot.reason else ""
        # Whoever is told each slot need not read of it a second time.
        quiet = self._on_slot is not None or slot.state in (SlotState.FIRED, SlotState.PAUSED)
        said = log.info if quiet else log.warning
        said("schedule %s, %s %s%s", slot.schedule, slot.key, slot.state, why)
        if self._on_slot is not None:
            self._on_slot(slot)

    def _wake_at_their_times(self, scheduler: AsyncIOScheduler, due: asyncio.Event) -> None:
        """Let APScheduler wake this runner when a schedule is due."""
        wanted = {}
        for row in self._rows():
            # One that cannot be followed is told by `look`, and the others are woken.
            with suppress(Exception):
                wanted[f"{row.name}\n{row.version}"] = ScheduleTrigger(schedule_of(row))
        there = {job.id for job in scheduler.get_jobs()}
        for gone in there - wanted.keys():
            scheduler.remove_job(gone)

        async def wake() -> None:
            due.set()

        for id_ in wanted.keys() - there:
            # However late it is woken, the slots are found in the store: nothing is dropped as a misfire.
            with suppress(Exception):
                scheduler.add_job(
                    wake, wanted[id_], id=id_, misfire_grace_time=None, coalesce=True, max_instances=1
                )


async def _set_after(stop: asyncio.Event, due: asyncio.Event) -> None:
    await stop.wait()
    due.set()


def _state(path: str) -> tuple[int, int] | None:
    """Return what shows that a file was changed; None if it is not there."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size
