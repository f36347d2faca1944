"""The documents about schedules that the API answers with."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from reelwork.server.api.models import Dollars, Told
from reelwork.store.schedules import SlotState


class Firing(Told):
    """A firing to come."""

    key: str
    at: datetime
    due: datetime
    """With the schedule's jitter."""
    local: datetime
    zone: str
    posts: datetime | None
    """The slot for its posts; null when they are made as soon as they are ready."""
    shortage: str
    """The budget or limit without room for it as things stand, told a day before; empty if there is none."""


class Slot(Told):
    """A time of a schedule, and what became of it."""

    key: str
    at: datetime
    state: SlotState
    reason: str
    run: str | None
    row: str | None
    decided_at: datetime


class Agreement(Told):
    """The consent of a person to each firing."""

    cost: Dollars | None
    public: list[str]


class PauseTold(Told):
    """A pause of a schedule."""

    note: str
    until: datetime | None


class Schedule(Told):
    """A schedule, as `reelwork schedule list --json` tells it."""

    name: str
    file: str
    workflow: str | None
    cron: str | None
    every: str | None
    at: str | None
    tz: str
    brand: str
    """The brand of its workflow when it was added; empty if it was for none."""
    missed: str
    grace: str
    overlap: str
    jitter: str
    on_budget: str
    at_end: str
    publish: str | None
    """The slots at which its posts are made."""
    lead: str
    late: str
    """What is done with posts that are ready after their slot."""
    ping: str | None
    """Where the dead man's switch of the schedule is, without what is secret in its address."""
    agreed: Agreement | None
    added_at: datetime
    paused: PauseTold | None
    trouble: str
    """The reason for which its file cannot be run now; empty if it can."""
    next: Firing | None
    last: Slot | None
    """The newest slot that fired."""


class ScheduleAdded(Schedule):
    """A schedule that was added or changed."""

    notes: list[str]
    """What a person should know of it, such as a budget without room for all firings of a day."""


class Schedules(Told):
    """The schedules, by name."""

    items: list[Schedule]


class ScheduleStory(Schedule):
    """A schedule with the outcome of each of its times, the newest first."""

    rows_used: int
    slots: list[Slot]


class Firings(Told):
    """The next firings of a schedule."""

    items: list[Firing]


class ScheduleDone(Told):
    """A change of a schedule, as it was carried out."""

    schedule: str
    done: Literal["paused", "resumed"]


class Fired(Told):
    """A firing that was made beside a schedule's times."""

    schedule: str
    key: str
    run: str
    row: str | None
    """The batch's row that it used."""


class RowTold(Told):
    """A row of a batch file that a schedule has used."""

    row: str
    prompt: str
    run: str | None
    jobs: list[str]
    given_back: bool
    reason: str
    """The reason for which it stays used; empty if it was given back."""
    hint: str
    """What to do about that."""


class Requeued(Told):
    """Rows that were given back, and those that could not be."""

    schedule: str
    rows: list[RowTold]


class Removed(Told):
    """A schedule that was removed, as it was."""

    removed: Schedule
