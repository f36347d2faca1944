"""Turns plans into jobs: their keys, and the checks before the first is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, overload

from reelwork.errors import NotFound, PlanRefused
from reelwork.ids import new_id
from reelwork.money import dollars, to_dollars, to_micros
from reelwork.planning.batch.cells import PlatformName, same_meaning
from reelwork.planning.briefs import plan_brief
from reelwork.planning.budget_room import Room, room_notes, rooms
from reelwork.planning.call_prices import calls_cost
from reelwork.planning.job_state import JobData, data_for
from reelwork.planning.plan import Plan, PlannedJob, total
from reelwork.planning.post_prices import any_priced
from reelwork.plugins.pipeline import Pipeline
from reelwork.settings.workflow import Loaded
from reelwork.store.records import ACTIVE, FAILED, HELD, PAID_AGAIN, REMOVED, JobRow
from reelwork.store.rules import ceilings_of
from reelwork.store.statuses import FIRST
from reelwork_hooks.models import Brief

if TYPE_CHECKING:
    from reelwork.planning.batch.copies import Copy
    from reelwork.store.commands import NewJob
    from reelwork.store.reader import SyncReader

MOST_NAMED = 10
T = TypeVar("T")


def goes_on(row: JobRow) -> bool:
    """Return whether running a batch again continues this job of it."""
    return row.status in (ACTIVE, FAILED, HELD) and row.step not in (PAID_AGAIN, REMOVED)


def unpaid(row: JobRow) -> Decimal | None:
    """Return the US dollars that continuing a job may cost; None if the price is not known."""
    if not goes_on(row):
        return Decimal(0)
    data = JobData.model_validate_json(row.data)
    # A render that was accepted is paid for or counted already; only a request that is still to come costs
    # something. So with its posts.
    render = data.cost if data.render is None else 0
    out = {name for name, post in data.posts.items() if post.state == "published"}
    posts = (to_dollars(cost) for name, cost in data.post_costs.items() if name not in out)
    return total((to_dollars(render), *posts))


@dataclass(frozen=True, slots=True)
class Entry:
    """One job of a launch, without what it carries."""

    key: str
    id: str
    plan: int
    """Which of the plans it comes from."""
    part: int
    """Which of that plan's jobs it is."""
    cost: int | None
    """The estimate with its posts, in millionths of a US dollar."""


class Plans(Protocol):
    """The source of a launch's plans. Each may be made only when it is taken."""

    def __len__(self) -> int: ...

    def plan(self, at: int) -> Plan:
        """Return one plan."""
        ...

    def job(self, at: int, part: int) -> PlannedJob:
        """Return one of its jobs, as it is planned."""
        ...

    def data(self, at: int, part: int) -> JobData:
        """Return the data that one of its jobs starts with."""
        ...

    def where(self, at: int) -> str:
        """Return the place of the brief, such as a batch's row; empty when it is the only one."""
        ...


class Taken(Sequence[T], Generic[T]):
    """Values that are made when they are taken."""

    # Those of fifty thousand jobs at once would fill the memory.

    def __init__(self, make: Callable[[int], T], count: int) -> None:
        self._make = make
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> T: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[T, ...]: ...

    def __getitem__(self, at: int | slice) -> T | tuple[T, ...]:
        """Return one of them, or some."""
        if isinstance(at, slice):
            return tuple(self._make(one) for one in range(*at.indices(self._count)))
        return self._make(range(self._count)[at])


