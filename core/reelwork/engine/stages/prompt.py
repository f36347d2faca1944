"""Stages before money is spent: moderation of the brief, the prompt's plugins, moderation of the prompt.

A dry run uses the pure parts too, from `brief_content` on: a copy of them would ask something else one day.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from reelwork.engine.stages.step import Next, Working, go, hold, stop
from reelwork.engine.stages.tools import StageTools
from reelwork.errors import HookFailed, in_a_line, with_hint
from reelwork.planning.job_state import content_hash
from reelwork.planning.limits import prompt_problem, with_final_length
from reelwork.planning.reference_files import local_file
from reelwork.plugins.pipeline import Pipeline
from reelwork.redaction.redactor import mask
from reelwork.store.holds import HoldReason
from reelwork.store.records import FAILED, PAYMENT, REJECTED
from reelwork.store.statuses import Step
from reelwork_hooks.errors import PluginInvalid
from reelwork_hooks.models import Brief, Content, Edit, Job, Prompt, Stage, Verdict

Transform = Callable[[str, Prompt, Job], Awaitable[Prompt | None]]
"""Asks an instance what it makes of a prompt."""


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


def brief_content(brief: Brief, base_dir: Path) -> Content:
    """Return what moderation is shown of a brief: its words and the reference pictures that are files."""
    return Content(
        stage=Stage.BRIEF,
        text=brief.prompt,
        negative_text=brief.negative_prompt,
        images=tuple(_pictures(brief, base_dir)),
    )


def prompt_content(brief: Brief, prompt: Prompt) -> Content | None:
    """Return what moderation is shown of the final prompt; None when it says just what the brief said."""
    if prompt.text == brief.prompt and prompt.negative_text == brief.negative_prompt:
        return None
    return Content(stage=Stage.PROMPT, text=prompt.text, negative_text=prompt.negative_text)


async def drafted(
    pipeline: Pipeline, instances: Iterable[str], job: Job, transform: Transform | None = None
) -> Prompt:
    """Fold the brief's words through these `prompt_transform` plugins. Raises `HookFailed`.

    `transform` asks one of them; by default its hook is called.
    """
    brief = job.brief
    prompt = Prompt(
        text=brief.prompt,
        negative_text=brief.negative_prompt,
        title=brief.title,
        caption=brief.caption,
        hashtags=brief.hashtags,
        alt_text=brief.alt_text,
    )
    ask = transform or pipeline.dispatcher.transform
    for instance in instances:
        prompt = recorded(prompt, await ask(instance, prompt, job), instance)
    return prompt


def problem_of(prompt: Prompt, pipeline: Pipeline, model: str | None) -> str:
    """Say why the provider would not take this prompt; empty when it would. Raises `PluginInvalid`."""
    return prompt_problem(prompt, pipeline.provider.capabilities(model), pipeline.provider_name)


async def _moderated(tools: StageTools, work: Working, content: Content, step: str, following: str) -> Next:
    if content_hash(content) in work.data.approved:
        return go(following, work.data).telling("approved", stage=content.stage)
    try:
        verdict = await work.pipeline.dispatcher.veto(work.pipeline.moderators(content.stage), content, work.job)
    except HookFailed as error:
        reason = f"{in_a_line(error)}. Held, since moderation could not answer. {_spent(tools, work)}"
        # Nothing passes because nobody looked.
        return hold(step, work.data, HoldReason.MODERATION_SILENT, with_hint(reason, error))
    if verdict is None:
        return go(following, work.data)
    reason = _sentence(verdict, content.stage)
    told = {**_verdict(verdict), "stage": content.stage, "content": content_hash(content)}
    if verdict.decision == "hold":
        return hold(step, work.data, HoldReason.MODERATION, reason).telling("verdict", **told)
    return stop(REJECTED, step, work.data, reason).telling("verdict", **told)


def _spent(tools: StageTools, work: Working) -> str:
    """Say whether anything was spent: before the request, only plugins can have paid for something."""
    paid = any(one.kind == PAYMENT and one.charged for one in tools.store.effects_of(work.row.id))
    return "What plugins paid for it is counted." if paid else "Nothing was spent."


def recorded(before: Prompt, after: Prompt | None, instance: str) -> Prompt:
    """Return the changed prompt with the edits that were really made, whatever the plugin wrote there."""
    if after is None:
        return before
    edits = [
        Edit(plugin=instance, field=name, before=_text(getattr(before, name)), after=_text(getattr(after, name)))
        for name in ("text", "negative_text", "title", "caption", "hashtags", "alt_text")
        if getattr(before, name) != getattr(after, name)
    ]
    # What a plugin answered was checked where it came in.
    return after.model_copy(update={"edits": (*before.edits, *edits)})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else " ".join(f"#{tag}" for tag in value)


def _pictures(brief: Brief, base_dir: Path) -> Iterator[Path]:
    for reference in brief.references:
        # A sound is nothing to look at.
        path = None if reference.role == "audio" else local_file(reference, base_dir)
        if path is not None and path.is_file():
            yield path


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {**verdict.model_dump(mode="json"), "reason": mask(verdict.reason)}


def _sentence(verdict: Verdict, stage: Stage) -> str:
    why = f"by {verdict.plugin!r}: {mask(verdict.reason) or 'no reason given'}"
    if verdict.decision != "hold":
        return f"rejected {why}"
    # Approving the brief does not approve what plugins make of it: a second question must not look like the first.
    return f"the {'brief' if stage is Stage.BRIEF else 'final prompt'} is held for a person {why}"
