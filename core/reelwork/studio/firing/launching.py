"""From a schedule to the jobs of one firing: its file is read as it is now, planned, and frozen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from reelwork.clock import in_words
from reelwork.engine.stages.post_time import ON_TIME, POSTED, SKIPPED
from reelwork.errors import PlanRefused, WorkflowInvalid, describe
from reelwork.ids import new_id
from reelwork.money import dollars, to_micros
from reelwork.planning import post_times
from reelwork.planning.budget_room import Room
from reelwork.planning.job_state import JobData
from reelwork.plugins.freezing import freeze
from reelwork.plugins.pipeline import Pipeline
from reelwork.schedules.rotation import NextRow, next_row
from reelwork.schedules.spec import Agreed, Spec
from reelwork.settings.workflow import Loaded, load
from reelwork.store.ceilings import Budget
from reelwork.store.commands import NewJob
from reelwork.store.records import RunRow
from reelwork.studio.brief_checks import check_briefs
from reelwork.studio.consent import Consent, consent_for
from reelwork.studio.inputs import launch_asked
from reelwork.studio.launch import Launch, platform_names
from reelwork.studio.output_folder import check_output_folder
from reelwork.studio.session import Session
from reelwork_hooks.errors import ReelworkError

log = logging.getLogger("reelwork.schedules")

Allow = Callable[[Consent], None]
"""Raises what keeps a firing from being made."""


class PlanningFailed(ReelworkError):
    """A firing could not be planned, by no fault of its file that is known."""

    money = "Nothing was sent, nothing was spent."


class RowsUsedUp(PlanRefused):
    """Every row of the batch file was used."""


class BudgetShort(PlanRefused):
    """The budget of this day or month has no room for a whole firing."""


class SlotOver(PlanRefused):
    """The slot for the posts of a firing is over, so a video that is made now would not be posted."""


class NotAgreed(PlanRefused):
    """A firing would cost more, or post to more places, than somebody agreed to."""


@dataclass(frozen=True)
class Prepared:
    """The run and the jobs of one firing, ready to be written."""

    run: RunRow
    jobs: tuple[NewJob, ...]
    cost: int | None
    """In millionths of a US dollar; None if it is not known."""
    budget: Budget
    row: NextRow | None
    """The row of the batch file; None for a workflow."""
    account: str
    """The provider's account that its renders are asked of."""
    per_day: int | None
    """The requests to that account that `[limits]` allows in any 24 hours; None for no limit."""
    notes: tuple[str, ...] = ()
    """What plugins warn of."""


@contextmanager
def faults_told() -> Iterator[None]:
    """Raise what is none of our errors as one: it concerns this schedule, and the others go on."""
    try:
        yield
    except ReelworkError:
        raise
    except Exception as error:
        log.debug("a firing could not be planned", exc_info=True)
        raise PlanningFailed(
            f"It could not be planned: {describe(error)}.", hint="If its file is in order, please report it."
        ) from error


def load_of(spec: Spec) -> Loaded:
    """Read the workflow of a schedule as it is now. Raises `WorkflowInvalid`."""
    path = Path(spec.workflow) if spec.is_batch and spec.workflow else None
    # By the folder in which it was added, whichever folder the server was started in.
    return load(path if spec.is_batch else Path(spec.file), cwd=Path(spec.folder))


async def prepare(
    session: Session,
    name: str,
    spec: Spec,
    used: Collection[tuple[int, str]],
    now: float,
    allow: Allow,
    slot: datetime | None = None,
    fires: float | None = None,
) -> Prepared:
    """Plan one firing; `allow` gets what it needs a yes for, and its posts are made at `slot`, if there is one.

    `fires` is the time that it is for: now, if none is given. Raises a `ReelworkError`, and writes nothing.
    """
    with faults_told():
        fired_at = datetime.fromtimestamp(now if fires is None else fires, spec.rule.zone)
        made = await _prepare(session, name, spec, used, now, allow, slot, fired_at)
    times: dict[str, datetime | str] = {"fired_at": fired_at}
    if slot is not None:
        times |= {"post_at": slot, "late": spec.late}
    return replace(made, jobs=tuple(_with_times(job, times) for job in made.jobs))


def _check_slot(launch: Launch, spec: Spec, slot: datetime, now: float) -> None:
    """Refuse a firing all of whose posts would be too late. Raises `SlotOver`."""
    over = now - slot.timestamp()
    if spec.late == POSTED or over <= ON_TIME:
        return
    datas = [data.replace(post_at=slot) for data in launch.datas]
    times = {post_times.time_of(launch.pipeline, data, name) for data in datas for name in _posted_to(launch, data)}
    # A time of the brief's own goes before the slot, and a video that is posted nowhere has none to miss.
    if times == {slot}:
        fate = "left out" if spec.late == SKIPPED else "held for a person"
        raise SlotOver(
            f"its slot, {post_times.in_words(slot)}, was over for {in_words(over)} by then, and its post would be "
            f"{fate} (late = {spec.late}); nothing was made"
        )


def _posted_to(launch: Launch, data: JobData) -> Sequence[str]:
    only_first = data.take > 1 and data.brief.publish_takes == "first"
    return () if only_first else launch.pipeline.order["publish"]


