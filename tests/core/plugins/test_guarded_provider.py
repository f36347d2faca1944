"""The guard around a provider: what it declares is checked whenever it is asked."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from reelwork.plugins.guard import Callee
from reelwork.plugins.guarded_provider import GuardedProvider
from reelwork.testing import SampleContext
from reelwork_hooks.effects import Idempotency
from reelwork_hooks.errors import PluginInvalid
from reelwork_hooks.provider import Capabilities, Price, Provider, ProviderConfig

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
