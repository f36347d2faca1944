"""What a round of looks writes down, and when it looks again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reelwork.engine.renders.details import missing_since
from reelwork.engine.renders.polling import Looked, Waiting
from reelwork.engine.renders.turns import AT_ONCE
from reelwork.store.records import RenderRow
from reelwork_hooks import Provider, ProviderConfig, RenderRef, RenderStatus, Unavailable

NOW = 1_000_000.0
REQUEST = (
    '{"prompt": "x", "spec": {"width": 64, "height": 64, "aspect_ratio": "16:9", "resolution": "480p",'
    ' "duration": 1}}'
)


def row(number: int, **changes: Any) -> RenderRow:
    known = RenderRow(
        id=f"r{number}", job_id=f"j{number}", run_id="run", provider="p", account="a", remote_id=f"v{number}",
        request=REQUEST, details="{}", state="running", word="in_progress", progress=10.0, error="",
        submitted_at=NOW - 60, due_at=NOW, deadline_at=NOW + 600, overdue=False, failures=0, fence=7,
        expires_at=None, ended_at=None,
    )  # fmt: skip
    return replace(known, **changes)


def status(number: int, **changes: Any) -> RenderStatus:
    known = {"remote_id": f"v{number}", "state": "running", "word": "in_progress", "progress": 10.0}
    return RenderStatus.model_validate(known | changes)


class Says(Provider):
    """A provider that tells what it was given to tell."""

    def __init__(self, *answers: RenderStatus, error: Exception | None = None) -> None:
        self.config = ProviderConfig(poll_interval=10)
        self.answers = answers
        self.error = error
        self.asked: list[RenderRef] = []

    async def poll(self, renders: Sequence[RenderRef]) -> Sequence[RenderStatus]:
        self.asked += renders
        if self.error is not None:
            raise self.error
        return self.answers


def look(provider: Says, *rows: RenderRow, jitter: Sequence[float] = (0.5, 0.1, 0.9)) -> Looked:
    drawn = iter(jitter)
    return asyncio.run(Waiting(lambda: NOW, lambda: next(drawn)).look(provider, rows))


def test_renders_without_news_share_one_next_look() -> None:
    looked = look(Says(*map(status, range(50))), *map(row, range(50)))
    assert looked.updates == ()
    (group,) = looked.same
    assert group.due_at == NOW + 9.5
    assert group.renders == tuple((f"r{number}", 7) for number in range(50))


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ({}, {"progress": 11.0}),
        ({}, {"state": "queued"}),
        ({}, {"word": "processing"}),
        ({}, {"error_message": "slow today"}),
        ({}, {"details": {"urls": ["https://x.example/v"]}}),
        ({}, {"cost": "0.5"}),
        ({}, {"charged": False}),
        ({}, {"expires_at": "2026-01-01T00:00:00Z"}),
        ({"failures": 2}, {}),
        ({"deadline_at": NOW - 1}, {}),
        ({"overdue": True}, {}),
    ],
)
def test_news_is_written_down(before: dict[str, Any], told: dict[str, Any]) -> None:
    looked = look(Says(status(1, **told)), row(1, **before))
    (update,) = looked.updates
    assert looked.same == ()
    assert (update.id, update.fence, update.failures) == ("r1", 7, 0)
    assert update.overdue is (before.get("deadline_at") is not None)


def test_a_pause_that_was_asked_for_and_an_overdue_render_have_looks_of_their_own() -> None:
    late = {"deadline_at": NOW - 1, "overdue": True}
    told = [status(1), status(2, poll_after=30.0), status(3)]
    looked = look(Says(*told), row(1), row(2), row(3, **late), jitter=[0])
    assert {group.due_at: [id_ for id_, _ in group.renders] for group in looked.same} == {
        NOW + 10: ["r1"], NOW + 30: ["r2"], NOW + 60: ["r3"],
    }  # fmt: skip


def test_an_end_is_no_longer_looked_at() -> None:
    looked = look(Says(status(1, state="completed", word="completed")), row(1))
    assert [(update.due_at, update.state, update.progress) for update in looked.updates] == [
        (None, "completed", 100)
    ]


def test_what_came_along_is_told_apart_from_what_was_asked() -> None:
    waiting = Waiting(lambda: NOW, lambda: 0.0)
    provider = Says(status(1), status(2, progress=30.0), status(3))
    looked = asyncio.run(waiting.look(provider, [row(1)]))
    assert looked.others is not None
    assert set(looked.others) == {"v2", "v3"}
    learnt = asyncio.run(waiting.learn(provider, [row(2)], looked.others))
    assert [(update.id, update.progress, update.due_at) for update in learnt.updates] == [("r2", 30.0, NOW + 10)]


def test_a_failed_look_fails_no_render_and_waits_as_long_as_asked() -> None:
    looked = look(Says(error=Unavailable("busy", retry_after=90)), row(1), row(2, failures=4))
    assert looked.problem == "busy"
    assert [(u.state, u.failures, u.due_at) for u in looked.updates] == [
        ("running", 1, NOW + 90), ("running", 5, NOW + 160),
    ]  # fmt: skip


def test_one_that_was_left_out_is_asked_about_again() -> None:
    looked = look(Says(status(1)), row(1), row(2))
    assert [(update.id, update.failures, update.due_at) for update in looked.updates] == [("r2", 1, NOW + 10)]
    assert looked.problem == "1 render could not be polled"


def test_a_provider_gets_what_was_asked_for() -> None:
    provider = Says(status(1))
    look(provider, row(1, details='{"final": null}'), row(2))
    assert [(ref.remote_id, ref.request.prompt) for ref in provider.asked] == [("v1", "x"), ("v2", "x")]
    assert provider.asked[0].details == {"final": None}
    assert provider.asked[0].submitted_at.timestamp() == NOW - 60


JUNK: list[Any] = [None, 3, "v1", {"v1": "running"}, [None], [status(1).model_copy(update={"state": "done"})]]


@pytest.mark.parametrize("answer", JUNK)
def test_an_answer_that_cannot_be_read_is_told_once_as_the_plugin_s_fault(answer: Any) -> None:
    said = Says()
    said.answers = answer
    (first,) = look(said, row(1)).updates
    assert (first.state, first.failures, first.due_at) == ("running", 1, NOW + 10)
    assert "provider 'p': poll returned" in first.line
    assert "fault of the plugin" in first.line
    (second,) = look(said, row(1, failures=first.failures, error=first.error)).updates
    assert (second.line, second.failures) == ("", 2)


def test_what_can_be_read_beside_junk_is_learnt() -> None:
    said = Says()
    said.answers = (status(1, state="completed"), None, status(3))  # type: ignore[assignment]
    done, silent = look(said, row(1), row(2)).updates
    assert (done.id, done.state) == ("r1", "completed")
    assert (silent.id, "with None in it" in silent.line) == ("r2", True)


def test_after_eight_such_answers_nothing_is_asked_any_more() -> None:
    said = Says()
    said.answers = None  # type: ignore[assignment]
    before: dict[str, Any] = {}
    for number in range(1, 9):
        (update,) = look(said, row(1, **before)).updates
        assert (update.due_at is None, update.state) == ((True, "untold") if number == 8 else (False, "running"))
        before = {"failures": update.failures, "error": update.error}


def test_a_server_that_is_away_does_not_count_as_the_plugin_s_fault() -> None:
    before = {"failures": 7, "error": "poll returned nothing, not a list of RenderStatus"}
    (away,) = look(Says(error=Unavailable("away")), row(1, **before)).updates
    said = Says()
    said.answers = None  # type: ignore[assignment]
    (update,) = look(said, row(1, failures=away.failures, error=away.error)).updates
    assert (update.failures, update.due_at is None) == (1, False)


def test_one_that_is_left_out_again_and_again_is_told_and_given_up_a_day_after_its_deadline_only() -> None:
    before = {"failures": 2, "error": "poll leaves it out of its answers"}
    (third,) = look(Says(status(2)), row(1, **before)).updates
    assert "3 times in a row" in third.line
    late = {**before, "failures": 500, "deadline_at": NOW - 80_000}
    assert [one.due_at is None for one in look(Says(status(2)), row(1, **late)).updates] == [False]
    later = {**late, "deadline_at": NOW - 90_000}
    assert [(one.due_at, one.state) for one in look(Says(), row(1, **later)).updates] == [(None, "untold")]


@pytest.mark.parametrize("pause", [float("nan"), float("inf"), 1e300, -1e300])
def test_no_pause_that_is_asked_for_makes_a_paid_render_wait_without_end(pause: float) -> None:
    looked = look(Says(status(1, poll_after=pause)), row(1))
    (group,) = looked.same
    assert NOW < group.due_at <= NOW + 3600


@pytest.mark.parametrize("expires_at", [datetime.min, datetime.max, datetime(1, 1, 1, tzinfo=UTC)])
def test_a_time_that_no_clock_can_show_is_passed_over(expires_at: datetime) -> None:
    (update,) = look(Says(status(1, state="completed", expires_at=expires_at)), row(1)).updates
    assert (update.state, update.due_at) == ("completed", None)


@pytest.mark.parametrize("broken", [{"expires_at": "soon"}, {"details": None}, {"poll_after": "later"}])
def test_a_status_that_cannot_be_used_leaves_the_others_good(broken: dict[str, Any]) -> None:
    """One that was built around validation may hold anything."""
    looked = look(Says(status(1).model_copy(update=broken), status(2, state="completed")), row(1), row(2))
    told = {update.id: update for update in looked.updates}
    assert told["r2"].state == "completed"
    assert "r1" in told or looked.same


def test_one_answer_that_a_render_is_not_there_proves_nothing() -> None:
    (update,) = look(Says(status(1, state="lost")), row(1)).updates
    assert (update.state, update.failures) == ("running", 1)
    assert update.due_at is not None
    assert NOW < update.due_at <= NOW + 10
    since = missing_since(update.details or "")
    assert since == NOW
    again = row(1, details=update.details, failures=1)
    (later,) = look(Says(status(1, state="lost")), replace(again, details=aged(update.details, 181))).updates
    assert (later.state, later.due_at) == ("lost", None)
    (found,) = look(Says(status(1)), again).updates
    assert missing_since(found.details or "") is None


def aged(details: str | None, seconds: float) -> str:
    stored = json.loads(details or "")
    return json.dumps({**stored, "missing_since": stored["missing_since"] - seconds})


def test_others_have_their_turn_while_thousands_are_learnt() -> None:
    """A server answers the senders of webhooks in the same loop."""
    count, turns = 2_000, 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def scenario() -> None:
        beside = asyncio.create_task(others())
        provider = Says(*(status(number) for number in range(count)))
        looked = await Waiting(lambda: NOW, lambda: 0.5).look(provider, [row(number) for number in range(count)])
        beside.cancel()
        assert sum(len(group.renders) for group in looked.same) + len(looked.updates) == count

    asyncio.run(scenario())
    # Once while the answers are read, and once while they are learnt.
    assert turns >= 2 * count // AT_ONCE - 2