@dataclass(frozen=True)
class Launch:
    """A checked launch: the plans, and the jobs they become."""

    pipeline: Pipeline
    made_of: Plans
    entries: Sequence[Entry]
    known: Mapping[str, JobRow] = field(default_factory=dict)
    """Those of a batch's jobs that exist already, by key: they were paid or agreed to before."""
    rooms: tuple[Room, ...] = ()
    """The money in the budgets of this day and month."""
    corrected: Mapping[str, JobRow] = field(default_factory=dict)
    """Those of which nothing was ever sent and whose rows have other contents now, by key: they get these."""
    copies: Sequence[Copy] = ()
    """Those that look like rows made before, in a batch."""
    notes: Sequence[str] = ()
    """Notes for a person about the reading of a batch file."""

    @property
    def plans(self) -> Sequence[Plan]:
        """The plan of each brief."""
        return Taken(self.made_of.plan, len(self.made_of))

    @property
    def jobs(self) -> Sequence[NewJob]:
        """The jobs, as they are written into the store."""
        return Taken(self._job, len(self.entries))

    @property
    def datas(self) -> Sequence[JobData]:
        """The data that each job starts with, in the order of `jobs`."""
        return Taken(self._data, len(self.entries))

    def _data(self, at: int) -> JobData:
        return self.made_of.data(self.entries[at].plan, self.entries[at].part)

    def _job(self, at: int) -> NewJob:
        # Only where jobs are written: a plan changes no store.
        from reelwork.store.commands import NewJob

        return NewJob(self.entries[at].id, self.entries[at].key, FIRST, self._data(at).model_dump_json())

    @property
    def cost(self) -> Decimal | None:
        """US dollars for all of `jobs`; None when a price is not known."""
        return total(to_dollars(entry.cost) for entry in self.entries)

    @property
    def posts_cost(self) -> Decimal:
        """US dollars of it that are for posts, as far as their prices are known."""
        return sum((cost for _, cost in self._posts() if cost is not None), Decimal(0))

    @property
    def unpriced_posts(self) -> tuple[str, ...]:
        """The destinations that charge for posts, and do not know the price of at least one of these."""
        return tuple(dict.fromkeys(name for name, cost in self._posts() if cost is None))

    @property
    def calls_cost(self) -> Decimal:
        """US dollars beside `cost` that plugins may pay for calls of their own at most, if none is repeated."""
        return calls_cost(self.pipeline, self.datas)

    @property
    def renders_cost(self) -> Decimal | None:
        """US dollars of `cost` that are for renders; None when the price of one is not known."""
        return total(self.made_of.job(entry.plan, entry.part).cost for entry in self.entries)

    def _posts(self) -> Iterator[tuple[str, Decimal | None]]:
        """Yield the destination and the price of each post that has one."""
        for entry in self.entries if any_priced(self.pipeline) else ():
            yield from self.made_of.job(entry.plan, entry.part).post_costs.items()

    def changed_since(self, known: Mapping[str, JobRow]) -> list[str]:
        """Return a note about the rows whose brief has changed since their jobs were made."""
        changed = {}
        name = platform_names(self.pipeline)
        for at, entry in enumerate(self.entries):
            old = known.get(entry.key)
            # A removed job has no brief any more to compare with.
            if old is not None and old.step != REMOVED and (row := self._changed_row(at, old, name)) is not None:
                changed[row] = True
        if not changed:
            return []
        names = list(changed)
        rows, was, their = (f"row {names[0]}", "was", "its job keeps what it was")
        if len(names) > 1:
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            listed = ", ".join(names[:MOST_NAMED])
            rows, was, their = f"rows {listed}{more}", "were", "their jobs keep what they were"
        return [
            f"{rows} {was} changed since the first run, in the file or by settings; {their} made from. "
            f"To make a row again, give it a new id."
        ]

    def with_rooms(self, store: SyncReader | None) -> Launch:
        """Return the same with the money in the budgets. Without a store they are empty."""
        return replace(self, rooms=rooms(self.pipeline, store))

    def budget_notes(self) -> list[str]:
        """Return a note for each budget of a day or month: what it holds, and what it would hold."""
        return list(room_notes(self.rooms, self.without(self.known).cost))

    def _changed_row(self, at: int, old: JobRow, name: PlatformName) -> str | None:
        """Return the name of the row if its brief has changed since the job was made."""
        data = self._data(at)
        same = same_meaning(JobData.model_validate_json(old.data).brief, data.brief, name)
        return None if same else data.row or ""

    def removed_among(self, known: Mapping[str, JobRow]) -> list[str]:
        """Return a note if jobs of this launch were made earlier and removed from the store since."""
        gone = sum(entry.key in known and known[entry.key].step == REMOVED for entry in self.entries)
        if not gone:
            return []
        jobs = "1 job was" if gone == 1 else f"{gone} jobs were"
        return [
            f"{jobs} made earlier and removed from the store since (reelwork store vacuum); what was paid for is "
            f"not made again. To make a row again, give it a new id."
        ]

    def without(self, keys: Container[str]) -> Launch:
        """Return the same without the jobs that have one of these keys."""
        return replace(self, entries=[entry for entry in self.entries if entry.key not in keys])


@dataclass(frozen=True)
class _One:
    """The plan of a single brief."""

    pipeline: Pipeline
    only: Plan

    def __len__(self) -> int:
        return 1

    def plan(self, at: int) -> Plan:
        """Return the plan."""
        return self.only

    def job(self, at: int, part: int) -> PlannedJob:
        """Return one of its jobs, as it is planned."""
        return self.only.jobs[part]

    def data(self, at: int, part: int) -> JobData:
        """Return the data that one of its jobs starts with."""
        return job_data(self.pipeline, self.only, part, self.only.brief, None)

    def where(self, at: int) -> str:
        """Return no place: there is only one brief."""
        return ""


def platform_names(pipeline: Pipeline) -> PlatformName:
    """Return a function that gives each platform its one name. An unknown one is refused with the plan."""
    own = pipeline.own_platforms()

    @lru_cache(maxsize=256)
    def name(given: str) -> str:
        try:
            return pipeline.catalog.platform(given, own).name
        except NotFound:
            return given

    return name


