"""The ledger's rules, row by row and for everything that can be asked of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwork.errors import BudgetExceeded, LedgerConflict, Limited
from reelwork.store.ceilings import Budget, Quota
from reelwork.store.commands import Confirm, Doubt, Refuse, Reopen, Send
from reelwork.store.rules import (
    CLAIM,
    COUNTED,
    DAY,
    OPEN,
    PATIENCE,
    InFlight,
    Money,
    Transition,
    ceilings_of,
    check_budget,
    check_start,
    counted,
    day_of,
    first_money,
    money_after,
    month_of,
    must_be_reserved,
    quota_limit,
    settled,
    sibling_limit,
    transition_of,
)
from reelwork_hooks.effects import EffectState

COMMANDS: dict[str, Any] = {
    "send": Send("k", "account"),
    "confirm": Confirm("k", "made", "{}"),
    "refuse": Refuse("k", "no"),
    "reopen": Reopen("k", "proof"),
    "give up": Reopen("k", "busy", give_up=True),
    "doubt": Doubt("k", "lost", 1.0),
    "doubt earlier": Doubt("k", "its key is old", 1.0, earlier=True),
}
STATES = [None, *EffectState]
TABLE = """
                 send  confirm    refuse    reopen    give up   doubt    doubt earlier
    missing      -     -          -         -         -         -        -
    intended     sent  -          rejected  -         -         -        unknown
    sent         -     confirmed  rejected  intended  intended  unknown  -
    confirmed    -     -          -         -         -         -        -
    rejected     -     -          -         intended  intended  -        -
    unknown      -     confirmed  rejected  intended  intended  unknown  -
