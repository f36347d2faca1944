"""A dry run: asks the plugins of a launch, as a real run would, and sends nothing.

A plugin that declares `costs` is left out and named. Jobs that an earlier run of the same batch has made or begun
are shown as they stand.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from reelwork.errors import HookFailed
from reelwork.planning.call_prices import paying_plugins
from reelwork.planning.job_state import JobData, job_for
from reelwork.planning.limits import with_final_length
from reelwork.planning.plan import Fate, PlannedJob, total
from reelwork.planning.prompts import brief_content, drafted, problem_of, prompt_content
from reelwork.plugins.pipeline import Pipeline
from reelwork.store.records import ACTIVE, REMOVED, JobRow
from reelwork.store.statuses import FIRST
from reelwork.studio.batch_wording import corrected_note, told
from reelwork.studio.job_view import view_of
from reelwork.studio.launch import Entry, Launch, goes_on, unpaid
from reelwork.studio.planned_posts import PlannedPost as PlannedPost
from reelwork.studio.planned_posts import copy_notes, planned_posts
from reelwork_hooks.errors import PluginInvalid
from reelwork_hooks.models import (
    Content,
    Frozen,
    Job,
    Prompt,
    Spec,
    Stage,
    Verdict,
)
from reelwork_hooks.provider import Price

NOT_SENT = "rehearsal"
ASKED_AT = (Stage.BRIEF, Stage.PROMPT)
"""The stages of moderation that a dry run comes to."""
# As many as a launch holds plans: beyond that, rows share nothing.
MOST_ALIKE = 4096
"""Planned jobs of which the shared parts are stored."""


class KnownJob(Frozen):
    """One job that an earlier run of the same batch has made or begun. A run makes it no second time."""

    id: str
    row: str | None = None
    platform: str | None = None
    take: int = 1
    takes: int = 1
    status: str
    """`active`, `done`, `failed`, `held`, `rejected` or `cancelled`."""
    step: str
    reason: str = ""
    goes_on: bool
    """True if a run continues it where it stopped."""
    unspent: Decimal | None = Decimal(0)
    """US dollars a run may yet spend on it, since its render was not asked for; None when that is not known."""


class RehearsedJob(Frozen):
    """One job as it would go."""

    row: str | None = None
    platform: str | None = None
    take: int = 1
    takes: int = 1
    model: str | None = None
    spec: Spec
    fates: tuple[Fate, ...] = ()
    notes: tuple[str, ...] = ()
    cost: Decimal | None = None
    """US dollars it can cost at most, posts included; None when the price is not known."""
    expected: Decimal | None = None
    """US dollars it will most likely cost, where that is less."""
    price: Price | None = None
    prompt: Prompt | None = None
    """The final prompt with its edits; None when the job would not come that far."""
    verdict: Verdict | None = None
    """The veto that would stop it."""
    problem: str = ""
    """The message of a plugin that failed."""
    posts: tuple[PlannedPost, ...] = ()
    shapes: tuple[str, ...] = ()
    """The shapes it is posted in, where one is another than the render's."""
    saved: Decimal | None = None
    """US dollars that a render for each shape would cost more; None with one shape, or if that is not known."""

    @property
    def outcome(self) -> str:
        """`ready`, or what the job would become: `failed`, `held` or `rejected`."""
        if self.verdict is not None:
            return "held" if self.verdict.decision == "hold" else "rejected"
        return "failed" if self.problem else "ready"


class LooksAtClip(Frozen):
    """A moderation plugin that will be shown each finished video."""

    plugin: str
    frames: int
    """The number of frames it is shown of each at most."""
    costs: bool
    """True if asking it costs money."""


class Tally(Frozen):
    """The totals of all new jobs of a rehearsal."""

    jobs: int
    cost: Decimal | None
    """US dollars at most; None when a price is not known."""
    expected: Decimal | None = None
    """US dollars most likely, where that is less."""
    outcomes: Mapping[str, int]
    """The number of jobs of each outcome."""
    prices: tuple[Price, ...] = ()
    saved: Decimal = Decimal(0)
    """US dollars that a render for each shape would cost more, as far as that is known."""


