"""Plugins that answer what they must not: said as their fault, with money and posts as they are."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest

from reelwork.engine.renders.poll_answers import read
from reelwork.engine.stages import tools as tools_stage
from reelwork.errors import PlanRefused
from reelwork.plugins.answers import named
from reelwork.testing import accepted_then_lost, call_hook, fake_provider
from reelwork_hooks import (
    Candidate,
    Effect,
    Found,
    Idempotency,
    Listing,
    OutcomeUnknown,
    Plugin,
    PluginInvalid,
    Receipt,
    RenderStatus,
    hookimpl,
)

PROMPT = "A lighthouse in the rain at night"


def with_provider(lab: Any, **methods: Any) -> None:
    provider = type("Odd", (fake_provider(lab.remote),), methods)
    brings = type("Brings", (), {"register_providers": staticmethod(hookimpl(lambda: {"odd": provider}))})
    lab.catalog.add("odd", brings)
    lab.workflow["provider"]["use"] = "odd"


def run(lab: Any) -> Any:
    (job,) = lab.studio().run_sync(PROMPT).jobs
    return job


async def cancelled(*_: Any) -> Any:
    raise asyncio.CancelledError


@pytest.mark.parametrize("answer", [None, {"id": "r1"}, "r1"])
def test_a_submit_that_answers_no_submitted_leaves_the_outcome_unknown(lab: Any, answer: Any) -> None:
    async def submit(self: Any, request: Any, effect: Effect) -> Any:
        lab.remote.accept(request, effect.key)
        return answer

    lab.remote.idempotency = Idempotency.NONE
    with_provider(lab, submit=submit)
    job = run(lab)
    assert job.status == "held"
    assert "provider 'odd' (this program), submit: returned" in job.reason
    assert "it must return Submitted" in job.reason
    assert len(lab.remote.creates) == 1


def test_a_submit_that_cancels_itself_is_an_unknown_outcome(lab: Any) -> None:
    lab.remote.idempotency = Idempotency.NONE
    with_provider(lab, submit=cancelled)
    job = run(lab)
    assert job.status == "held"
    assert "was cancelled by something it waited for" in job.reason


def test_a_find_that_finds_junk_does_not_settle_anything(lab: Any) -> None:
    async def find(self: Any, request: Any, effect: Effect) -> Any:
        return looks.pop(0) if looks else await fake_provider(lab.remote).find(self, request, effect)

    looks: list[Any] = [Found(("fake_1",))]
    lab.remote.faults = [accepted_then_lost]
    with_provider(lab, find=find)
    assert run(lab).status == "done"
    assert (lab.remote.calls, looks) == (1, [])


def test_a_poll_and_a_fetch_that_cancel_themselves_are_asked_again(lab: Any) -> None:
    real = fake_provider(lab.remote)
    missing = {"poll", "fetch"}

    def once(name: str) -> Any:
        async def method(self: Any, what: Any) -> Any:
            if name in missing:
                missing.discard(name)
                raise asyncio.CancelledError
            return await getattr(real, name)(self, what)

        return method

    with_provider(lab, poll=once("poll"), fetch=once("fetch"))
    assert run(lab).status == "done"
    assert (missing, len(lab.remote.creates)) == (set(), 1)


@pytest.mark.parametrize("answer", [None, {"fake_1": "running"}, [None]])
def test_a_poll_whose_answers_cannot_be_read_ends_explained_and_paid_once(lab: Any, answer: Any) -> None:
    async def poll(self: Any, renders: Any) -> Any:
        return await fake_provider(lab.remote).poll(self, renders) if mended else answer

    mended: list[bool] = []
    lab.remote.price = Decimal("0.1")
    lab.workflow["provider"]["poll_interval"] = 0.001
    with_provider(lab, poll=poll)
    job = run(lab)
    assert (job.status, job.step) == ("held", "render-again")
    assert "provider 'odd': poll returned" in job.reason
    assert "8 times in a row" in job.reason
    assert "its money stays counted" in job.reason
    assert job.spent == Decimal("0.1")
    studio = lab.studio()
    (told,) = [event for event in studio.store.events(job.id) if event.name == "look-failed"]
    assert "This is a fault of the plugin" in told.details
    mended.append(True)
    (again,) = studio.resume_sync(job.id).jobs
    assert (again.status, len(lab.remote.creates)) == ("done", 1)


@pytest.mark.parametrize("most", [0, None, lambda: 1 / 0])
def test_a_provider_that_cannot_say_how_many_it_is_asked_about_does_not_end_the_drive(lab: Any, most: Any) -> None:
    def ask(self: Any) -> Any:
        asked.set()
        return most() if callable(most) else most

    asked = asyncio.Event()
    with_provider(lab, most_per_poll=property(ask))
    studio = lab.studio()

    async def main() -> Any:
        running = asyncio.ensure_future(studio.run(PROMPT))
        await asked.wait()
        await asyncio.sleep(0)
        assert not running.done()
        studio.stop()
        return await running

    (job,) = asyncio.run(main()).jobs
    assert (job.status, len(lab.remote.creates)) == ("active", 1)


@pytest.mark.parametrize(("method", "told"), [("submit", "lacks submit"), ("fetch", "lacks fetch")])
def test_a_provider_that_lacks_a_method_is_refused_before_anything_is_sent(
    lab: Any, method: str, told: str
) -> None:
    from reelwork_hooks import Provider

    with_provider(lab, **{method: getattr(Provider, method)})
    with pytest.raises(PluginInvalid, match=told):
        lab.studio().run_sync(PROMPT)
    assert lab.studio().jobs() == []


def test_a_paid_call_that_cannot_be_awaited_is_refused_before_it_is_made(lab: Any) -> None:
    def submit(self: Any, request: Any, effect: Effect) -> Any:
        raise AssertionError

    with_provider(lab, submit=submit)
    with pytest.raises(PluginInvalid, match="not `async def`: submit"):
        lab.studio().run_sync(PROMPT)


@pytest.mark.parametrize("answer", [None, lambda: 1 / 0])
def test_capabilities_that_say_nothing_are_the_provider_s_fault(lab: Any, answer: Any) -> None:
    with_provider(lab, capabilities=lambda self, model: answer() if callable(answer) else answer)
    with pytest.raises(PluginInvalid, match="The provider 'odd'") as caught:
        lab.studio().plan_sync(PROMPT)
    assert not isinstance(caught.value, PlanRefused)


class Boards(Plugin):
    """Prepares what cannot be kept."""

    public = False
    answer: Any = None

    @hookimpl
    def prepare_publish(self) -> Any:
        return self.answer

    @hookimpl
    def publish(self) -> Receipt:
        raise AssertionError


@pytest.mark.parametrize("answer", [{"upload": object()}, {1: {2, 3}}, float("nan")])
def test_what_cannot_be_kept_fails_that_destination_only(lab: Any, answer: Any) -> None:
    class Good(Plugin):
        """Posts."""

        public = False

        @hookimpl
        def publish(self) -> Receipt:
            return Receipt(id="p1")

    lab.add_plugin("odd-board", type("Odd", (Boards,), {"answer": answer}), "publish")
    lab.add_plugin("good-board", Good, "publish")
    job = run(lab)
    assert job.status == "failed"
    assert "plugin 'odd-board' (this program), hook prepare_publish: returned" in job.reason
    assert "fault in Reelwork" not in job.reason
    assert job.receipts["good-board"].id == "p1"


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (Found.one("p1"), "hook find_post: found str, not a Receipt"),
        (Listing((Candidate("p1"),)), "hook find_post: found str, not a Receipt"),
        (
            Listing(cast("Any", (Receipt(id="p1"),))),
            "hook find_post: found, in its Listing, Receipt, not a Candidate",
        ),
    ],
)
def test_candidates_that_are_no_receipts_hold_the_post(found: Any, why: str) -> None:
    class Wall(Plugin):
        """Its looks find texts."""

        public = False
        idempotency = Idempotency.LOOKUP

        @hookimpl
        def publish(self) -> Receipt:
            raise OutcomeUnknown("lost")

        @hookimpl
        def find_post(self) -> Any:
            return found

    published = call_hook(Wall, "publish")
    assert (published.state, published.effect, published.attempts) == ("held", "unknown", 1)
    assert why in published.reason
    assert "8 times in a row" in published.reason


def test_a_publish_that_cancels_itself_is_an_unknown_outcome() -> None:
    class Wall(Plugin):
        """Something it waits for was cancelled."""

        public = False

        @hookimpl
        async def publish(self) -> Receipt:
            return Receipt(id=str(await cancelled()))

    published = call_hook(Wall, "publish")
    assert (published.state, published.effect, published.attempts) == ("held", "unknown", 1)


@pytest.mark.slow
def test_a_run_that_is_stopped_from_outside_still_stops(lab: Any) -> None:
    began = asyncio.Event()

    async def submit(self: Any, request: Any, effect: Effect) -> Any:
        began.set()
        await asyncio.sleep(3600)

    async def main() -> None:
        running = asyncio.ensure_future(lab.studio().run(PROMPT))
        await began.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    with_provider(lab, submit=submit)
    asyncio.run(main())


def with_transform(lab: Any, change: Any) -> None:
    def prompt_transform(self: Any, prompt: Any, job: Any) -> Any:
        return change(prompt)

    lab.catalog.add("pen", type("Pen", (Plugin,), {"prompt_transform": hookimpl(prompt_transform)}))
    lab.workflow["plugins"] = {"prompt_transform": ["pen"]}


def test_copy_that_no_file_can_take_fails_the_job_before_money_is_spent(lab: Any) -> None:
    with_transform(lab, lambda prompt: prompt.model_copy(update={"caption": "a fox \ud83d"}))
    job = run(lab)
    assert job.status == "failed"
    assert "caption: character 7 is half of a character" in job.reason
    assert "Nothing was spent" in job.reason
    assert not lab.remote.creates


def test_an_exception_of_megabytes_with_half_a_character_is_one_short_reason(lab: Any) -> None:
    def fails(prompt: Any) -> Any:
        raise ValueError("\ud83d \x1b]52;c;aGk=\x07" + "x" * 5_000_000)

    with_transform(lab, fails)
    job = run(lab)
    assert job.status == "failed"
    assert len(job.reason) < 3_000
    assert job.reason.encode()
    assert "\x1b" not in job.reason


class Endless(Exception):
    def __str__(self) -> str:
        raise RecursionError


def test_an_exception_whose_text_cannot_be_made_is_one_all_the_same(lab: Any) -> None:
    def fails(prompt: Any) -> Any:
        raise Endless

    with_transform(lab, fails)
    assert "Endless" in run(lab).reason


def test_an_outcome_that_can_never_be_written_down_holds_one_job_and_leaves_the_others(lab: Any) -> None:
    """Whatever gets past the doors: the store is not asked for ever, and nothing is sent again."""
    assert run(lab).status == "done"
    with closing(sqlite3.connect(lab.folder / "store.db")) as db:
        db.execute(
            "CREATE TRIGGER never BEFORE INSERT ON renders WHEN NEW.remote_id = 'fake_2'"
            " BEGIN SELECT RAISE(ABORT, 'it never will'); END"
        )
        db.commit()
    poisoned = lab.studio().run_sync(f"{PROMPT}, poison").jobs[0]
    assert poisoned.status == "held"
    assert "cannot be recorded: the store cannot take it: it never will" in poisoned.reason
    assert "not sent again" in poisoned.reason
    assert run(lab).status == "done"
    assert len(lab.remote.creates) == 3


def test_what_is_said_of_a_render_and_can_never_be_written_down_costs_it_the_words_alone(lab: Any) -> None:
    assert run(lab).status == "done"
    with closing(sqlite3.connect(lab.folder / "store.db")) as db:
        db.execute(
            "CREATE TRIGGER never BEFORE UPDATE ON renders WHEN NEW.word = 'poison'"
            " BEGIN SELECT RAISE(ABORT, 'it never will'); END"
        )
        db.commit()

    async def poll(self: Any, renders: Any) -> Any:
        told = await fake_provider(lab.remote).poll(self, renders)
        return [status.replace(word="poison" if "poison" in ref.request.prompt else "fine")
                for ref, status in zip(renders, told, strict=True)]  # fmt: skip

    with_provider(lab, poll=poll)
    lab.workflow["brief"]["takes"] = 1
    jobs = [lab.studio().run_sync(f"{PROMPT}, {word}").jobs[0] for word in ("poison", "sugar")]
    assert [job.status for job in jobs] == ["done", "done"]


def test_a_model_that_cannot_be_made_is_told_in_short() -> None:
    class Wall(Plugin):
        """It fills in a receipt with what is none."""

        public = False

        @hookimpl
        def publish(self) -> Receipt:
            return Receipt.model_validate({"id": ["p1"], "sent": "s" * 500})

    published = call_hook(Wall, "publish")
    assert "ValidationError: Receipt: id: Input should be a valid string" in published.reason
    assert "pydantic.dev" not in published.reason
    assert "sss" not in published.reason


def test_a_wrong_answer_of_prepare_is_not_asked_for_again(lab: Any) -> None:
    asked: list[int] = []

    async def prepare(self: Any, request: Any) -> Any:
        asked.append(1)
        return {"day": date(2026, 1, 1)}

    with_provider(lab, prepare=prepare)
    job = run(lab)
    assert (job.status, len(asked)) == ("failed", 1)
    assert job.reason.endswith("JSON has no form for. `reelwork resume` tries again.")
    assert lab.remote.calls == 0


def test_what_prepare_raises_may_pass(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools_stage, "backoff", lambda failures: 0.01)
    asked: list[int] = []

    async def prepare(self: Any, request: Any) -> Any:
        asked.append(1)
        if len(asked) < 3:
            raise ConnectionError("reset")

    with_provider(lab, prepare=prepare)
    assert run(lab).status == "done"
    assert len(asked) == 3


@pytest.mark.parametrize("answer", [{"r1": "completed"}, "r1", None])
def test_a_poll_that_answers_no_list_is_told_as_that(answer: Any) -> None:
    assert asyncio.run(read(answer)).fault.endswith(f"poll returned {named(answer)}, not a list of RenderStatus")


def test_a_poll_that_answers_one_status_is_told_as_that() -> None:
    status = RenderStatus(remote_id="r1", state="completed")
    assert asyncio.run(read(status)).fault == "poll returned RenderStatus, not a list of RenderStatus"
