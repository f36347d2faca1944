"""Texts that are cut where they are too long, each as its network counts."""

from __future__ import annotations

from collections.abc import Callable


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