class Rehearsal(Frozen):
    """A whole launch as it would go."""

    workflow: str
    provider: str
    jobs: tuple[RehearsedJob, ...]
    """Those that are new."""
    known: tuple[KnownJob, ...] = ()
    """Those that an earlier run of the same batch has made or begun."""
    notes: tuple[str, ...] = ()
    """Other notes for a person, such as rows that were changed since they ran."""
    skipped: tuple[str, ...] = ()
    """Plugins that were not asked, because asking them costs money."""
    looks: tuple[LooksAtClip, ...] = ()
    """Plugins that will be shown each finished video."""
    plugin_calls: Decimal = Decimal(0)
    """US dollars beside `cost` that plugins may pay for calls of their own at most, if none is repeated."""
    paying: tuple[str, ...] = ()
    """These plugins."""
    tally: Annotated[Tally, Field(exclude=True)]
    """The totals of all new jobs, including those that were not stored."""

    @property
    def cost(self) -> Decimal | None:
        """US dollars for all that is new; None when a price is not known."""
        return self.tally.cost

    @property
    def saved(self) -> Decimal:
        """US dollars that a render for each shape would cost more, as far as that is known."""
        return self.tally.saved

    @property
    def unspent(self) -> Decimal | None:
        """US dollars that a run may yet spend on known jobs, which was agreed to when they were launched."""
        return total(job.unspent for job in self.known)

    @property
    def exit_code(self) -> int:
        """0 when every new job is ready, 1 when a plugin fails, 3 when moderation stops one."""
        outcomes = set(self.tally.outcomes)
        if "failed" in outcomes:
            return 1
        return 3 if outcomes - {"ready"} else 0


Keep = Callable[[RehearsedJob], bool]
"""Is shown each new job, and says whether the rehearsal holds it: fifty thousand would fill the memory."""


def every(job: RehearsedJob) -> bool:
    """Return True for every job."""
    return True


async def rehearse(launch: Launch, keep: Keep = every) -> Rehearsal:
    """Ask every plugin that is free to ask. Nothing is sent and nothing is written to the store."""
    jobs = []
    count, costs, outcomes, prices = 0, Decimal(0), Counter[str](), dict[Price, None]()
    expected = saved = Decimal(0)
    unpriced = False
    asking = _Asking(launch)
    for entry in launch.entries:
        # A run makes these no second time, so their plugins are not asked either.
        if entry.key in launch.known:
            continue
        job = await asking.rehearsed(entry)
        count += 1
        outcomes[job.outcome] += 1
        costs += job.cost or 0
        expected += job.cost or 0 if job.expected is None else job.expected
        saved += job.saved or 0
        # One unknown price makes the sum unknown. A sum of the others would look like the whole cost.
        unpriced = unpriced or job.cost is None
        if job.price is not None:
            prices[job.price] = None
        if keep(job):
            jobs.append(job)
    return Rehearsal(
        workflow=launch.pipeline.workflow.name,
        provider=launch.pipeline.provider_name,
        jobs=tuple(jobs),
        known=tuple(_known(row) for row in _kept(launch)),
        notes=tuple(_notes(launch)),
        skipped=tuple(_skipped(launch.pipeline, asking.unknown)),
        looks=tuple(_looks(launch.pipeline)),
        plugin_calls=launch.without(launch.known).calls_cost,
        paying=tuple(paying_plugins(launch.pipeline)),
        tally=Tally(
            jobs=count,
            cost=None if unpriced else costs,
            outcomes=outcomes,
            prices=tuple(prices),
            expected=expected if expected < costs and not unpriced else None,
            saved=saved,
        ),
    )


def _notes(launch: Launch) -> Iterator[str]:
    yield from launch.changed_since(launch.known)
    yield from launch.removed_among(launch.known)
    yield from launch.budget_notes()
    yield from launch.pipeline.name_notes()
    yield from launch.notes
    yield from corrected_note(launch)
    if launch.copies:
        yield told(launch)


def _kept(launch: Launch) -> Iterator[JobRow]:
    """Yield the jobs that exist. Of a removed one, only what would be asked for now is known."""
    for at, entry in enumerate(launch.entries):
        row = launch.known.get(entry.key)
        if row is not None:
            yield replace(row, data=launch.datas[at].model_dump_json()) if row.step == REMOVED else row


def _known(row: JobRow) -> KnownJob:
    view = view_of(row)
    told = {
        name: getattr(view, name) for name in ("id", "row", "platform", "take", "takes", "status", "step", "reason")
    }
    return KnownJob(**told, goes_on=goes_on(row), unspent=unpaid(row))


def _skipped(pipeline: Pipeline, unknown: Iterable[str]) -> Iterator[str]:
    for name in pipeline.order["pre_moderate"]:
        # One that only looks at videos has nothing to be asked about yet.
        if _costs(pipeline, name) and any(name in pipeline.moderators(stage) for stage in ASKED_AT):
            yield f"{name} (pre_moderate)"
    yield from (f"{name} (prompt_transform)" for name in unknown)


def _looks(pipeline: Pipeline) -> Iterator[LooksAtClip]:
    for name in pipeline.moderators(Stage.CLIP):
        frames = pipeline.instances[name].clip_frames
        yield LooksAtClip(plugin=name, frames=frames, costs=_costs(pipeline, name))


def _costs(pipeline: Pipeline, name: str) -> bool:
    return bool(getattr(pipeline.instances[name], "costs", False))


def _free(pipeline: Pipeline, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if not _costs(pipeline, name))


@dataclass(frozen=True)
class _Alike:
    """The parts that all rows share which have one planned job."""

    planned: PlannedJob
    job: Job
    """That of the first of these rows."""
    fates: dict[int, tuple[Fate, ...]] = field(default_factory=dict)
    """By the length of the final prompt."""


