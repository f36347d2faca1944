"""Judges the roles and times of a brief's references by what the provider declares that it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from reelwork_hooks.models import Reference
from reelwork_hooks.provider import Capabilities

ONLY_ONE = ("first_frame", "last_frame")
"""Roles of which a video has one."""


def references_problem(
    references: Sequence[Reference], can: Capabilities, provider: str, duration: float | None = None
) -> str:
    """Return why the provider would not take these references; empty if it would."""
    count, most = len(references), can.references
    if count > most:
        return f"{count}; {provider} takes {f'at most {most}' if most else 'none'}"
    return "; ".join(dict.fromkeys(_problems(references, can, provider, duration)))


def _problems(
    references: Sequence[Reference], can: Capabilities, provider: str, duration: float | None
) -> Iterator[str]:
    known = ", ".join(can.reference_roles)
    roles = Counter(reference.role for reference in references if reference.role is not None)
    for role, number in roles.items():
        # What a provider does not declare it would drop in silence, and the other video would be paid for.
        if role not in can.reference_roles:
            way = f"it takes {known}" if known else "leave out the role"
            yield f"{provider} takes no reference as {role}; {way}"
        elif number > 1 and role in ONLY_ONE:
            yield f"{number} are {role}; a video has one"
    for reference in references:
        if reference.at is not None and not can.reference_at:
            yield f"{provider} takes no time for a reference; leave out at = {reference.at:g}"
        elif reference.at is not None and duration is not None and reference.at > duration:
            yield f"at {reference.at:g} s; the video ends at {duration:g} s"


def references_in_words(references: Sequence[Reference]) -> str:
    """Return how many there are, with their roles and times."""
    if not any(reference.role or reference.at is not None for reference in references):
        return str(len(references))
    return f"{len(references)}: {', '.join(map(_in_words, references))}"


def _in_words(reference: Reference) -> str:
    time = "" if reference.at is None else f"at {reference.at:g} s"
    return f"{reference.role or 'no role'} {time}".strip()
