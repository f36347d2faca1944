"""What a person decides: about unknown outcomes, about held content, to stop."""

from __future__ import annotations

from typing import Any

import pytest

from reelwork.errors import WorkflowInvalid
from reelwork.testing import accepted_then_lost, lost_on_the_way
from reelwork_hooks import Idempotency, Plugin, Prompt, Verdict, hookimpl

PROMPT = "A lighthouse in the rain at night"


def held(lab: Any, fault: Any) -> str:
    lab.remote.idempotency = Idempotency.NONE
    lab.remote.faults = [fault]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "held"
    return str(job.id)


def test_it_happened_takes_the_named_video(lab: Any) -> None:
    job_id = held(lab, accepted_then_lost)
    job = lab.studio().resolve_sync(job_id, decision="happened", remote_id="fake_1")
    assert (job.status, job.remote_id) == ("done", "fake_1")
    assert lab.remote.calls == 1


def test_it_did_not_happen_sends_it_again_once(lab: Any) -> None:
    job_id = held(lab, lost_on_the_way)
    job = lab.studio().resolve_sync(job_id, decision="not-happened")
    assert job.status == "done"
    assert (lab.remote.calls, len(lab.remote.creates)) == (2, 1)


def test_a_decision_is_for_one_attempt_only(lab: Any) -> None:
    job_id = held(lab, lost_on_the_way)
    lab.remote.faults = [accepted_then_lost]
    job = lab.studio().resolve_sync(job_id, decision="not-happened")
    assert job.status == "held"
    assert lab.studio().resume_sync(job_id).jobs[0].status == "held"
    assert lab.remote.calls == 2


def test_a_video_the_provider_does_not_know_is_not_taken(lab: Any) -> None:
    job_id = held(lab, accepted_then_lost)
    with pytest.raises(WorkflowInvalid, match="does not know a video 'fake_99'"):
        lab.studio().resolve_sync(job_id, decision="happened", remote_id="fake_99")
    job = lab.studio().resolve_sync(job_id, decision="happened", remote_id="fake_1")
    assert job.status == "done"


def test_a_video_that_belongs_to_another_job_is_not_taken(lab: Any) -> None:
    (done,) = lab.studio().run_sync(PROMPT).jobs
    job_id = held(lab, accepted_then_lost)
    with pytest.raises(WorkflowInvalid, match="made by another effect"):
        lab.studio().resolve_sync(job_id, decision="happened", remote_id=done.remote_id)
    assert lab.studio().resolve_sync(job_id, decision="happened", remote_id="fake_2").status == "done"


def test_a_lost_render_is_made_anew_only_when_asked_for(lab: Any) -> None:
    lab.remote.outcome = "lost"
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, len(lab.remote.creates)) == ("held", 1)
    lab.remote.outcome = "completed"
    (job,) = lab.studio().retry_sync(job.id).jobs
    assert (job.status, len(lab.remote.creates)) == ("done", 2)


def test_to_say_it_happened_the_video_must_be_named(lab: Any) -> None:
    job_id = held(lab, accepted_then_lost)
    with pytest.raises(WorkflowInvalid, match="name the video"):
        lab.studio().resolve_sync(job_id, decision="happened")


class Careful(Plugin):
    """Holds every prompt."""

    @hookimpl
    def pre_moderate(self, content: Any) -> Verdict:
        return Verdict.hold("look at it")


def test_an_approval_is_for_the_held_content_only(lab: Any) -> None:
    text = ["first"]

    class Changing(Plugin):
        """Changes its mind."""

        @hookimpl
        def prompt_transform(self, prompt: Prompt) -> Prompt:
            return prompt.replace(text=text[0])

    lab.add_plugin("careful", Careful, "pre_moderate")
    lab.add_plugin("changing", Changing, "prompt_transform")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, job.step) == ("held", "moderate-brief")
    job = lab.studio().resolve_sync(job.id, decision="approve")
    assert (job.status, job.step) == ("held", "moderate-prompt")
    assert lab.remote.calls == 0
    job = lab.studio().resolve_sync(job.id, decision="approve")
    assert job.status == "done"


def test_a_held_job_can_be_rejected(lab: Any) -> None:
    lab.add_plugin("careful", Careful, "pre_moderate")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    job = lab.studio().resolve_sync(job.id, decision="reject")
    assert job.status == "rejected"
    assert lab.studio().resume_sync().jobs == ()


def test_there_must_be_something_to_decide(lab: Any) -> None:
    (job,) = lab.studio().run_sync(PROMPT).jobs
    for decision in ("happened", "not-happened", "approve", "reject"):
        with pytest.raises(WorkflowInvalid):
            lab.studio().resolve_sync(job.id, decision=decision, remote_id="x")


def test_a_cancelled_job_does_not_go_on_and_its_money_stays_counted(lab: Any) -> None:
    lab.workflow["provider"]["deadline"] = 0.05
    lab.remote.polls_needed = 10**6
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "active"
    (job,) = lab.studio().cancel_sync(job.id).jobs
    assert job.status == "cancelled"
    assert lab.studio().resume_sync().jobs == ()
    (effect,) = lab.studio().store.effects_of(job.id)
    assert effect.money == "reserved"
    with pytest.raises(WorkflowInvalid):
        lab.studio().cancel_sync(job.id)