class _Asking:
    """Asks the plugins of a launch about its jobs, one after the other."""

    def __init__(self, launch: Launch) -> None:
        self._launch, self._pipeline = launch, launch.pipeline
        self._moderators = {stage: _free(self._pipeline, self._pipeline.moderators(stage)) for stage in ASKED_AT}
        self.unknown: dict[str, None] = {}
        """The plugins that cost money and have not made all of these prompts before."""
        self._alike: dict[int, _Alike] = {}
        """By which object the planned job is."""

    async def rehearsed(self, entry: Entry) -> RehearsedJob:
        """Return one job as it would go."""
        plans = self._launch.made_of
        planned, data = plans.job(entry.plan, entry.part), plans.data(entry.plan, entry.part)
        alike = self._alike_to(entry, planned, data)
        found = await self._asked(_job(entry, data, alike.job), planned)
        prompt = found.get("prompt")
        stopped = "verdict" in found or "problem" in found
        posts = () if stopped or prompt is None else tuple(planned_posts(self._pipeline, data, prompt))
        # By the final copy, where the job comes that far: a plugin may have added a link.
        costs = planned.post_costs.values() if not posts else [_cost(post) for post in posts]
        return RehearsedJob(
            row=data.row,
            platform=planned.platform.name if planned.platform else None,
            take=planned.take,
            takes=planned.takes,
            model=planned.model,
            spec=planned.spec,
            fates=planned.fates if prompt is None else _final_fates(alike, prompt),
            notes=(*planned.notes, *copy_notes(self._pipeline, data.brief, prompt, planned)),
            cost=total((planned.cost, *costs)),
            expected=None if planned.expected is None else total((planned.expected, *costs)),
            price=planned.price,
            posts=posts,
            shapes=planned.shapes,
            saved=planned.saved,
            **found,
        )

    def _alike_to(self, entry: Entry, planned: PlannedJob, data: JobData) -> _Alike:
        found = self._alike.get(id(planned))
        if found is None:
            found = _Alike(planned, _first_job(entry, data, self._pipeline))
            if len(self._alike) < MOST_ALIKE:
                # By identity: comparing plans would cost more than making them. `_Alike` holds the plan, so its id
                # stays its own.
                self._alike[id(planned)] = found
        return found

    async def _asked(self, job: Job, planned: PlannedJob) -> Mapping[str, Any]:
        pipeline = self._pipeline
        stopped = await self._vetoed(brief_content(job.brief, pipeline.loaded.base_dir), job)
        if stopped:
            return stopped
        try:
            prompt = await drafted(pipeline, pipeline.order["prompt_transform"], job, self._made_of)
            problem = problem_of(prompt, pipeline, planned.model)
        except (HookFailed, PluginInvalid) as error:
            return {"problem": error.message}
        if problem:
            return {"prompt": prompt, "problem": problem}
        content = prompt_content(job.brief, prompt)
        return {"prompt": prompt} if content is None else {"prompt": prompt, **await self._vetoed(content, job)}

    async def _made_of(self, instance: str, prompt: Prompt, job: Job) -> Prompt | None:
        dispatcher = self._pipeline.dispatcher
        if not _costs(self._pipeline, instance):
            return await dispatcher.transform(instance, prompt, job)
        known = await dispatcher.known(instance, self._pipeline.instances[instance].target, prompt, job)
        if known is None:
            self.unknown[instance] = None
        return known

    async def _vetoed(self, content: Content, job: Job) -> dict[str, Any]:
        try:
            verdict = await self._pipeline.dispatcher.veto(self._moderators[content.stage], content, job)
        except HookFailed as error:
            # As in a real run: nothing passes because moderation could not answer.
            return {"verdict": Verdict.hold(error.message).replace(plugin=error.plugin)}
        return {} if verdict is None else {"verdict": verdict}


def _cost(post: PlannedPost) -> Decimal | None:
    return None if post.unknown_price else post.cost or Decimal(0)


def _first_job(new: Entry, data: JobData, pipeline: Pipeline) -> Job:
    now = time.time()
    row = JobRow(new.id, NOT_SENT, new.key, ACTIVE, FIRST, None, 0, 0, "", "", None, now, now)
    return job_for(row, data, pipeline)


def _job(new: Entry, data: JobData, like: Job) -> Job:
    """Return the job as hooks see it. `like` is that of a row with the same plan."""
    own = {"id": new.id, "brief": data.brief, "row": data.row, "created_at": datetime.now(UTC)}
    return like.model_copy(update=own)


def _final_fates(alike: _Alike, prompt: Prompt) -> tuple[Fate, ...]:
    length = len(prompt.text)
    if length not in alike.fates:
        alike.fates[length] = with_final_length(alike.planned.fates, prompt)
    return alike.fates[length]
