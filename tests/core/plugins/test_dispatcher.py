from __future__ import annotations

import asyncio
import logging
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from reelwork.errors import HookFailed, HookTimedOut, describe, in_a_line
from reelwork.plugins.catalog import new_manager
from reelwork.plugins.dispatcher import Dispatcher
from reelwork.plugins.guard import developing
from reelwork.plugins.time_limits import HOOK_TIME_LIMITS
from reelwork_hooks import hookimpl
from reelwork_hooks.errors import NotSent, Rejected
from reelwork_hooks.models import (
    Asset,
    Brief,
    Clip,
    Content,
    Job,
    Pending,
    Prompt,
    Receipt,
    Role,
    Spec,
    Stage,
    Verdict,
)

CONTENT = Content(stage=Stage.BRIEF, text="a fox")
JOB = Job(
    id="j1",
    run="r1",
    workflow="w",
    brief=Brief(prompt="a fox"),
    spec=Spec(width=854, height=480, aspect_ratio="16:9", resolution="480p", duration=4),
    provider="preview",
    created_at=datetime(2026, 11, 20, tzinfo=UTC),
)
PROMPT = Prompt(text="a fox")
CLIP = Clip(video=Asset(path=Path("a.mp4"), sha256="0" * 64, bytes=3, media_type="video/mp4", role=Role.VIDEO))


def dispatcher(limits: dict[str, float] | None = None, **instances: object) -> Dispatcher:
    manager = new_manager()
    for name, instance in instances.items():
        manager.register(instance, name=name)
    return Dispatcher(manager, limits or {})


class Moderator:
    """Answers as told, and remembers that it was asked."""

    def __init__(self, answer: Any, asked: list[str] | None = None, name: str = "") -> None:
        self.answer, self.asked, self.name = answer, asked if asked is not None else [], name

    @hookimpl
    def pre_moderate(self, content: Content) -> Any:
        self.asked.append(self.name or content.text)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class AsyncModerator:
    """The same, as a coroutine, with its arguments in another order."""

    def __init__(self, answer: Any, asked: list[str] | None = None, name: str = "") -> None:
        self.plain = Moderator(answer, asked, name)

    @hookimpl
    async def pre_moderate(self, job: Job, content: Content) -> Any:
        await asyncio.sleep(0)
        return self.plain.pre_moderate(content)


KINDS = pytest.mark.parametrize("kind", [Moderator, AsyncModerator])
MakeModerator = Callable[..., object]


def veto(asked: Dispatcher, *names: str) -> Verdict | None:
    return asyncio.run(asked.veto(names, CONTENT, JOB))


# --- veto -----------------------------------------------------------------------------------------------------


def test_the_order_is_the_callers_not_that_of_registration() -> None:
    asked: list[str] = []
    hooks = dispatcher(a=Moderator(None, asked, "a"), b=Moderator(None, asked, "b"), c=Moderator(None, asked, "c"))
    assert veto(hooks, "b", "c", "a") is None
    assert veto(hooks, "c", "b") is None
    assert asked == ["b", "c", "a", "c", "b"]


@KINDS
@pytest.mark.parametrize("answer", [Verdict.hold("look at it", "violence"), Verdict.reject("no")])
def test_the_first_veto_stops_and_carries_the_instances_name(kind: MakeModerator, answer: Verdict) -> None:
    asked: list[str] = []
    hooks = dispatcher(
        yes=kind(Verdict.allow(), asked, "yes"),
        none=kind(None, asked, "none"),
        no=kind(answer.replace(plugin="somebody else"), asked, "no"),
        late=kind(Verdict.reject("later"), asked, "late"),
    )
    assert veto(hooks, "yes", "none", "no", "late") == answer.replace(plugin="no")
    assert asked == ["yes", "none", "no"]


@KINDS
def test_an_exception_is_a_failure_with_its_cause(kind: MakeModerator) -> None:
    error = ValueError("several\nlines")
    with pytest.raises(HookFailed) as caught:
        veto(dispatcher(strict=kind(error)), "strict")
    assert caught.value.__cause__ is error
    assert caught.value.message == "plugin 'strict', hook pre_moderate: ValueError: several lines"
    assert (caught.value.plugin, caught.value.hook) == ("strict", "pre_moderate")
    assert not isinstance(caught.value, HookTimedOut)


