"""Instructions for the proxy, and its record of each request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from reelwork.testing.conformance.scenarios import Fault, Kill


@dataclass
class Seen:
    """A request that came to the proxy, and its outcome."""

    method: str
    path: str
    at: float
    """Seconds since the epoch."""
    content: bytes
    """Its address, headers and body, cut."""
    number: int = 0
    """Of the write requests, from 1; 0 for a read."""
    arrived: int = 0
    """The number of times it was forwarded."""
    status: int | None = None
    """The status that the other side answered."""
    answered: int | None = None
    """The status that the plugin was answered; None: nothing."""
    struck: bool = False

    def __str__(self) -> str:
        arrived = ("did not arrive", "arrived", "arrived twice")[self.arrived]
        reply = "no answer" if self.answered is None else f"answered {self.answered}"
        theirs = f" (the other side said {self.status})" if self.status not in (None, self.answered) else ""
        return f"{self.method} {self.path.partition('?')[0]}: {arrived}, {reply}{theirs}"


@dataclass
class Script:
    """The instructions for the proxy."""

    fault: Fault | None = None
    at_write: int = 0
    """The number of the write request that `fault` strikes; 0: those that look like the act."""
    act: str = ""
    """The shape of the requests that are the act itself."""
    times: int = 1
    """The number of those that are struck."""
    look: Fault | None = None
    looks: int = 0
    """The number of reads after the first struck write that `look` strikes."""
    every: Fault | None = None
    """What each request meets, reads too."""
    kill: Kill | None = None
    on_kill: Callable[[], None] = lambda: None
    on_struck: Callable[[], None] = lambda: None
    """Called once, when the first struck write has been dealt with."""


def shape(method: str, path: str) -> str:
    """Return the form that requests for the same thing share: no query, and no ids or keys in the path."""
    parts = [
        "*" if len(part) >= 12 and any(sign.isdigit() for sign in part) else part
        for part in urlsplit(path).path.split("/")
    ]
    return f"{method} {'/'.join(parts)}"
