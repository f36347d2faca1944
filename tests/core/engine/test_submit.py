"""The paid act: once, whatever the answer."""

from __future__ import annotations

from typing import Any

import pytest

from reelwork.testing import (
    accepted_then_crash,
    accepted_then_lost,
    lost_on_the_way,
    refused_connection,
    rejected,
    too_many,
)
from reelwork_hooks import Idempotency, InvalidInput

PROMPT = "A lighthouse in the rain at night"


def effect_of(lab: Any, job_id: str) -> Any:
    (effect,) = lab.studio().store.effects_of(job_id)
    return effect


def story(lab: Any, job_id: str) -> list[str]:
    return [event.name for event in lab.studio().store.events(job_id)]


def test_a_clear_answer_is_confirmed_and_paid_once(lab: Any) -> None:
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    assert lab.remote.creates == [(job.remote_id, PROMPT)]
    effect = effect_of(lab, job.id)
    assert (effect.state, effect.money, effect.reserved) == ("confirmed", "reserved", 100_000)


@pytest.mark.parametrize("fault", [accepted_then_lost, accepted_then_crash])
def test_a_lost_answer_is_looked_up_and_claimed(lab: Any, fault: Any) -> None:
    lab.remote.faults = [fault]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    assert len(lab.remote.creates) == 1
    assert lab.remote.calls == 1
    assert "found" in story(lab, job.id)


def test_what_never_arrived_is_sent_again_when_the_list_shows_what_came_before_and_after(
    lab: Any,
) -> None:
    lab.control()
    lab.remote.faults = [lost_on_the_way]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "held"
    assert "nothing shows that the list is newer than the request" in job.reason
    lab.control()
    (job,) = lab.studio().resume_sync(job.id).jobs
    assert job.status == "done"
    assert lab.remote.calls == 4
    assert len(lab.remote.creates) == 3
    assert effect_of(lab, job.id).attempt == 2


def test_without_anything_to_compare_with_a_list_that_does_not_show_it_is_not_believed(lab: Any) -> None:
    lab.remote.faults = [lost_on_the_way]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "held"
    assert "nothing like it that is known to have arrived before" in job.reason
    lab.control()
    (job,) = lab.studio().resume_sync(job.id).jobs
    assert job.status == "held"
    assert lab.remote.calls == 2


def test_where_another_one_costs_nothing_it_may_be_made_when_it_is_unclear(lab: Any) -> None:
    free = {"use": "fake", "poll_interval": 0.01, "price_per_second": 0, "when_unsure": "resend"}
    lab.workflow["provider"] = free
    lab.remote.faults = [lost_on_the_way]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, lab.remote.calls, len(lab.remote.creates)) == ("done", 2, 1)


def test_sending_again_unsurely_is_refused_where_it_may_cost_something(lab: Any) -> None:
    lab.workflow["provider"]["when_unsure"] = "resend"
    with pytest.raises(InvalidInput, match="needs price_per_second = 0"):
        lab.studio().run_sync(PROMPT)
    assert lab.remote.calls == 0


@pytest.mark.slow
def test_what_was_believed_to_be_missing_is_not_sent_a_third_time(lab: Any) -> None:
    lab.control()
    lab.remote.faults = [lost_on_the_way]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    lab.control()
    lab.remote.faults = [lost_on_the_way]
    assert lab.studio().resume_sync(job.id).jobs[0].status == "held"
    lab.control()
    assert lab.studio().resume_sync(job.id).jobs[0].status == "held"
    assert effect_of(lab, job.id).attempt == 2


@pytest.mark.parametrize("fault", [refused_connection, too_many])
def test_proof_that_nothing_left_reopens_the_act(lab: Any, fault: Any) -> None:
    lab.remote.faults = [fault]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    assert len(lab.remote.creates) == 1


def test_a_refusal_ends_the_job_and_frees_its_money(lab: Any) -> None:
    lab.remote.faults = [rejected]
    result = lab.studio().run_sync(PROMPT)
    (job,) = result.jobs
    assert (job.status, result.exit_code) == ("rejected", 3)
    assert lab.remote.creates == []
    assert effect_of(lab, job.id).money == "released"


def test_without_key_or_listing_an_unknown_outcome_waits_for_a_person(lab: Any) -> None:
    lab.remote.idempotency = Idempotency.NONE
    lab.remote.faults = [accepted_then_lost]
    result = lab.studio().run_sync(PROMPT)
    (job,) = result.jobs
    assert (job.status, result.exit_code) == ("held", 3)
    assert "not sent again" in job.reason
    assert lab.remote.calls == 1
    again = lab.studio().resume_sync(job.id)
    assert again.jobs[0].status == "held"
    assert lab.remote.calls == 1


