"""A schedule's dead man's switch is told of its firings, whatever happens to the switch and to the server."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from tests.core.studio.firing.switch import UUID, Switch, running_switch

from reelwork.errors import WorkflowInvalid
from reelwork.schedules.as_json import as_json
from reelwork.schedules.ping_address import check_ping_place
from reelwork.schedules.spec import schedule_of
from reelwork.store.commands import SetJob
from reelwork.studio.firing.firer import Firer
from reelwork.studio.firing.pinging import SchedulePings
from reelwork.studio.firing.runner import Runner
from reelwork.studio.pings import Ping, Pings
from reelwork.studio.session import Session


@pytest.fixture
def switch() -> Iterator[Switch]:
    with running_switch() as made:
        yield made


def looks(
    place: Any,
    when: str,
    name: str = "hourly",
    *,
    again: tuple[float, ...] = (0.05,),
    servers: int = 1,
    private: bool = True,
) -> None:
    """Let servers look at a time, each as one that was just started, and wait for what they send."""
    place.now = place.at(when)

    async def look(session: Session) -> None:
        await Firer(session).look(name, place.now)
        pings = [Pings(session.context, again=again, private=private) for _ in range(servers)]
        schedule = schedule_of(place.store.schedules()[0])
        await asyncio.gather(*(SchedulePings(place.store, one).look(schedule, place.now) for one in pings))
        for one in pings:
            await one.close(60)

    place.run(look)


def test_a_firing_is_told_when_it_begins_and_when_all_of_its_jobs_are_done(place: Any, switch: Switch) -> None:
    place.add(ping=switch.url)
    looks(place, "2026-11-30T08:59")
    assert switch.told == []
    looks(place, "2026-11-30T09:00")
    looks(place, "2026-11-30T09:01")
    assert switch.signals == ["/start"]
    place.ends()
    looks(place, "2026-11-30T09:02", servers=2)
    looks(place, "2026-11-30T09:03")
    assert switch.signals == ["/start", ""]
    assert [method for method, _, _ in switch.told] == ["GET", "GET"]
    assert len(set(switch.rids)) == 1
    assert len(switch.rids) == 2


def test_a_job_that_did_not_end_well_is_told_with_its_reason_and_no_secret(
    place: Any, switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_PING", switch.url)
    place.add(ping="env:THE_PING")
    looks(place, "2026-11-30T09:00")
    (job,) = place.jobs()
    reason = (
        f"the switch at {switch.url} and Authorization: Bearer sk-abcdefghijklmnopqrstuvwxyz012345 failed\nhere"
    )
    asyncio.run(place.store.decide(job.id, SetJob("failed", job.step, None, reason=reason)))
    looks(place, "2026-11-30T09:05")
    assert switch.signals == ["/start", "/fail"]
    method, _, text = switch.told[1]
    assert method == "POST"
    assert text.startswith(
        f"hourly, 2026-11-30T09:00Z: 1 of 1 job did not end well.\n{job.id} failed: the switch at "
    )
    assert "sk-abcdef" not in text
    assert UUID not in text
    assert text.count("\n") == 1


def test_a_firing_that_is_refused_is_told_as_a_failure(place: Any, switch: Switch) -> None:
    place.file.write_text(place.file.read_text().replace("[brief]", "[budget]\nper_day = 1\n[brief]"), "utf-8")
    (place.folder / "rows.csv").write_text("prompt\nA heron\n", encoding="utf-8")
    place.add(file=place.folder / "rows.csv", workflow=str(place.file), ping=switch.url)
    looks(place, "2026-11-30T09:00")
    place.ends()
    looks(place, "2026-11-30T10:00")
    assert sorted(switch.signals) == ["", "/fail", "/start"]
    assert "2026-11-30T10:00Z: refused: All 1 rows of rows.csv were used." in next(
        body for *_, body in switch.told if body
    )


def test_nothing_is_told_while_a_job_waits_for_a_person(place: Any, switch: Switch) -> None:
    place.add(ping=switch.url)
    looks(place, "2026-11-30T09:00")
    place.ends("held")
    looks(place, "2026-11-30T09:30")
    assert switch.signals == ["/start"]
    (job,) = place.jobs()
    asyncio.run(place.store.decide(job.id, SetJob("done", job.step, None)))
    looks(place, "2026-11-30T09:40")
    assert switch.signals == ["/start", ""]


def test_a_lost_ping_is_sent_again_and_then_given_up(
    place: Any, switch: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    place.add(ping=switch.url)
    # The client itself tries four times.
    switch.answers = [503] * 4
    looks(place, "2026-11-30T09:00")
    assert len(switch.told) == 5
    assert "lost" not in caplog.text
    switch.told.clear()
    switch.answers = [404]
    place.ends()
    looks(place, "2026-11-30T09:10")
    assert switch.signals == [""]
    assert "schedule hourly: a ping was lost: " in caplog.text
    assert "answered 404" in caplog.text
    assert UUID not in caplog.text


def test_a_switch_that_cannot_be_reached_holds_nothing_up(place: Any, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place.add(ping=f"http://127.0.0.1:{silent.getsockname()[1]}/ping/{UUID}")

        async def fires(session: Session) -> None:
            pings = Pings(session.context, private=True)
            slots = await Firer(session).look("hourly", place.now)
            await SchedulePings(place.store, pings).look(schedule_of(place.store.schedules()[0]), place.now)
            assert ([slot.state for slot in slots], pings.busy) == (["fired"], True)
            await pings.close(0)

        place.now = place.at("2026-11-30T09:00")
        place.run(fires)
    assert UUID not in caplog.text


def test_a_redirect_into_this_network_is_not_followed(
    place: Any, switch: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    with running_switch() as inner:
        switch.answers, switch.location = [302] * 9, inner.url
        place.add(ping=switch.url)
        looks(place, "2026-11-30T09:00")
        assert inner.told == []
    assert "this machine" in caplog.text


def test_a_switch_in_this_network_is_not_reached_unless_it_is_configured(
    place: Any, switch: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    place.add(ping=switch.url)
    looks(place, "2026-11-30T09:00", again=(), private=False)
    assert switch.told == []
    assert "127.0.0.1 is this machine, which is refused unless it is configured" in caplog.text
    for written in (switch.url, "http://[fd00::1]/x", "http://10.1.2.3/x", "http://localhost/x"):
        with pytest.raises(WorkflowInvalid) as refused:
            check_ping_place(written, place.folder)
        assert "[pings] private = true" in refused.value.hint
    for allowed in ("env:SWITCH", "https://hc-ping.com/x", "https://8.8.8.8/x"):
        check_ping_place(allowed, place.folder)


def test_a_server_reaches_a_switch_in_this_network_where_its_settings_say_so(place: Any, switch: Switch) -> None:
    settings = place.folder / "reelwork.toml"
    settings.write_text("[pings]\nprivate = true\n", encoding="utf-8")
    check_ping_place(switch.url, place.folder)
    place.add(ping=switch.url)

    async def look(session: Session) -> None:
        runner = Runner(session, clock=lambda: place.now)
        await runner.look()
        await runner.close_pings(60)

    place.now = place.at("2026-11-30T09:00")
    place.run(look)
    assert switch.signals == ["/start"]
    settings.write_text("[pings]\nprivate = 7\n", encoding="utf-8")
    with pytest.raises(WorkflowInvalid, match=r"reelwork\.toml, line 2"):
        place.run(look)


def test_the_address_is_not_shown(place: Any, switch: Switch) -> None:
    place.add(ping=switch.url)
    told = json.dumps(as_json(schedule_of(place.store.schedules()[0]), place.now, None))
    assert UUID not in told
    assert f"http://127.0.0.1:{switch.port}/…" in json.loads(told)["ping"]
    with pytest.raises(WorkflowInvalid) as refused:
        place.spec(ping=f"ftp://127.0.0.1/{UUID}")
    assert UUID not in str(refused.value)


def test_an_end_never_overtakes_its_start(place: Any, switch: Switch) -> None:
    switch.answers = [503] * 4

    async def both(session: Session) -> None:
        pings = Pings(session.context, again=(0.01,), private=True)
        for signal in ("/start", ""):
            pings.send(Ping("schedule hourly", switch.url, place.folder, signal))
        await pings.close(60)

    place.run(both)
    assert switch.signals == ["/start"] * 5 + [""]
