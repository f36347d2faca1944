"""An irreversible act, and what can become of it. Each outcome carries the commands that write it down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from reelwork.store.rows import Budget, Command, Quota
from reelwork_hooks.effects import Absent, Effect, Found, Idempotency, Unsure

R = TypeVar("R")


@dataclass(frozen=True)
class Act(Generic[R]):
    """One irreversible act and how to carry it out, look for it and keep its answer."""

    key: str
    kind: str
    subject: str
    account: str
    idempotency: Idempotency
    settle_seconds: float
    time_limit: float
    call: Callable[[Effect], Awaitable[R]]
    find: Callable[[Effect], Awaitable[Found[R] | Absent | Unsure]]
    identify: Callable[[R], str]
    dump: Callable[[R], str]
    load: Callable[[str], R]
    what: str
    """Such as `the request to preview`, for messages."""
    fingerprint: str = ""
    prepared: Any = None
    reserve: int | None = None
    budget: Budget = field(default_factory=Budget)
    quota: Quota = field(default_factory=Quota)


@dataclass(frozen=True)
class Happened(Generic[R]):
    """The act happened, once."""

    result: R
    commands: tuple[Command, ...] = ()
    found: bool = False
    """It was found by looking, not answered."""


@dataclass(frozen=True)
class Refused:
    """The other side refused without work, or the act was given up before it left."""

    reason: str
    commands: tuple[Command, ...] = ()
    again: bool = False
    """Whether trying again later makes sense: nothing was ever accepted."""


@dataclass(frozen=True)
class Later:
    """Not yet: try this step again at `until`."""

    until: float
    why: str
    commands: tuple[Command, ...] = ()
    failure: bool = False
    blocked_on: str | None = None
    notable: bool = False
    """Worth a line in the job's story."""
    in_doubt: bool = False
    """It may have happened, and is looked up then."""


@dataclass(frozen=True)
class Undecided:
    """A person must decide, or change a budget."""

    reason: str
    commands: tuple[Command, ...] = ()
    over_budget: str = ""
    """The budget, such as `per_day`, for which it was not sent: there is nothing to decide about it."""


Outcome = Happened[R] | Refused | Later | Undecided
