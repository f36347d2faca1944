"""What a yes is needed for, and what a person can answer, for whoever asks: a command, a program or a server."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from reelwork.errors import Declined, WorkflowInvalid
from reelwork.planning.budget_room import Room
from reelwork.store.records import JobRow
from reelwork.store.statuses import Status, Step
from reelwork.studio.consent import check_agreed, consent_for
from reelwork.studio.launch import Launch, launch_brief
from reelwork.studio.retry import retry_of
from reelwork_hooks import Brief, Plugin, hookimpl

FAKE = "[provider]\nuse = 'fake'\n"
LOUD = "[plugins]\npublish = ['loud']\n"


class Loud(Plugin):
    """Publishes where everybody sees it."""

    @hookimpl
    def publish(self) -> None: ...


def launch(workshop: Any, settings: str) -> Launch:
    workshop.catalog.add("loud", Loud)
    return launch_brief(workshop.build(FAKE + settings), Brief(prompt="a fox", duration=4), "run")


def refused(launched: Launch) -> str:
    with pytest.raises(Declined) as refusal:
        check_agreed(consent_for(launched), "Say so")
    return f"{refusal.value.message} | {refusal.value.hint}"


def test_money_and_public_posts_need_a_yes_each(workshop: Any) -> None:
    both = refused(launch(workshop, LOUD))
    assert "1 render at fake for $0.40" in both
    assert "posts to loud" in both
    assert "Say so, or set a ceiling under [budget] in the workflow and write unasked = true" in both
    posts_only = refused(launch(workshop, f"[budget]\nper_run = 1\n{LOUD}"))
    assert "$0.40" not in posts_only
    agreed = consent_for(launch(workshop, f"[budget]\nper_run = 1\n{LOUD}[posts]\nunasked = true\n"))
    # Where there is a person, that person is asked all the same.
    assert (agreed.needed, agreed.money_agreed, agreed.posts_agreed) == (True, True, True)
    check_agreed(agreed, "Say so")


def test_posts_that_wait_for_a_review_need_no_yes_before(workshop: Any) -> None:
    free = f"[budget]\nper_run = 1\n{LOUD}"
    for review in ("always = true", 'destinations = ["loud"]'):
        agreed = consent_for(launch(workshop, f"{free}[review]\n{review}\n"))
        assert (agreed.public, agreed.posts_agreed) == ((), True)
        check_agreed(agreed, "Say so")
    # A rule that may not apply agrees to nothing.
    assert "posts to loud" in refused(launch(workshop, f"{free}[review]\nfirst_post = true\n"))


def test_a_budget_without_room_agrees_to_nothing(workshop: Any) -> None:
    launched = launch(workshop, "[budget]\nper_day = 1\n[plugins]\npublish = []\n")
    check_agreed(consent_for(launched), "Say so")
    full = replace(launched, rooms=(Room("per_day", Decimal(1), Decimal("0.70")),))
    told = refused(full)
    assert "per_day = $1.00 has $0.70 in it, $0.30 is left" in told
    assert "or raise budget.per_day" in told


def row(status: Status, step: Step, **data: Any) -> JobRow:
    told = {"brief": {"prompt": "a fox"}, "provider": "fake", "cost": 400_000, **data}
    return JobRow(
        f"job-{status}-{step}", "run", "key", status, step, None, 7, 0, json.dumps(told), "", None, 0.0, 0.0
    )


def test_only_a_new_render_needs_a_yes_to_a_retry() -> None:
    again = row(Status.FAILED, Step.SUBMIT_AGAIN)
    lost = row(Status.HELD, Step.RENDER_AGAIN, cost=None)
    refused_there = row(Status.REJECTED, Step.PUBLISH_AGAIN)
    active, done = row(Status.ACTIVE, Step.RENDER), row(Status.DONE, Step.DONE)
    retry = retry_of([again, again, refused_there, active, done])
    assert (retry.renders, retry.cost, retry.needs_consent) == (1, Decimal("0.4"), True)
    assert retry.shown == {again.id: 7, refused_there.id: 7, done.id: 7}
    assert retry_of([again, lost]).cost is None
    assert "what that costs is not known" in retry_of([again, lost]).spends
    assert not retry_of([refused_there, active]).needs_consent
    assert not retry_of([row(Status.FAILED, Step.SUBMIT_AGAIN, cost=0)]).needs_consent
    for ended in ([done], [done, row(Status.CANCELLED, Step.SUBMIT_AGAIN)]):
        with pytest.raises(WorkflowInvalid):
            retry_of(ended)
