"""Irreversible effects: what a plugin learns about the one it is asked to carry out, and how it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from pydantic import JsonValue

from reelwork_hooks.frozen import frozen
from reelwork_hooks.states import EffectState as EffectState

T = TypeVar("T")


class Idempotency(StrEnum):
    """The other side's means to keep one effect from happening twice."""

    KEY = "key"
    """It honours a key we choose: calling again with the same key repeats nothing."""
    LOOKUP = "lookup"
    """It can be asked, completely enough, whether the effect happened."""
    NONE = "none"
    """Neither: an unknown outcome waits for a person."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect a plugin is asked to carry out, once.

    `key` is stable for the effect, whatever crashes: give it to the other side where it takes an idempotency
    key. `prepared` is what `prepare` or `prepare_publish` returned. `evidence` is what earlier attempts noted.
    `started_at` is the earliest time this effect may have left, in seconds since the epoch (UTC).
    """

    key: str
    attempt: int = 1
    prepared: JsonValue = None
    evidence: Mapping[str, JsonValue] = field(default_factory=dict)
    started_at: float = 0.0
    on_note: Callable[[Mapping[str, JsonValue]], None] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "prepared", frozen(self.prepared))
        object.__setattr__(self, "evidence", frozen(self.evidence))

    def note(self, **evidence: JsonValue) -> None:
        """Keep something seen on the way, such as a remote id, for whoever must find out what happened."""
        if self.on_note is not None:
            self.on_note(evidence)


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The effect was seen to have happened: every candidate that fits, oldest first.

    The ledger claims one candidate for this effect and never gives the same one to two effects.
    """

    candidates: tuple[T, ...]

    @classmethod
    def one(cls, candidate: T) -> Found[T]:
        """A single certain match."""
        return cls((candidate,))


@dataclass(frozen=True, slots=True)
class Absent:
    """A complete listing shows that the effect did not happen: it may be sent again."""


@dataclass(frozen=True, slots=True)
class Unsure:
    """It cannot be told; `reason` goes to the person who must decide."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Candidate(Generic[T]):
    """One entry of a list at the other side, as it is listed there.

    `fields` holds what the entry says of the request that made it, under the names of `Listing`; a field the
    list does not give is left out, never guessed. `ref` is our own reference (`Effect.key`) if the list gives it
    back. `created_at` is the list's own time; the ledger never decides by it alone.
    """

    result: T
    ref: str | None = None
    fields: Mapping[str, JsonValue] = field(default_factory=dict)
    state: str = "ended"
    """`queued` while it is being made, `ended` once it is done or failed: lists may say more at the end."""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """Everything one reading of a list showed. The plugin reports it, the ledger judges it.

    List every entry, those that look unlike ours too: what is left out can prove nothing. A render's fields are
    `prompt`, `negative_prompt`, `model`, `duration` (seconds), `size` (`1280x720`), `fps` and `seed`; a post's are
    `title`, `caption`, `hashtags` and `video` (its sha256).
    """

    candidates: tuple[Candidate[T], ...] = ()
    complete: bool = False
    """The list's end was seen: a full page is none, ids did not repeat, and a total that is given was met."""
    why: str = ""
    """What is missing when it is not complete."""
    date: datetime | None = None
    """The server's `Date` with the answer."""
    age: float | None = None
    """The answer's `Age` in seconds, when a cache gave it."""
    total: int | None = None
    """How many entries the list says it has."""


@dataclass(frozen=True, slots=True)
class NotDone:
    """A handle of ours (an upload session, a container, our own record's name) says that the effect is not done.

    `final`: it never will be, because the handle has ended or was never used.
    """

    final: bool = False
    why: str = ""
