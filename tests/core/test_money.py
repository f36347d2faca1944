from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reelwork.engine.renders.details import foreign, merged, refused_cost, reported_money
from reelwork.money import MICROS, dollars, problem_of, sound_micros, to_dollars, to_micros
from reelwork_hooks import Price, ProviderConfig, RenderStatus
from reelwork_hooks.money import MOST_DOLLARS

ANYTHING = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True),
    st.floats(),
    st.integers(),
    st.text(max_size=20),
    st.sampled_from([10**5000, "1e999999999", Decimal("sNaN"), True, [], {}, b"5", "  0.4 "]),
)


def status(cost: Any) -> RenderStatus:
    return RenderStatus(remote_id="v1", state="completed", cost=cost)


@given(ANYTHING)
def test_whatever_is_reported_leaves_a_cost_that_the_store_can_add_up(cost: Any) -> None:
    reported = status(cost)
    details = merged("{}", reported)
    assert details is not None
    stored = reported_money(details).cost
    assert (stored is None) == bool(refused_cost("p", reported, "{}"))
    assert stored is None or 0 <= stored <= MOST_DOLLARS * MICROS


@pytest.mark.parametrize("cost", ["-5", "9e12", "1e13", "1e30", "1e300", "NaN", "-inf", "free", -0.01, 100_000.01])
def test_nonsense_is_reported_once(cost: Any) -> None:
    reported = status(cost)
    first = refused_cost("p", reported, "{}")
    assert "provider 'p' reported a cost of" in first
    assert "estimate stays" in first
    details = merged("{}", reported)
    assert details is not None
    assert refused_cost("p", reported, details) == ""


@pytest.mark.parametrize(("cost", "micros"), [("0", 0), ("0.4", 400_000), (1.6, 1_600_000), ("100000", 10**11)])
def test_a_cost_is_stored_in_millionths(cost: Any, micros: int) -> None:
    details = merged("{}", status(cost))
    assert details is not None
    assert reported_money(details).cost == micros


def test_a_plugins_details_cannot_pass_for_what_it_reported() -> None:
    details = {"cost_micros": -5, "charged": False, "cost_refused": True, "urls": ["x"]}
    assert foreign(details) == {"urls": ["x"]}
    reported = RenderStatus(remote_id="v1", state="failed", details=details)
    assert json.loads(merged("{}", reported) or "") == {"urls": ["x"]}


@pytest.mark.parametrize("stored", [-5, 10**19, 0.5, "4", None, True, [1]])
def test_nonsense_of_an_older_version_counts_as_not_reported(stored: Any) -> None:
    assert reported_money(json.dumps({"cost_micros": stored})).cost is None
    assert sound_micros(stored) is None


@pytest.mark.parametrize("price", ["-1", "nan", "inf", "1e13", "1e300"])
def test_a_price_is_an_amount(price: str) -> None:
    with pytest.raises(ValidationError):
        Price(per_second=Decimal(price), as_of=date(2026, 11, 28))
    with pytest.raises(ValidationError):
        ProviderConfig(price_per_second=Decimal(price))


@given(st.integers(min_value=0, max_value=10**18))
def test_dollars_and_millionths_are_the_same_amount(micros: int) -> None:
    assert to_micros(to_dollars(micros)) == micros


def test_a_signalling_nan_is_named_like_any_other() -> None:
    assert problem_of(Decimal("sNaN")) == "it is not a number"


@pytest.mark.parametrize(
    ("amount", "micros"), [("0.0000001", 1), ("0.4000001", 400_001), ("0", 0), ("0.4", 400_000)]
)
def test_no_amount_is_rounded_to_nothing(amount: str, micros: int) -> None:
    assert to_micros(Decimal(amount)) == micros


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "$0.00"), ("0.4", "$0.40"), ("12", "$12.00"), ("0.205", "$0.205"), ("0.015", "$0.015"),
        ("1234.5678", "$1234.5678"), ("0.0000001", "$0.000001"), ("1E+3", "$1000.00"),
    ],
)  # fmt: skip
def test_an_amount_in_words_is_never_smaller_than_it_is(amount: str, words: str) -> None:
    assert dollars(Decimal(amount)) == words


@given(st.integers(min_value=0, max_value=10**12), st.integers(min_value=0, max_value=10**12))
def test_two_different_amounts_never_look_the_same(one: int, other: int) -> None:
    assert (dollars(to_dollars(one)) == dollars(to_dollars(other))) == (one == other)