def launch_brief(pipeline: Pipeline, brief: Brief, run_id: str) -> Launch:
    """Return the launch of one brief: a new run each time. Raises `PlanRefused`."""
    plan = plan_brief(pipeline, brief)
    datas = [job_data(pipeline, plan, part, brief, None) for part in range(len(plan.jobs))]
    entries = [
        # With the run in its key, a prompt that is run again is a new job. A batch's rows keep theirs.
        Entry(f"run:{run_id}:{part_of(data)}", new_id(), 0, part, to_micros(plan.jobs[part].cost_with_posts))
        for part, data in enumerate(datas)
    ]
    return checked(Launch(pipeline, _One(pipeline, plan), entries))


def job_data(pipeline: Pipeline, plan: Plan, part: int, brief: Brief, row: str | None, batch: str = "") -> JobData:
    """Return the data that one job of a plan starts with."""
    name, provider = pipeline.workflow.name, pipeline.provider_name
    said = pipeline.workflow.own_brand.disclosure
    return data_for(
        plan.jobs[part], workflow=name, provider=provider, brief=brief, row=row, batch=batch, disclosure=said
    )


def part_of(job: JobData | PlannedJob) -> str:
    """Return the part that distinguishes a job from the others of its brief: platform and take."""
    return f"{job.platform.name if job.platform else '-'}:{job.take}"


def checked(launch: Launch) -> Launch:
    """Return the launch if its budgets allow its price and its takes say how to post. Raises `PlanRefused`."""
    _check_prices(launch)
    _check_takes(launch)
    return launch


def _check_prices(launch: Launch) -> None:
    table = launch.pipeline.workflow.budget
    ceilings = {name: getattr(table, name) for name in ("per_job", "per_run")}
    if not ceilings_of(launch.pipeline.budget):
        return
    # What earlier runs have paid does not count, so that a batch that grows goes on under the same ceilings.
    new = launch.without(launch.known)
    if new.cost is None and not table.allow_unknown_price:
        raise _no_price(new)
    costs = [to_dollars(entry.cost) for entry in new.entries] + [unpaid(row) for row in launch.known.values()]
    amounts = [cost for cost in costs if cost is not None]
    dearest = max(amounts, default=Decimal(0))
    for name, amount in (("per_job", dearest), ("per_run", sum(amounts, Decimal(0)))):
        ceiling = ceilings[name]
        if ceiling is not None and amount > ceiling:
            raise PlanRefused(
                f"This would cost {dollars(amount)}; the budget {name} is {dollars(ceiling)}.",
                hint=f"Make fewer or shorter videos, or raise {name} under [budget].",
            )


def _no_price(launch: Launch) -> PlanRefused:
    allow = "allow_unknown_price = true under [budget]"
    if launch.renders_cost is None:
        told = "A budget is set, but the price of these renders is not known."
        return PlanRefused(told, hint=f"Give price_per_second under [provider], or {allow}.")
    where = ", ".join(launch.unpriced_posts)
    return PlanRefused(
        f"A budget is set, but the price of the posts to {where} is not known.", hint=f"Give {allow}."
    )


def _check_takes(launch: Launch) -> None:
    pipeline = launch.pipeline
    # Only public ones: several takes in a folder harm nobody.
    public = public_destinations(pipeline)
    if not public:
        return
    several = [plan.brief for plan in launch.plans if plan.brief.takes > 1 and plan.brief.publish_takes is None]
    # Several nearly equal posts under one account are seldom meant, so the workflow must say it.
    if several:
        raise PlanRefused(
            f"{several[0].takes} takes would make as many posts at {', '.join(public)}.",
            hint='Say publish_takes = "first" or "all" under [brief].',
        )


def public_destinations(pipeline: Pipeline) -> list[str]:
    """Return the destinations where everyone could see the posts."""
    return [name for name in pipeline.order["publish"] if getattr(pipeline.instances[name], "public", True)]


def left_unfinished(store: SyncReader, loaded: Loaded, known: Mapping[str, JobRow]) -> list[str]:
    """A note about jobs that an earlier run of the same file left open, which a new run does not go on with."""
    if not loaded.source:
        return []
    # By its whole path: a file of the same name in another folder is another file.
    file = loaded.base_dir / Path(loaded.source).name
    ours = [run_id for run_id in store.runs_with((ACTIVE, HELD)) if _file_of(store, run_id) == file]
    mine = {row.id for row in known.values()}
    at_work = store.runs_at_work()
    others = [
        head
        for head in store.heads((ACTIVE, HELD), ours)
        # What another process drives is not left behind, even if it only waits. What is held there is.
        if head.id not in mine and not (head.status == ACTIVE and head.run_id in at_work)
    ]
    if not others:
        return []
    jobs, were, them = ("1 job", "was", "it") if len(others) == 1 else (f"{len(others)} jobs", "were", "them")
    return [f"{jobs} of earlier runs of {loaded.source} {were} left unfinished: reelwork resume continues {them}."]


def _file_of(store: SyncReader, run_id: str) -> Path | None:
    run = store.run(run_id)
    frozen = json.loads(run.frozen) if run is not None else {}
    return Path(frozen["base_dir"]) / Path(frozen["source"]).name if frozen.get("source") else None