def _with_times(job: NewJob, times: Mapping[str, datetime | str]) -> NewJob:
    data = JobData.model_validate_json(job.data).replace(**times)
    return replace(job, data=data.model_dump_json())


async def _prepare(
    session: Session,
    name: str,
    spec: Spec,
    used: Collection[tuple[int, str]],
    now: float,
    allow: Allow,
    slot: datetime | None,
    fired_at: datetime,
) -> Prepared:
    run_id = new_id()
    pipeline = session.build(load_of(spec))
    # Its jobs are driven by a pipeline of their own, from the workflow that is frozen here.
    try:
        _check_brand(pipeline.workflow.brand, spec)
        launch, row = _launch(pipeline, name, spec, used, run_id)
        launch = launch.with_rooms(session.store)
        launch = await check_briefs(launch, fired_at)
        check_output_folder(pipeline.loaded.out)
        pipeline.check_secrets()
        # Before money: with `on_budget = "wait"` it would wait for room past its slot, and then pay for nothing.
        if slot is not None:
            _check_slot(launch, spec, slot, now)
        allow(consent_for(launch))
        run = RunRow(run_id, None, pipeline.workflow.name, freeze(pipeline), now)
        cost = None if launch.cost is None else to_micros(launch.cost)
        made = (run, tuple(launch.jobs), cost, pipeline.budget, row)
        per_day = pipeline.quota.requests_per_day
        return Prepared(*made, account=pipeline.account, per_day=per_day, notes=tuple(launch.notes))
    finally:
        await pipeline.close()


def _check_brand(brand: str, spec: Spec) -> None:
    """Refuse a file that became one of another brand. Raises `WorkflowInvalid`."""
    # Whoever may fire this schedule may do so for the brand for which it was added, and for no other.
    if spec.brand and brand != spec.brand:
        became = f"the brand {brand}" if brand else "no brand"
        raise WorkflowInvalid(
            f"Its workflow is for {became} now; the schedule was added for the brand {spec.brand}.",
            hint="Add the schedule again, or put the brand back.",
        )


def _launch(
    pipeline: Pipeline, name: str, spec: Spec, used: Collection[tuple[int, str]], run_id: str
) -> tuple[Launch, NextRow | None]:
    if not spec.is_batch:
        return launch_asked(pipeline, Path(spec.file), {}, run_id), None
    from reelwork.planning.batch.reading import read_batch
    from reelwork.studio.batch_launch import launch_rows

    path = Path(spec.file)
    rows = read_batch(path, pipeline.workflow.briefs, platform_names(pipeline))
    row = next_row(rows.identities, used, spec.at_end)
    if row is None:
        raise RowsUsedUp(f"All {len(rows)} rows of {path.name} were used.", hint=f"Add rows to {path}.")
    # With the schedule and the round in its key, so that a row that `run` has made is no reason not to make it.
    salt = f"schedule:{name}:{row.cycle}" + (f":{row.again}" if row.again else "")
    return launch_rows(pipeline, rows.only(row.at), salt=salt), row


def allowed_by(agreed: Agreed | None) -> Allow:
    """Return what allows a firing where nobody can be asked: the workflow, or what was agreed to before."""

    def allow(consent: Consent) -> None:
        if consent.tight:
            # A firing is made whole or not at all: nothing of it would be held.
            told = " ".join(f"{left}: too little." for left in consent.left_in_budgets)
            raise BudgetShort(told, hint=_raise(consent.tight))
        if not consent.money_agreed and not (agreed and agreed.covers_cost(consent.cost)):
            raise NotAgreed(f"{consent.spends} {_limit(agreed)}")
        if not consent.posts_agreed and not (agreed and set(consent.public) <= set(agreed.public)):
            raise NotAgreed(f"{consent.shows} Nobody has agreed to that.")

    return allow


def _raise(tight: Sequence[Room]) -> str:
    """Return how there will be room in these budgets again."""
    settings = " and ".join(room.setting for room in tight)
    period = "month" if any(room.name.endswith("per_month") for room in tight) else "day"
    return f"Raise {settings}, or wait for the next {period} (UTC)."


def _limit(agreed: Agreed | None) -> str:
    if agreed is None or agreed.cost is None:
        return "Nobody has agreed to that."
    return f"{dollars(Decimal(agreed.cost))} was agreed to."


def any_cost(consent: Consent) -> None:
    """Allow everything: a file is only checked."""


def _check_there(spec: Spec) -> None:
    for path in filter(None, (spec.file, spec.workflow)):
        if not _is_file(Path(path)):
            raise WorkflowInvalid(f"There is no file {path}.", hint="Put it back, or add the schedule again.")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # It may not be looked at: reading it says why.
        return True


async def check_file(
    session: Session, name: str, spec: Spec, used: Collection[tuple[int, str]], now: float
) -> Prepared:
    """Return what a firing would be now: the file of a schedule could be run. Raises a `ReelworkError`."""
    _check_there(spec)
    # A file whose rows were all used is in order.
    return await prepare(session, name, replace(spec, at_end="repeat"), used, now, any_cost)
