"""The prompt of a job as moderation and the plugins see it, and what they make of it.

A dry run uses the same functions as the stages: a copy of them would ask something else one day.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from reelwork.planning.limits import prompt_problem
from reelwork.planning.reference_files import local_file
from reelwork.plugins.pipeline import Pipeline
from reelwork_hooks.models import Brief, Content, Edit, Job, Prompt, Stage

Transform = Callable[[str, Prompt, Job], Awaitable[Prompt | None]]
"""Asks an instance what it makes of a prompt."""


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
