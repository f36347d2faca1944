"""Plans one render for several shapes: what cannot be made of it is refused, and what it saves is reckoned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from reelwork.errors import PlanRefused, WorkflowInvalid
from reelwork.planning.destinations import place_of
from reelwork.planning.job_state import PLAIN
from reelwork.planning.plan import Plan, PlannedJob, total
from reelwork.planning.shapes import checked_only, fitted, target_for, writable
from reelwork.plugins.pipeline import Pipeline
from reelwork_hooks.models import Brief, Platform, Target

PlannedAlone = Callable[[Brief, Platform | None], Plan]
"""Plans a brief for one platform."""
MOST_BYTES_PER_SECOND = 25_000_000
"""More than any provider's videos have."""
WORDS = {"most_bytes": "a larger video", "codecs": "a video in another codec"}


def with_targets(pipeline: Pipeline, plan: Plan, where: str, alone: PlannedAlone) -> Plan:
    """Return a plan with the shapes that each render is posted in. Raises `WorkflowInvalid`.

    A target that no plugin of the workflow can bring a render to is refused.
    """
    if not _any_target(pipeline, plan.brief, plan.jobs):
        return plan
    saved: dict[str | None, Decimal | None] = {}
    jobs = []
    for job in plan.jobs:
        targets = _targets(pipeline, plan.brief, job)
        _check(pipeline, targets, job, where)
        shapes = tuple(dict.fromkeys(target.aspect_ratio or job.spec.aspect_ratio for target in targets.values()))
        name = job.platform.name if job.platform else None
        if name not in saved:
            saved[name] = _saved(plan.brief, job, shapes, alone)
        notes = (*job.notes, *_notes(pipeline, targets, job.spec.duration))
        job = job.replace(notes=notes)
        plain = all(target == PLAIN for target in targets.values())
        jobs.append(job if plain else job.replace(shapes=shapes, saved=saved[name]))
    return plan.replace(jobs=tuple(jobs))


def _any_target(pipeline: Pipeline, brief: Brief, jobs: Iterable[PlannedJob]) -> bool:
    instances = pipeline.instances
    accepting = any(instances[name].accepts != PLAIN for name in pipeline.order["publish"])
    return accepting or bool(brief.destinations) or any(job.platform and _limits(job.platform) for job in jobs)


def _limits(platform: Platform) -> bool:
    return platform.most_bytes is not None or bool(platform.codecs)


def _targets(pipeline: Pipeline, brief: Brief, job: PlannedJob) -> Mapping[str, Target]:
    if job.take > 1 and brief.publish_takes == "first":
        return {}
    names = pipeline.order["publish"]
    return {name: target_for(pipeline, name, brief, job.platform, job.spec) for name in names}


def _check(pipeline: Pipeline, targets: Mapping[str, Target], job: PlannedJob, where: str) -> None:
    fits = fitted(pipeline)
    for name, target in targets.items():
        lacking = (one for one in _impossible(target, job) if one[0] not in fits)
        for key, problem, hint in (*lacking, *_unwritable(target, writable(pipeline))):
            raise WorkflowInvalid(
                f"{place_of(pipeline, name, key, where)}: destination.{name}.{key}: {problem}",
                money="Nothing was sent.",
                hint=hint,
            )


def _impossible(target: Target, job: PlannedJob) -> Iterator[tuple[str, str, str]]:
    """Yield what a render lacks for a target, unless a plugin brings it: the field, the problem, a hint."""
    spec = job.spec
    if target.aspect_ratio is not None:
        yield (
            "aspect_ratio",
            f"{target.aspect_ratio} is taken, the render is {spec.aspect_ratio}, and no plugin here changes that",
            'Add one that does, such as plugins = ["reframe"], or leave the destination out.',
        )
    if target.longest is not None:
        yield (
            "longest",
            f"{target.longest:g} s are taken, the render has {spec.duration:g} s, and no plugin here shortens it",
            "Ask for a shorter video, add a plugin that shortens it, or leave the destination out.",
        )


def _unwritable(target: Target, codecs: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield that no plugin can bring a video to a codec that a target takes, where there is one that should."""
    if target.codecs and codecs and not set(target.codecs) & set(codecs):
        yield (
            "codecs",
            f"{' or '.join(target.codecs)} is taken, and the plugins here can make {' and '.join(codecs)} only",
            f"Let its `codecs` have {codecs[0]}, add a plugin that makes them, or leave the destination out.",
        )


def _notes(pipeline: Pipeline, targets: Mapping[str, Target], seconds: float) -> Iterator[str]:
    """Yield what is known only once the video is there."""
    fits, likely = fitted(pipeline), seconds * MOST_BYTES_PER_SECOND
    for name, target in targets.items():
        own = checked_only(pipeline, name)
        most = min(filter(None, (target.most_bytes, own.most_bytes)), default=0)
        codecs = target.codecs or own.codecs
        # A limit that no video of this length reaches would be one line for each network, read by nobody.
        limits = {"most_bytes": f"{most:,} bytes" if most and most < likely else "", "codecs": " or ".join(codecs)}
        for key, what in WORDS.items():
            if limits[key] and key not in fits:
                yield f"{name} takes {limits[key]}: {what} is not posted there"


def _saved(brief: Brief, job: PlannedJob, shapes: tuple[str, ...], alone: PlannedAlone) -> Decimal | None:
    """Return the US dollars that renders of all shapes would cost more than this one; None if that is not known."""
    if len(shapes) < 2:
        return None
    costs = [job.cost if shape == job.spec.aspect_ratio else _cost(brief, job, shape, alone) for shape in shapes]
    each = total(costs)
    return None if each is None or job.cost is None else each - job.cost


def _cost(brief: Brief, job: PlannedJob, shape: str, alone: PlannedAlone) -> Decimal | None:
    given: dict[str, Any] = {"aspect_ratio": shape, "takes": 1, "publish_takes": None}
    try:
        (other,) = alone(brief.replace(**given), job.platform).jobs
    except PlanRefused:
        # The provider does not make this shape at all. What it would cost cannot be said.
        return None
    return other.cost
