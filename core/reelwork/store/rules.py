"""The rules of the ledger, as pure functions over plain values: no SQL, no clock, nothing to wait for.

They tell which state of an effect may follow which, where its money counts, and what keeps a request from being
sent now. A store reads a row, asks here, and writes the answer in the same transaction.

::

    intended ─▶ sent ─▶ confirmed
        ▲        ├────▶ rejected
        └────────┤
        ▲        └────▶ unknown ─▶ confirmed / rejected
        └───────────────────┘  (only with proof that it did not happen)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from reelwork.errors import BudgetExceeded, LedgerConflict, Limited
from reelwork.money import MICROS, dollars, to_dollars
from reelwork_hooks.states import EffectState

if TYPE_CHECKING:
    from reelwork.store.ceilings import Budget, Quota
    from reelwork.store.commands import Confirm, Doubt, Refuse, Reopen, Send

INTENDED, SENT, CONFIRMED = EffectState.INTENDED, EffectState.SENT, EffectState.CONFIRMED
REJECTED, UNKNOWN = EffectState.REJECTED, EffectState.UNKNOWN
OPEN = (SENT, UNKNOWN)
"""It may have happened, and is not settled."""

MINUTE = 60.0
DAY = 86_400.0
# Sending beside it is safe, since each claims one match; one settled before the next leaves is only clearer for a
# person. And whoever was to look it up may be gone for good, so it is not waited for any longer.
PATIENCE = 60.0
"""Seconds past its settle time for which an identical request in doubt is waited for."""


# --- states -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of an effect's state."""

    starts: tuple[EffectState, ...]
    """The states in which it is allowed."""
    end: EffectState
    releases: bool = False
    """Its reservation is given up: nothing will be charged for it."""


CLAIM = Transition((UNKNOWN,), UNKNOWN)
"""The result that a lookup found is stored for it."""
_REOPENED = (SENT, UNKNOWN, REJECTED)
Change: TypeAlias = "Send | Confirm | Refuse | Reopen | Doubt"


def transition_of(change: Change) -> Transition:
    """Return the transition that a command makes."""
    # Here, since what only reads a store or asks about budgets makes no commands, and starts faster without them.
    from reelwork.store.commands import Confirm, Doubt, Refuse, Reopen, Send

    match change:
        case Send():
            return Transition((INTENDED,), SENT)
        case Confirm():
            return Transition(OPEN, CONFIRMED)
        case Refuse():
            return Transition((INTENDED, *OPEN), REJECTED, releases=True)
        case Reopen(give_up=gives_up):
            return Transition(_REOPENED, INTENDED, releases=gives_up)
        case Doubt(earlier=earlier):
            # Only a sending can be in doubt: one before the present intent, or the present one.
            return Transition((INTENDED,) if earlier else OPEN, UNKNOWN)


def check_start(transition: Transition, key: str, state: str | None) -> None:
    """Raise `LedgerConflict` unless the transition may start here; `None` for an effect that is not there."""
    if state not in transition.starts:
        allowed = " or ".join(transition.starts)
        raise LedgerConflict(f"effect {key} is {state or 'missing'}, not {allowed}")


def takes_a_place(kind: str, state: str) -> bool:
    """Return whether a request of this effect is on its way. Its account counts it now, and again once answered."""
    return kind == "submit" and state == SENT


# --- money --------------------------------------------------------------------------------------------------


class Money(StrEnum):
    """The state of an effect's money."""

    NONE = "none"
    """It costs nothing, as far as is known: most posts."""
    RESERVED = "reserved"
    """It may be charged: its estimate counts."""
    CHARGED = "charged"
    """It is known what was charged: this counts in the place of the estimate."""
    RELEASED = "released"
    """It is known not to be charged, or was given up: nothing counts."""


COUNTED = (Money.RESERVED, Money.CHARGED)


def first_money(kind: str, reserve: int | None = None) -> Money:
    """Return where the money of a new effect stands. A render may cost something, and a post that has a price."""
    return Money.RESERVED if kind == "submit" or reserve is not None else Money.NONE


def money_after(transition: Transition, money: str) -> str:
    """Return where the money of an effect stands after a transition.

    What was charged is never given up, and what may have happened counts, though it was given up before.
    """
    # Given up, and it may have happened after all: its money counts again, so that budgets err towards less.
    if transition.end is UNKNOWN and money == Money.RELEASED:
        return Money.RESERVED
    # A charge that the provider has reported stays, whatever becomes of the effect.
    return Money.RELEASED if transition.releases and money == Money.RESERVED else money


def settled(charged: int) -> Money:
    """Return where the money of an effect stands once it is known what was charged."""
    return Money.CHARGED if charged else Money.RELEASED


def counted(money: str, reserved: int | None, charged: int | None) -> int:
    """Return what counts of an effect's money in budgets."""
    if money not in COUNTED:
        return 0
    return charged if charged is not None else reserved or 0


def must_be_reserved(money: str, reserved_at: float, now: float, *, in_doubt: bool, dearer: bool = False) -> bool:
    """Return whether an effect's money must be reserved again before it is sent, so that it counts today.

    The money of an earlier attempt in doubt stays where it is: it is settled first, and never counted twice.
    `dearer` if the price is above what was reserved, or nothing was.
    """
    if money == Money.NONE:
        # Written down when its publisher named no price. Nothing counts for it yet, whatever is in doubt.
        return dearer
    if money == Money.RESERVED:
        return not in_doubt and (dearer or reserved_at < day_of(now))
    return money == Money.RELEASED


