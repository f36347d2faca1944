"""The limits of providers and platforms on a final prompt and the copy that goes with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reelwork.planning.plan import Fate
from reelwork.plural import counted
from reelwork_hooks.models import Platform, Prompt
from reelwork_hooks.provider import Capabilities


def prompt_problem(prompt: Prompt, capabilities: Capabilities, provider: str) -> str:
    """Return why the provider would not take a final prompt; empty if it would."""
    longest, length = capabilities.longest_prompt, len(prompt.text)
    if longest is None or length <= longest:
        return ""
    writers = ", ".join(dict.fromkeys(edit.plugin for edit in prompt.edits if edit.field == "text"))
    after = f", after {writers} changed it" if writers else ""
    return f"the prompt has {length} characters{after}; {provider} takes at most {longest}"


def with_final_length(fates: Iterable[Fate], prompt: Prompt) -> tuple[Fate, ...]:
    """Return the fates with the length that the prompt has when it is sent."""
    becomes = f"{len(prompt.text)} characters"
    return tuple(
        fate.model_copy(update={"becomes": becomes}) if fate.parameter == "prompt" else fate for fate in fates
    )


def copy_problems(prompt: Prompt, platform: Platform) -> Iterator[str]:
    """Yield a sentence for each part of a prompt's copy that is longer than the platform takes."""
    # Most networks send hashtags as part of the caption.
    tags = "".join(f" #{tag}" for tag in prompt.hashtags)
    caption = "the caption with its hashtags" if tags else "the caption"
    said = (prompt.caption + tags).strip()
    for name, length, limit, counted_in in (
        ("the title", platform.length_of(prompt.title, "title"), platform.title_limit, platform.title_counted),
        (caption, platform.length_of(said, "caption"), platform.caption_limit, platform.caption_counted),
    ):
        if limit is not None and length > limit:
            unit = "bytes" if counted_in == "bytes" else "characters"
            yield f"{name} has {length} {unit}; {platform.name} takes at most {limit}"
    count, most = len(prompt.hashtags), platform.hashtag_limit
    if most is not None and count > most:
        are = "is" if count == 1 else "are"
        yield f"there {are} {counted(count, 'hashtag')}; {platform.name} takes at most {most}"
