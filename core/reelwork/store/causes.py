"""The causes for which jobs need a person, as the store keeps them: which are dealt with, and which were told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

NOTICE_SECONDS = 3600.0
"""The least seconds between two notices of one cause."""
# What has one cause comes in bursts: the first of them alone would say "1 job", and the hour would hide the rest.
GATHERING_SECONDS = 30.0
"""Seconds for which more of one cause is waited for before it is told."""
FORGOTTEN_SECONDS = 86_400.0
"""Seconds after which a cause that is mended is forgotten."""


class DealtWith(NamedTuple):
    """A person has dealt with what failed for one cause."""

    cause: str
    until: float
    """The last failure that the person saw; a later one is not dealt with."""
    at: float
    by: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A cause that is there now, as a notice would tell it."""

    cause: str
    words: str
    count: int
    """Jobs that it concerns."""
    is_news: bool = True
    """False for one that is there and that nobody is told of any more: it is too old to be news, but not mended."""


class NoticesDue(NamedTuple):
    """The notices to send now. Whoever gets them sends them: no other server is given the same."""

    causes: Sequence[str]
    """Causes that are there."""
    mended: Sequence[Notice]
    """Causes that were told, and are there no more."""


class CauseStore(Protocol):
    """Keeps what people dealt with, and what they were told."""

    async def deal_with(self, dealt: DealtWith) -> None:
        """Note that a person has dealt with a cause."""

    async def keep_notices(self, found: Sequence[Notice], whom: str = "") -> NoticesDue:
        """Store the causes that are there now for `whom`, all of them, and return what they are to be told.

        Each is told once an hour at most, and again only when it concerns more jobs than before. Others than `whom`
        are told of their own causes, and of the same ones anew.
        """
        ...

    async def put_off_notice(self, cause: str, seconds: float, whom: str = "") -> None:
        """Let a notice that `whom` could not be sent be due again after so many seconds."""
