"""Before money is spent: moderation looks at the brief, plugins write the prompt, moderation looks at that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwork.errors import HookFailed
from reelwork.fitting import prompt_problem, with_final_length
from reelwork.redaction import mask
from reelwork.references import local_file
from reelwork.store.rows import FAILED, HELD, REJECTED
from reelwork.transition import Next, Working, go, stop
from reelwork.work import content_hash
from reelwork_hooks.models import Content, Edit, Prompt, Stage, Verdict

if TYPE_CHECKING:
    from reelwork.steps import Steps


async def moderate_brief(steps: Steps, work: Working) -> Next:
    """Look at the brief as it was asked."""
    brief = work.data.brief
    content = Content(
        stage=Stage.BRIEF,
        text=brief.prompt,
        negative_text=brief.negative_prompt,
        images=tuple(_pictures(work)),
    )
    return await _moderated(work, content, "moderate-brief", "transform")


async def transform(steps: Steps, work: Working) -> Next:
    """Fold the prompt through every `prompt_transform` plugin."""
    brief = work.data.brief
    prompt = Prompt(
        text=brief.prompt,
        negative_text=brief.negative_prompt,
        title=brief.title,
        caption=brief.caption,
        hashtags=brief.hashtags,
    )
    for instance in work.pipeline.order["prompt_transform"]:
        try:
            changed = await work.pipeline.dispatcher.transform(instance, prompt, work.job)
        except HookFailed as error:
            reason = f"{error.message}. Nothing was spent."
            return stop(FAILED, "transform", work.data, reason)
        prompt = recorded(prompt, changed, instance)
    can = work.pipeline.provider.capabilities(work.data.model)
    problem = prompt_problem(prompt, can, work.pipeline.provider_name)
    if problem:
        return stop(FAILED, "transform", work.data, f"{problem}. Nothing was spent.")
    fates = with_final_length(work.data.fates, prompt)
    return go("moderate-prompt", work.data.replace(prompt=prompt, fates=fates))


async def moderate_prompt(steps: Steps, work: Working) -> Next:
    """Look at the final prompt, unless it is what was looked at already."""
    prompt = work.data.prompt
    assert prompt is not None
    if prompt.text == work.data.brief.prompt and prompt.negative_text == work.data.brief.negative_prompt:
        return go("prepare", work.data)
    content = Content(stage=Stage.PROMPT, text=prompt.text, negative_text=prompt.negative_text)
    return await _moderated(work, content, "moderate-prompt", "prepare")


async def _moderated(work: Working, content: Content, step: str, following: str) -> Next:
    if content_hash(content) in work.data.approved:
        return go(following, work.data).telling("approved", stage=content.stage)
    try:
        verdict = await work.pipeline.dispatcher.veto(work.pipeline.order["pre_moderate"], content, work.job)
    except HookFailed as error:
        reason = f"{error.message}. Held, since moderation could not answer; nothing was spent."
        return stop(HELD, step, work.data.replace(asks=False), reason)
    if verdict is None:
        return go(following, work.data)
    status = HELD if verdict.decision == "hold" else REJECTED
    told = {**_verdict(verdict), "stage": content.stage, "content": content_hash(content)}
    data = work.data.replace(asks=True)
    return stop(status, step, data, _sentence(verdict, content.stage)).telling("verdict", **told)


def recorded(before: Prompt, after: Prompt | None, instance: str) -> Prompt:
    """The changed prompt with the edits between the two written into it, whatever the plugin wrote there."""
    if after is None:
        return before
    edits = [
        Edit(plugin=instance, field=name, before=_text(getattr(before, name)), after=_text(getattr(after, name)))
        for name in ("text", "negative_text", "title", "caption", "hashtags")
        if getattr(before, name) != getattr(after, name)
    ]
    return after.replace(edits=(*before.edits, *edits))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else " ".join(f"#{tag}" for tag in value)


def _pictures(work: Working) -> Iterator[Path]:
    for reference in work.data.brief.references:
        path = local_file(reference, work.pipeline.loaded.base_dir)
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
