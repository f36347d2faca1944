"""Tells each schedule's dead man's switch what becomes of its firings."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from reelwork.errors import StoreUnwritable, describe
from reelwork.plural import counted
from reelwork.redaction.redactor import mask
from reelwork.schedules.spec import Schedule
from reelwork.store.protocol import Store
from reelwork.store.records import JobRow
from reelwork.store.schedules import SlotRow, SlotState
from reelwork.store.statuses import Status
from reelwork.studio.pings import FAIL, START, SUCCESS, Ping, Pings
from reelwork.text import one_line

log = logging.getLogger("reelwork.schedules")

# No instance of a plugin has such a name.
KEEPER = "(schedules)"
TOLD = (SlotState.FIRED, SlotState.REFUSED)
BEFORE = 60.0
"""Seconds before the first look at a schedule's switch within which a firing is still told of."""
LOOKED_AT = 50
"""Newest slots of a schedule among which new ones are looked for."""
MOST_KEPT = 200
"""Keys and runs that are kept of a schedule."""
MOST_NAMED = 5
"""Jobs whose reasons are told."""


@dataclass(frozen=True)
class _Known:
    """The last message to a switch, as it is kept in the store."""

    since: float
    """Slots that were decided earlier are not told of."""
    keys: tuple[str, ...] = ()
    """Slots that were told of."""
    open: dict[str, list[str]] = field(default_factory=dict)
    """By the key of a slot whose end is still to be told, its run, and its jobs wherever they are by now."""

    @property
    def text(self) -> str:
        return json.dumps({"since": self.since, "keys": self.keys, "open": self.open})


class SchedulePings:
    """Finds in the store what a switch is still to be told, so that it is told after a restart as well."""

    def __init__(self, store: Store, pings: Pings) -> None:
        self._store, self._pings = store, pings

    async def look(self, schedule: Schedule, now: float) -> None:
        """Tell of new firings, and of those that have ended since. Raises `StoreUnwritable` only."""
        if not schedule.spec.ping:
            return
        try:
            await self._look(schedule, now)
        except StoreUnwritable:
            raise
        except Exception as error:
            log.warning("schedule %s: its switch could not be pinged: %s", schedule.name, describe(error))

    async def _look(self, schedule: Schedule, now: float) -> None:
        key = f"ping:{schedule.name}"
        before = await self._store.plugin_value(KEEPER, key)
        known = _known(before) or _Known(max(schedule.row.added_at, now - BEFORE))
        told = list(self._begun(schedule, known))
        ended = {at: rows for at, (_, *ids) in known.open.items() if _ended(rows := self._store.some(ids))}
        after = self._after(known, told, ended.keys())
        if after.text == before:
            return
        # Whoever changes it tells it: of several servers one does, and a restarted one does not tell it again.
        if not await self._store.set_plugin_value(KEEPER, key, after.text, before):
            return
        for slot in told:
            self._pings.send(_beginning(schedule, slot))
        for at, rows in ended.items():
            if rows:
                self._pings.send(_end(schedule, at, known.open[at][0], rows))

    def _begun(self, schedule: Schedule, known: _Known) -> Iterator[SlotRow]:
        for slot in reversed(self._store.slots(schedule.name, LOOKED_AT)):
            if slot.state in TOLD and slot.decided_at >= known.since and slot.key not in known.keys:
                yield slot

    def _after(self, known: _Known, told: Sequence[SlotRow], ended: Collection[str]) -> _Known:
        begun = {
            slot.key: [slot.run_id, *(head.id for head in self._store.heads(list(Status), [slot.run_id]))]
            for slot in told
            if slot.run_id is not None and slot.state == SlotState.FIRED
        }
        still = [(key, run) for key, run in (known.open | begun).items() if key not in ended]
        keys = (*known.keys, *(slot.key for slot in told))
        return replace(known, keys=keys[-MOST_KEPT:], open=dict(still[-MOST_KEPT:]))


def _known(text: str | None) -> _Known | None:
    if text is None:
        return None
    found = json.loads(text)
    return _Known(found["since"], tuple(found["keys"]), dict(found["open"]))


def _ended(rows: Sequence[JobRow]) -> bool:
    # One that is held waits for a person. Until then nothing is known, and the switch goes off by itself.
    return not any(row.status in (Status.ACTIVE, Status.HELD) for row in rows)


def _ping(schedule: Schedule, signal: str, text: str, run: str | None) -> Ping:
    rid = "" if run is None else str(uuid.uuid5(uuid.NAMESPACE_URL, f"reelwork:{run}"))
    spec = schedule.spec
    return Ping(f"schedule {schedule.name}", spec.ping, Path(spec.folder), signal, text, rid)


def _beginning(schedule: Schedule, slot: SlotRow) -> Ping:
    if slot.state == SlotState.FIRED:
        return _ping(schedule, START, "", slot.run_id)
    return _ping(schedule, FAIL, f"{schedule.name}, {slot.key}: refused: {one_line(mask(slot.reason))}", None)


def _end(schedule: Schedule, at: str, run: str, rows: Sequence[JobRow]) -> Ping:
    bad = [row for row in rows if row.status != Status.DONE]
    if not bad:
        return _ping(schedule, SUCCESS, "", run)
    head = f"{schedule.name}, {at}: {len(bad)} of {counted(len(rows), 'job')} did not end well."
    lines = [f"{row.id} {row.status}: {one_line(mask(row.reason or ''))}" for row in bad[:MOST_NAMED]]
    return _ping(schedule, FAIL, "\n".join([head, *lines]), run)