def test_an_error_of_the_contract_is_told_without_its_class_and_the_plugins_name_once() -> None:
    class Full(NotSent):
        """A class of the plugin's own."""

    with pytest.raises(HookFailed) as caught:
        veto(dispatcher(shelf=Moderator(Full("shelf: there is no room.", hint="Make some."))), "shelf")
    assert caught.value.message == "plugin 'shelf', hook pre_moderate: there is no room. Make some"


@pytest.mark.parametrize(
    ("account", "command"),
    [
        ("brand-b", "accounts add wave --name brand-b --replace, and allow all."),
        ("wave", "accounts add wave --replace, and allow all."),
    ],
)
def test_the_command_of_a_hint_names_the_account_of_the_instance(account: str, command: str) -> None:
    class Signs:
        @hookimpl
        def publish(self) -> Receipt:
            raise Rejected("wave: no", hint="Sign in again: reelwork accounts add wave --replace, and allow all.")

    manager = new_manager()
    manager.register(Signs(), name="mine")
    hooks = Dispatcher(manager, {}, accounts={"mine": account})
    with pytest.raises(Rejected) as caught:
        asyncio.run(hooks.call("mine", "publish"))
    assert caught.value.hint == f"Sign in again: reelwork {command}"


def test_running_out_of_an_iterator_is_a_failure_and_not_a_hang() -> None:
    class Careless:
        @hookimpl
        def pre_moderate(self) -> Verdict:
            return next(iter(()))

    with pytest.raises(HookFailed, match="StopIteration"):
        veto(dispatcher({"careless": 20}, careless=Careless()), "careless")


@pytest.mark.parametrize("answer", [True, False, "allow", {"decision": "allow"}, PROMPT, Verdict])
def test_an_answer_of_another_kind_is_a_failure(answer: Any) -> None:
    with pytest.raises(HookFailed, match="must return Verdict or None"):
        veto(dispatcher(odd=Moderator(answer)), "odd")


def test_an_answer_built_around_validation_is_a_failure() -> None:
    forged = Verdict.model_construct(decision="fine")  # type: ignore[arg-type]
    with pytest.raises(HookFailed, match="Verdict that is not valid: decision: ") as caught:
        veto(dispatcher(odd=Moderator(forged)), "odd")
    assert isinstance(caught.value.__cause__, ValidationError)
    assert "\n" not in caught.value.message
    with pytest.raises(HookFailed, match="decision"):
        veto(dispatcher(odd=Moderator(Verdict.allow().model_copy(update={"decision": "maybe"}))), "odd")


# --- folds ----------------------------------------------------------------------------------------------------


class Editor:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    @hookimpl
    def prompt_transform(self, prompt: Prompt) -> Any:
        return self.answer(prompt) if callable(self.answer) else self.answer

    @hookimpl
    async def post_download(self, clip: Clip) -> Any:
        return self.answer(clip) if callable(self.answer) else self.answer


def transform(answer: Any) -> Prompt | None:
    return asyncio.run(dispatcher(editor=Editor(answer)).transform("editor", PROMPT, JOB))


def finish(answer: Any) -> Clip | Pending | None:
    return asyncio.run(dispatcher(editor=Editor(answer)).finish("editor", CLIP, JOB))


def test_a_step_of_a_fold_answers_the_changed_value_or_none() -> None:
    changed = transform(lambda prompt: prompt.replace(text=f"{prompt.text} at dawn"))
    assert changed == Prompt(text="a fox at dawn")
    assert transform(None) is None
    thumbnail = CLIP.video.replace(role=Role.THUMBNAIL)
    assert finish(lambda clip: clip.adding(thumbnail)) == Clip(video=CLIP.video, assets=(thumbnail,))
    assert finish(None) is None


def test_junk_from_a_fold_is_refused() -> None:
    with pytest.raises(HookFailed, match="returned str; it must return Prompt or None"):
        transform("a fox at dawn")
    with pytest.raises(HookFailed, match="returned Asset; it must return Clip"):
        finish(CLIP.video)
    with pytest.raises(HookFailed, match="Prompt that is not valid: text"):
        transform(Prompt.model_construct(text=""))
    with pytest.raises(HookFailed, match="text"):
        transform(Prompt.model_construct())


def test_an_invalid_value_deep_inside_is_refused() -> None:
    forged = CLIP.video.model_copy(update={"sha256": "not a hash"})
    with pytest.raises(HookFailed, match=r"Clip that is not valid: video\.sha256"):
        finish(CLIP.model_copy(update={"video": forged}))
    with pytest.raises(HookFailed, match=r"assets\.0"):
        finish(CLIP.model_copy(update={"assets": ("a.jpg",)}))


