"""Stages before money is spent: moderation of the brief, the prompt's plugins, moderation of the prompt."""

from __future__ import annotations

from typing import Any

from reelwork.engine.stages.appeals import (
    appealed,
    asked_about,
    at_its_time,
    noted,
    refusal_of,
    still_appealed,
    telling_overruled,
)
from reelwork.engine.stages.step import Next, Working, go, hold, stop
from reelwork.engine.stages.tools import StageTools
from reelwork.errors import HookFailed, in_a_line, with_hint
from reelwork.planning.content_hash import content_hash
from reelwork.planning.limits import with_final_length
from reelwork.planning.prompts import brief_content, drafted, problem_of, prompt_content
from reelwork.planning.refusals import subject_of
from reelwork.redaction.redactor import mask
from reelwork.store.holds import HoldReason
from reelwork.store.records import FAILED, PAYMENT, REJECTED
from reelwork.store.statuses import Step
from reelwork_hooks.errors import PluginInvalid
from reelwork_hooks.models import Content, Stage, Verdict


async def moderate_brief(tools: StageTools, work: Working) -> Next:
    """Ask moderation about the brief."""
    content = brief_content(work.data.brief, work.pipeline.loaded.base_dir)
    return await _moderated(tools, work, content, Step.MODERATE_BRIEF, Step.TRANSFORM)


async def transform(tools: StageTools, work: Working) -> Next:
    """Fold the prompt through every `prompt_transform` plugin."""
    pipeline = work.pipeline
    try:
        prompt = await drafted(pipeline, pipeline.order["prompt_transform"], work.job)
        problem = problem_of(prompt, pipeline, work.data.model)
    except (HookFailed, PluginInvalid) as error:
        told = with_hint(f"{in_a_line(error).rstrip('.')}. {_spent(tools, work)}", error)
        return stop(FAILED, Step.TRANSFORM, work.data, told)
    if problem:
        return stop(FAILED, Step.TRANSFORM, work.data, f"{problem}. {_spent(tools, work)}")
    fates = with_final_length(work.data.fates, prompt)
    return go(Step.MODERATE_PROMPT, work.data.replace(prompt=prompt, fates=fates))


async def moderate_prompt(tools: StageTools, work: Working) -> Next:
    """Ask moderation about the final prompt, unless it has seen those words already."""
    assert work.data.prompt is not None
    content = prompt_content(work.data.brief, work.data.prompt)
    if content is None:
        return go(Step.PREPARE, work.data)
    return await _moderated(tools, work, content, Step.MODERATE_PROMPT, Step.PREPARE)


async def _moderated(tools: StageTools, work: Working, content: Content, step: str, following: str) -> Next:
    # Whatever has changed since: nothing is decided, asked or spent while nobody answers.
    if (refusal := at_its_time(work)) is not None:
        return still_appealed(tools, work, refusal)
    shown, stage = content_hash(content), content.stage
    if shown in work.data.approved:
        return go(following, work.data).telling("approved", stage=stage)
    instances = work.pipeline.moderators(stage)
    if (refusal := appealed(work, instances, shown)) is not None:
        return still_appealed(tools, work, refusal)
    asked = asked_about(work, instances, shown)
    data = work.data.replace(refused="") if work.data.refused else work.data
    try:
        verdict = await work.pipeline.dispatcher.veto(asked, content, work.job)
    except HookFailed as error:
        reason = f"{in_a_line(error)}. Held, since moderation could not answer. {_spent(tools, work)}"
        # Nothing passes because nobody looked.
        return hold(step, data, HoldReason.MODERATION_SILENT, with_hint(reason, error))
    if verdict is None:
        overruled = (name for name in instances if name not in asked)
        return telling_overruled(go(following, data), stage, *overruled)
    reason = _sentence(verdict, stage)
    told = {**_verdict(verdict), "stage": stage, "content": shown}
    if verdict.decision == "hold":
        return hold(step, data, HoldReason.MODERATION, reason).telling("verdict", **told)
    data = noted(data, refusal_of(work, verdict, stage, shown))
    return stop(REJECTED, step, data, reason).telling("verdict", **told)


def _spent(tools: StageTools, work: Working) -> str:
    """Say whether anything was spent: before the request, only plugins can have paid for something."""
    paid = any(one.kind == PAYMENT and one.charged for one in tools.store.effects_of(work.row.id))
    return "What plugins paid for it is counted." if paid else "Nothing was spent."


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {**verdict.model_dump(mode="json"), "reason": mask(verdict.reason)}


def _sentence(verdict: Verdict, stage: Stage) -> str:
    why = f"by {verdict.plugin!r}: {mask(verdict.reason) or 'no reason given'}"
    # Approving the brief does not approve what plugins make of it: a second question must not look like the first.
    held = "held for a person" if verdict.decision == "hold" else "rejected"
    return f"{subject_of(stage)} is {held} {why}"
