"""Providers and publishers that price in a unit of their own: shown in both, reserved in dollars, never free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from reelwork.cli.views.job_page import story
from reelwork.testing import FakeRemote, fake_provider
from reelwork_hooks import (
    Config,
    Plugin,
    PluginInvalid,
    Provider,
    Quote,
    Receipt,
    RenderRef,
    RenderStatus,
    hookimpl,
)

PROMPT = "A lighthouse in the rain at night"
DAY = date(2026, 8, 1)


def provider(remote: FakeRemote, worth: Mapping[str, Any], charged: str | None, unit: str = "credits") -> type:
    class InCredits(fake_provider(remote)):  # type: ignore[misc]
        """Prices in credits."""

        units: ClassVar[Mapping[str, Any]] = worth

        def price(self, request: Any) -> Quote:
            return Quote(most=Decimal(30), expected=Decimal(20), unit=unit, as_of=DAY, basis="1 s")

        async def poll(self, renders: Sequence[RenderRef]) -> Sequence[RenderStatus]:
            told = await super().poll(renders)
            return [one.replace(cost=charged, cost_unit=unit) for one in told]

    return InCredits


def bringing(name: str, kind: type[Provider]) -> type:
    class Bringing:
        """Brings a provider."""

        @staticmethod
        @hookimpl
        def register_providers() -> dict[str, type[Provider]]:
            return {name: kind}

    return Bringing


def with_provider(lab: Any, worth: Mapping[str, Any], charged: str | None = None, **settings: Any) -> Any:
    kind = provider(lab.remote, worth, charged)
    lab.catalog.add("credits", bringing("credits", kind))
    lab.workflow["provider"] = {**lab.workflow["provider"], "use": "credits", **settings}
    return lab


def page(lab: Any, id_: str) -> str:
    store = lab.studio().store
    return "\n".join(story(store, store.job(id_)))


def test_a_quote_is_reserved_in_dollars_and_shown_in_both(lab: Any) -> None:
    with_provider(lab, {"credits": "0.01"})
    launch = lab.studio().plan_sync(PROMPT)
    assert launch.cost == Decimal("0.30")
    (planned,) = launch.plans[0].jobs
    assert planned.expected == Decimal("0.20")
    assert "priced by 1 s: 30 credits at $0.01" in planned.notes
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.spent == Decimal("0.30")


def test_what_a_person_pays_goes_first(lab: Any) -> None:
    with_provider(lab, {"credits": "0.01"}, units={"credits": "0.008"})
    assert lab.studio().plan_sync(PROMPT).cost == Decimal("0.24")


def test_a_reported_charge_is_settled_in_dollars_and_shown_in_both(lab: Any) -> None:
    with_provider(lab, {"credits": "0.01"}, charged="12.50")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.spent, job.cost) == (Decimal("0.125"), Decimal("0.125"))
    assert "$0.125 (12.5 credits)" in page(lab, job.id)


@pytest.mark.parametrize("worth", [{}, {"ticks": "0.1"}])
def test_a_unit_without_a_price_is_refused_before_anything_is_sent(lab: Any, worth: Any) -> None:
    with_provider(lab, worth)
    for call in (lab.studio().plan_sync, lab.studio().run_sync):
        with pytest.raises(PluginInvalid, match="prices in credits, and what one costs is not known") as refused:
            call(PROMPT)
        assert "provider.units.credits = 0.01" in refused.value.hint
    assert lab.remote.calls == 0
    with_provider(lab, worth, units={"credits": 0.01})
    assert lab.studio().plan_sync(PROMPT).cost == Decimal("0.30")


def test_a_charge_in_a_unit_without_a_price_leaves_the_estimate(lab: Any) -> None:
    kind = provider(lab.remote, {"credits": "0.01"}, "12")

    class Other(kind):  # type: ignore[misc,valid-type]
        """Reports in something else."""

        async def poll(self, renders: Sequence[RenderRef]) -> Sequence[RenderStatus]:
            return [one.replace(cost_unit="ticks") for one in await super().poll(renders)]

    lab.catalog.add("other", bringing("other", Other))
    lab.workflow["provider"]["use"] = "other"
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, job.spent) == ("done", Decimal("0.30"))
    assert "cost-refused" in [event.name for event in lab.studio().store.events(job.id)]


@pytest.mark.parametrize(
    ("worth", "told"),
    [
        ({"credits": "a lot"}, "it is not a number"),
        ({"credits": -1}, "it is negative"),
        ({"usd": 2}, "US dollars cost what they cost"),
    ],
)
def test_units_that_are_none_are_refused(lab: Any, worth: Any, told: str) -> None:
    with_provider(lab, worth)
    with pytest.raises(PluginInvalid, match=told):
        lab.studio().plan_sync(PROMPT)


def test_more_than_any_render_costs_is_refused(lab: Any) -> None:
    with_provider(lab, {"credits": "90000"})
    with pytest.raises(PluginInvalid, match=r"price of 30 credits is none: it is more than \$100,000"):
        lab.studio().plan_sync(PROMPT)


class Settings(Config):
    """What a person pays."""

    units: Mapping[str, Decimal] = {}


class Stamps(Plugin):
    """Prices posts in stamps."""

    Config = Settings
    public = False
    units: ClassVar[Mapping[str, Decimal]] = {"stamps": Decimal("0.5")}
    charged: ClassVar[dict[str, Any]] = {}

    def post_price(self, post: Any) -> Quote:
        return Quote(most=Decimal(2), unit="stamps", as_of=DAY)

    @hookimpl
    def publish(self, effect: Any) -> Receipt:
        return Receipt(id=effect.key, **self.charged)


def test_a_post_may_be_priced_in_a_unit_too(lab: Any) -> None:
    lab.add_plugin("stamps", Stamps, "publish")
    (rehearsed,) = lab.studio().rehearse_sync(PROMPT).jobs
    assert (rehearsed.posts[0].cost, rehearsed.posts[0].basis) == (Decimal(1), "2 stamps at $0.50")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.receipts["stamps"].cost, job.spent) == (Decimal(1), Decimal("1.1"))


def test_what_a_network_charged_in_its_unit_is_settled(lab: Any) -> None:
    lab.add_plugin(
        "stamps", type("Charging", (Stamps,), {"charged": {"cost": 1, "cost_unit": "stamps"}}), "publish"
    )
    lab.workflow["plugin"] = {"stamps": {"units": {"stamps": "0.25"}}}
    (job,) = lab.studio().run_sync(PROMPT).jobs
    receipt = job.receipts["stamps"]
    assert (receipt.cost, receipt.cost_unit, receipt.details["cost_in"]) == (Decimal("0.25"), "usd", "1 stamps")
    assert job.spent == Decimal("0.35")
    assert "cost $0.25 (1 stamps)" in page(lab, job.id)


def test_another_price_of_a_unit_is_the_same_destination(lab: Any) -> None:
    lab.add_plugin("stamps", Stamps, "publish")
    accounts = set()
    for price in ("0.25", "0.5"):
        lab.workflow["plugin"] = {"stamps": {"units": {"stamps": price}}}
        (job,) = lab.studio().run_sync(PROMPT).jobs
        accounts |= {one.account for one in lab.studio().store.effects_of(job.id) if one.kind == "publish"}
    assert len(accounts) == 1
