"""The rule of a schedule: at which times it fires, and the key of each firing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from reelwork.errors import WorkflowInvalid
from reelwork.schedules.zones import SECOND, first_instant, local, next_change, offset, zone_named
from reelwork.settings.lengths import length_of, seconds_in

LEAST_EVERY = 60
"""Seconds between the firings of `every`."""
# More than any zone sets its clocks back by.
MOST_SET_BACK = timedelta(hours=4)
FIELDS = "minute, hour, day of the month, month, day of the week"


@dataclass(frozen=True, slots=True)
class Firing:
    """One time at which a schedule fires."""

    key: str
    """The name of this firing in its schedule, once and for ever."""
    at: float
    """Seconds since the epoch (UTC)."""


@dataclass(frozen=True)
class Rule:
    """The times at which a schedule fires. One of `cron`, `every` and `at` is given; `publish` has a `cron`."""

    cron: str = ""
    """Five fields, as in crontab(5)."""
    every: str = ""
    """A length such as `6h`, counted from `anchor`."""
    at: str = ""
    """A local date and time, for one firing."""
    tz: str = "UTC"
    anchor: float = 0.0
    """The instant from which `every` counts, in seconds since the epoch."""
    publish: str = ""
    """The slots for posts, as a person wrote them; `cron` means the same."""
    lead: int = 0
    """Seconds before its slot for posts at which it fires."""

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone whose clocks it goes by. Raises `WorkflowInvalid`."""
        return zone_named(self.tz)

    @cached_property
    def minutely(self) -> bool:
        """True if its minute or hour begins with `*`: it goes by elapsed time, not by what a clock shows."""
        return any(field.startswith("*") for field in self.cron.split()[:2])

    @cached_property
    def _fields(self) -> str:
        """The five fields as cronsim reads them right."""
        # It reads `0-0/1` as `0/1`, which goes on to the end of the field.
        parts = (re.sub(r"(?<![^,])(\w+)-\1/\d+(?![^,])", r"\1", field) for field in self.cron.split())
        return " ".join(parts)

    @property
    def text(self) -> str:
        """The rule in a few words."""
        if self.every:
            return f"every {self.every}"
        if self.publish:
            return f"posts {self.publish} {self.tz}, made {length_of(self.lead)} before"
        return f"{self.at if self.at else self.cron} {self.tz}"

    def after(self, instant: float) -> Iterator[Firing]:
        """Yield the firings after an instant, in order."""
        # By the key of the slot: with another lead it is the same firing.
        for slot in self._slots(instant + self.lead):
            yield Firing(slot.key, slot.at - self.lead) if self.lead else slot

    def _slots(self, instant: float) -> Iterator[Firing]:
        moment = datetime.fromtimestamp(instant, UTC)
        if self.every:
            yield from self._by_length(instant)
        elif self.at:
            only = datetime.fromisoformat(self.at)
            yield from self._by_wall(iter([only]), moment)
        elif self.minutely:
            for at in self._by_elapsed(moment):
                yield Firing(f"{at:%Y-%m-%dT%H:%MZ}", at.timestamp())
        else:
            yield from self._by_wall(CronSim(self._fields, local(moment, self.zone) - MOST_SET_BACK), moment)

    def _by_length(self, instant: float) -> Iterator[Firing]:
        step = seconds_in(self.every, "every")
        number = max(int((instant - self.anchor) // step), 0)
        while True:
            number += 1
            at = self.anchor + number * step
            # The first may be at or before the instant, where a division of floats was rounded.
            if at > instant:
                yield Firing(f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}", at)

    def _by_wall(self, walls: Iterator[datetime], after: datetime) -> Iterator[Firing]:
        last = after
        for wall in walls:
            at = first_instant(wall, self.zone)
            # Several wall times within a gap share its end, where it fires once.
            if at <= last:
                continue
            last = at
            # Without the zone: another rule that names the same time on the same day is the same firing.
            yield Firing(f"{local(at, self.zone):%Y-%m-%dT%H:%M}", at.timestamp())

    def _by_elapsed(self, after: datetime) -> Iterator[datetime]:
        since, wall = after, local(after, self.zone)
        while True:
            # Between two changes of the clocks wall time and elapsed time are the same.
            ahead, change = offset(since, self.zone), None
            for found in CronSim(self._fields, wall):
                at = (found - ahead).replace(tzinfo=UTC)
                change = next_change(since, at, self.zone)
                if change is not None:
                    break
                since = at
                if at > after:
                    yield at
            if change is None:
                return
            # A second before, since the first time that counts may be the change itself.
            since, wall = change, local(change, self.zone) - SECOND


def rule_of(*, cron: str = "", every: str = "", at: str = "", tz: str = "UTC", anchor: float = 0.0) -> Rule:
    """Return the checked rule. Raises `WorkflowInvalid`."""
    given = [name for name, text in (("cron", cron), ("every", every), ("at", at)) if text]
    if len(given) != 1:
        told = f"{' and '.join(given)} are given" if given else "Nothing says when it fires"
        raise WorkflowInvalid(
            f"{told}; a schedule has one of cron, every and at.", hint='Such as cron = "0 9 * * 1".'
        )
    rule = Rule(" ".join(cron.split()), every.strip(), at.strip(), tz, anchor)
    # Asked for once, so that an unknown name is refused here.
    assert rule.zone is not None
    if rule.cron:
        _check_cron(rule.cron)
    elif rule.every:
        _check_every(rule.every)
    else:
        return Rule(at=_wall(rule.at), tz=tz)
    return rule


def publishing(text: str, lead: str, tz: str) -> Rule:
    """Return the checked rule of slots for posts, such as `fri 18:00`. Raises `WorkflowInvalid`."""
    told = " ".join(text.lower().split())
    found = re.fullmatch(r"(daily|[a-z,-]+) ([01]?\d|2[0-3]):([0-5]\d)", told)
    days = "" if found is None else "*" if found[1] == "daily" else found[1]
    cron = told if found is None else f"{int(found[3])} {int(found[2])} * * {days}"
    try:
        rule = rule_of(cron=cron, tz=tz)
    except WorkflowInvalid as error:
        if found is None and len(told.split()) == 5:
            raise
        hint = 'Write publish = "fri 18:00", "mon,thu 09:30", "daily 18:00", or the five fields of cron.'
        raise WorkflowInvalid(f"publish {text!r} is not a slot for posts.", hint=hint) from error
    return replace(rule, publish=told, lead=seconds_in(lead, "lead"))


def _check_cron(text: str) -> None:
    count = len(text.split())
    if count != 5:
        raise WorkflowInvalid(
            f"cron {text!r} has {count} field{'' if count == 1 else 's'}; it takes five: {FIELDS}.",
            hint='Mondays at nine: "0 9 * * 1".',
        )
    try:
        CronSim(text, datetime(2026, 1, 1))
    except CronSimError as error:
        problem = str(error).removeprefix("Bad ").replace("-", " ")
        raise WorkflowInvalid(
            f"cron {text!r}: the {problem} cannot be read.", hint=f"The fields are {FIELDS}."
        ) from None


def _check_every(text: str) -> None:
    if seconds_in(text, "every") < LEAST_EVERY:
        raise WorkflowInvalid(f"every {text!r} is too often.", hint="At most once a minute: 1m.")


def _wall(text: str) -> str:
    try:
        wall = datetime.fromisoformat(text)
    except ValueError:
        raise WorkflowInvalid(
            f"at {text!r} is not a date and time.", hint="Write it as 2027-01-05T18:00."
        ) from None
    if wall.tzinfo is not None:
        raise WorkflowInvalid(f"at {text!r} has an offset.", hint="Leave it out, and name the zone: tz.")
    # At the ends of the calendar, other zones have no date for it.
    if not 1970 < wall.year < 9999:
        raise WorkflowInvalid(f"at {text!r} is no time that will come.", hint="Write it as 2027-01-05T18:00.")
    return wall.isoformat(timespec="minutes")


def jitter_of(name: str, key: str, most: float) -> float:
    """Return by how many seconds a firing is put off: the same for the same schedule and key, less than `most`."""
    # A hash, and not chance: a server that restarts, or another one, must come to the same time.
    number = int.from_bytes(hashlib.sha256(f"{name}\n{key}".encode()).digest()[:8])
    return float(number % int(most)) if most >= 1 else 0.0


def least_gap(rule: Rule, after: float, count: int = 60) -> float | None:
    """Return the shortest time between the next firings in seconds; None if there is no second one."""
    times: list[float] = []
    for firing in rule.after(after):
        times.append(firing.at)
        if len(times) > count:
            break
    return min((later - earlier for earlier, later in pairwise(times)), default=None)
