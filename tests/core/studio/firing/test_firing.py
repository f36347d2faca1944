"""What becomes of the times of a schedule, with a real store and a clock that is moved."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.core.studio.firing.conftest import PAID, WORKFLOW

from reelwork.errors import MovedOn, NotFound, WorkflowInvalid
from reelwork.schedules import keeping
from reelwork.schedules.decisions import next_firings
from reelwork.schedules.spec import Agreed, schedule_of
from reelwork.store.records import RunRow
from reelwork.store.schedules import ScheduleRow, SlotRow
from reelwork.studio.firing.firer import Firer
from reelwork.studio.firing.launching import PlanningFailed, any_cost
from reelwork.studio.firing.runner import Runner


def prompts(place: Any) -> list[str]:
    return [json.loads(row.data)["brief"]["prompt"] for row in place.jobs()]


# --- on time -----------------------------------------------------------------------------------------------


def test_each_time_fires_once_and_its_run_has_its_jobs(place: Any) -> None:
    place.add(cron="0 * * * *", tz="Europe/Berlin")
    assert place.looks("2026-11-30T08:59") == []
    (slot,) = place.looks("2026-11-30T09:00:03")
    assert (slot.key, slot.state, slot.reason) == ("2026-11-30T09:00Z", "fired", "")
    assert [row.run_id for row in place.jobs()] == [slot.run_id]
    assert place.looks("2026-11-30T09:00:13") == []
    assert [slot.key for slot in place.looks("2026-11-30T10:00:01")] == ["2026-11-30T10:00Z"]
    assert len(place.jobs()) == 2


def test_a_slot_freezes_the_file_as_it_is_then(place: Any) -> None:
    place.add()
    place.file.write_text(WORKFLOW.replace("lighthouse", "harbour"), encoding="utf-8")
    place.looks("2026-11-30T09:00")
    place.file.write_text(WORKFLOW.replace("lighthouse", "market"), encoding="utf-8")
    place.looks("2026-11-30T10:00")
    assert prompts(place) == ["A harbour in the fog", "A market in the fog"]


def test_jitter_puts_a_firing_off_and_never_forward_of_its_time(place: Any) -> None:
    place.add(cron="0 9 * * *", jitter="30m")
    (firing, due) = next(next_firings(schedule_of(place.store.schedules()[0]), place.now))
    assert firing.key == "2026-11-30T09:00"
    assert 0 < due - firing.at < 1800
    assert place.looks(due - 1) == []
    assert [slot.key for slot in place.looks(due)] == ["2026-11-30T09:00"]


# --- an outage of 26 hours ---------------------------------------------------------------------------------


def after_an_outage(place: Any, **values: Any) -> dict[str, str]:
    """The server looks at 08:00, is away for 26 hours, and looks at 10:00 of the next day."""
    place.add(cron="30 * * * *", **values)
    place.looks("2026-11-30T08:00")
    place.looks("2026-12-01T10:00")
    return place.told()


def test_once_fires_the_newest_and_tells_of_the_others(place: Any) -> None:
    told = after_an_outage(place)
    assert len(told) == 26
    assert [key for key, state in told.items() if state == "fired"] == ["2026-12-01T09:30Z"]
    assert place.why("2026-12-01T09:30Z") == "30 min late"
    assert set(told.values()) == {"fired", "missed"}
    assert place.why("2026-11-30T08:30Z") == "a newer one was due"


def test_once_fires_nothing_that_is_later_than_its_grace(place: Any) -> None:
    told = after_an_outage(place, grace="20m")
    assert set(told.values()) == {"missed"}
    assert place.why("2026-12-01T09:30Z") == "no server was running within 20m of its time"
    assert place.jobs() == []


def test_skip_fires_none_of_them(place: Any) -> None:
    told = after_an_outage(place, missed="skip")
    assert set(told.values()) == {"missed"}
    assert [slot.state for slot in place.looks("2026-12-01T10:30:20")] == ["fired"]


def test_all_fires_the_newest_twenty_oldest_first_ten_minutes_apart(place: Any) -> None:
    told = after_an_outage(place, missed="all", overlap="allow")
    states = list(told.values())
    assert states == ["missed"] * 6 + ["fired"] + ["waiting"] * 19
    assert place.why("2026-11-30T13:30Z") == "more than 20 were missed"
    fired = []
    for minute in range(0, 20 * 10, 5):
        # Times that come in between are fired as well, and counted apart.
        at = place.at("2026-12-01T10:00") + minute * 60
        fired += [(minute, slot.key) for slot in place.looks(at) if slot.state == "fired"]
    caught_up = [one for one in fired if one[1] <= "2026-12-01T09:30Z"]
    assert [minute for minute, _ in caught_up] == [10 * number for number in range(1, 20)]
    assert [key for _, key in caught_up] == [key for key, state in told.items() if state == "waiting"]
    assert [key for _, key in fired if key > "2026-12-01T09:30Z"] == [
        f"2026-12-01T{hour}:30Z" for hour in (10, 11, 12)
    ]


# --- overlap -----------------------------------------------------------------------------------------------


def test_queue_lets_one_wait_until_the_firing_before_has_ended(place: Any) -> None:
    place.add()
    place.looks("2026-11-30T09:00")
    assert [slot.state for slot in place.looks("2026-11-30T10:00", settled=False)] == ["waiting"]
    assert [slot.state for slot in place.looks("2026-11-30T11:00", settled=False)] == ["skipped"]
    assert place.why("2026-11-30T11:00Z") == "one is waiting already: the firing before was still running"
    (slot,) = place.looks("2026-11-30T11:20")
    assert (slot.key, slot.state) == ("2026-11-30T10:00Z", "fired")
    assert len(place.jobs()) == 2


def test_one_that_waited_longer_than_its_grace_is_missed(place: Any) -> None:
    place.add(grace="2h")
    place.looks("2026-11-30T09:00")
    place.looks("2026-11-30T10:00", settled=False)
    place.looks("2026-11-30T12:30", settled=False)
    assert place.told()["2026-11-30T10:00Z"] == "missed"


def test_skip_leaves_out_and_allow_fires_beside_what_is_running(place: Any) -> None:
    place.add(overlap="skip")
    place.add("other", overlap="allow")
    for name, state in (("hourly", "skipped"), ("other", "fired")):
        place.looks("2026-11-30T09:00", name, settled=False)
        assert [slot.state for slot in place.looks("2026-11-30T10:00", name, settled=False)] == [state]
        place.now = place.at("2026-11-30T08:00")


def test_a_job_that_waits_for_a_person_is_not_running(place: Any) -> None:
    place.add(overlap="skip")
    place.looks("2026-11-30T09:00")
    place.ends("held")
    assert [slot.state for slot in place.looks("2026-11-30T10:00", settled=False)] == ["fired"]


LACKS = "is left to another process: "


def leaves_its_job(place: Any, monkeypatch: pytest.MonkeyPatch, **values: Any) -> str:
    """Fire once, and let a process that has not got the key find the job; returns the job's id."""
    key = "\nbase_url", '\napi_key = "env:SOME_KEY"\nbase_url'
    place.file.write_text(PAID.replace(*key), encoding="utf-8")
    monkeypatch.setenv("SOME_KEY", "k3y-of-the-server")
    place.add(agreed=Agreed("100", ()), **values)
    place.looks("2026-11-30T09:00")
    monkeypatch.delenv("SOME_KEY")
    (job,) = place.jobs()
    place.run(lambda session: session.worker().advance(job.id))
    monkeypatch.setenv("SOME_KEY", "k3y-of-the-server")
    assert place.store.job(job.id).status == "active"
    return str(job.id)