def test_with_a_key_the_same_key_is_sent_again(lab: Any) -> None:
    lab.remote.idempotency = Idempotency.KEY
    lab.remote.faults = [accepted_then_lost]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    assert lab.remote.calls == 2
    assert len(lab.remote.creates) == 1


def test_a_listing_that_cannot_tell_holds_the_job(lab: Any) -> None:
    lab.remote.listing = "unsure"
    lab.remote.faults = [accepted_then_lost]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "held"
    assert lab.remote.calls == 1
    lab.remote.listing = "complete"
    (job,) = lab.studio().resume_sync(job.id).jobs
    assert job.status == "done"
    assert lab.remote.calls == 1


def test_identical_unknown_requests_claim_one_render_each(lab: Any) -> None:
    # Four identical takes: two accepted and lost, one lost on the way, one answered.
    lab.control()
    lab.remote.faults = [accepted_then_lost, lost_on_the_way, accepted_then_lost]
    jobs = [job.id for job in lab.studio().run_sync(PROMPT, takes=4).jobs]
    lab.control()
    lab.studio().resume_sync()
    found = [job for job in lab.studio().jobs() if job.id in jobs]
    assert [job.status for job in found] == ["done"] * 4
    assert len(lab.remote.creates) == 6
    assert len({job.remote_id for job in found}) == 4
    assert lab.remote.calls == 7


def test_a_failed_render_is_not_paid_for_again_by_itself(lab: Any) -> None:
    lab.remote.outcome = "failed"
    result = lab.studio().run_sync(PROMPT)
    (job,) = result.jobs
    assert (job.status, result.exit_code) == ("failed", 1)
    lab.remote.outcome = "completed"
    assert lab.studio().resume_sync().jobs == ()
    assert lab.studio().resume_sync(job.id).jobs[0].status == "failed"
    assert len(lab.remote.creates) == 1
    (job,) = lab.studio().retry_sync(job.id).jobs
    assert job.status == "done"
    assert len(lab.remote.creates) == 2


def test_a_lost_render_is_held_and_looked_at_again_when_resumed(lab: Any) -> None:
    lab.remote.polls_needed = 1
    creates, lab.remote.outcome = lab.remote.creates, "lost"
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "held"
    lab.remote.outcome = "completed"
    (job,) = lab.studio().resume_sync(job.id).jobs
    assert job.status == "done"
    assert len(creates) == 1


def test_an_overdue_render_is_not_given_up(lab: Any) -> None:
    lab.workflow["provider"]["deadline"] = 0.05
    lab.remote.polls_needed = 10**6
    result = lab.studio().run_sync(PROMPT)
    (job,) = result.jobs
    assert (job.status, result.exit_code) == ("active", 3)
    lab.remote.polls_needed = 0
    (job,) = lab.studio().resume_sync().jobs
    assert job.status == "done"
    assert len(lab.remote.creates) == 1


def test_unreachable_for_long_fails_unsent_and_frees_the_money(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelwork.ledger.timing.backoff", lambda failures: 0.01)
    lab.remote.faults = [refused_connection] * 6
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "failed"
    assert "never accepted" in job.reason
    assert effect_of(lab, job.id).money == "released"
    (job,) = lab.studio().resume_sync(job.id).jobs
    assert job.status == "done"
    assert effect_of(lab, job.id).money == "reserved"
    assert len(lab.remote.creates) == 1


@pytest.mark.parametrize("kind", [Idempotency.NONE, Idempotency.KEY, Idempotency.LOOKUP])
def test_a_repeatable_write_fails_the_job_unsent_until_the_plugin_is_mended(
    lab: Any, kind: Idempotency, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.remote.idempotency = kind
    provider = lab.catalog.provider("fake")
    plain = provider.submit

    async def mistaken(self: Any, request: Any, effect: Any) -> Any:
        await self.context.http(trust=["http://127.0.0.1:9"]).post("http://127.0.0.1:9", json={}, repeatable=True)

    monkeypatch.setattr(provider, "submit", mistaken)
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, job.hold, lab.remote.calls) == ("failed", None, 0)
    assert "provider 'fake'" in job.reason
    assert "repeatable=True is not for submit" in job.reason
    assert job.spent == 0
    monkeypatch.setattr(provider, "submit", plain)
    (job,) = lab.studio().resume_sync(job.id).jobs
    assert (job.status, len(lab.remote.creates)) == ("done", 1)
