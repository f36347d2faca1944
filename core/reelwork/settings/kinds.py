"""The kinds of values that settings have, each with its check."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field

from reelwork.errors import WorkflowInvalid
from reelwork.money import MOST_BUDGET
from reelwork.settings.lengths import seconds_in


def _requirement(text: str) -> str:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        asked = Requirement(text)
    except InvalidRequirement:
        raise ValueError(
            f"{text!r} is not a package with its versions; write for example reelwork-acme>=1.2"
        ) from None
    # An address says where from, not which version: what is installed cannot be compared with it.
    if asked.url is not None:
        raise ValueError(f"{text!r} has an address; give a package and its versions, such as reelwork-acme>=1.2")
    return text


def _length(text: str) -> str:
    try:
        seconds = seconds_in(text, "")
    except WorkflowInvalid as error:
        raise ValueError(f"{error.message.strip().rstrip('.')}; write it as 90s, 10m, 6h or 2d") from None
    # A review that ends as it begins would never let a post through.
    if not seconds:
        raise ValueError(f"{text!r} is no time at all; write it as 90s, 10m, 6h or 2d")
    return text


Requirement = Annotated[str, AfterValidator(_requirement)]
Length = Annotated[str, AfterValidator(_length)]
"""A length of time, such as `6h`."""
Names = tuple[Annotated[str, Field(min_length=1)], ...]
Ceiling = Annotated[Decimal, Field(ge=0, le=MOST_BUDGET)]
"""US dollars."""
