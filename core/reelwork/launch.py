"""From plans to jobs in the store: their keys, and what is checked before the first is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from reelwork.batch import Row, together
from reelwork.config import Loaded
from reelwork.errors import NotFound, PlanRefused, WorkflowInvalid
from reelwork.identity import fingerprint, new_id
from reelwork.money import to_dollars
from reelwork.owner import runs_at_work
from reelwork.pipeline import Pipeline
from reelwork.plan import Plan, total
from reelwork.room import Room, room_notes, rooms
from reelwork.steps import FIRST
from reelwork.store.protocol import Store
from reelwork.store.rows import ACTIVE, FAILED, HELD, PAID_AGAIN, REMOVED, JobRow, NewJob
from reelwork.work import JobData, data_for
from reelwork_hooks.errors import ReelworkError
from reelwork_hooks.models import Brief

MOST_NAMED = 10
KnownOf = Callable[[Sequence[str]], Mapping[str, JobRow]]
"""The jobs that exist already, by their keys."""


def unknown(keys: Sequence[str]) -> Mapping[str, JobRow]:
    """No job exists yet."""
    return {}


def goes_on(row: JobRow) -> bool:
    """Whether running a batch again goes on with this job of it."""
    return row.status in (ACTIVE, FAILED, HELD) and row.step not in (PAID_AGAIN, REMOVED)


def unpaid(row: JobRow) -> Decimal | None:
    """US dollars that going on with a job may cost; None when the price is not known."""
    data = JobData.model_validate_json(row.data) if goes_on(row) else None
    return to_dollars(data.cost) if data is not None and data.render is None else Decimal(0)


@dataclass(frozen=True)
class Launch:
    """A checked launch: the plans, and the jobs they become."""

    pipeline: Pipeline
    plans: tuple[Plan, ...]
    jobs: tuple[NewJob, ...]
    datas: tuple[JobData, ...]
    """What each job starts with, in the order of `jobs`."""
    known: Mapping[str, JobRow] = field(default_factory=dict)
    """Those of a batch's jobs that exist already, by key: they were paid or agreed to before."""
    rooms: tuple[Room, ...] = ()
    """What the budgets of this day and month hold already."""

    @property
    def cost(self) -> Decimal | None:
        """US dollars for all of `jobs`; None when a price is not known."""
        return total(to_dollars(data.cost) for data in self.datas)

    def changed_since(self, known: Mapping[str, JobRow]) -> list[str]:
        """A note about the rows whose brief is no longer what their jobs were made from."""
        changed = {}
        for job, data in zip(self.jobs, self.datas, strict=True):
            old = known.get(job.key)
            if (
                old is not None
                and old.step != REMOVED
                and JobData.model_validate_json(old.data).brief != data.brief
            ):
                changed[data.row or ""] = True
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
            f"Give a row a new id to make it anew."
        ]

    def with_rooms(self, store: Store | None) -> Launch:
        """The same with what the budgets hold already. Without a store they are empty."""
        return replace(self, rooms=rooms(self.pipeline, store))

    def budget_notes(self) -> list[str]:
        """A note for each budget of a day or month: what it has in it, and what it would hold."""
        return list(room_notes(self.rooms, self.without(self.known).cost))

    def removed_among(self, known: Mapping[str, JobRow]) -> list[str]:
        """A note when jobs of this launch were made before and removed from the store since."""
        gone = sum(job.key in known and known[job.key].step == REMOVED for job in self.jobs)
        if not gone:
            return []
        jobs = "1 job was" if gone == 1 else f"{gone} jobs were"
        return [
            f"{jobs} made earlier and removed from the store since (reelwork store vacuum); what was paid for is "
            f"not made again. Give a row a new id to make it anew."
        ]

    def without(self, keys: Container[str]) -> Launch:
        """The same without the jobs that have one of these keys."""
        kept = [(job, data) for job, data in zip(self.jobs, self.datas, strict=True) if job.key not in keys]
        return replace(self, jobs=tuple(job for job, _ in kept), datas=tuple(data for _, data in kept))


def launch_brief(pipeline: Pipeline, brief: Brief, run_id: str) -> Launch:
    """One brief: a new run each time. Raises `PlanRefused`."""
    plan = pipeline.plan(brief)
    datas = _datas(pipeline, plan, brief, None)
    keys = [f"run:{run_id}:{_part(data)}" for data in datas]
    return _checked(Launch(pipeline, (plan,), _jobs(keys, datas), tuple(datas)))


def launch_rows(
    pipeline: Pipeline, path: Path, rows: Sequence[Row], *, salt: str = "", known_of: KnownOf = unknown
) -> Launch:
    """A batch: each job is known by file, row and provider, so that running it again does what is missing.

    `known_of` gives the jobs that exist already. Raises `InvalidInput` with all that is wrong.
    """
    base = fingerprint([str(path.resolve()), pipeline.account, pipeline.provider.config.model, salt])
    plans = _plans(pipeline, rows)
    datas, keys = [], []
    for row, plan in zip(rows, plans, strict=True):
        for data in _datas(pipeline, plan, row.brief, row.name):
            datas.append(data)
            keys.append(f"batch:{base}:{row.identity}:{_part(data)}")
    return _checked(Launch(pipeline, tuple(plans), _jobs(keys, datas), tuple(datas), known_of(keys)))