# --- kinds of functions ---------------------------------------------------------------------------------------


def test_a_plain_hook_runs_in_a_thread_of_its_own_and_an_async_one_does_not() -> None:
    class Where:
        @hookimpl
        def prepare_publish(self) -> int:
            return threading.get_ident()

        @hookimpl
        async def publish(self) -> Receipt:
            return Receipt(id=str(threading.get_ident()))

    hooks = dispatcher(where=Where())

    async def both() -> tuple[Any, Any]:
        arguments: dict[str, Any] = {"post": None, "job": JOB, "effect": None}
        return await hooks.call("where", "prepare_publish", **arguments), await hooks.call(
            "where", "publish", **arguments
        )

    plain, asynchronous = asyncio.run(both())
    assert int(asynchronous.id) == threading.get_ident() != plain


def test_a_plain_hook_may_return_an_awaitable() -> None:
    class Lazy:
        @hookimpl
        def pre_moderate(self, content: Content) -> Awaitable[Verdict]:
            async def later() -> Verdict:
                await asyncio.sleep(0)
                return Verdict.reject(content.text)

            return later()

    assert veto(dispatcher(lazy=Lazy()), "lazy") == Verdict.reject("a fox").replace(plugin="lazy")


def test_has_knows_what_an_instance_implements() -> None:
    hooks = dispatcher(m=Moderator(None))
    assert hooks.has("m", "pre_moderate")
    assert not hooks.has("m", "publish")
    assert not hooks.has("other", "pre_moderate")


# --- time limits ----------------------------------------------------------------------------------------------


class Slow:
    def __init__(self) -> None:
        self.released = threading.Event()

    @hookimpl
    async def pre_moderate(self) -> None:
        await asyncio.Event().wait()

    @hookimpl
    def prompt_transform(self) -> None:
        self.released.wait(60)


def test_running_over_time_is_told_of_async_and_plain_hooks() -> None:
    slow = Slow()
    hooks = dispatcher({"slow": 0.05}, slow=slow)
    with pytest.raises(HookTimedOut, match=r"hook pre_moderate: gave no answer within 0\.05 s") as asynchronous:
        veto(hooks, "slow")
    with pytest.raises(HookTimedOut, match="prompt_transform") as plain:
        asyncio.run(hooks.transform("slow", PROMPT, JOB))
    slow.released.set()
    assert isinstance(plain.value, TimeoutError)
    # A thread cannot be stopped: who must know whether it may act yet can tell.
    assert (asynchronous.value.still_running, plain.value.still_running) == (False, True)


@KINDS
def test_a_plugins_own_time_out_is_not_mistaken_for_ours(kind: MakeModerator) -> None:
    error = TimeoutError("the moderation service did not answer")
    with pytest.raises(HookFailed, match="TimeoutError: the moderation service") as caught:
        veto(dispatcher(strict=kind(error)), "strict")
    assert not isinstance(caught.value, HookTimedOut)
    assert caught.value.__cause__ is error


def test_every_lifecycle_hook_has_a_time_limit() -> None:
    from reelwork.plugins.definition import INSTANCE_HOOKS

    assert set(HOOK_TIME_LIMITS) == set(INSTANCE_HOOKS)


