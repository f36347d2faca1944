"""A budget or quota without room for a firing is told a day before: once for each, until that has changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.core.studio.firing.conftest import PAID

from reelwork.credentials.accounts import Accounts
from reelwork.schedules.as_json import as_json, foreseen
from reelwork.schedules.foresight import Expected, shortages
from reelwork.schedules.spec import found_in
from reelwork.server.meters import Meters
from reelwork.store.ceilings import Budget
from reelwork.store.commands import Confirm
from reelwork.store.schedules import SlotState
from reelwork.studio.firing.firer import Firer
from reelwork.studio.firing.foreseeing import Foreseeing
from reelwork.studio.firing.runner import Runner

NAMES = ("morning", "noon")
"""Each firing costs $0.40."""


@pytest.fixture
def paid(place: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two schedules that fire on one day, with a budget for one and a half of them."""
    monkeypatch.setenv("VIDEOS_API_KEY", "a-key")
    budget(place, "per_day = 0.6")
    for name, hour in zip(NAMES, (9, 12), strict=True):
        place.add(name, cron=f"0 {hour} 2 12 *")
    return place


def budget(place: Any, text: str) -> None:
    place.file.write_text(f"{PAID}[budget]\n{text}\n", encoding="utf-8")


def looks_ahead(place: Any, when: str, names: Sequence[str] = NAMES) -> dict[str, dict[str, str]]:
    """Let another server look; returns what is foreseen of each schedule."""
    place.now = place.at(when)

    async def look(session: Any) -> None:
        firer = Firer(session)
        for name in names:
            await firer.check(name, place.now)
        await Foreseeing(place.store).look(list(firer.expected.values()), place.now)

    place.run(look)
    return {name: foreseen(place.store, name) for name in names}


KEY = "2026-12-02T12:00"
REASON = "will not fire: the budget per_day = $0.60 will have $0.40 in it, $0.20 is left for $0.40"
SHORT = {"morning": {}, "noon": {KEY: REASON}}
NONE: dict[str, dict[str, str]] = {"morning": {}, "noon": {}}