"""


def rows() -> list[tuple[str, str, str]]:
    """Each cell of the table: state, command, and the state after it."""
    _, *lines = TABLE.strip().splitlines()
    cells = [line.split() for line in lines]
    return [
        (state, name, end)
        for state, *ends in cells
        for name, end in zip(COMMANDS, ends, strict=True)
    ]  # fmt: skip


def end_of(state: str | None, change: Transition) -> str:
    """The state after a transition, or `-` when it is refused."""
    try:
        check_start(change, "k", state)
    except LedgerConflict:
        return "-"
    return change.end


@pytest.mark.parametrize(("state", "name", "end"), rows())
def test_each_command_leads_from_each_state_where_the_table_says(state: str, name: str, end: str) -> None:
    assert end_of(None if state == "missing" else state, transition_of(COMMANDS[name])) == end


def test_the_table_names_every_state() -> None:
    assert {state for state, _, _ in rows()} == {"missing", *EffectState}
    assert {end for _, _, end in rows()} == {"-", *EffectState}


def test_a_match_is_kept_for_an_effect_of_unknown_outcome_only() -> None:
    assert [state for state in STATES if end_of(state, CLAIM) != "-"] == ["unknown"]
    assert CLAIM.end == "unknown"


def test_a_refused_change_says_where_the_effect_stands() -> None:
    with pytest.raises(LedgerConflict, match="effect k is confirmed, not sent or unknown"):
        check_start(transition_of(COMMANDS["doubt"]), "k", "confirmed")
    with pytest.raises(LedgerConflict, match="effect k is missing, not intended"):
        check_start(transition_of(COMMANDS["send"]), "k", None)


commands = st.one_of(
    st.builds(Send, st.just("k"), st.text()),
    st.builds(Confirm, st.just("k"), st.text(), st.text(), st.text()),
    st.builds(Refuse, st.just("k"), st.text()),
    st.builds(Reopen, st.just("k"), st.text(), st.booleans(), st.booleans(), st.booleans()),
    st.builds(Doubt, st.just("k"), st.text(), st.none() | st.floats(), earlier=st.booleans()),
)


@given(st.sampled_from(STATES), commands)
def test_whatever_is_asked_in_whatever_state(state: EffectState | None, command: Any) -> None:
    end = end_of(state, transition_of(command))
    if end == "-":
        return
    assert state is not None, "nothing follows what was never written down"
    assert state is not EffectState.CONFIRMED, "what happened stays"
    assert (end == "sent") == isinstance(command, Send)
    if end == "sent":
        assert state is EffectState.INTENDED, "nothing is sent that may have happened"
    if state in OPEN and end == "intended":
        assert isinstance(command, Reopen), "only proof opens it again"
    if state is EffectState.REJECTED:
        assert end == "intended"


@given(commands, st.sampled_from(Money))
def test_a_transition_gives_reserved_money_up_and_doubt_takes_it_back(command: Any, money: Money) -> None:
    after = money_after(transition_of(command), money)
    gives_up = isinstance(command, Refuse) or (isinstance(command, Reopen) and command.give_up)
    if isinstance(command, Doubt):
        assert after == (Money.RESERVED if money is Money.RELEASED else money), "what may have happened counts"
    else:
        assert after == (Money.RELEASED if gives_up and money is Money.RESERVED else money)
    assert money_after(transition_of(command), after) == after, "it is given up once"


amounts = st.integers(0, 10**11)


@given(st.sampled_from(Money), st.none() | amounts, st.none() | amounts)
def test_what_counts_is_never_more_than_was_told(money: Money, reserved: int | None, charged: int | None) -> None:
    amount = counted(money, reserved, charged)
    assert amount in (0, reserved, charged)
    assert amount >= 0
    if charged is not None:
        assert amount <= charged
    assert money in COUNTED or amount == 0


@given(amounts, st.none() | amounts)
def test_what_was_charged_takes_the_place_of_the_estimate(charged: int, reserved: int | None) -> None:
    assert counted(settled(charged), reserved, charged) == charged


def test_posts_have_no_money_and_renders_are_reserved() -> None:
    assert (first_money("submit"), first_money("publish")) == (Money.RESERVED, Money.NONE)


# --- days and months ----------------------------------------------------------------------------------------

times = st.floats(0, 4e9)


@given(times)
def test_every_time_lies_in_one_day_and_one_month(now: float) -> None:
    at = datetime.fromtimestamp(now, UTC)
    assert datetime.fromtimestamp(day_of(now), UTC) == datetime(at.year, at.month, at.day, tzinfo=UTC)
    assert datetime.fromtimestamp(month_of(now), UTC) == datetime(at.year, at.month, 1, tzinfo=UTC)
    assert month_of(now) <= day_of(now) <= now < day_of(now) + DAY
    assert (day_of(day_of(now)), month_of(month_of(now))) == (day_of(now), month_of(now))
    assert month_of(month_of(now) - 1) < month_of(now) == month_of(month_of(now) + 27 * DAY)


@pytest.mark.parametrize(
    ("money", "hours", "in_doubt", "anew"),
    [
        (Money.RESERVED, 1, False, False),
        (Money.RESERVED, 13, False, True),
        (Money.RESERVED, 13, True, False),
        (Money.RELEASED, 1, False, True),
        (Money.RELEASED, 13, True, True),
        (Money.CHARGED, 13, False, False),
        (Money.NONE, 13, False, False),
    ],
)
def test_money_is_reserved_anew_when_it_would_not_count_today(
    money: Money, hours: float, in_doubt: bool, anew: bool
) -> None:
    noon = 20_780 * DAY + DAY / 2
    assert must_be_reserved(money, noon, noon + hours * 3600, in_doubt=in_doubt) is anew


@given(times, times)
def test_once_reserved_it_is_not_reserved_twice_on_a_day(reserved_at: float, now: float) -> None:
    anew = must_be_reserved(Money.RESERVED, reserved_at, now, in_doubt=False)
    assert anew == (reserved_at < day_of(now))
    assert not must_be_reserved(Money.RESERVED, now if anew else reserved_at, now, in_doubt=False)


# --- budgets and limits -------------------------------------------------------------------------------------

NAMES = ("per_job", "per_run", "per_day", "per_month")


@given(st.tuples(*[st.none() | amounts] * 4), st.tuples(*[amounts] * 4), amounts)
def test_an_amount_fits_when_it_fits_into_each_budget(ceilings: Any, held: Any, amount: int) -> None:
    budget = Budget(*ceilings)
    full = [
        name for name, ceiling, there in zip(NAMES, ceilings, held, strict=True)
        if ceiling is not None and there + amount > ceiling
    ]  # fmt: skip
    assert list(ceilings_of(budget)) == [name for name, one in zip(NAMES, ceilings, strict=True) if one is not None]
    holds: dict[str, int] = dict(zip(NAMES, held, strict=True))
    if not full:
        check_budget("job", budget, holds, amount)
        return
    with pytest.raises(BudgetExceeded) as exceeded:
        check_budget("job", budget, holds, amount)
    assert exceeded.value.budget == full[0]


def limit(quota: Quota, flying: InFlight, calls: Sequence[float], now: float = 1000.0) -> Limited | None:
    def nth_call(since: float, number: int) -> float | None:
        newest = sorted((at for at in calls if at > since), reverse=True)
        return newest[number - 1] if number <= len(newest) else None

    return quota_limit("account", quota, flying, nth_call, now)


@given(st.lists(st.integers(900, 1000), max_size=8), st.integers(1, 6), st.integers(0, 6))
def test_a_minute_never_holds_more_requests_than_allowed(calls: list[int], most: int, sending: int) -> None:
    found = limit(Quota(requests_per_minute=most), InFlight(0, sending, 0), calls)
    assert (found is None) == (sum(at > 940 for at in calls) + sending < most)
    if found is not None:
        in_the_minute = sum(at > found.until - 60 for at in calls)
        assert in_the_minute + sending < most or sending >= most


@given(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4), st.integers(1, 8))
def test_what_is_under_way_takes_up_places(renders: int, sending: int, unknown: int, most: int) -> None:
    found = limit(Quota(concurrent=most), InFlight(renders, sending, unknown), [])
    assert (found is None) == (renders + sending + unknown < most)


def test_the_limit_that_lasts_longest_is_told() -> None:
    quota = Quota(requests_per_minute=1, requests_per_day=1, concurrent=1)
    found = limit(quota, InFlight(1, 0, 0), [990.0])
    assert found is not None
    assert found.until == 990.0 + DAY
    assert limit(Quota(), InFlight(9, 9, 9), [999.0] * 50) is None


@pytest.mark.parametrize(
    ("settle_at", "until"),
    [
        (None, None),
        (1000.0 - PATIENCE, None),
        (1000.1 - PATIENCE, 1000.5),
        (1000.2, 1000.5),
        (1030.0, 1030.0),
    ],
)
def test_identical_requests_in_doubt_are_waited_for_a_while(settle_at: float | None, until: float | None) -> None:
    found = sibling_limit(settle_at, 1000.0)
    assert (found and found.until) == until
