"""The guard around a provider: what it declares is checked whenever it is asked."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from reelwork.plugins.guard import Callee
from reelwork.plugins.guarded_provider import GuardedProvider
from reelwork.testing import SampleContext
from reelwork_hooks.effects import Idempotency
from reelwork_hooks.errors import PluginInvalid
from reelwork_hooks.models import Spec
from reelwork_hooks.provider import Capabilities, Price, Provider, ProviderConfig, Quote, RenderRequest

GIVEN = Capabilities(idempotency=Idempotency.NONE, longest_prompt=100)


class Shifting(Provider):
    """Gives the same object each time, which it may have changed around its checks."""

    told = GIVEN

    def capabilities(self, model: str | None) -> Capabilities:
        return self.told


@pytest.fixture
def guarded(tmp_path: Path) -> GuardedProvider:
    config, context = ProviderConfig(), SampleContext(tmp_path)
    Shifting.told = Capabilities.model_validate(dict(GIVEN))
    return GuardedProvider(Shifting(config, context), Callee("provider", "shifting", "acme 1.0"), config, context)


def test_capabilities_that_have_not_changed_are_the_same_again(guarded: GuardedProvider) -> None:
    assert guarded.capabilities(None) is guarded.capabilities(None)


def test_capabilities_that_were_changed_in_place_are_checked_again(guarded: GuardedProvider) -> None:
    guarded.capabilities(None)
    vars(Shifting.told)["longest_prompt"] = 7
    assert guarded.capabilities(None).longest_prompt == 7
    vars(Shifting.told)["longest_prompt"] = "many"
    with pytest.raises(PluginInvalid, match="longest_prompt"):
        guarded.capabilities(None)


def test_a_price_that_was_changed_in_place_is_checked_again(guarded: GuardedProvider) -> None:
    guarded.capabilities(None)
    price = Price(per_second=Decimal(1), as_of=date(2026, 1, 1), source="it")
    vars(Shifting.told)["price"] = price
    assert guarded.capabilities(None).price == price
    vars(price)["per_second"] = Decimal("NaN")
    with pytest.raises(PluginInvalid, match="price"):
        guarded.capabilities(None)


REQUEST = RenderRequest(
    prompt="a fox", spec=Spec(width=1280, height=720, aspect_ratio="16:9", resolution="720p", duration=4)
)
QUOTE = Quote(most=Decimal("0.4"), as_of=date(2026, 1, 1), source="it")


class Quoting(Shifting):
    """Names a price for each request."""

    answer: object = QUOTE

    def price(self, request: RenderRequest) -> Quote | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return cast("Quote | None", self.answer)


def around(inner: Provider, tmp_path: Path) -> GuardedProvider:
    callee = Callee("provider", "quoting", "acme 1.0")
    return GuardedProvider(inner, callee, ProviderConfig(), SampleContext(tmp_path))


def test_a_quote_passes(tmp_path: Path) -> None:
    guard = around(Quoting(ProviderConfig(), SampleContext(tmp_path)), tmp_path)
    assert guard.names_prices
    assert guard.price(REQUEST) == QUOTE


# A provider of the first contract may have something of its own called `price`.
@pytest.mark.parametrize(
    "answer", [Decimal(3), "free", Price(per_second=Decimal(1), as_of=date(2026, 1, 1)), OSError()]
)
def test_what_is_no_quote_is_not_used(answer: object, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    inner = Quoting(ProviderConfig(), SampleContext(tmp_path))
    inner.answer = answer
    assert around(inner, tmp_path).price(REQUEST) is None
    assert "price" in caplog.text


def test_an_answer_of_another_type_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    inner = Quoting(ProviderConfig(), SampleContext(tmp_path))
    inner.answer = {"most": 1}
    assert around(inner, tmp_path).price(REQUEST) is None
    assert "returned dict; it must return Quote or None" in caplog.text


def test_a_provider_without_prices_of_requests_is_not_asked(guarded: GuardedProvider, tmp_path: Path) -> None:
    assert not guarded.names_prices
    inner = Shifting(ProviderConfig(), SampleContext(tmp_path))
    vars(inner)["price"] = Decimal(2)
    assert around(inner, tmp_path).price(REQUEST) is None


def test_a_quote_that_is_no_amount_is_not_used(tmp_path: Path) -> None:
    inner = Quoting(ProviderConfig(), SampleContext(tmp_path))
    inner.answer = Quote.model_construct(most=Decimal("NaN"), as_of=date(2026, 1, 1))
    assert around(inner, tmp_path).price(REQUEST) is None
