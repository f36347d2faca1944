"""Asks the plugins of a launch about its briefs, before anything is sent: the hook `check_brief`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from reelwork.errors import HookFailed, PlanRefused
from reelwork.planning.job_state import JobData, job_for
from reelwork.planning.planned_video import checked_post
from reelwork.planning.shapes import takes_at
from reelwork.plural import counted
from reelwork.store.records import ACTIVE, JobRow
from reelwork.store.statuses import FIRST
from reelwork.studio.launch import Entry, Launch
from reelwork_hooks.errors import InvalidInput, ReelworkError
from reelwork_hooks.models import Job, Problem

NOT_BEGUN = "not begun"
"""The run of a job that is only checked."""
MOST_WARNINGS = 10
"""Warnings that are shown."""
HINT = "Change what is listed, or take the plugin out of the workflow."


async def check_briefs(launch: Launch, fired_at: datetime | None = None) -> Launch:
    """Ask every plugin that checks briefs about each new job; `fired_at` is the time of the schedule that makes it.

    Returns the launch with their warnings among its notes. Raises `PlanRefused` with all that they find,
    `WorkflowInvalid` where several rows of a batch are wrong, and `HookFailed` for a plugin that cannot answer.
    """
    instances = launch.pipeline.order.get("check_brief", ())
    if not instances:
        return launch
    found: dict[int, list[str]] = {}
    warnings: dict[str, None] = {}
    for entry in launch.entries:
        # What was made or begun is agreed to, and perhaps paid for.
        if entry.key not in launch.known:
            problems = await _problems(launch, entry, instances, fired_at)
            found.setdefault(entry.plan, []).extend(text for text, warning in problems if not warning)
            warnings |= dict.fromkeys(text for text, warning in problems if warning)
    refusals: list[ReelworkError] = [_refused(launch, at, lines) for at, lines in found.items() if lines]
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        from reelwork.planning.batch.reading import together

        raise together(refusals, len(launch.made_of))
    return replace(launch, notes=(*launch.notes, *_in_few(list(warnings))))


def _in_few(warnings: Sequence[str]) -> Iterator[str]:
    # The rows of a batch may each have one of their own.
    yield from warnings[:MOST_WARNINGS]
    if len(warnings) > MOST_WARNINGS:
        yield f"… and {counted(len(warnings) - MOST_WARNINGS, 'more warning')}"


async def _problems(
    launch: Launch, entry: Entry, instances: Sequence[str], fired_at: datetime | None
) -> list[tuple[str, bool]]:
    """Return what the plugins found, and of each if it is a warning."""
    data = launch.made_of.data(entry.plan, entry.part).model_copy(update={"fired_at": fired_at})
    job, pipeline = _job(launch, entry, data), launch.pipeline
    lines: list[tuple[str, bool]] = []
    for instance in instances:
        # Made for those alone that ask for it: a batch may have thousands of rows.
        asks = pipeline.dispatcher.wants(instance, "check_brief", "post")
        post = checked_post(pipeline, data, instance) if asks else None
        try:
            problems = await pipeline.dispatcher.problems(instance, job, post)
        except HookFailed as error:
            # At the first one: the other rows would only fail in the same way, one time limit after the other.
            error.message = f"{_place(launch, entry.plan)}{error.message}"
            error.money = InvalidInput.money
            raise
        lines += [(f"{instance}: {in_a_line(problem, instance)}", problem.warning) for problem in problems]
    return lines


def _job(launch: Launch, entry: Entry, data: JobData) -> Job:
    """Return the job as hooks see it."""
    corrected, now = launch.corrected.get(entry.key), time.time()
    job_id = entry.id if corrected is None else corrected.id
    row = JobRow(job_id, NOT_BEGUN, entry.key, ACTIVE, FIRST, None, 0, 0, "", "", None, now, now)
    job, taken = job_for(row, data, launch.pipeline), takes_at(launch.pipeline, data.brief, data.platform)
    return job.replace(takes_at=taken) if taken else job


def in_a_line(problem: Problem, instance: str = "") -> str:
    """Return what a plugin found, without its own name before it."""
    message = problem.message.removeprefix(f"{instance}: ")
    text = f"{problem.field}: {message}" if problem.field else message
    return f"{text.rstrip('.')}. {problem.hint}" if problem.hint else text


def _refused(launch: Launch, at: int, lines: Sequence[str]) -> PlanRefused:
    # A brief's takes and platforms are refused for the same reason. It is said once.
    listed = "\n".join(f"  - {line}" for line in dict.fromkeys(lines))
    return PlanRefused(f"{_place(launch, at)}This cannot be made as asked:\n{listed}", hint=HINT)


def _place(launch: Launch, at: int) -> str:
    where = launch.made_of.where(at)
    return f"{where}: " if where else ""
