"""What can be known of a post before its video is made: a refusal, and a caption that would be cut."""

from __future__ import annotations

from collections.abc import Callable

from reelwork_hooks import Post, Problem, Rejected


def refusal_of(check: Callable[[], object]) -> list[Problem]:
    """Return the problem for which a check of a post raises `Rejected`, if it does."""
    try:
        check()
    except Rejected as error:
        # A plan names the destination before it.
        return [Problem(message=error.message.partition(": ")[2] or error.message, hint=error.hint)]
    return []


def cut_caption(post: Post, template: str, text: str) -> list[Problem]:
    """Return a warning if the text that would be posted has only the beginning of the caption."""
    whole = " ".join(post.caption.split())
    # A template may leave the caption out on purpose.
    if "{caption}" not in template or whole in " ".join(text.split()):
        return []
    hint = "Write a shorter one for it under [destination.NAME]."
    return [
        Problem(message="it is too long here, and its end is left out", field="caption", hint=hint, warning=True)
    ]
