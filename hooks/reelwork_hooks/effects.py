"""Irreversible acts: what a plugin learns about the one it is asked to carry out, and how it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from pydantic import JsonValue

T = TypeVar("T")


class Idempotency(StrEnum):
    """What the other side offers to keep one act from happening twice."""

    KEY = "key"
    """It honours a key we choose: calling again with the same key repeats nothing."""
    LOOKUP = "lookup"
    """It can be asked, completely enough, whether the act happened."""
    NONE = "none"
    """Neither: an unknown outcome waits for a person."""


class EffectState(StrEnum):
    """Where an irreversible act stands in the ledger."""

    INTENDED = "intended"
    """Written down; nothing has left this machine."""
    SENT = "sent"
    """About to leave or on its way: committed before the call."""
    CONFIRMED = "confirmed"
    """It happened, and the answer is kept."""
    REJECTED = "rejected"
    """It was refused without work."""
    UNKNOWN = "unknown"
    """It may have happened. Never sent again blindly."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The act a plugin is asked to carry out, once.

    `key` is stable for the act, whatever crashes: give it to the other side where it takes an idempotency
    key. `prepared` is what `prepare` or `prepare_publish` returned. `evidence` is what earlier attempts noted.
    `started_at` is the earliest time this act may have left, in seconds since the epoch (UTC).
    """

    key: str
    attempt: int = 1
    prepared: JsonValue = None
    evidence: Mapping[str, JsonValue] = field(default_factory=dict)
    started_at: float = 0.0
    on_note: Callable[[Mapping[str, JsonValue]], None] | None = None

    def note(self, **evidence: JsonValue) -> None:
        """Keep something seen on the way, such as a remote id, for whoever must find out what happened."""
        if self.on_note is not None:
            self.on_note(evidence)


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The act was seen to have happened: every candidate that fits, oldest first.

    The ledger claims one candidate for this effect and never gives the same one to two effects.
    """

    candidates: tuple[T, ...]

    @classmethod
    def one(cls, candidate: T) -> Found[T]:
        """A single certain match."""
        return cls((candidate,))


@dataclass(frozen=True, slots=True)
class Absent:
    """A complete listing shows that the act did not happen: it may be sent again."""


@dataclass(frozen=True, slots=True)
class Unsure:
    """It cannot be told; `reason` goes to the person who must decide."""

    reason: str = ""
