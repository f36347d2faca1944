"""Texts that are cut where they are too long, each as its network counts."""

from __future__ import annotations

from collections.abc import Callable

from reelwork_hooks import Job, Post
from reelwork_plugins.publishers.post_text import filled


def shortened(text: str, longest: int, counted: Callable[[str], int]) -> str:
    """Return the text, cut at a word where it counts for more than `longest`."""
    if counted(text) <= longest:
        return text
    if longest < 1:
        return ""
    # The mark of the cut counts as one.
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        fits, too_long = (middle, too_long) if counted(text[:middle]) < longest else (fits, middle)
    kept = text[:fits]
    cut = kept.rpartition(" ")[0] if " " in kept[-40:] else kept
    return f"{cut.rstrip()}…"


def filled_to(longest: int, template: str, post: Post, job: Job, tail: str, counted: Callable[[str], int]) -> str:
    """Return a template filled in, with `tail` at its end, which is never cut; hashtags are cut last."""
    whole = filled(template, post, job)
    excess = counted(whole) + counted(tail) - longest
    if excess > 0:
        # The caption gives way, not what stands around it.
        shorter = shortened(post.caption, counted(post.caption) - excess, counted)
        whole = filled(template, post.replace(caption=shorter), job)
    return shortened(whole, longest - counted(tail), counted) + tail
