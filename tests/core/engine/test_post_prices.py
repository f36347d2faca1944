"""Posts that cost money: reserved before they are sent, settled after, counted like renders."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reelwork.cli.views.dry_run import _job
from reelwork.errors import PlanRefused
from reelwork.store.sqlite.maintenance.check import check
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.consent import consent_for
from reelwork_hooks import (
    Found,
    Idempotency,
    NotSent,
    Pending,
    Plugin,
    PluginInvalid,
    Quote,
    Receipt,
    Rejected,
    hookimpl,
)

PROMPT = "A lighthouse in the rain at night"
PLAIN, LINKED = Decimal("0.015"), Decimal("0.20")
RENDER = Decimal("0.1")


class Site:
    """A network that charges for each post, and more for one with a link."""

    def __init__(self) -> None:
        self.posts: list[str] = []
        self.calls = 0
        self.faults: list[Callable[[Site, str], None]] = []
        self.receipt: dict[str, Any] = {}
        self.priced: Callable[[Any], Any] = _price

    def post(self, key: str) -> Receipt:
        self.calls += 1
        if self.faults:
            self.faults.pop(0)(self, key)
        return self.accept(key)

    def accept(self, key: str) -> Receipt:
        self.posts.append(key)
        return Receipt(id=f"post_{len(self.posts)}", **self.receipt)


def _price(post: Any) -> Quote:
    linked = "https://" in post.caption
    return Quote(most=LINKED if linked else PLAIN, as_of=date(2026, 8, 1), basis="with a link" if linked else "")


def accept_and_raise(site: Site, key: str) -> None:
    site.accept(key)
    raise ConnectionResetError("no answer")


def refuse(site: Site, key: str) -> None:
    raise Rejected("too long")


def not_sent(site: Site, key: str) -> None:
    raise NotSent("busy", retry_after=0.01)


def no_number(site: Site, key: str) -> None:
    site.receipt = {"cost": "a lot"}


def publisher(site: Site, kind: Idempotency = Idempotency.NONE) -> type:
    class Publisher(Plugin):
        """Posts to a site that charges for posts."""

        idempotency = kind
        settle_seconds = 0.0
        public = False

        def post_price(self, post: Any) -> Any:
            return site.priced(post)

        @hookimpl
        def publish(self, post: Any, job: Any, effect: Any) -> Receipt:
            return site.post(effect.key)

    class Finding(Publisher):
        """Can look as well."""

        @hookimpl
        async def find_post(self, effect: Any) -> Any:
            return Found(
                tuple(Receipt(id=f"post_{at}") for at, key in enumerate(site.posts, 1) if key == effect.key)
            )

    return Finding if kind is Idempotency.LOOKUP else Publisher


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def paid(lab: Any, site: Site) -> Any:
    lab.add_plugin("site", publisher(site), "publish")
    return lab


def post_effects(lab: Any, id_: str) -> list[tuple[str, str, int | None]]:
    effects = lab.studio().store.effects_of(id_)
    return [(one.state, one.money, one.reserved) for one in effects if one.kind == "publish"]


def findings(lab: Any) -> set[str]:
    return {finding.kind for finding in check(lab.folder / "store.db", time.time()).findings}


def test_a_post_is_reserved_and_counted_where_a_render_is(paid: Any, site: Site) -> None:
    (job,) = paid.studio().run_sync(PROMPT, caption="See https://films.example").jobs
    assert job.status == "done"
    assert job.receipts["site"].cost == LINKED
    assert job.spent == RENDER + LINKED
    assert post_effects(paid, job.id) == [("confirmed", "reserved", 200_000)]
    (day,) = paid.studio().store.spending("day")
    assert (day.renders, day.posts, day.reserved) == (1, 1, RENDER + LINKED)
    by_name = {one.name: one.reserved for one in paid.studio().store.spending("provider")}
    assert by_name == {"fake": RENDER, "site": LINKED}
    assert findings(paid) == set()


def test_a_plan_and_the_question_before_a_run_name_the_price(paid: Any) -> None:
    launch = paid.studio().plan_sync(PROMPT, caption="Plain")
    assert launch.cost == RENDER + PLAIN
    assert "$0.115" in consent_for(launch).spends
    assert "$0.015 of it for posts" in consent_for(launch).spends
    rehearsal = paid.studio().rehearse_sync(PROMPT, caption="See https://films.example")
    (job,) = rehearsal.jobs
    assert (rehearsal.cost, job.cost, job.posts[0].cost) == (RENDER + LINKED, RENDER + LINKED, LINKED)


def test_a_batch_prices_each_row_by_its_own_copy(paid: Any, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text(f"id,prompt,caption\na,{PROMPT},Plain\nb,{PROMPT} too,https://films.example\n")
    assert paid.studio().plan_sync(rows).cost == 2 * RENDER + PLAIN + LINKED
    paid.workflow["budget"] = {"per_run": 0.415}
    paid.studio().plan_sync(rows)
    paid.workflow["budget"] = {"per_job": 0.25}
    with pytest.raises(Exception, match=r"would cost \$0\.30; the budget per_job is \$0\.25"):
        paid.studio().plan_sync(rows)


def test_only_the_first_take_is_priced_where_only_it_is_posted(paid: Any) -> None:
    launch = paid.studio().plan_sync(PROMPT, takes=3, publish_takes="first")
    assert launch.cost == 3 * RENDER + PLAIN


def test_a_budget_holds_the_post_unsent_until_there_is_room(paid: Any, site: Site) -> None:
    # The plan does not know of the day's other costs.
    paid.workflow["budget"] = {"per_day": 0.22}
    (job,) = paid.studio().run_sync(PROMPT).jobs
    assert (job.status, site.calls) == ("done", 1)
    (job,) = paid.studio().run_sync(f"{PROMPT} again").jobs
    assert (job.status, job.hold, site.calls) == ("held", "over-budget:per_day", 1)
    assert "This post to site costs $0.015;" in job.reason
    assert "budget per_day = 0.22" in job.reason
    assert "Nothing was posted there" in job.reason
    assert post_effects(paid, job.id) == []
    assert paid.studio().resume_sync(job.id).jobs[0].status == "held"
    (job,) = paid.studio().resume_sync(job.id, settings={"budget": {"per_day": 1}}).jobs
    assert (job.status, site.calls, job.spent_before) == ("done", 2, RENDER)
    assert post_effects(paid, job.id) == [("confirmed", "reserved", 15_000)]


def test_a_post_in_doubt_keeps_its_money(paid: Any, site: Site) -> None:
    site.faults = [accept_and_raise]
    (job,) = paid.studio().run_sync(PROMPT).jobs
    assert (job.status, job.in_doubt) == ("held", PLAIN)
    assert post_effects(paid, job.id) == [("unknown", "reserved", 15_000)]
    paid.studio().resolve_sync(job.id, decision="happened", remote_id="post_1")
    (job,) = paid.studio().resume_sync(job.id).jobs
    assert (job.status, job.in_doubt, job.spent) == ("done", 0, RENDER + PLAIN)
    assert job.receipts["site"].cost == PLAIN
    assert site.calls == 1
    assert findings(paid) == set()


def test_a_post_that_a_lookup_finds_is_paid_for_once(lab: Any, site: Site) -> None:
    lab.add_plugin("site", publisher(site, Idempotency.LOOKUP), "publish")
    site.faults = [accept_and_raise]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, job.spent, len(site.posts)) == ("done", RENDER + PLAIN, 1)


def test_a_refused_post_is_free_and_a_retry_has_money_of_its_own(paid: Any, site: Site) -> None:
    site.faults = [refuse]
    (job,) = paid.studio().run_sync(PROMPT).jobs
    assert (job.status, job.spent) == ("rejected", RENDER)
    assert post_effects(paid, job.id) == [("rejected", "released", 15_000)]
    (job,) = paid.studio().retry_sync(job.id).jobs
    assert (job.status, job.spent, job.spent_before) == ("done", RENDER + PLAIN, RENDER)
    assert post_effects(paid, job.id) == [("rejected", "released", 15_000), ("confirmed", "reserved", 15_000)]
    assert findings(paid) == set()


def costs(most: Any) -> Callable[[Any], Quote | None]:
    return lambda post: None if most is None else Quote(most=Decimal(most), as_of=date(2026, 8, 2))


def test_a_price_that_has_risen_is_reserved_before_the_next_try_once_agreed_to(paid: Any, site: Site) -> None:
    def dearer(site: Site, key: str) -> None:
        site.priced = costs(LINKED)
        not_sent(site, key)

    site.faults = [dearer]
    (job,) = paid.studio().run_sync(PROMPT).jobs
    assert (job.status, job.hold, post_effects(paid, job.id)) == (
        "held",
        "post-price",
        [("intended", "reserved", 15_000)],
    )
    job = paid.studio().resolve_sync(job.id, decision="approve")
    assert (job.status, post_effects(paid, job.id)) == ("done", [("confirmed", "reserved", 200_000)])


def test_a_price_above_what_was_agreed_to_holds_the_post_until_a_person_agrees(paid: Any, site: Site) -> None:
    paid.remote.faults = [lambda *_: setattr(site, "priced", costs("0.20"))]
    (job,) = paid.studio().run_sync(PROMPT).jobs
    assert (job.status, job.hold, site.calls) == ("held", "post-price", 0)
    assert "the post costs $0.20 now; $0.015 was agreed to. Nothing was posted." in job.reason
    assert post_effects(paid, job.id) == []
    assert paid.studio().resume_sync(job.id).jobs[0].hold == "post-price", "to resume is no yes"
    # A yes to a price is none to a higher one, and covers a lower one.
    site.priced = costs("0.21")
    job = paid.studio().resolve_sync(job.id, decision="approve")
    assert (job.hold, site.calls) == ("post-price", 0)
    assert "$0.20 was agreed to" in job.reason
    site.priced = costs("0.19")
    (job,) = paid.studio().resume_sync(job.id).jobs
    assert (job.status, site.calls) == ("done", 1)
    assert post_effects(paid, job.id) == [("confirmed", "reserved", 190_000)]


def test_a_price_that_falls_again_needs_no_yes(paid: Any, site: Site) -> None:
    paid.remote.faults = [lambda *_: setattr(site, "priced", costs("0.20"))]
    (job,) = paid.studio().run_sync(PROMPT).jobs
    assert job.hold == "post-price"
    site.priced = costs("0.01")
    assert paid.studio().resume_sync(job.id).jobs[0].status == "done"


def test_a_post_whose_price_is_lost_since_it_was_agreed_to_is_held(paid: Any, site: Site) -> None:
    paid.remote.faults = [lambda *_: setattr(site, "priced", costs(None))]
    (job,) = paid.studio().run_sync(PROMPT).jobs
    assert (job.hold, site.calls) == ("post-price", 0)
    assert "the price of the post is no longer known; $0.015 was agreed to" in job.reason
    site.priced = costs(9)
    job = paid.studio().resolve_sync(job.id, decision="approve")
    assert job.status == "done", "a yes to whatever it costs"


def test_a_destination_that_charges_since_the_run_was_agreed_to_is_held(lab: Any, site: Site) -> None:
    class Free(Plugin):
        """A version of the publisher that knew no prices."""

        public = False

        @hookimpl
        def publish(self, effect: Any) -> Receipt:
            raise NotSent("closed", lasting=True)

    lab.add_plugin("site", Free, "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "failed"
    lab.catalog.add("site", publisher(site))
    (job,) = lab.studio().resume_sync(job.id).jobs
    assert (job.hold, site.calls) == ("post-price", 0)
    assert "no price was agreed to" in job.reason


def test_a_post_in_doubt_is_settled_whatever_it_costs_now(lab: Any, site: Site) -> None:
    lab.add_plugin("site", publisher(site, Idempotency.LOOKUP), "publish")

    def dearer(site: Site, key: str) -> None:
        site.priced = costs(LINKED)
        accept_and_raise(site, key)

    site.faults = [dearer]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, len(site.posts)) == ("done", 1)


def test_a_price_that_is_not_known_needs_a_yes(paid: Any, site: Site) -> None:
    site.priced = costs(None)
    launch = paid.studio().plan_sync(PROMPT)
    consent = consent_for(launch)
    assert (launch.cost, launch.unpriced_posts, consent.needed, consent.money_agreed) == (
        None,
        ("site",),
        True,
        False,
    )
    assert "for $0.10" in consent.spends
    assert consent.spends.endswith("; what the posts to site cost is not known.")
    (job,) = paid.studio().rehearse_sync(PROMPT).jobs
    assert (job.cost, job.posts[0].unknown_price) == (None, True)
    assert "would be published to site, on this machine only, price unknown" in "\n".join(_job(job, 1))
    paid.workflow["budget"] = {"per_run": 5}
    with pytest.raises(PlanRefused, match="the price of the posts to site is not known"):
        paid.studio().plan_sync(PROMPT)
    paid.workflow["budget"] = {"per_run": 5, "allow_unknown_price": True}
    (job,) = paid.studio().run_sync(PROMPT).jobs
    assert (job.status, site.calls) == ("done", 1)


def test_a_quote_of_nothing_needs_no_yes(lab: Any, site: Site) -> None:
    site.priced = costs(0)
    lab.add_plugin("site", publisher(site), "publish")
    assert lab.studio().plan_sync(PROMPT).cost == RENDER
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, job.spent) == ("done", RENDER)


@pytest.mark.parametrize(("cost", "money"), [("0.0175", "charged"), (0, "released"), ("a lot", "reserved")])
def test_what_a_network_says_that_it_charged_counts(paid: Any, site: Site, cost: Any, money: str) -> None:
    site.receipt = {"cost": cost}
    (job,) = paid.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    [effect] = [one for one in paid.studio().store.effects_of(job.id) if one.kind == "publish"]
    assert effect.money == money
    known = PLAIN if money == "reserved" else Decimal(cost)
    assert (job.spent, job.receipts["site"].cost) == (RENDER + known, known)
    assert ("its price stays counted" in job.reason) is (money == "reserved")
    assert findings(paid) == set()


def test_a_charge_that_is_told_later_replaces_the_price(lab: Any, site: Site) -> None:
    class Followed(publisher(site)):  # type: ignore[misc]
        """Says later what it charged."""

        asked = 0

        @hookimpl
        def follow_post(self, receipt: Receipt) -> Receipt | Pending:
            Followed.asked += 1
            return Pending(after=0) if Followed.asked == 1 else receipt.replace(cost="0.005", state="live")

    lab.add_plugin("site", Followed, "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, job.receipts["site"].cost) == ("done", Decimal("0.005"))
    assert job.spent == RENDER + Decimal("0.005")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (ValueError("no table"), "cannot say what a post costs: ValueError: no table"),
        (Decimal("0.1"), "post_price returned Decimal, not a Quote"),
        (Quote.model_construct(most=Decimal(-1), as_of=date(2026, 8, 1)), "post_price returned Quote, not a Quote"),
    ],
)
def test_a_price_that_cannot_be_known_is_no_free_post(paid: Any, site: Site, answer: Any, told: str) -> None:
    def broken(post: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    paid.studio().run_sync(PROMPT)
    site.priced = broken
    for call in (paid.studio().plan_sync, paid.studio().run_sync):
        with pytest.raises(PluginInvalid) as refused:
            call(PROMPT)
        assert told in refused.value.message
    assert len(paid.remote.creates) == 1


def test_a_price_that_is_lost_after_planning_posts_nothing(paid: Any, site: Site) -> None:
    def lose(remote: Any, *_: Any) -> None:
        def broken(post: Any) -> Any:
            raise ValueError("no table")

        site.priced = broken

    paid.remote.faults = [lose]
    (job,) = paid.studio().run_sync(PROMPT).jobs
    assert (job.status, site.calls) == ("failed", 0)
    assert "no table" in job.reason
    site.priced = _price
    assert paid.studio().resume_sync(job.id).jobs[0].status == "done"
    assert site.calls == 1


class Old(Plugin):
    """A publisher of the first contract that has something else of this name."""

    public = False
    post_price: Any = Decimal("9")

    @hookimpl
    def publish(self, effect: Any) -> Receipt:
        return Receipt(id="post_1")


def test_another_thing_of_this_name_is_no_price(lab: Any) -> None:
    lab.add_plugin("old", Old, "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, job.spent, job.receipts["old"].cost) == ("done", RENDER, None)
    assert post_effects(lab, job.id) == [("confirmed", "none", None)]
    assert "cost" not in job.receipts["old"].model_dump()
    (day,) = lab.studio().store.spending("day")
    assert (day.renders, day.posts) == (1, 0)


def test_a_post_written_down_without_a_price_is_reserved_before_it_is_sent(paid: Any, site: Site) -> None:
    """As an upgrade finds it: the row is there, not sent, and no money counts for it."""
    site.priced = costs(None)

    def priced_now(site: Site, key: str) -> None:
        site.priced = _price
        not_sent(site, key)

    site.faults = [not_sent, priced_now]
    (job,) = paid.studio().run_sync(PROMPT).jobs
    assert (job.status, job.spent) == ("done", RENDER + PLAIN)
    assert post_effects(paid, job.id) == [("confirmed", "reserved", 15_000)]


@pytest.mark.parametrize("count", range(1, 14))
def test_a_kill_after_any_commit_pays_for_one_post(shop: Any, crash: Any, site: Site, count: int) -> None:
    shop.lab.add_plugin("site", publisher(site, Idempotency.KEY), "publish")
    shop.lab.remote.idempotency = Idempotency.KEY
    site.accept = lambda key: _once(site, key)  # type: ignore[method-assign]
    killed = crash()

    class Mortal(SqliteStore):
        """Ends its process right after a commit."""

        left = count

        async def apply(self, lease: Any, commands: Any) -> Any:
            sent = await super().apply(lease, commands)
            self.left -= 1
            if not self.left:
                raise killed
            return sent

    id_ = shop.dies_and_is_followed(Mortal, killed, PROMPT)
    assert len(site.posts) == 1
    with closing(SqliteStore(shop.lab.folder / "store.db")) as store:
        effects = [one for one in store.effects_of(id_) if one.kind == "publish"]
        assert [(one.state, one.money, one.reserved) for one in effects] == [("confirmed", "reserved", 15_000)]
        assert store.sendings([id_])[id_].posts == 15_000
    assert findings(shop.lab) == set()


def _once(site: Site, key: str) -> Receipt:
    """Answer as a network does that knows the key."""
    if key not in site.posts:
        site.posts.append(key)
    return Receipt(id="post_1")


def test_a_check_finds_a_post_whose_money_no_budget_counts(paid: Any) -> None:
    paid.studio().run_sync(PROMPT)
    for change, kind in (
        ("money = 'released'", "money-not-counted"),
        ("state = 'rejected'", "money-counted-in-vain"),
    ):
        with closing(sqlite3.connect(paid.folder / "store.db")) as db, db:
            before = db.execute("SELECT state, money FROM effects WHERE kind = 'publish'").fetchone()
            db.execute(f"UPDATE effects SET {change} WHERE kind = 'publish'")
        assert kind in findings(paid)
        with closing(sqlite3.connect(paid.folder / "store.db")) as db, db:
            db.execute("UPDATE effects SET state = ?, money = ? WHERE kind = 'publish'", before)
    assert findings(paid) == set()
