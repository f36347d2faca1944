"""What plugins pay for themselves: recorded once, counted, and reserved before they are called."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from reelwork.cli.views.dry_run import _lines
from reelwork.cli.views.job_page import story
from reelwork.store.records import call_key
from reelwork.store.sqlite.maintenance.check import check
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.consent import consent_for
from reelwork.testing import SampleContext, sample_job
from reelwork_hooks import (
    Amount,
    Idempotency,
    Job,
    Plugin,
    PluginInvalid,
    Prompt,
    Receipt,
    Stage,
    hookimpl,
)

PROMPT = "A lighthouse in the rain at night"
RENDER = Decimal("0.1")


class Rewrite(Plugin):
    """Asks a paid model for better words."""

    most_per_call = Decimal("0.02")
    units: ClassVar[Mapping[str, Decimal]] = {"tokens": Decimal("0.000001")}
    calls: ClassVar[list[str]]
    reserved: ClassVar[list[Any]]
    paid: ClassVar[Any] = Decimal("0.004")
    fails: ClassVar[list[BaseException]]

    @hookimpl
    async def prompt_transform(self, prompt: Prompt, job: Job) -> Prompt:
        self.calls.append(job.id)
        store = self.context.payments.purse  # type: ignore[attr-defined]
        self.reserved.append(await store.effect(call_key(job.id, "rewrite")))
        await self.context.spent(job, self.paid, what="better words", key="rewrite")
        if self.fails:
            raise self.fails.pop()
        return prompt.replace(text=f"{prompt.text}, in fog")


def rewriting(**changes: Any) -> Any:
    return type("Rewrite", (Rewrite,), {"calls": [], "reserved": [], "fails": [], **changes})


class Posts(Plugin):
    """Posts nowhere."""

    public = False

    @hookimpl
    def publish(self, effect: Any) -> Receipt:
        return Receipt(id=effect.key)


@pytest.fixture
def plugin() -> Any:
    return rewriting()


@pytest.fixture
def paying(lab: Any, plugin: Any) -> Any:
    lab.add_plugin("rewrite", plugin, "prompt_transform")
    return lab


def payments(store: Any, id_: str) -> list[tuple[str, str, int | None, int | None]]:
    effects = [one for one in store.effects_of(id_) if one.kind == "plugin"]
    return [(one.state, one.money, one.reserved, one.charged) for one in effects]


def test_a_payment_is_counted_and_shown(paying: Any, plugin: Any) -> None:
    (job,) = paying.studio().run_sync(PROMPT).jobs
    store = paying.studio().store
    assert (job.status, job.spent) == ("done", RENDER + Decimal("0.004"))
    assert payments(store, job.id) == [("confirmed", "charged", None, 4_000)]
    assert plugin.reserved == [None], "without a budget nothing is reserved"
    (day,) = store.spending("day")
    assert (day.renders, day.posts, day.charged, day.reserved) == (1, 0, Decimal("0.004"), RENDER)
    assert "rewrite paid for better words: $0.004" in "\n".join(story(store, store.job(job.id)))
    assert check(paying.folder / "store.db", time.time()).findings == ()


def test_a_hook_that_runs_again_pays_once(paying: Any, plugin: Any) -> None:
    plugin.fails.append(ValueError("cut off"))
    (job,) = paying.studio().run_sync(PROMPT).jobs
    assert (job.status, job.spent) == ("failed", Decimal("0.004"))
    assert job.reason.endswith("What plugins paid for it is counted.")
    (job,) = paying.studio().resume_sync(job.id).jobs
    assert (job.status, len(plugin.calls)) == ("done", 2)
    assert payments(paying.studio().store, job.id) == [("confirmed", "charged", None, 4_000)]
    assert job.spent == RENDER + Decimal("0.004")


def test_what_plugins_may_pay_is_planned_and_counts_in_the_consent(paying: Any) -> None:
    class Watch(Plugin):
        """A paid moderator of prompts and posts."""

        most_per_call = Decimal("0.01")
        moderates = (Stage.PROMPT, Stage.POST)

        @hookimpl
        def pre_moderate(self, content: Any) -> None:
            raise AssertionError("a plan asks nobody who is paid")

    paying.add_plugin("watch", Watch, "pre_moderate")
    for name in ("here", "there"):
        paying.add_plugin(name, type("Posts", (Posts,), {}), "publish")
    launch = paying.studio().plan_sync(PROMPT, takes=2, publish_takes="first")
    # Both takes: better words and a look at the prompt. The first one: two posts.
    most = 2 * Decimal("0.03") + 2 * Decimal("0.01")
    consent = consent_for(launch)
    assert (launch.cost, launch.calls_cost, consent.cost) == (2 * RENDER, most, 2 * RENDER + most)
    assert "for $0.28" in consent.spends
    assert "$0.08 of it at most for plugin calls" in consent.spends
    rehearsal = paying.studio().rehearse_sync(PROMPT, takes=2, publish_takes="first")
    assert (rehearsal.cost, rehearsal.plugin_calls, rehearsal.paying) == (2 * RENDER, most, ("watch", "rewrite"))
    assert "Plugin calls: at most $0.08 more (watch, rewrite)." in list(_lines(rehearsal, ()))
    for ceiling, agreed in ((Decimal("0.27"), False), (Decimal("0.28"), True)):
        paying.workflow["budget"] = {"per_run": ceiling}
        launch = paying.studio().plan_sync(PROMPT, takes=2, publish_takes="first")
        assert consent_for(launch).money_agreed is agreed


def test_a_run_that_costs_only_what_plugins_pay_needs_a_yes(paying: Any) -> None:
    paying.workflow["provider"]["price_per_second"] = 0
    consent = consent_for(paying.studio().plan_sync(PROMPT))
    assert (consent.cost, consent.needed, consent.money_agreed) == (Decimal("0.02"), True, False)


def test_with_a_budget_the_most_is_reserved_before_the_call(paying: Any, plugin: Any) -> None:
    paying.workflow["budget"] = {"per_day": 1}
    (job,) = paying.studio().run_sync(PROMPT).jobs
    (reserved,) = plugin.reserved
    assert (reserved.state, reserved.money, reserved.reserved) == ("intended", "reserved", 20_000)
    assert payments(paying.studio().store, job.id) == [("confirmed", "charged", None, 4_000)]
    assert job.spent == RENDER + Decimal("0.004")


def test_a_budget_without_room_for_the_call_holds_the_job_uncalled(paying: Any, plugin: Any) -> None:
    paying.workflow["budget"] = {"per_day": 0.11}
    (job,) = paying.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    (job,) = paying.studio().run_sync(PROMPT).jobs
    assert (job.status, job.hold, len(plugin.calls)) == ("held", "over-budget:per_day", 1)
    assert "This call of rewrite costs $0.02; with $0.104 already" in job.reason
    assert payments(paying.studio().store, job.id) == []
    (job,) = paying.studio().resume_sync(job.id, settings={"budget": {"per_day": 1}}).jobs
    assert (job.status, len(plugin.calls)) == ("done", 2)


def test_what_is_paid_counts_against_the_render(paying: Any, plugin: Any) -> None:
    paying.workflow["budget"] = {"per_day": 0.102}
    (job,) = paying.studio().run_sync(PROMPT).jobs
    assert (job.status, job.hold, job.spent) == ("held", "over-budget:per_day", Decimal("0.004"))
    assert "This render costs" in job.reason
    assert paying.remote.calls == 0


@pytest.mark.parametrize(
    ("paid", "charged"),
    [(Amount(value=Decimal(2000), unit="tokens"), 2_000), (Decimal("0.05"), 50_000), (Decimal(0), 0)],
)
def test_amounts_are_counted_as_they_are(lab: Any, caplog: Any, paid: Any, charged: int) -> None:
    lab.add_plugin("rewrite", rewriting(paid=paid), "prompt_transform")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    store = lab.studio().store
    assert [one[3] for one in payments(store, job.id)] == [charged]
    assert ("(2000 tokens)" in "\n".join(story(store, store.job(job.id)))) is (charged == 2_000)
    assert ("declares at most $0.02 a call" in caplog.text) is (charged == 50_000)


@pytest.mark.parametrize("paid", [Amount(value=Decimal(1), unit="credits"), Decimal(200_000), Decimal(-1)])
def test_what_is_no_amount_is_the_plugins_fault(lab: Any, paid: Any) -> None:
    lab.add_plugin("rewrite", rewriting(paid=paid), "prompt_transform")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, lab.remote.calls) == ("failed", 0)


def test_a_most_that_is_none_is_refused(lab: Any) -> None:
    lab.add_plugin("rewrite", rewriting(most_per_call="a lot"), "prompt_transform")
    with pytest.raises(PluginInvalid, match="most_per_call"):
        lab.studio().plan_sync(PROMPT)


def test_a_dry_run_leaves_out_what_pays(paying: Any, plugin: Any) -> None:
    rehearsal = paying.studio().rehearse_sync(PROMPT)
    assert (rehearsal.skipped, plugin.calls) == (("rewrite (prompt_transform)",), [])


class Series(Plugin):
    """Counts its videos."""

    @hookimpl
    async def prompt_transform(self, prompt: Prompt, job: Job) -> Prompt:
        last = await self.context.state.get("last")
        await self.context.state.set("last", int(str(last or 0)) + 1, expect=last)
        return prompt.replace(text=f"{prompt.text}, part {int(str(last or 0)) + 1}")


def test_a_dry_run_reads_what_a_plugin_keeps_and_opens_no_store_to_write(lab: Any) -> None:
    lab.add_plugin("series", Series, "prompt_transform")
    studio = lab.studio()
    assert studio.rehearse_sync(PROMPT).jobs[0].prompt.text == f"{PROMPT}, part 1"
    assert not (lab.folder / "store.db").exists()
    assert lab.studio().run_sync(PROMPT).jobs[0].prompt == f"{PROMPT}, part 1"
    assert studio.rehearse_sync(PROMPT, takes=2).jobs[1].prompt.text == f"{PROMPT}, part 3"
    assert studio._store is None


def test_a_batch_row_can_be_corrected_when_only_a_plugin_was_paid(paying: Any, plugin: Any, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text(f"id,prompt\na,{PROMPT}\n")
    plugin.fails.append(ValueError("cut off"))
    assert paying.studio().run_sync(rows).jobs[0].status == "failed"
    rows.write_text(f"id,prompt\na,{PROMPT} and rain\n")
    (job,) = paying.studio().run_sync(rows).jobs
    assert (job.status, job.prompt) == ("done", f"{PROMPT} and rain, in fog")


@pytest.mark.parametrize("count", range(1, 8))
def test_a_kill_after_any_commit_counts_a_payment_once(shop: Any, crash: Any, plugin: Any, count: int) -> None:
    shop.lab.add_plugin("rewrite", plugin, "prompt_transform")
    shop.lab.workflow["budget"] = {"per_day": 1}
    shop.lab.remote.idempotency = Idempotency.KEY
    killed = crash()

    class Mortal(SqliteStore):
        """Ends its process right after a commit of a step or a payment."""

        left = count

        async def apply(self, lease: Any, commands: Any) -> Any:
            self._still_there()
            done = await super().apply(lease, commands)
            self.left -= 1
            self._still_there()
            return done

        async def paid(self, payment: Any) -> bool:
            done = await super().paid(payment)
            self.left -= 1
            self._still_there()
            return done

        def _still_there(self) -> None:
            # Raised within a hook it looks like the hook's failure; a process that is gone writes nothing after.
            if self.left <= 0:
                raise killed

    id_ = shop.dies_and_is_followed(Mortal, killed, PROMPT)
    with closing(SqliteStore(shop.lab.folder / "store.db")) as store:
        assert payments(store, id_) == [("confirmed", "charged", None, 4_000)]
        assert store.sendings([id_])[id_].counted == 104_000
    assert check(shop.lab.folder / "store.db", time.time()).findings == ()


def test_a_test_sees_what_its_plugin_pays(tmp_path: Path) -> None:
    context = SampleContext(tmp_path, "rewrite")
    for _ in range(2):
        asyncio.run(context.spent(sample_job(), Decimal("0.01"), what="words", key="k"))
    (made,) = context.payments_made
    assert (made.instance, made.amount, made.what, made.key) == ("rewrite", 10_000, "words", "k")