def test_a_hook_that_hangs_in_its_thread_does_not_keep_the_process_from_ending() -> None:
    program = """
        import asyncio, threading
        from reelwork.plugins.dispatcher import Dispatcher
        from reelwork.errors import HookTimedOut
        from reelwork.plugins.catalog import new_manager
        from reelwork_hooks import hookimpl

        class Hangs:
            @hookimpl
            def job_event(self):
                threading.Event().wait()

        async def main():
            manager = new_manager()
            manager.register(Hangs(), name="hangs")
            try:
                await Dispatcher(manager, {"hangs": 0.1}).call("hangs", "job_event", event=None)
            except HookTimedOut:
                print("timed out")

        asyncio.run(main())
        print("ended")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split("\n")[:2] == ["timed out", "ended"]
    assert done.stderr == ""


# --- what must pass through -----------------------------------------------------------------------------------


def test_an_interrupt_passes_through_an_async_hook() -> None:
    # A job in the background of a shell begins with interrupts ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            veto(dispatcher(strict=AsyncModerator(KeyboardInterrupt())), "strict")
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("error", [SystemExit(2), KeyboardInterrupt(), asyncio.CancelledError()])
def test_a_plugin_cannot_end_the_process_from_its_thread(error: BaseException) -> None:
    with pytest.raises(HookFailed, match=type(error).__name__):
        veto(dispatcher(strict=Moderator(error)), "strict")


def test_cancelling_the_caller_cancels_the_hook_and_is_no_failure() -> None:
    class Patient:
        def __init__(self) -> None:
            self.started, self.cancelled = asyncio.Event(), False

        @hookimpl
        async def pre_moderate(self) -> None:
            self.started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise

    async def cancelled() -> bool:
        patient = Patient()
        task = asyncio.create_task(dispatcher(patient=patient).veto(("patient",), CONTENT, JOB))
        await patient.started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return patient.cancelled

    assert asyncio.run(cancelled())


@pytest.mark.parametrize("error", [NotSent("connection refused"), Rejected("no", code="x")])
@pytest.mark.parametrize("wrap", [lambda error: Publisher(error), lambda error: AsyncPublisher(error)])
def test_call_lets_the_ledger_see_the_plugins_own_error(error: Exception, wrap: Callable[[Exception], Any]) -> None:
    hooks = dispatcher(p=wrap(error))
    with pytest.raises(type(error)) as caught:
        asyncio.run(hooks.call("p", "publish", post=None, job=JOB, effect=None))
    assert caught.value is error


@pytest.mark.parametrize("wrap", [lambda error: Publisher(error), lambda error: AsyncPublisher(error)])
def test_what_is_no_error_of_the_contract_names_the_plugin(wrap: Callable[[Exception], Any]) -> None:
    error = RuntimeError("bug")
    with pytest.raises(HookFailed, match="plugin 'p', hook publish: RuntimeError: bug") as caught:
        asyncio.run(dispatcher(p=wrap(error)).call("p", "publish", post=None, job=JOB, effect=None))
    assert caught.value.__cause__ is error


class Publisher:
    def __init__(self, error: Exception) -> None:
        self.error = error

    @hookimpl
    def publish(self) -> None:
        raise self.error


class AsyncPublisher:
    def __init__(self, error: Exception) -> None:
        self.error = error

    @hookimpl
    async def publish(self) -> None:
        raise self.error


def test_errors_in_a_line() -> None:
    assert describe(ValueError("a\n  b")) == "ValueError: a b"
    assert describe(ValueError()) == "ValueError"
    assert in_a_line(Rejected("no\nway")) == "no way"
    assert in_a_line(KeyError("x")) == "KeyError: 'x'"


class Blocks:
    """Keeps the event loop, longer than its time limit."""

    @hookimpl
    async def pre_moderate(self) -> Verdict:
        await asyncio.sleep(0)
        time.sleep(0.1)  # noqa: ASYNC251
        return Verdict.allow()


def test_a_coroutine_that_blocks_is_named_with_how_long_it_took(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("reelwork.plugins.guard.LONGEST_BLOCK", 0.05)
    monkeypatch.setattr("reelwork.plugins.guard.log", logging.getLogger("answers-test"))
    hooks = dispatcher({"guard": 60}, guard=Blocks())

    async def ask(*, as_a_developer: bool) -> Any:
        if as_a_developer:
            developing()
        return await hooks.call("guard", "pre_moderate", content=CONTENT, job=JOB)

    assert asyncio.run(ask(as_a_developer=False)) == Verdict.allow()
    assert caplog.records == []  # A user of the plugin can do nothing about it.
    assert asyncio.run(ask(as_a_developer=True)) == Verdict.allow()
    (told,) = caplog.records
    assert re.search(r"guard\.pre_moderate blocked for 0\.\d s within `async def`", told.getMessage())


def test_a_coroutine_that_waits_is_not_said_to_block(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Waits:
        @hookimpl
        async def pre_moderate(self) -> None:
            with pytest.raises(ZeroDivisionError):
                await asyncio.gather(asyncio.sleep(0.3), asyncio.to_thread(lambda: 1 / 0))
            await asyncio.sleep(1.1)

    monkeypatch.setattr("reelwork.plugins.guard.log", logging.getLogger("answers-test"))
    asyncio.run(dispatcher({}, guard=Waits()).call("guard", "pre_moderate", content=CONTENT, job=JOB))
    assert caplog.records == []
