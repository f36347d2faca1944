"""Reconciling: every act in doubt is looked up, nothing is sent, no job goes on by itself."""

from __future__ import annotations

import time
from typing import Any

import pytest

from reelwork.store.sqlite.maintenance.check import check
from reelwork.testing import accepted_then_lost, lost_on_the_way
from reelwork_hooks import Idempotency

PROMPT = "A lighthouse in the rain at night"


def in_doubt(lab: Any, *faults: Any, **brief: Any) -> list[str]:
    """Jobs that are held since the listing could not tell; then it can."""
    lab.remote.listing = "unsure"
    lab.remote.faults = list(faults)
    jobs = lab.studio().run_sync(PROMPT, **brief).jobs
    assert {job.status for job in jobs} == {"held"}
    lab.remote.listing = "complete"
    return [job.id for job in jobs]


def act(lab: Any, job_id: str) -> tuple[str, str, str | None]:
    (effect,) = lab.studio().store.effects_of(job_id)
    return effect.state, effect.money, effect.remote_id


def test_what_happened_is_confirmed_and_the_job_stays_held(lab: Any) -> None:
    (job_id,) = in_doubt(lab, accepted_then_lost)
    done = lab.studio().reconcile_sync()
    (finding,) = done.findings
    assert (done.exit_code, finding.decided, finding.remote_id) == (0, "happened", "fake_1")
    assert act(lab, job_id) == ("confirmed", "reserved", "fake_1")
    row = lab.studio().find(job_id)
    assert (row.status, row.step) == ("held", "render")
    assert check(lab.studio().store.path, time.time()).ok
    assert "it happened: fake_1" in row.reason
    assert lab.studio().reconcile_sync().findings == ()
    (job,) = lab.studio().resume_sync(job_id).jobs
    assert (job.status, job.remote_id, lab.remote.calls) == ("done", "fake_1", 1)


def test_what_did_not_happen_is_open_again_and_not_sent(lab: Any) -> None:
    lab.control()
    (job_id,) = in_doubt(lab, lost_on_the_way)
    lab.control()
    (finding,) = lab.studio().reconcile_sync(job_id).findings
    assert finding.decided == "did-not-happen"
    assert act(lab, job_id) == ("intended", "reserved", None)
    assert lab.remote.calls == 3
    (job,) = lab.studio().resume_sync(job_id).jobs
    assert (job.status, lab.remote.calls, len(lab.remote.creates)) == ("done", 4, 3)


def test_identical_requests_claim_one_match_each(lab: Any) -> None:
    lab.control()
    jobs = in_doubt(lab, accepted_then_lost, lost_on_the_way, accepted_then_lost, takes=3)
    lab.control()
    found = lab.studio().reconcile_sync().findings
    assert sorted(finding.decided for finding in found) == ["did-not-happen", "happened", "happened"]
    assert {finding.remote_id for finding in found} == {"fake_2", "fake_3", None}
    assert lab.remote.calls == 5
    assert {job.status for job in lab.studio().resume_sync(*jobs).jobs} == {"done"}
    assert len(lab.remote.creates) == 5


def test_a_dry_run_finds_the_same_and_writes_nothing(lab: Any) -> None:
    jobs = in_doubt(lab, accepted_then_lost, accepted_then_lost, takes=2)
    before = [(act(lab, job), lab.studio().find(job)) for job in jobs]
    done = lab.studio().reconcile_sync(dry_run=True)
    assert [finding.remote_id for finding in done.findings] == ["fake_1", "fake_2"]
    assert [(act(lab, job), lab.studio().find(job)) for job in jobs] == before
    assert lab.studio().reconcile_sync().exit_code == 0


