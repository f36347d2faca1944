"""A schedule as a person set it up, and as the store keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.schedules.ping_address import check_ping
from reelwork.schedules.rule import Firing, Rule, least_gap, publishing, rule_of
from reelwork.settings.lengths import seconds_in
from reelwork.store.schedules import ScheduleRow
from reelwork.text import name_problem

MISSED = ("once", "all", "skip")
OVERLAP = ("queue", "skip", "allow")
ON_BUDGET = ("refuse", "wait")
AT_END = ("stop", "repeat")
LATE = ("hold", "post", "skip")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "missed": MISSED,
    "overlap": OVERLAP,
    "on_budget": ON_BUDGET,
    "at_end": AT_END,
    "late": LATE,
}
TIMING = ("cron", "every", "at", "publish")
LONGEST_NAME = 100
"""Characters."""


@dataclass(frozen=True)
class Agreed:
    """The consent of a person to each firing, given when the schedule was added."""

    cost: str | None = None
    """US dollars for one firing; None if the price was not known then."""
    public: tuple[str, ...] = ()
    """The destinations where everyone can see the posts."""

    def covers_cost(self, cost: Decimal | None) -> bool:
        """Return whether one firing may cost this much."""
        # Whoever agreed to an unknown price has agreed to any.
        return self.cost is None or (cost is not None and cost <= Decimal(self.cost))


@dataclass(frozen=True)
class Spec:
    """A schedule's rule, its file and what is done when something is in its way."""

    file: str
    """The workflow, or the batch file whose rows it takes one after the other; the whole path."""
    workflow: str = ""
    """The settings of a batch file; the whole path, or nothing."""
    folder: str = "."
    """The folder in which it was added: `out` and the nearest `reelwork.toml` are meant from there."""
    cron: str = ""
    every: str = ""
    at: str = ""
    tz: str = "UTC"
    anchor: float = 0.0
    missed: str = "once"
    grace: str = "6h"
    overlap: str = "queue"
    jitter: str = "0s"
    on_budget: str = "refuse"
    at_end: str = "stop"
    publish: str = ""
    """The slots at which its posts are made, in place of a rule for when it fires."""
    lead: str = "1d"
    late: str = "hold"
    ping: str = ""
    """The address of a dead man's switch, or a reference to it; empty if there is none."""
    agreed: Agreed | None = None
    """None if the workflow itself agrees to money and posts."""
    brand: str = ""
    """The brand of the workflow when it was added; empty if it was for none."""

    @cached_property
    def rule(self) -> Rule:
        """The times at which it fires. Raises `WorkflowInvalid`."""
        if self.publish:
            if self.cron or self.every or self.at:
                raise WorkflowInvalid("A schedule has one of cron, every, at and publish.")
            return publishing(self.publish, self.lead, self.tz)
        return rule_of(cron=self.cron, every=self.every, at=self.at, tz=self.tz, anchor=self.anchor)

    @property
    def is_batch(self) -> bool:
        """True if each firing takes the next row of a batch file."""
        return Path(self.file).suffix.lower() != ".toml"

    @cached_property
    def grace_seconds(self) -> int:
        """Seconds after its time during which a slot may still fire."""
        return seconds_in(self.grace, "grace")

    @cached_property
    def jitter_seconds(self) -> int:
        """Seconds by which a firing is put off at most."""
        return seconds_in(self.jitter, "jitter")

    def slot_of(self, firing: Firing) -> datetime | None:
        """Return when the posts of a firing are to be made; None if that is as soon as they are ready."""
        if not self.publish:
            return None
        return datetime.fromtimestamp(firing.at + self.rule.lead, self.rule.zone)

    def checked(self, now: float) -> Spec:
        """Return it with every value checked. Raises `WorkflowInvalid`."""
        for name, known in CHOICES.items():
            value = getattr(self, name)
            if value not in known:
                raise WorkflowInvalid(f"{name} = {value!r} is not known.", hint=f"One of: {', '.join(known)}.")
        assert self.grace_seconds >= 0
        if self.ping:
            check_ping(self.ping)
        rule = self.rule
        if next(rule.after(now), None) is None:
            raise WorkflowInvalid(f"{rule.text} never comes again.", hint="Name a time that is still to come.")
        gap = least_gap(rule, now) if self.jitter_seconds else None
        if gap is not None and self.jitter_seconds >= gap:
            raise WorkflowInvalid(
                f"jitter {self.jitter!r} is not shorter than the time between two firings.",
                hint="Name a shorter one, so that each firing comes before the next is due.",
            )
        return self

    def as_json(self) -> str:
        """Return it as the store keeps it."""
        return json.dumps(asdict(self), ensure_ascii=False)