def test_it_is_told_a_day_before_and_once(paid: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert looks_ahead(paid, "2026-12-01T11:59") == NONE
    for minute in range(3):
        assert looks_ahead(paid, f"2026-12-01T12:0{minute}") == SHORT
    assert [line for line in caplog.messages if "budget" in line] == [f"schedule noon, {KEY} {REASON}"]


def test_it_is_taken_back_when_there_is_room_again(paid: Any) -> None:
    assert looks_ahead(paid, "2026-12-01T20:00") == SHORT
    budget(paid, "per_day = 0.8")
    assert looks_ahead(paid, "2026-12-01T20:05") == NONE
    assert [str(slot.state) for slot in paid.looks("2026-12-02T12:00", "noon")] == ["fired"]


def test_a_change_of_the_schedule_takes_it_back_at_once(paid: Any) -> None:
    assert looks_ahead(paid, "2026-12-01T20:00") == SHORT
    paid.add("noon", cron="0 12 3 12 *")
    assert foreseen(paid.store, "noon") == {}


def test_at_its_time_it_is_decided_as_ever(paid: Any) -> None:
    assert looks_ahead(paid, "2026-12-01T20:00") == SHORT
    assert [str(slot.state) for slot in paid.looks("2026-12-02T09:00", "morning")] == ["fired"]
    assert [str(slot.state) for slot in paid.looks(KEY, "noon", settled=False)] == ["refused"]
    assert (paid.told("noon"), foreseen(paid.store, "noon")) == ({KEY: "refused"}, {})


def test_what_is_spent_by_then_counts(paid: Any) -> None:
    paid.looks("2026-12-02T09:00", "morning")
    assert looks_ahead(paid, "2026-12-02T09:02") == SHORT
    paid.sends("submit", Confirm("effect", "video-1", "{}"))
    assert looks_ahead(paid, "2026-12-02T09:04") == SHORT


def test_what_is_promised_counts_until_its_job_has_ended(paid: Any) -> None:
    paid.looks("2026-12-02T09:00", "morning")
    assert (paid.store.promised(None), paid.store.promised("acme")) == (400_000, 0)
    assert looks_ahead(paid, "2026-12-02T09:02") == SHORT
    paid.ends("cancelled")
    assert looks_ahead(paid, "2026-12-02T09:04") == NONE


def test_a_month_is_counted_and_waiting_is_said(paid: Any) -> None:
    budget(paid, "per_month = 0.5")
    paid.add("noon", cron="0 12 2 12 *", on_budget="wait")
    (told,) = looks_ahead(paid, "2026-12-01T20:00")["noon"].values()
    assert told == "will wait: the budget per_month = $0.50 will have $0.40 in it, $0.10 is left for $0.40"


def test_a_server_writes_it_and_it_is_shown_wherever_the_firing_is(paid: Any) -> None:
    paid.now = paid.at("2026-12-01T20:00")
    paid.run(lambda session: Runner(session, clock=lambda: paid.now).look())
    (slot,) = paid.store.slots("noon")
    assert (slot.key, slot.state, slot.reason) == (KEY, SlotState.FORESEEN, REASON)
    told = as_json(found_in(paid.store.schedules(), "noon"), paid.now, None, foreseen(paid.store, "noon"))
    assert told["next"]["shortage"] == REASON
    figures = Meters(paid.store, Accounts(paid.folder / "none.json")).text().decode()
    assert 'reelwork_schedule_shortage{schedule="noon"} 1.0' in figures
    assert 'reelwork_schedule_shortage{schedule="morning"} 0.0' in figures


LATE = "will render late: the limit requests_per_day = 1 will have 1 in it, 0 left for 1"


def test_a_quota_is_told_a_day_before_too(paid: Any, caplog: pytest.LogCaptureFixture) -> None:
    paid.file.write_text(f"{PAID}[limits]\nrequests_per_day = 1\n[budget]\nper_day = 9\n", encoding="utf-8")
    assert looks_ahead(paid, "2026-12-01T11:59") == NONE
    for minute in range(2):
        assert looks_ahead(paid, f"2026-12-01T12:0{minute}") == {"morning": {}, "noon": {KEY: LATE}}
    assert [line for line in caplog.messages if "limit" in line] == [f"schedule noon, {KEY} {LATE}"]
    # Its firing is made at its time: only what it asks for waits.
    assert [str(slot.state) for slot in paid.looks("2026-12-02T09:00", "morning")] == ["fired"]
    assert [str(slot.state) for slot in paid.looks(KEY, "noon")] == ["fired"]


def test_requests_that_were_counted_leave_the_window_after_a_day(paid: Any) -> None:
    paid.now = paid.at("2026-12-01T20:00")
    schedule = found_in(paid.store.schedules(), "noon")
    one = Expected(schedule, None, Budget(), renders=2, account="shop", per_day=3)

    def short(*calls: str) -> list[str]:
        found = shortages([one], {}, {"shop": [paid.at(at) for at in calls]}, paid.now)
        return [shortage.reason for shortage in found.values()]

    assert short() == short("2026-12-01T11:58", "2026-12-01T11:59", "2026-12-01T19:00") == []
    late = "will render late: the limit requests_per_day = 3 will have 2 in it, 1 left for 2"
    assert short("2026-12-01T11:59", "2026-12-01T12:01", "2026-12-01T19:00") == [late]


def test_what_an_account_was_asked_is_read_from_the_store(paid: Any) -> None:
    paid.looks("2026-12-02T09:00", "morning")
    paid.sends("submit", Confirm("effect", "video-1", "{}"))
    assert paid.store.calls("account", paid.now - 1) == [paid.now]
    assert paid.store.calls("account", paid.now) == paid.store.calls("other", 0) == []
