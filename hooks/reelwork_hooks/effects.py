"""Irreversible effects: what a plugin is given to carry one out or to look it up, and its possible answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from pydantic import JsonValue

from reelwork_hooks.frozen import frozen

# Renamed to itself, so that type checkers take it as exported from here.
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

    `key` stays the same for the effect, whatever crashes: give it to the other side where it takes an idempotency
    key. `attempt` counts from 1. `prepared` is what `prepare` or `prepare_publish` returned. `evidence` is what
    earlier attempts noted. `started_at` is the earliest time this effect may have left, in seconds since the epoch.
    """

    key: str
    attempt: int = 1
    prepared: JsonValue = None
    evidence: Mapping[str, JsonValue] = field(default_factory=dict)
    started_at: float = 0.0
    on_note: Callable[[Mapping[str, JsonValue]], None] | None = None

    def __post_init__(self) -> None:
        # `frozen=True` protects the fields only, not the mappings and lists in them.
        object.__setattr__(self, "prepared", frozen(self.prepared))
        object.__setattr__(self, "evidence", frozen(self.evidence))

    def note(self, **evidence: JsonValue) -> None:
        """Store evidence early, such as a remote id. Later attempts and `find` get it as `evidence`."""
        # None outside the engine, as when a plugin's own test calls `publish`.
        if self.on_note is not None:
            self.on_note(evidence)


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The effect was seen to have happened: every candidate that fits, oldest first.

    The ledger claims one candidate for this effect and never gives the same one to two effects.
    """

    # An empty tuple counts as `Unsure`. A plugin that filters what it found and is left with nothing has not shown
    # that nothing is there, and `Absent` would send again.
    candidates: tuple[T, ...]

    @classmethod
    def one(cls, candidate: T) -> Found[T]:
        """Return a single, certain match."""
        return cls((candidate,))


# Believed only if the same `find` also finds what is known to be there (docs/promise.md, row 14): lists are cut,
# cached and late.
@dataclass(frozen=True, slots=True)
class Absent:
    """A complete listing shows that the effect did not happen: it may be sent again."""


@dataclass(frozen=True, slots=True)
class Unsure:
    """The outcome stays unknown. `reason` is shown to the person who must decide."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Candidate(Generic[T]):
    """One entry of a list at the other side, as it is listed there.

    `fields` holds the request that made the entry, under the names of `Listing`. Leave out a field the list does
    not give; never guess it. `ref` is our own reference (`Effect.key`) if the list gives it back. `created_at` is
    the list's own time.
    """

    result: T
    ref: str | None = None
    # A guess here pays twice: one field that differs can show that an entry is not ours.
    fields: Mapping[str, JsonValue] = field(default_factory=dict)
    # By default `ended`: a list without states has not shown that it lists what is still being made.
    state: str = "ended"
    """`queued` while it is being made, `ended` once it is done or failed: lists may say more at the end."""
    # No ground to exclude an entry: either clock may be wrong, and servers leave out the zone. One that looks older
    # than the request is only not claimed without asking.
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """Everything one reading of a list showed. The plugin reports it, the ledger judges it.

    List every entry, those that look unlike ours too: what is left out can prove nothing. A render's fields are
    `prompt`, `negative_prompt`, `model`, `duration` (seconds), `size` (`1280x720`), `fps` and `seed`; a post's are
    `title`, `caption`, `hashtags` and `video` (its sha256).
    """

    candidates: tuple[Candidate[T], ...] = ()
    # Say True only for an end that was seen. An incomplete list can confirm; only a complete one can send again.
    complete: bool = False
    """The list's end was seen: a full page is no end, no id came twice, and a total that is given was met."""
    why: str = ""
    """The reason it is not complete."""
    # The ledger compares `date` and `age` of two readings: a copy from a cache may be older than the effect.
    date: datetime | None = None
    """The server's `Date` with the answer."""
    age: float | None = None
    """The answer's `Age` in seconds, when a cache gave it."""
    total: int | None = None
    """The number of entries the list says it has."""

    @classmethod
    def joined(cls, *lists: Listing[T]) -> Listing[T]:
        """Return several lists as one, for a service that keeps more than one: complete only if each is."""
        ages = [one.age for one in lists if one.age is not None]
        totals = [one.total for one in lists]
        return cls(
            candidates=tuple(entry for one in lists for entry in one.candidates),
            complete=bool(lists) and all(one.complete for one in lists),
            why="; ".join(one.why for one in lists if one.why),
            # What arrives while the others are read may be in none of them.
            date=lists[0].date if lists else None,
            age=max(ages, default=None),
            total=None if None in totals else sum(total or 0 for total in totals),
        )


@dataclass(frozen=True, slots=True)
class NotDone:
    """A handle of ours (an upload session, a container, our own record's name) says that the effect is not done.

    `final`: it never will be, because the handle has ended or was never used.
    """

    # An open handle is no proof: what was sent may still complete it.
    final: bool = False
    why: str = ""
