"""The refusals of a post that can be known before its video is made."""

from __future__ import annotations

from collections.abc import Callable

from reelwork_hooks import Problem, Rejected


def refusal_of(check: Callable[[], object]) -> list[Problem]:
    """Return the problem for which a check of a post raises `Rejected`, if it does."""
    try:
        check()
    except Rejected as error:
        # A plan names the destination before it.
        return [Problem(message=error.message.partition(": ")[2] or error.message, hint=error.hint)]
    return []
