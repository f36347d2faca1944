"""An effect as the ledger carries it out, and its outcomes. Each outcome has the commands that record it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from reelwork.store.ceilings import Budget, Quota
from reelwork.store.commands import Command
from reelwork.store.holds import HoldReason
from reelwork.store.records import EffectRow
from reelwork_hooks.effects import Absent, Effect, Found, Idempotency, Listing, NotDone, Unsure

R = TypeVar("R")
Answer = Found[R] | Absent | Unsure | Listing[R] | NotDone
"""The findings of a plugin that was asked to look."""
DAY = 86_400.0


@dataclass(frozen=True)
class Act(Generic[R]):
    """One effect: how to carry it out, look it up and store its answer."""

    key: str
    kind: str
    subject: str
    account: str
    idempotency: Idempotency
    settle_seconds: float
    time_limit: float
    call: Callable[[Effect], Awaitable[R]]
    find: Callable[[Effect], Awaitable[Answer[R]]]
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
    run: str = ""
    """The run whose workflow it is carried out with."""
    place: str = ""
    """The account and endpoint; the account alone when not given."""
    endpoint: str = ""
    """The address that is asked, whatever the account is called here; empty if it is not known."""
    alias: str = ""
    """The name of its account in older stores."""
    model: str = ""
    spec: str = ""
    """Equal for requests that differ in their texts and seeds only."""
    asked: Mapping[str, Any] = field(default_factory=dict)
    """The fields asked for, under the names of `Listing`."""
    body: str = ""
    """A hash of all that is asked for."""
    # Hashed with the store's salt: the store must tell one key from another without holding either.
    credential: Callable[[str], str | None] = lambda salt: ""
    """A hash of what it signs in with; None when that cannot be read."""
    # A key of unknown lifetime must not count as known for ever.
    valid_for: float = DAY
    """Seconds for which the other side knows a key."""
    names: tuple[str, ...] = ()
    """The names by which a person can stop it, if it is a post."""
    can_look: bool = True
    dated: bool = True
    """The server's `Date` may show how new its list is."""
    listed_late: bool = False
    """It is known to be listed only when it has ended: that it is not there never proves anything."""
    made_slowly: bool = False
    """It takes time until it has ended: a list may leave it out until then."""
    find_control: Callable[[EffectRow], Awaitable[Answer[R]]] | None = None
    """Look for another effect as if its id were not known."""
    read_back: Callable[[str], Awaitable[R | None]] | None = None
    """Read what the other side has under an id; None if there is nothing. Raises when that cannot be read."""
    as_sent: Callable[[EffectRow, str], Act[R]] | None = None
    """The same with the settings of another run. Raises a `ReelworkError` when those cannot be used any more."""
    # Set only with a price of zero that the person wrote down. No evidence replaces proof where money is at stake.
    free: bool = False
    """The person said that another one costs nothing and may be made when it is unclear."""


@dataclass(frozen=True)
class Happened(Generic[R]):
    """The effect happened, once."""

    result: R
    commands: tuple[Command, ...] = ()
    found: bool = False
    """It was found by looking, not answered."""


@dataclass(frozen=True)
class Refused:
    """The other side refused without work, or the effect was given up before it was sent."""

    reason: str
    commands: tuple[Command, ...] = ()
    again: bool = False
    """True if trying again later makes sense: nothing was ever accepted."""


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
    prepare_again: bool = False
    """It provably did not happen, and what was prepared for it can no longer be used."""
    stopped: bool = False
    """A person has stopped posts there; nothing was sent."""


@dataclass(frozen=True)
class Undecided:
    """A person must decide, or change a budget, or top up an account."""

    reason: str
    commands: tuple[Command, ...] = ()
    hold: HoldReason = HoldReason.IN_DOUBT

    def hold_of(self, act: Act[Any]) -> HoldReason:
        """Return why the job of this effect is held. If it cannot be looked up, only a person can settle it."""
        cannot = self.hold is HoldReason.IN_DOUBT and act.idempotency is Idempotency.NONE
        return HoldReason.NO_LOOK if cannot else self.hold


Outcome = Happened[R] | Refused | Later | Undecided
