"""A schedule makes videos ahead, and their posts at its slots."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.core.studio.firing.conftest import PAID

from reelwork.schedules.as_json import as_json, firing_as_json, upcoming
from reelwork.schedules.spec import Agreed, schedule_of
from reelwork.store.records import ACTIVE, DONE, HELD, JobRow
from reelwork.studio.firing.firer import Firer
from reelwork.studio.firing.launching import any_cost
from reelwork.studio.session import Session


def goes_on(place: Any, id_: str) -> JobRow:
    """Drive a job in a new process until it ends or waits for more than a few seconds."""

    async def drive(session: Session) -> JobRow:
        worker = session.worker()
        for _ in range(2000):
            await worker.advance(id_)
            row = place.store.job(id_)
            if row.status != ACTIVE or (row.due_at or 0) > place.now + 60:
                return row
            if not await worker.advance(id_):
                # The video is drawn for real meanwhile.
                await asyncio.sleep(0.05)
                due = await place.store.next_due(None)
                place.now = max(place.now, min(due or 0, place.now + 1)) + 0.001
        raise AssertionError(place.store.job(id_))

    row: JobRow = place.run(drive)
    return row


@pytest.fixture
def weekly(place: Any) -> Any:
    place.add("weekly", publish="fri 18:00", lead="1 day", tz="Europe/Berlin")
    return place


def test_a_video_is_made_ahead_and_posted_at_its_slot(weekly: Any) -> None:
    place = weekly
    (slot,) = place.looks("2026-12-03T17:00", "weekly")
    assert (slot.key, slot.state) == ("2026-12-04T18:00", "fired")
    (job,) = place.jobs()
    row = goes_on(place, job.id)
    assert (row.status, row.reason) == (ACTIVE, "gallery: ready; is posted Fri 2026-12-04 18:00 (UTC+0100)")
    # It keeps no other firing back, though it has not ended.
    assert not place.store.is_running("weekly")
    place.now = place.at("2026-12-04T17:00:01")
    assert goes_on(place, job.id).status == DONE
    story = [line.name for line in place.store.events(job.id)]
    assert story.count("published") == 1


def test_the_next_one_fires_while_the_one_before_waits_for_its_slot(place: Any) -> None:
    place.add("daily", publish="daily 18:00", lead="3d", overlap="skip")
    place.looks("2026-11-30T18:00", "daily")
    goes_on(place, place.jobs()[0].id)
    (slot,) = place.looks("2026-12-01T18:00", "daily", settled=False)
    assert (slot.key, slot.state) == ("2026-12-04T18:00", "fired")


@pytest.mark.parametrize(("late", "status"), [("hold", HELD), ("post", DONE), ("skip", "rejected")])
def test_what_is_ready_after_its_slot_does_as_late_says(place: Any, late: str, status: str) -> None:
    place.add("weekly", publish="fri 18:00", lead="1h", late=late)
    place.looks("2026-12-04T17:00", "weekly")
    place.now = place.at("2026-12-04T18:20")
    (job,) = place.jobs()
    assert goes_on(place, job.id).status == status


@pytest.mark.parametrize(("late", "state"), [("hold", "missed"), ("post", "fired"), ("skip", "missed")])
@pytest.mark.parametrize("missed", ["once", "all"])
def test_nothing_is_made_for_a_slot_that_is_over(place: Any, late: str, state: str, missed: str) -> None:
    place.add("weekly", publish="fri 18:00", lead="1h", late=late, missed=missed)
    place.looks("2026-12-04T16:00", "weekly")
    place.looks("2026-12-04T18:15:01", "weekly")
    assert place.told("weekly") == {"2026-12-04T18:00": state}
    assert len(place.jobs()) == (state == "fired")
    if state == "missed":
        fate = {"hold": "held for a person", "skip": "left out"}[late]
        assert place.why("2026-12-04T18:00", "weekly") == (
            "its slot, Fri 2026-12-04 18:00 (UTC+0000), was over for 15 min by then, and its post would be "
            f"{fate} (late = {late}); nothing was made"
        )


def test_within_the_time_in_which_a_post_is_not_late_it_is_made(place: Any) -> None:
    place.add("weekly", publish="fri 18:00", lead="1h", late="skip")
    (slot,) = place.looks("2026-12-04T18:15", "weekly")
    assert slot.state == "fired"


def test_each_of_all_that_were_missed_is_looked_at_by_its_own_slot(place: Any) -> None:
    place.add("daily", publish="daily 18:00", lead="20h", late="skip", missed="all", overlap="allow")
    # Five hours after the slot of the 1st, and before that of the 2nd, which waits for its turn.
    place.looks("2026-12-01T23:00", "daily")
    place.looks("2026-12-01T23:30", "daily")
    assert place.told("daily") == {
        "2026-12-01T18:00": "missed",
        "2026-12-02T18:00": "fired",
    }
    assert len(place.jobs()) == 1


def test_one_that_waits_for_a_budget_past_its_slot_is_missed(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEOS_API_KEY", "a-key")
    place.file.write_text(PAID + "\n[budget]\nper_day = 0.5\n", encoding="utf-8")
    place.add("spender", cron="0 16 * * *", overlap="allow", agreed=Agreed("9"))
    place.add("daily", publish="daily 18:00", lead="1h", late="skip", on_budget="wait", agreed=Agreed("9"))
    place.looks("2026-11-30T16:00", "spender")
    place.looks("2026-11-30T17:00", "daily", settled=False)
    assert place.told("daily") == {"2026-11-30T18:00": "waiting"}
    place.looks("2026-11-30T18:14", "daily", settled=False)
    assert place.told("daily") == {"2026-11-30T18:00": "waiting"}
    # There is room again, too late.
    place.looks("2026-11-30T18:30", "daily")
    assert place.told("daily") == {"2026-11-30T18:00": "missed"}
    assert place.looks("2026-12-01T00:01", "daily") == []


def test_a_brief_with_a_time_of_its_own_is_made_though_the_slot_is_over(place: Any) -> None:
    place.add("weekly", publish="fri 18:00", lead="1h")
    place.file.write_text(place.file.read_text() + 'publish_at = "2026-12-24T18:00 UTC"\n', encoding="utf-8")
    (slot,) = place.looks("2026-12-04T18:30", "weekly")
    assert slot.state == "fired"


def test_a_time_of_its_own_and_run_now_have_no_slot(weekly: Any) -> None:
    place = weekly
    place.file.write_text(place.file.read_text() + 'publish_at = "2026-12-24T18:00 UTC"\n', encoding="utf-8")
    place.looks("2026-12-03T17:00", "weekly")
    assert "Thu 2026-12-24 18:00" in goes_on(place, place.jobs()[0].id).reason
    place.run(lambda session: Firer(session).fire_now("weekly", place.now, any_cost))
    assert json.loads(place.jobs()[1].data)["post_at"] is None


def test_what_is_told_of_a_firing_names_its_slot_and_an_edit_repeats_none(weekly: Any) -> None:
    place = weekly
    schedule = schedule_of(place.store.schedules()[0])
    told = as_json(schedule, place.now, None)
    assert (told["publish"], told["lead"], told["late"]) == ("fri 18:00", "1 day", "hold")
    (firing,) = [firing_as_json(*one, schedule.spec) for one in upcoming(schedule, place.now, 1)]
    assert (firing["at"], firing["posts"]) == ("2026-12-03T17:00:00+00:00", "2026-12-04T17:00:00+00:00")
    place.looks("2026-12-03T17:00", "weekly")
    # With less lead the firing of this slot would come once more.
    place.add("weekly", publish="fri 18:00", lead="2h", tz="Europe/Berlin", today=True)
    assert place.looks("2026-12-04T15:00", "weekly") == []
    assert len(place.jobs()) == 1