def day_of(now: float) -> float:
    """Return when the day of a time began, in UTC."""
    # UTC everywhere: two processes in different time zones must count the same day.
    return now // DAY * DAY


def month_of(now: float) -> float:
    """Return when the month of a time began, in UTC."""
    at = datetime.fromtimestamp(now, UTC)
    return datetime(at.year, at.month, 1, tzinfo=UTC).timestamp()


def ceilings_of(budget: Budget) -> dict[str, int]:
    """Return the budgets that have a ceiling, by name, in the order in which they are reported."""
    all_ = {
        "per_job": budget.per_job,
        "per_run": budget.per_run,
        "per_day": budget.per_day,
        "per_month": budget.per_month,
        "brand_per_day": budget.brand_per_day,
        "brand_per_month": budget.brand_per_month,
    }
    return {name: ceiling for name, ceiling in all_.items() if ceiling is not None}


def setting_of(budget: str, brand: str) -> str:
    """Return the setting that holds a ceiling: `budget.per_day`, or `brands.acme.per_day` for `brand_per_day`."""
    own = budget.removeprefix("brand_")
    return f"budget.{own}" if own == budget else f"brands.{brand}.{own}"


def named(budget: str, brand: str) -> str:
    """Return what a budget is called in a sentence: `per_day`, or `per_day of acme`."""
    own = budget.removeprefix("brand_")
    return own if own == budget else f"{own} of {brand}"


def check_budget(
    job_id: str, budget: Budget, held: Mapping[str, int], amount: int, *, what: str = "render"
) -> None:
    """Raise `BudgetExceeded` when an amount does not fit beside what each budget with a ceiling holds already.

    `what` names in a word or two what it is for.
    """
    for name, ceiling in ceilings_of(budget).items():
        there = held[name]
        if there + amount > ceiling:
            raise BudgetExceeded(
                f"This {what} costs {_dollars(amount)}; with {_dollars(there)} already spent or reserved"
                f" it would go over the budget {named(name, budget.brand)} = {ceiling / MICROS:g}.",
                hint=f"To continue: reelwork resume {job_id} --set {setting_of(name, budget.brand)}=AMOUNT, with a "
                "higher amount.",
                budget=name,
            )


def check_firing(budget: Budget, held: Mapping[str, int], amount: int) -> None:
    """Raise `BudgetExceeded` when a firing of a schedule does not fit into the budgets of its day and month.

    `held` is what each of them holds already, with what is promised to earlier firings.
    """
    ceilings = ceilings_of(budget)
    for name, there in held.items():
        if there + amount > ceilings[name]:
            raise BudgetExceeded(
                f"This firing costs {_dollars(amount)}; with {_dollars(there)} already spent, reserved or promised"
                f" it would go over the budget {named(name, budget.brand)} = {ceilings[name] / MICROS:g}.",
                budget=name,
            )


def _dollars(micros: int) -> str:
    # A post may cost less than a cent.
    return dollars(to_dollars(micros))


# --- limits -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InFlight:
    """The renders and requests that take up places at an account."""

    renders: int
    """Renders that have not ended."""
    sending: int
    """Requests without an answer."""
    unknown: int
    """Requests of unknown outcome, of the last while."""


NthCall = Callable[[float, int], float | None]
"""The time at which the nth newest answered request since a time was counted; None if there are fewer."""


def quota_limit(account: str, quota: Quota, flying: InFlight, nth_call: NthCall, now: float) -> Limited | None:
    """Return what keeps a request from being sent to an account now, if anything does."""
    # All limits together, and the latest time of them: each must have a place when it is tried again.
    found = _windows(account, quota, flying.sending, nth_call, now)
    return max((*_places(account, quota, flying, now), *found), key=lambda limited: limited.until, default=None)


def _places(account: str, quota: Quota, flying: InFlight, now: float) -> Iterator[Limited]:
    taken = flying.renders + flying.sending + flying.unknown
    if quota.concurrent is not None and taken >= quota.concurrent:
        # A render that ends is noticed at once; the time is for places that get free unseen.
        under_way = "1 render is" if quota.concurrent == 1 else f"{quota.concurrent} renders are"
        yield Limited(now + 5.0, f"{under_way} under way, the most allowed", account=account)


def _windows(account: str, quota: Quota, sending: int, nth_call: NthCall, now: float) -> Iterator[Limited]:
    # Sliding windows: with calendar minutes, twice the limit could leave around the turn of one.
    windows = ((quota.requests_per_minute, MINUTE, "minute"), (quota.requests_per_day, DAY, "day"))
    for most, window, name in windows:
        free_at = None if most is None else _free_at(most - sending, window, nth_call, now)
        if free_at is not None:
            yield Limited(free_at, f"{most} requests in the last {name}, the most allowed", account=account)


def _free_at(places: int, window: float, nth_call: NthCall, now: float) -> float | None:
    """Return when one of so many places in a window gets free; None when one is free now."""
    # Requests without an answer fill the window alone, and when they will count is not known yet.
    if places <= 0:
        return now + window
    counted_at = nth_call(now - window, places)
    return None if counted_at is None else counted_at + window


def sibling_limit(settle_at: float | None, now: float) -> Limited | None:
    """Return what keeps a request from being sent beside identical ones in doubt, settled by `settle_at`."""
    if settle_at is None or settle_at <= now - PATIENCE:
        return None
    why = "an identical request with an unknown outcome is being looked up first"
    return Limited(max(settle_at, now + 0.5), why)