def _plans(pipeline: Pipeline, rows: Sequence[Row]) -> list[Plan]:
    plans: list[Plan] = []
    problems: list[ReelworkError] = []
    for row in rows:
        try:
            plans.append(pipeline.plan(row.brief, row.where))
        except NotFound as problem:
            problems.append(WorkflowInvalid(f"{row.where}: {problem.message}", hint=problem.hint))
        except ReelworkError as problem:
            problems.append(problem)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise together(problems, len(rows))
    return plans


def _datas(pipeline: Pipeline, plan: Plan, brief: Brief, row: str | None) -> list[JobData]:
    name = pipeline.workflow.name
    return [
        data_for(planned, workflow=name, provider=pipeline.provider_name, brief=brief, row=row)
        for planned in plan.jobs
    ]


def _jobs(keys: Sequence[str], datas: Sequence[JobData]) -> tuple[NewJob, ...]:
    return tuple(
        NewJob(new_id(), key, FIRST, data.model_dump_json()) for key, data in zip(keys, datas, strict=True)
    )


def _part(data: JobData) -> str:
    return f"{data.platform.name if data.platform else '-'}:{data.take}"


def _checked(launch: Launch) -> Launch:
    _check_prices(launch)
    _check_takes(launch)
    return launch


def _check_prices(launch: Launch) -> None:
    table = launch.pipeline.workflow.budget
    ceilings = {name: getattr(table, name) for name in ("per_job", "per_run", "per_day", "per_month")}
    if not any(ceiling is not None for ceiling in ceilings.values()):
        return
    new = launch.without(launch.known)
    if new.cost is None and not table.allow_unknown_price:
        raise PlanRefused(
            "A budget is set, but the price of these renders is not known.",
            hint="Give price_per_second under [provider], or allow_unknown_price = true under [budget].",
        )
    costs = [to_dollars(data.cost) for data in new.datas] + [unpaid(row) for row in launch.known.values()]
    amounts = [cost for cost in costs if cost is not None]
    dearest = max(amounts, default=Decimal(0))
    for name, amount in (("per_job", dearest), ("per_run", sum(amounts, Decimal(0)))):
        ceiling = ceilings[name]
        if ceiling is not None and amount > ceiling:
            raise PlanRefused(
                f"This would cost {_dollars(amount)}; the budget {name} is {_dollars(ceiling)}.",
                hint=f"Make it shorter or less, or raise {name} under [budget].",
            )


def _dollars(amount: Decimal) -> str:
    """In cents, or as precisely as it is known, so that two different amounts never look the same."""
    return f"${amount:.2f}" if amount == round(amount, 2) else f"${amount.normalize():f}"


def _check_takes(launch: Launch) -> None:
    pipeline = launch.pipeline
    public = [name for name in pipeline.order["publish"] if getattr(pipeline.instances[name], "public", True)]
    several = [plan.brief for plan in launch.plans if plan.brief.takes > 1 and plan.brief.publish_takes is None]
    if public and several:
        raise PlanRefused(
            f"{several[0].takes} takes would make as many posts at {', '.join(public)}.",
            hint='Say publish_takes = "first" or "all" under [brief].',
        )


def check_output_folder(folder: Path) -> None:
    """Make sure results can be written. Raises `WorkflowInvalid`."""
    if folder.exists() and not folder.is_dir():
        raise WorkflowInvalid(f"The output folder {folder} is a file.", hint="Name another folder with --out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".reelwork-{new_id()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise WorkflowInvalid(
            f"The output folder {folder} cannot be written: {error.strerror}.",
            hint="Name another folder with --out.",
        ) from error


def left_unfinished(store: Store, loaded: Loaded, known: Mapping[str, JobRow]) -> list[str]:
    """A note about jobs that an earlier run of the same file left open, which a new run does not go on with."""
    if not loaded.source:
        return []
    ours = [run_id for run_id in store.runs_with((ACTIVE, HELD)) if _source_of(store, run_id) == loaded.source]
    mine = {row.id for row in known.values()}
    at_work = runs_at_work(store.path)
    others = [
        head
        for head in store.heads((ACTIVE, HELD), ours)
        # What another process sees through is not left, even where it only waits. What is held there is.
        if head.id not in mine and not (head.status == ACTIVE and head.run_id in at_work)
    ]
    if not others:
        return []
    jobs, were, them = ("1 job", "was", "it") if len(others) == 1 else (f"{len(others)} jobs", "were", "them")
    return [
        f"{jobs} of earlier runs of {loaded.source} {were} left unfinished: reelwork resume goes on with {them}."
    ]


def _source_of(store: Store, run_id: str) -> str:
    run = store.run(run_id)
    return str(json.loads(run.frozen)["source"]) if run is not None else ""