def spec_of(text: str) -> Spec:
    """Return a schedule from what the store keeps."""
    told = json.loads(text)
    # Fields of a newer version are passed over: a store may have been used by one.
    known = {one.name for one in fields(Spec)}
    data: dict[str, Any] = {name: value for name, value in told.items() if name in known}
    if data.get("agreed"):
        agreed = data["agreed"]
        data["agreed"] = Agreed(agreed["cost"], tuple(agreed["public"]))
    return Spec(**data)


@dataclass(frozen=True)
class Pause:
    """A pause of a schedule."""

    since: float
    until: float | None = None
    """None: until somebody resumes it."""
    note: str = ""

    def covers(self, at: float) -> bool:
        """Return whether an instant is within it."""
        return at >= self.since and (self.until is None or at < self.until)


@dataclass(frozen=True)
class Schedule:
    """A schedule of the store, read."""

    row: ScheduleRow
    spec: Spec
    pause: Pause | None

    @property
    def name(self) -> str:
        """Its name: its identity."""
        return self.row.name

    def paused_at(self, now: float) -> Pause | None:
        """Return the pause that it is in; None if there is none."""
        return self.pause if self.pause is not None and self.pause.covers(now) else None


def schedule_of(row: ScheduleRow) -> Schedule:
    """Read a row of the store. Raises `WorkflowInvalid` for one that another version has written otherwise."""
    try:
        pause = None if row.pause is None else Pause(**json.loads(row.pause))
        return Schedule(row, spec_of(row.spec), pause)
    except (ValueError, TypeError, KeyError) as error:
        raise WorkflowInvalid(
            f"The schedule {row.name!r} cannot be read in this store.",
            hint="Use the Reelwork that has added it.",
        ) from error


def pause_json(pause: Pause | None) -> str | None:
    """Return a pause as the store keeps it."""
    return None if pause is None else json.dumps(asdict(pause), ensure_ascii=False)


def changed(row: ScheduleRow, **values: Any) -> ScheduleRow:
    """Return the row of the next version."""
    return replace(row, version=row.version + 1, **values)


def check_name(name: str) -> None:
    """Refuse a name that cannot be shown or typed. Raises `WorkflowInvalid`."""
    problem = name_problem(name) or ("" if name.strip() == name and name else "it is empty or has spaces around it")
    if not problem and (len(name) > LONGEST_NAME or name.startswith("-") or "/" in name):
        problem = f"it is longer than {LONGEST_NAME} characters, begins with - or has a / in it"
    if problem:
        raise WorkflowInvalid(
            f"The name {name!r:.120} cannot be used: {problem}.", hint="Write a short one: weekly."
        )


def found_in(rows: list[ScheduleRow], name: str) -> Schedule:
    """Return the schedule of a name. Raises `NotFound`."""
    there = [row for row in rows if row.removed_at is None]
    row = next((row for row in there if row.name == name), None)
    if row is None:
        hint = "" if there else 'Add one: reelwork schedule add NAME FILE --cron "0 9 * * 1"'
        raise NotFound("schedule", name, [row.name for row in there], hint=hint)
    return schedule_of(row)
