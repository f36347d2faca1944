"""The other side of a plugin under test, as its author describes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Counterpart:
    """A service, new for each case, that the plugin talks to and that keeps a log of its own."""

    carried_out: Callable[[], Sequence[str]]
    """The id of every charge or post so far, oldest first, from the service's own log: one that was carried out
    twice is in it twice. The ids are those that the plugin answers, unless the suite says `same_ids = False`."""
    url: str = ""
    """Its address on 127.0.0.1, without a slash at its end. Empty for what is no service, such as a folder."""
    crowd: Callable[[], Sequence[str]] | None = None
    """Carries out so many acts of other people, with other words, that a list of them takes more than one page.
    Returns their ids. Leave it out when the service has no list."""
