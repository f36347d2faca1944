"""The work of one template: a count of its steps, and the bounds of its values."""

from __future__ import annotations

from typing import Any

MOST_STEPS = 100_000
"""Steps of one template: about a tenth of a second."""
LONGEST_VALUE = 64_000
"""Characters of a text that is made on the way."""
CHARACTERS_A_STEP = 64
"""A text that is made counts as a step for each so many characters."""


class Refused(ValueError):
    """A template cannot be filled in."""


class TooLong(Refused):
    """A template gives more than it may."""


class Work:
    """Counts the steps of one template."""

    def __init__(self) -> None:
        self._left = MOST_STEPS

    def step(self, size: int = 1) -> None:
        """Count so many steps. Raises `Refused` when they are too many."""
        self._left -= size
        if self._left < 0:
            raise Refused("its loops take too many steps; loop over fewer values")


def plain(value: Any) -> Any:
    """Return a text or a number as it is. Raises `Refused` for what cannot be written."""
    if isinstance(value, str | int | float):
        return value
    if value is None:
        raise Refused("this job has no such value; test for it first: {% if … %}")
    if isinstance(value, list):
        raise Refused('a list cannot be written; use {{ list|join(", ") }}')
    # What is missing says so by itself.
    str(value)
    raise Refused("only texts and numbers can be written; name one of its values, as in {{ platform.name }}")


def text(value: Any) -> str:
    """Return a text or a number as text. Raises `Refused`."""
    return str(plain(value))


def sized(work: Work, made: str) -> str:
    """Return a text that was made, which counts. Raises `Refused` when it is too long."""
    work.step(1 + len(made) // CHARACTERS_A_STEP)
    if len(made) > LONGEST_VALUE:
        raise Refused(f"a text has more than {LONGEST_VALUE} characters")
    return made
