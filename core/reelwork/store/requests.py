"""Requests that act, each with a key of its caller: known again, so that what was done is not done twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request that acts, and its answer once it has."""

    holder: str
    """The token of whoever sent it."""
    key: str
    """The caller's own name for it."""
    asked: str
    """A hash of all that it asks for."""
    owner: str
    """The process that works on it."""
    begun_at: float
    status: int | None = None
    """The HTTP status of its answer; None while it is in work."""
    answer: str = ""
    """The document of its answer."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer of a request, to be written with the change that it is about."""

    request: RequestRow
    acted: Callable[[Any], bool] = bool
    """Says of the change's value whether it changed something: else nothing is answered."""


class RequestStore(Protocol):
    """Keeps the requests that act."""

    async def claim_request(self, request: RequestRow) -> RequestRow | None:
        """Note that a request is in work here; return the one that is known by its key, if there is one."""
        ...

    async def take_over(self, request: RequestRow, owner: str) -> bool:
        """Work on a request whose process has ended; False if another one was first."""
        ...

    async def drop_request(self, request: RequestRow) -> None:
        """Forget a request that has changed nothing."""

    def answering(self, answered: Answered) -> Self:
        """Return the same store, whose changes are committed together with an answer, or not at all.

        Such a change raises `LedgerConflict` when another process works on the request by now.
        """
        ...
