"""What goes to and fro between a client and a server that lies, and what the server keeps of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FULL = 100
CREATES = "/v1/videos"
UPLOADS = "/v1/uploads"


@dataclass(frozen=True)
class Ask:
    """One request as it arrived."""

    method: str
    path: str
    at: float
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    tag: str = ""
    """Whose create it is, by the judge's own mark: nothing that a client says."""
    upload: str = ""
    """The upload that a create is about: a file, or a session."""
    named: Mapping[str, Any] = field(default_factory=dict)
    """The rest of a create, as the other side's own protocol has it."""


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def raw(self) -> bytes:
        """The body's bytes: JSON, unless it is text or bytes already."""
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass
class Render:
    """One create that was accepted: it will be charged."""

    id: str
    number: int
    tag: str
    at: float
    ends: float
    prompt: str
    seconds: float
    size: str
    model: str
    key: str = ""
    outcome: str = "completed"
    listed: bool = True
    looks: int = 0
    upload: str = ""
    named: Mapping[str, Any] = field(default_factory=dict)

    def state(self, now: float) -> str:
        """How it stands."""
        if now >= self.ends:
            return self.outcome
        return "queued" if now < self.at + 4 else "in_progress"


class Entry(dict[str, Any]):
    """A render as an answer has it, in the words of the Videos protocol; lies are told already."""

    def __init__(self, fields: Mapping[str, Any], render: Render, now: float) -> None:
        super().__init__(fields)
        self.render = render
        self.ended = now >= render.ends