@pytest.mark.parametrize(
    ("fault", "became"),
    [(accepted_then_lost, ("confirmed", "reserved", "fake_2")), (lost_on_the_way, ("rejected", "released", None))],
)
def test_the_acts_of_a_cancelled_job_are_settled_for_good(lab: Any, fault: Any, became: Any) -> None:
    lab.control()
    (job_id,) = in_doubt(lab, fault)
    lab.studio().cancel_sync(job_id)
    lab.control()
    assert lab.studio().reconcile_sync().exit_code == 0
    assert act(lab, job_id) == became
    assert lab.studio().find(job_id).status == "cancelled"
    assert check(lab.studio().store.path, time.time()).ok
    assert lab.remote.calls == 3


def test_a_found_video_stays_with_a_job_that_is_cancelled_then(lab: Any) -> None:
    (job_id,) = in_doubt(lab, accepted_then_lost)
    lab.studio().reconcile_sync()
    lab.studio().cancel_sync(job_id)
    assert check(lab.studio().store.path, time.time()).ok


def test_a_rejected_job_whose_video_was_found_is_finished_by_retry_without_paying(lab: Any) -> None:
    (job_id,) = in_doubt(lab, accepted_then_lost)
    lab.studio().resolve_sync(job_id, decision="reject")
    assert lab.studio().reconcile_sync().exit_code == 0
    assert lab.studio().find(job_id).status == "rejected"
    assert check(lab.studio().store.path, time.time()).ok
    (job,) = lab.studio().retry_sync(job_id).jobs
    assert (job.status, job.remote_id, lab.remote.calls) == ("done", "fake_1", 1)


def test_where_nobody_can_look_a_person_decides(lab: Any) -> None:
    lab.remote.idempotency = Idempotency.NONE
    lab.remote.faults = [accepted_then_lost]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    done = lab.studio().reconcile_sync()
    assert (done.exit_code, [one.decided for one in done.findings]) == (3, ["person"])
    assert act(lab, job.id)[0] == "unknown"
    lab.studio().resolve_sync(job.id, decision="happened", remote_id="fake_1")
    assert lab.studio().reconcile_sync().findings == ()


@pytest.mark.parametrize(
    ("decision", "became"),
    [
        ({"decision": "happened", "remote_id": "fake_1"}, ("confirmed", "reserved", "fake_1")),
        ({"decision": "not-happened"}, ("rejected", "released", None)),
    ],
)
def test_a_decision_about_a_cancelled_job_does_not_bring_it_back(lab: Any, decision: Any, became: Any) -> None:
    lab.remote.idempotency = Idempotency.NONE
    lab.remote.faults = [accepted_then_lost]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    lab.studio().cancel_sync(job.id)
    assert lab.studio().resolve_sync(job.id, **decision).status == "cancelled"
    assert check(lab.studio().store.path, time.time()).ok
    assert act(lab, job.id) == became
    assert lab.remote.calls == 1


def test_with_a_key_resuming_settles_it_and_looking_does_not_send(lab: Any) -> None:
    lab.remote.idempotency = Idempotency.KEY
    lab.remote.faults = [accepted_then_lost]
    with lab.studio() as studio:
        (job,) = studio.run_sync(PROMPT).jobs
        assert job.status == "done"
        # As a crash between the two sendings leaves it.
        studio.store._db.run_now(lambda db: db.execute("UPDATE effects SET state = 'unknown'").rowcount)
        studio.store._db.run_now(lambda db: db.execute("UPDATE jobs SET status = 'held', step = 'submit'").rowcount)
    lab.remote.listing = "unsure"
    calls = lab.remote.calls
    done = lab.studio().reconcile_sync()
    assert [one.decided for one in done.findings] == ["resume"]
    assert lab.remote.calls == calls


def test_a_listing_that_is_down_is_told_and_changes_nothing(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelwork.ledger.timing.backoff", lambda failures: 0.01)
    (job_id,) = in_doubt(lab, accepted_then_lost)
    lab.remote.listing = "down"
    done = lab.studio().reconcile_sync()
    assert (done.exit_code, done.findings[0].decided) == (3, "waiting")
    assert "the listing is down" in done.findings[0].found
    assert act(lab, job_id)[0] == "unknown"
