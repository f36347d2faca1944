"""Rows of a batch file that are given back: fired once more, and never beside what may still pay or post."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from reelwork.errors import MovedOn, NotFound, WorkflowInvalid
from reelwork.schedules.rotation import number_used
from reelwork.store.commands import Confirm, Doubt, Refuse, SetJob
from reelwork.store.statuses import Status
from reelwork.studio.firing.requeue import requeue, used_rows


@pytest.fixture
def ideas(place: Any) -> Any:
    """A schedule of two rows, of which the first was fired."""
    text = "prompt,duration,resolution\nOne,0.5,480p\nTwo,0.5,480p\n"
    (place.folder / "ideas.csv").write_text(text, encoding="utf-8")
    place.add(file=place.folder / "ideas.csv", cron="0 * * * *")
    place.looks("2026-11-30T09:00")
    return place


def prompts(place: Any) -> list[str]:
    return [json.loads(row.data)["brief"]["prompt"] for row in place.jobs()]


def give_back(place: Any, *rows: str) -> None:
    asyncio.run(requeue(place.store, "hourly", used_rows(place.store, "hourly", rows)))


def test_a_row_whose_job_failed_is_fired_anew_and_its_old_job_never_goes_on(ideas: Any) -> None:
    ideas.ends("failed")
    (found,) = used_rows(ideas.store, "hourly")
    assert (found.keeps, [job.status for job in found.jobs]) == ("", ["failed"])
    give_back(ideas)
    (old,) = ideas.jobs()
    assert (old.status, "given back" in old.reason) == ("cancelled", True)
    # Neither `resume` nor `jobs retry` wakes it: made beside the new one, it would be posted twice.
    everything = (Status.FAILED, Status.HELD, Status.REJECTED)
    assert not asyncio.run(ideas.store.wake([old.id], everything))
    ideas.looks("2026-11-30T10:00")
    ideas.looks("2026-11-30T11:00")
    assert prompts(ideas) == ["One", "One", "Two"]
    assert len({row.key for row in ideas.jobs()}) == 3
    assert (number_used(ideas.store.used_rows("hourly")), used_rows(ideas.store, "hourly")) == (2, [])


def test_it_can_be_given_back_again_and_again(ideas: Any) -> None:
    for hour in (10, 11, 12):
        ideas.ends("failed")
        give_back(ideas)
        ideas.looks(f"2026-11-30T{hour}:00")
    assert prompts(ideas) == ["One"] * 4
    assert len({row.key for row in ideas.jobs()}) == 4
    assert [row.status for row in ideas.jobs()] == ["cancelled"] * 3 + ["active"]


@pytest.mark.parametrize("status", ["active", "held", "done"])
def test_a_row_whose_job_goes_on_or_is_done_stays_used(ideas: Any, status: str) -> None:
    if status != "active":
        ideas.ends(status)
    assert used_rows(ideas.store, "hourly") == []
    (found,) = used_rows(ideas.store, "hourly", [name_of(ideas)])
    assert f"is {status}" in found.keeps
    before = ideas.jobs()
    with pytest.raises(WorkflowInvalid, match="is not given back"):
        give_back(ideas, name_of(ideas))
    assert ideas.jobs() == before


def name_of(place: Any) -> str:
    """What the row that was used is known by."""
    return next(slot.row[:12] for slot in place.store.slots("hourly") if slot.row is not None)


def test_a_job_that_is_resumed_at_this_moment_keeps_its_row(ideas: Any) -> None:
    ideas.ends("failed")
    found = used_rows(ideas.store, "hourly")
    (job,) = ideas.jobs()
    assert asyncio.run(ideas.store.wake([job.id], (Status.FAILED,)))
    with pytest.raises(MovedOn):
        asyncio.run(requeue(ideas.store, "hourly", found))
    (job,) = ideas.jobs()
    assert job.status == "active"
    assert number_used(ideas.store.used_rows("hourly")) == 1


@pytest.mark.parametrize(
    ("kind", "changes", "told"),
    [
        ("submit", (), "may have happened"),
        ("submit", (Doubt("effect", "its answer was lost", None),), "may have happened"),
        ("publish", (Doubt("effect", "its answer was lost", None),), "may have happened"),
        ("publish", (Confirm("effect", "post-1", "{}"),), "has posted to there"),
        ("submit", (Confirm("effect", "video-1", "{}"),), r"was paid for \(\$0.40\)"),
    ],
)
def test_what_was_paid_or_posted_or_may_be_keeps_its_row(ideas: Any, kind: str, changes: Any, told: str) -> None:
    ideas.sends(kind, *changes)
    (found,) = used_rows(ideas.store, "hourly")
    assert found.hint
    with pytest.raises(WorkflowInvalid, match=told):
        give_back(ideas, name_of(ideas))
    ideas.looks("2026-11-30T10:00")
    assert prompts(ideas) == ["One", "Two"]


def test_what_was_refused_without_work_gives_its_row_back(ideas: Any) -> None:
    ideas.sends("submit", Refuse("effect", "no such model"))
    give_back(ideas)
    ideas.looks("2026-11-30T10:00")
    assert prompts(ideas) == ["One", "One"]


def test_rows_go_back_all_or_none(ideas: Any) -> None:
    ideas.ends("failed")
    ideas.looks("2026-11-30T10:00")
    ideas.ends("failed")
    found = used_rows(ideas.store, "hourly")
    assert len(found) == 2
    _, second = ideas.jobs()
    assert asyncio.run(ideas.store.decide(second.id, SetJob("failed", second.step, None, "failed anew")))
    with pytest.raises(MovedOn):
        asyncio.run(requeue(ideas.store, "hourly", found))
    assert [row.status for row in ideas.jobs()] == ["failed", "failed"]
    assert number_used(ideas.store.used_rows("hourly")) == 2


def test_what_is_not_there_is_said(ideas: Any) -> None:
    for name, rows in (("none", ()), ("hourly", ("row of nobody",))):
        with pytest.raises(NotFound):
            used_rows(ideas.store, name, rows)