def test_one_that_waits_behind_a_job_that_is_left_says_so_when_it_is_missed(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = leaves_its_job(place, monkeypatch, grace="2h")
    place.looks("2026-11-30T10:00", settled=False)
    # By these words it is known what it waits for.
    assert place.why("2026-11-30T10:00Z") == "the firing before was still running"
    place.looks("2026-11-30T11:00", settled=False)
    assert place.why("2026-11-30T11:00Z").startswith(
        f"one is waiting already: job {job} of the firing before {LACKS}"
    )
    place.looks("2026-11-30T12:30", settled=False)
    assert place.told()["2026-11-30T10:00Z"] == "missed"
    assert place.why("2026-11-30T10:00Z").startswith(f"job {job} of the firing before {LACKS}")
    assert "SOME_KEY" in place.why("2026-11-30T10:00Z")


def test_one_that_is_skipped_beside_a_job_that_is_left_says_so(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job = leaves_its_job(place, monkeypatch, overlap="skip")
    (slot,) = place.looks("2026-11-30T10:00", settled=False)
    assert (slot.state, slot.reason.startswith(f"job {job} of the firing before {LACKS}")) == ("skipped", True)


def test_a_server_says_once_that_a_schedule_waits_for_a_job_that_is_left(
    place: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job = leaves_its_job(place, monkeypatch)
    place.looks("2026-11-30T10:00", settled=False)

    async def looks_thrice(session: Any) -> None:
        firer = Firer(session)
        for second in (10, 20, 30):
            await firer.look("hourly", place.now + second)

    caplog.clear()
    place.run(looks_thrice)
    said = [record.getMessage() for record in caplog.records if job in record.getMessage()]
    assert len(said) == 1
    assert said[0].startswith(f"schedule hourly waits for job {job}, which {LACKS}")


# --- before it was added, and pauses -----------------------------------------------------------------------


def test_a_job_that_other_settings_moved_to_another_run_is_running_still(place: Any) -> None:
    place.add(overlap="skip")
    place.looks("2026-11-30T09:00")
    (job,) = place.jobs()
    for name in ("second", "third"):
        run = RunRow(name, None, "w", "{}", place.now)
        asyncio.run(place.store.add_run(run))
        asyncio.run(place.store.adopt(name, [job.id]))
    assert place.jobs()[0].run_id == "third"
    place.looks("2026-11-30T10:00", settled=False)
    assert place.told() == {"2026-11-30T09:00Z": "fired", "2026-11-30T10:00Z": "skipped"}
    assert place.store.fired_jobs(("active",), "hourly") == [job.id]
    assert place.store.fired_jobs(("active",), "another") == []
    assert place.store.fired_jobs(("active",)) == [job.id]


def test_times_before_a_schedule_was_added_never_fire(place: Any) -> None:
    place.now = place.at("2026-11-30T09:00:10")
    place.add()
    assert place.looks("2026-11-30T09:00:20") == []
    assert place.told() == {}


def test_times_within_a_pause_never_fire_and_are_told(place: Any) -> None:
    place.add()
    place.looks("2026-11-30T09:00")
    place.now = place.at("2026-11-30T09:30")
    asyncio.run(keeping.pause(place.store, "hourly", place.now, until=None, note="holiday"))
    place.looks("2026-11-30T10:30")
    place.now = place.at("2026-11-30T11:30")
    # Nobody has looked since 10:30: the time at 11:00 is within the pause all the same.
    asyncio.run(keeping.resume(place.store, "hourly", place.now))
    place.looks("2026-11-30T12:00")
    assert place.told() == {
        "2026-11-30T09:00Z": "fired",
        "2026-11-30T10:00Z": "paused",
        "2026-11-30T11:00Z": "paused",
        "2026-11-30T12:00Z": "fired",
    }
    assert place.why("2026-11-30T10:00Z") == "holiday"


def test_a_pause_ends_by_itself_and_survives_a_change_and_adding_again(place: Any) -> None:
    place.add()
    end = place.at("2026-11-30T11:30")
    asyncio.run(keeping.pause(place.store, "hourly", place.now, until=end, note=""))
    assert any("still paused" in note for note in place.add(cron="15 * * * *"))
    asyncio.run(keeping.remove(place.store, "hourly", place.now))
    assert any("still paused" in note for note in place.add(cron="15 * * * *"))
    place.looks("2026-11-30T12:20")
    assert place.told() == {
        **{f"2026-11-30T{hour:02d}:15Z": "paused" for hour in (8, 9, 10, 11)},
        "2026-11-30T12:15Z": "fired",
    }


@pytest.mark.parametrize("how", ["pause", "change", "remove"])
def test_what_fell_into_a_pause_that_ended_is_told_before_another_change(place: Any, how: str) -> None:
    place.add(missed="all")
    end = place.at("2026-11-30T09:30")
    asyncio.run(keeping.pause(place.store, "hourly", place.at("2026-11-30T08:30"), until=end, note="holiday"))
    # No server has looked since before the pause.
    place.now = place.at("2026-11-30T10:05")
    if how == "pause":
        asyncio.run(keeping.pause(place.store, "hourly", place.now, until=None, note="again"))
    elif how == "remove":
        asyncio.run(keeping.remove(place.store, "hourly", place.now))
    if how != "pause":
        place.add(cron="15 * * * *", missed="all")
    assert place.looks("2026-11-30T10:06") == []
    assert place.told() == {"2026-11-30T09:00Z": "paused", "2026-11-30T10:00Z": "missed"}
    assert place.why("2026-11-30T09:00Z") == "holiday"
    words = {"pause": "paused", "change": "changed", "remove": "removed"}[how]
    assert place.why("2026-11-30T10:00Z") == f"the schedule was {words} before a server looked"
    assert place.jobs() == []


def test_a_time_that_jitter_puts_off_into_a_pause_does_not_fire_and_is_told(place: Any) -> None:
    place.add(cron="0 9 * * *", jitter="30m")
    (firing, due) = next(next_firings(schedule_of(place.store.schedules()[0]), place.now))
    assert due > firing.at + 1
    place.now = firing.at + 1
    asyncio.run(keeping.pause(place.store, "hourly", place.now, until=None, note=""))
    assert place.looks(due + 1) == []
    assert place.told() == {"2026-11-30T09:00": "missed"}


# --- changes and removal -----------------------------------------------------------------------------------


def test_a_change_concerns_later_times_only(place: Any) -> None:
    place.add()
    place.looks("2026-11-30T08:30")
    place.now = place.at("2026-11-30T10:30")
    place.add(cron="15 * * * *")
    place.looks("2026-11-30T11:15")
    assert place.told() == {
        "2026-11-30T09:00Z": "missed",
        "2026-11-30T10:00Z": "missed",
        "2026-11-30T11:15Z": "fired",
    }
    assert place.why("2026-11-30T10:00Z") == "the schedule was changed before a server looked"


def test_a_daily_rule_that_fired_today_begins_tomorrow(place: Any) -> None:
    place.add(cron="0 9 * * *")
    place.looks("2026-11-30T09:00")
    place.now = place.at("2026-11-30T12:00")
    (note,) = place.add(cron="0 18 * * *")
    assert note.startswith("It fired today at 09:00, so the new rule begins tomorrow")
    assert place.looks("2026-11-30T18:00") == []
    assert [slot.key for slot in place.looks("2026-12-01T18:00")] == ["2026-12-01T18:00"]


def test_unless_it_is_to_begin_today(place: Any) -> None:
    place.add(cron="0 9 * * *")
    place.looks("2026-11-30T09:00")
    place.now = place.at("2026-11-30T12:00")
    assert place.add(cron="0 18 * * *", today=True) == ()
    assert [slot.key for slot in place.looks("2026-11-30T18:00")] == ["2026-11-30T18:00"]


def test_added_again_after_its_removal_it_repeats_nothing(place: Any) -> None:
    place.add(cron="0 9 * * *")
    place.looks("2026-11-30T09:00")
    asyncio.run(keeping.remove(place.store, "hourly", place.now))
    assert place.looks("2026-12-01T09:00") == []
    # The clock was wrong when it is added again: the key is there all the same.
    place.now = place.at("2026-11-30T08:30")
    place.add(cron="0 9 * * *", today=True)
    assert place.looks("2026-11-30T09:00") == []
    assert len(place.jobs()) == 1


def test_what_is_not_there_cannot_be_paused_resumed_or_removed(place: Any) -> None:
    place.add()
    for work in (
        lambda: keeping.pause(place.store, "hurly", 0.0, until=None, note=""),
        lambda: keeping.resume(place.store, "hurly", 0.0),
        lambda: keeping.remove(place.store, "hurly", 0.0),
    ):
        with pytest.raises(NotFound, match="Did you mean 'hourly'"):
            asyncio.run(work())
    with pytest.raises(WorkflowInvalid, match="not paused"):
        asyncio.run(keeping.resume(place.store, "hourly", place.now))


# --- the clock is set --------------------------------------------------------------------------------------


def test_set_back_what_has_fired_does_not_fire_again_and_the_rest_does(place: Any) -> None:
    place.add()
    place.looks("2026-11-30T11:00")
    assert place.looks("2026-11-30T09:00") == []
    assert [slot.key for slot in place.looks("2026-11-30T12:00")] == ["2026-11-30T12:00Z"]
    assert len(place.jobs()) == 2


def test_after_a_clock_that_was_a_year_ahead_it_goes_on_and_says_so_once(
    place: Any, caplog: pytest.LogCaptureFixture
) -> None:
    place.add("daily", cron="0 9 * * *")
    caplog.set_level("WARNING")

    async def looks(session: Any) -> None:
        await Runner(session, clock=lambda: place.now).look()

    place.now = place.at("2027-11-30T08:30")
    place.run(looks)
    # One line for all that were missed, and not one for each.
    (line,) = [line for line in caplog.messages if "missed" in line]
    assert line.startswith("schedule daily, 2026-11-30T09:00 to 2027-11-29T09:00: 365 times missed")
    assert place.jobs() == []
    caplog.clear()
    for when in ("2026-11-30T08:40", "2026-11-30T08:41", "2026-11-30T09:00", "2026-12-01T09:00"):
        place.now = place.at(when)
        place.ends()
        place.run(looks)
    assert place.told("daily") == {"2026-11-30T09:00": "fired", "2026-12-01T09:00": "fired"}
    (line,) = [line for line in caplog.messages if "ahead" in line]
    assert line.startswith("schedule daily was decided up to 2027-11-29 09:00 UTC by a clock that was ahead")


def test_what_fired_while_the_clock_was_ahead_does_not_fire_when_its_time_comes(place: Any) -> None:
    place.add(cron="0 9 * * *")
    place.looks("2026-12-03T09:00")
    place.looks("2026-11-30T08:30")
    for day in ("2026-11-30", "2026-12-01", "2026-12-02", "2026-12-03", "2026-12-04"):
        place.looks(f"{day}T09:00")
    assert len(place.jobs()) == 5
    assert set(place.told().values()) == {"fired"}


def looks_vouched(place: Any, when: str, name: str = "hourly") -> list[SlotRow]:
    """Let a server look whose clock another server has vouched for."""
    place.ends()
    place.now = place.at(when)
    return place.run(lambda session: Firer(session, vouched=lambda: True).look(name, place.now))


def test_a_clock_that_was_hours_ahead_keeps_no_schedule_silent_once_a_server_vouches_for_it(place: Any) -> None:
    place.add()
    place.looks("2026-11-30T13:00")
    assert place.told() == {f"2026-11-30T{hour:02}:00Z": "missed" for hour in range(9, 13)} | {
        "2026-11-30T13:00Z": "fired"
    }
    # Whether it was ahead then or is behind now, this clock alone cannot tell.
    assert place.looks("2026-11-30T10:30") == place.looks("2026-11-30T11:00") == []
    assert looks_vouched(place, "2026-11-30T11:30") == []
    for hour in (12, 13, 14):
        looks_vouched(place, f"2026-11-30T{hour}:00")
    assert place.told() == {
        "2026-11-30T09:00Z": "missed", "2026-11-30T10:00Z": "missed", "2026-11-30T11:00Z": "missed",
        "2026-11-30T12:00Z": "fired", "2026-11-30T13:00Z": "fired", "2026-11-30T14:00Z": "fired",
    }  # fmt: skip
    assert len(place.jobs()) == 3


def test_a_rule_that_begins_tomorrow_since_it_fired_today_is_not_pulled_back(place: Any) -> None:
    place.add("daily", cron="0 9 * * *")
    place.looks("2026-12-02T09:00", "daily")
    # The clock was two days ahead, and what it fired then stays in the store, with a time to come.
    assert looks_vouched(place, "2026-11-30T08:30", "daily") == []
    assert len(looks_vouched(place, "2026-11-30T09:00", "daily")) == 1
    (note,) = place.add("daily", cron="0 15 * * *")
    assert "the new rule begins tomorrow" in note
    assert looks_vouched(place, "2026-11-30T15:00", "daily") == []
    assert len(place.jobs()) == 2
    assert [slot.key for slot in looks_vouched(place, "2026-12-01T15:00", "daily")] == ["2026-12-01T15:00"]


def test_before_it_was_added_the_clock_is_wrong_and_nothing_is_pulled_back(place: Any) -> None:
    place.add()
    place.looks("2026-12-03T09:00")
    before = place.told()
    assert place.looks("1970-01-02T00:00") == []
    assert place.store.schedules()[0].decided_until == place.at("2026-12-03T09:00")
    assert place.told() == before


# --- a file that cannot be run -----------------------------------------------------------------------------


def test_a_broken_file_is_told_and_its_times_count_as_missed_once_it_is_mended(place: Any) -> None:
    place.add()
    place.file.write_text("[brief]\nprompt = ", encoding="utf-8")
    told = place.run(lambda session: Firer(session).check("hourly", place.now))
    assert "flow.toml is not valid TOML" in told
    assert place.looks("2026-11-30T09:00") == []
    assert place.looks("2026-11-30T10:00") == []
    assert "flow.toml is not valid TOML" in place.store.schedules()[0].trouble
    place.file.write_text(WORKFLOW, encoding="utf-8")
    place.looks("2026-11-30T10:20")
    assert place.told() == {"2026-11-30T09:00Z": "missed", "2026-11-30T10:00Z": "fired"}
    assert "flow.toml is not valid TOML" in place.why("2026-11-30T09:00Z")
    assert place.store.schedules()[0].trouble == ""


def test_a_missing_file_is_told_before_it_is_due(place: Any) -> None:
    place.add()
    place.file.unlink()
    assert "There is no file" in place.run(lambda session: Firer(session).check("hourly", place.now))


# --- money and posts ---------------------------------------------------------------------------------------


def paid(place: Any, monkeypatch: pytest.MonkeyPatch, budget: str = "") -> None:
    monkeypatch.setenv("VIDEOS_API_KEY", "a-key")
    place.file.write_text(f"{PAID}{budget}", encoding="utf-8")


def test_a_firing_that_does_not_fit_into_the_budget_is_refused_whole(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid(place, monkeypatch, "\n[budget]\nper_day = 1\n")
    place.add(overlap="allow")
    for hour in (9, 10, 11):
        place.looks(f"2026-11-30T{hour:02d}:00", settled=False)
    # Nothing of the first two was sent yet: their money is promised, and the third finds no room beside it.
    assert list(place.told().values()) == ["fired", "fired", "refused"]
    assert "per_day = 1" in place.why("2026-11-30T11:00Z")
    assert len(place.jobs()) == 2


def test_with_on_budget_wait_it_waits_for_room(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    paid(place, monkeypatch, "\n[budget]\nper_day = 0.5\n")
    place.add(overlap="allow", on_budget="wait")
    place.looks("2026-11-30T09:00")
    place.looks("2026-11-30T10:00", settled=False)
    assert place.told()["2026-11-30T10:00Z"] == "waiting"
    assert place.looks("2026-11-30T10:05", settled=False) == []
    (slot,) = place.looks("2026-11-30T10:10")
    assert (slot.key, slot.state) == ("2026-11-30T10:00Z", "fired")


def test_what_nobody_agreed_to_is_refused(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    paid(place, monkeypatch)
    place.add(agreed=Agreed("0.40"))
    place.looks("2026-11-30T09:00")
    place.file.write_text(PAID.replace('"0.10"', '"0.20"'), encoding="utf-8")
    place.looks("2026-11-30T10:00")
    assert place.told() == {"2026-11-30T09:00Z": "fired", "2026-11-30T10:00Z": "refused"}
    assert "$0.80" in place.why("2026-11-30T10:00Z")
    assert "$0.40 was agreed to" in place.why("2026-11-30T10:00Z")


# --- by hand -----------------------------------------------------------------------------------------------


def test_by_hand_it_fires_beside_its_times(place: Any) -> None:
    place.add()
    place.now = place.at("2026-11-30T08:30")
    slot = place.run(lambda session: Firer(session).fire_now("hourly", place.now, any_cost))
    assert slot.key.startswith("now:2026-11-30T08:30:00Z:")
    assert [one.key for one in place.looks("2026-11-30T09:00")] == ["2026-11-30T09:00Z"]
    assert len(place.jobs()) == 2


def test_by_hand_it_does_not_fire_what_was_changed_while_it_was_planned(place: Any) -> None:
    place.add()
    other = place.folder / "other.toml"
    other.write_text(WORKFLOW.replace("lighthouse", "harbour"), encoding="utf-8")

    def changes(_: Any) -> None:
        # The last that planning asks. Another process changes the schedule now.
        change = keeping.changed_to(place.store, "hourly", place.spec(file=other), place.now)
        with ThreadPoolExecutor(1) as another:
            another.submit(lambda: asyncio.run(change.write(place.store))).result()

    with pytest.raises(MovedOn, match="was changed at this moment"):
        place.run(lambda session: Firer(session).fire_now("hourly", place.now, changes))
    assert place.jobs() == []
    place.run(lambda session: Firer(session).fire_now("hourly", place.now, any_cost))
    assert prompts(place) == ["A harbour in the fog"]


# --- rows of a batch ---------------------------------------------------------------------------------------


def rows(place: Any, *lines: str, **values: Any) -> None:
    batch = place.folder / "ideas.csv"
    batch.write_text("\n".join(["prompt,duration,resolution", *lines]) + "\n", encoding="utf-8")
    if values:
        place.add(file=batch, **values)


def test_each_firing_takes_the_first_row_that_was_not_used(place: Any) -> None:
    rows(place, "One,0.5,480p", "Two,0.5,480p", cron="0 * * * *")
    place.looks("2026-11-30T09:00")
    # A row is put before the others, the used one is moved, and the other edited: it is new by that.
    rows(place, "Zero,0.5,480p", "Two more,0.5,480p", "One,0.5,480p")
    for hour in (10, 11, 12):
        place.looks(f"2026-11-30T{hour}:00")
    assert prompts(place) == ["One", "Zero", "Two more"]
    assert place.told()["2026-11-30T12:00Z"] == "refused"
    assert "All 3 rows of ideas.csv were used" in place.why("2026-11-30T12:00Z")
    rows(place, "One,0.5,480p", "Four,0.5,480p")
    place.looks("2026-11-30T13:00")
    assert prompts(place)[-1] == "Four"


def test_at_the_end_it_may_begin_again(place: Any) -> None:
    rows(place, "One,0.5,480p", "Two,0.5,480p", cron="0 * * * *", at_end="repeat")
    for hour in (9, 10, 11, 12):
        place.looks(f"2026-11-30T{hour:02d}:00")
    assert prompts(place) == ["One", "Two", "One", "Two"]


def test_a_row_stays_used_when_its_job_fails_and_unused_when_its_firing_is_refused(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDEOS_API_KEY", "a-key")
    (place.folder / "paid.toml").write_text(
        PAID.replace('prompt = "A lighthouse in the fog"', "") + "\n[budget]\nper_day = 0.5\n", encoding="utf-8"
    )
    workflow = str(place.folder / "paid.toml")
    rows(place, "One,4,", "Two,4,", "Three,4,", cron="0 * * * *", overlap="allow", workflow=workflow)
    place.looks("2026-11-30T09:00")
    place.looks("2026-11-30T10:00", settled=False)
    place.ends("failed")
    place.looks("2026-11-30T11:00")
    assert list(place.told().values()) == ["fired", "refused", "fired"]
    assert prompts(place) == ["One", "Two"]


# --- a schedule that fails ---------------------------------------------------------------------------------


def kept(place: Any, name: str, spec: str) -> None:
    """Keep a schedule as a version of Reelwork that is still to come might."""
    row = ScheduleRow(name, spec, 1, place.now, place.now)
    assert asyncio.run(place.store.keep_schedule(row, ()))


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("{}", "cannot be read in this store"),
        ('{"file": ["flow.toml"], "cron": "0 * * * *"}', "It fails: TypeError"),
        (json.dumps({"file": f"/{'x' * 300}.toml", "cron": "0 * * * *"}), "File name too long"),
    ],
)
def test_a_schedule_that_fails_is_told_and_the_others_go_on(
    place: Any, caplog: pytest.LogCaptureFixture, spec: str, told: str
) -> None:
    kept(place, "first", spec)
    place.add()
    place.now = place.at("2026-11-30T09:00:03")

    async def looks(session: Any) -> list[str]:
        runner = Runner(session, clock=lambda: place.now)
        return [slot.schedule for _ in range(2) for slot in await runner.look()]

    assert place.run(looks) == ["hourly"]
    (first, _) = place.store.schedules()
    assert told in first.trouble
    assert len([line for line in caplog.messages if told in line]) == 1


def test_a_fault_while_a_firing_is_planned_is_one_clear_error(place: Any) -> None:
    kept(place, "first", '{"file": ["flow.toml"], "cron": "0 * * * *"}')
    with pytest.raises(PlanningFailed, match="It could not be planned: TypeError"):
        place.run(lambda session: Firer(session).fire_now("first", place.now, any_cost))
    assert place.jobs() == []
