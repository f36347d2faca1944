"""The guard around every call into foreign code: importing it, making it, its hooks and methods, its end.

What it raises, whatever class that has, becomes one error that names the plugin and its package; what it says is
cut; the time it takes is limited; a coroutine that will not end is no longer driven. Errors of the contract, such
as `NotSent`, pass through, since they are answers.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from functools import partial
from threading import Thread
from typing import Any, Generic, TypeVar, cast

from reelwork.credentials.ended import naming_account
from reelwork.errors import (
    HookFailed,
    HookTimedOut,
    PluginFailed,
    PluginTimedOut,
    describe,
    in_a_line,
    of_the_contract,
)
from reelwork.net.at_hand import CallAtHand, call_at_hand
from reelwork.plugins.alarm import OverTime, ringing_after
from reelwork.plugins.foreign import in_plugin
from reelwork_hooks.errors import PluginInvalid, ReelworkError

T = TypeVar("T")
log = logging.getLogger("reelwork.guard")

GRACE = 5.0
"""Seconds a coroutine is given to end after it was cancelled. Then it is not driven any more."""
AT_ONCE = 60.0
"""Seconds for what is no hook and should answer at once: making an instance, reading a declaration."""
IMPORTING = 120.0
"""Seconds for an import. Large libraries on a slow disk take tens of them."""
LONGEST_BLOCK = 1.0
"""Seconds for which work may block the event loop before its author is warned."""
STANDSTILL = 10.0
"""Seconds after which its user is warned, too: all jobs stood still meanwhile."""
BLOCKED = (
    "%s blocked for %.1f s within `async def`: no time limit could end it, and all jobs stood still meanwhile. "
    "Write `def`, which runs in a thread, or put what blocks into asyncio.to_thread."
)
STOOD_STILL = "%s blocked all jobs for %.0f s. This is a fault of the plugin; report it to its author."

_DEVELOPING: ContextVar[bool] = ContextVar("developing", default=False)


@dataclass(frozen=True, slots=True)
class Callee:
    """Somebody else's code, as messages name it."""

    kind: str
    """`plugin`, `provider` or `command`."""
    name: str
    origin: str = ""
    """The distribution and version, or the file."""
    account: str = ""
    """The account it signs in with."""

    @property
    def is_ours(self) -> bool:
        """True if it comes with Reelwork."""
        return self.origin.startswith("reelwork ")

    def __str__(self) -> str:
        # A file's folder is long, and its name tells which it is.
        named = self.origin.rpartition("/")[2] if self.origin.endswith(".py") else self.origin
        origin = f" ({named})" if named and not self.is_ours else ""
        return f"{self.kind} {self.name!r}{origin}"

    def failed(self, call: str, problem: str) -> PluginFailed:
        """Return the error that says what went wrong in a call."""
        # Many plugins begin a message with their name, which stands before it here.
        problem = problem.removeprefix(f"{self.name}: ")
        if self.kind == "plugin":
            return HookFailed(self.name, call, problem, callee=str(self))
        return PluginFailed(str(self), call, problem)

    def timed_out(self, call: str, seconds: float, *, still_running: bool = False) -> PluginFailed:
        """Return the error for a call that ran over its time."""
        if self.kind == "plugin":
            return HookTimedOut(self.name, call, seconds, still_running=still_running, callee=str(self))
        return PluginTimedOut(str(self), call, seconds)


def developing() -> None:
    """Report more, for the author of a plugin, from here on in this context."""
    _DEVELOPING.set(True)


def at_once(callee: Callee, call: str, work: Callable[[], T], *, seconds: float = AT_ONCE) -> T:
    """Run work of a plugin here and now, without awaiting it.

    Raises errors of the contract as they are, and `PluginFailed` for everything else.
    """
    mark = in_plugin.set(True)
    try:
        with ringing_after(seconds, ours=callee.is_ours), _WithoutTask():
            answer = work()
    # Ctrl-C while a plugin runs is the person's word, not the plugin's fault.
    except KeyboardInterrupt:
        raise
    except OverTime as error:
        raise callee.timed_out(call, seconds) from error
    except BaseException as error:
        raise fault_of(error, callee, call) from cause_of(error)
    finally:
        in_plugin.reset(mark)
    if inspect.iscoroutine(answer) or inspect.isgenerator(answer):
        # Python would warn of a coroutine that nobody awaits.
        answer.close()
        raise callee.failed(call, f"returned a {type(answer).__name__}, not a value")
    return answer


class _WithoutTask:
    """Hides the task that runs, which is the engine's: whoever cancels it would cancel the whole drive."""

    __slots__ = ("_loop", "_task")

    def __enter__(self) -> None:
        self._task = task = _task_at_hand()
        if task is not None:
            self._loop = task.get_loop()
            asyncio._leave_task(self._loop, task)

    def __exit__(self, *_: object) -> None:
        if self._task is not None:
            asyncio._enter_task(self._loop, self._task)


def _task_at_hand() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def loading(callee: Callee, does: str, work: Callable[[], T], *, seconds: float = AT_ONCE, hint: str = "") -> T:
    """Do work of a plugin before anything is sent, such as importing it. `does` completes a sentence.

    Raises errors of the contract as they are, and `PluginInvalid` for everything else.
    """
    try:
        return at_once(callee, "", work, seconds=seconds)
    except PluginFailed as error:
        named = f"The {callee.kind} {callee.name!r}{f' ({callee.origin})' if callee.origin else ''}"
        raise PluginInvalid(f"{named} {does}: {error.problem}", hint=hint) from error.__cause__


async def within(callee: Callee, call: str, work: Awaitable[T], seconds: float) -> T:
    """Wait for a coroutine of a plugin, in a task of its own, so that it can cancel nothing but itself.

    Raises errors of the contract as they are, and `PluginFailed` for everything else. An interrupt does what Ctrl-C
    does.
    """
    driven = _Driven(work, seconds)
    task = asyncio.ensure_future(_caught(driven, callee, call))
    try:
        # Not `wait_for`: it waits without end for a coroutine that swallows its cancellation.
        await asyncio.wait({task}, timeout=seconds)
        in_time = task.done()
        if not in_time:
            await _end(task, driven)
    except asyncio.CancelledError:
        await _end(task, driven)
        raise
    finally:
        _tell_of_blocking(callee, call, driven.longest)
    if task.cancelled():
        if in_time:
            raise _passing(callee.failed(call, "was cancelled by something it waited for"))
        raise callee.timed_out(call, seconds)
    answer, error = task.result()
    if error is None:
        if inspect.iscoroutine(answer):
            answer.close()  # Nobody awaits it any more; Python would complain about that.
        return cast("T", answer)
    if isinstance(error, OverTime) or (not in_time and not isinstance(error, ReelworkError)):
        raise callee.timed_out(call, seconds) from error
    if isinstance(error, KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
        # Where this very task is what Ctrl-C cancels, it is cancelled here.
        await asyncio.sleep(0)
    raise fault_of(error, callee, call) from cause_of(error)


async def called(
    callee: Callee, call: str, function: Callable[..., Any], given: list[Any], seconds: float, *, is_async: bool
) -> Any:
    """Call a hook: in the event loop when it is `async def`, in a thread of its own otherwise.

    Raises as `within` does.
    """
    if is_async:
        return await within(callee, call, _begun(callee, call, function, given), seconds)
    began = time.monotonic()
    answer = await in_thread(callee, call, lambda: function(*given), seconds)
    if inspect.isgenerator(answer):
        answer.close()
        raise callee.failed(call, "returned a generator, not a value")
    if not isinstance(answer, Awaitable):
        return answer
    return await within(callee, call, answer, max(seconds - (time.monotonic() - began), 0.001))


def _begun(callee: Callee, call: str, function: Callable[..., Any], given: list[Any]) -> Awaitable[Any]:
    """Return the coroutine of an `async def`; one that does not take these arguments raises here already."""
    try:
        begun: Awaitable[Any] = function(*given)
    except Exception as error:
        raise fault_of(error, callee, call) from cause_of(error)
    return begun


async def in_thread(callee: Callee, call: str, work: Callable[[], Any], seconds: float) -> Any:
    """Do blocking work of a plugin in a thread of its own."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def settle(answer: Any, error: BaseException | None) -> None:
        if not future.done():
            future.set_result((answer, error))

    def run() -> None:
        in_plugin.set(True)
        call_at_hand.set(CallAtHand(call, str(callee)))
        answer, error = _outcome(work)
        # The loop may have closed: nobody waits for this answer any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, answer, error)

    # What is known of the job at hand, such as its id in the log, goes along. The thread is a daemon: work that
    # never returns must not keep the process from ending.
    name = f"{callee.name}.{call}"
    Thread(target=copy_context().run, args=(run,), name=name, daemon=True).start()
    # A thread cannot be stopped: it is left, and the error says that it may act yet.
    await asyncio.wait({future}, timeout=seconds)
    if not future.done():
        raise callee.timed_out(call, seconds, still_running=True)
    answer, error = future.result()
    if error is not None:
        raise fault_of(error, callee, call) from cause_of(error)
    return answer


def _outcome(work: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return work(), None
    except BaseException as error:
        return None, error


async def _caught(work: Awaitable[T], callee: Callee, call: str) -> tuple[T | None, BaseException | None]:
    # Out of a task, an exit or an interrupt would end the event loop, with what other jobs do in it.
    in_plugin.set(True)
    call_at_hand.set(CallAtHand(call, str(callee)))
    try:
        return await work, None
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return None, error


async def _end(task: asyncio.Task[Any], driven: _Driven[Any]) -> None:
    """Cancel a task; if it runs on all the same, leave it where it stands."""
    task.cancel()
    try:
        await asyncio.wait({task}, timeout=GRACE)
    finally:
        driven.left = True
        if not task.done():
            task.cancel()
    if not task.done():
        await asyncio.wait({task}, timeout=GRACE)


def fault_of(error: BaseException, callee: Callee, call: str) -> ReelworkError:
    """Return the error to raise: itself if it is one of the contract, else one that names the plugin."""
    try:
        meant = of_the_contract(error)
    except BaseException as worse:
        return callee.failed(call, f"raised {type(error).__name__}, which cannot be read: {describe(worse)}")
    if meant is not None:
        meant.hint = naming_account(meant.hint, callee.account)
        return meant
    # Of another plugin, which this one has asked for something: its own words say enough.
    if isinstance(error, PluginFailed):
        failed = callee.failed(call, in_a_line(error))
        failed.passing = error.passing
        return failed
    return _passing(callee.failed(call, describe(error)))


def _passing(failed: PluginFailed) -> PluginFailed:
    """Return an error that may pass by itself: what was raised may come of a server that is out of order."""
    failed.passing = True
    return failed


def cause_of(error: BaseException) -> BaseException | None:
    """Return the cause for the error that is raised in its place. An error of the contract keeps its own cause."""
    return error.__cause__ if isinstance(error, ReelworkError) else error


def _tell_of_blocking(callee: Callee, call: str, seconds: float) -> None:
    # Under load a machine keeps us waiting, too: a sound plugin must not be blamed before its users.
    if seconds > LONGEST_BLOCK and _DEVELOPING.get():
        log.warning(BLOCKED, f"{callee.name}.{call}", seconds)
    elif seconds > STANDSTILL and not callee.is_ours:
        log.warning(STOOD_STILL, f"{callee}, {call},", seconds)


@dataclass
class _Driven(Generic[T]):
    """Drives a coroutine step by step: measures how long each step blocks the event loop, and can abandon it."""

    work: Awaitable[T]
    seconds: float
    """The time in seconds that one step may keep the event loop, where anything can end that."""
    left: bool = False
    """It was cancelled and did not end: at the next chance it is closed instead of being driven on."""
    longest: float = field(default=0.0, init=False)
    """Seconds between two waits."""

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self.work.__await__()
        resume: Callable[[], Any] = partial(next, steps)
        while True:
            began = time.perf_counter()
            try:
                with ringing_after(self.seconds):
                    waits_for = resume()
            except StopIteration as end:
                return cast("T", end.value)
            finally:
                self.longest = max(self.longest, time.perf_counter() - began)
            try:
                yield waits_for
                resume = partial(next, steps)
            except BaseException as error:
                if self.left:
                    _outcome(partial(_closed, steps, self.seconds))
                    raise
                # Also a cancellation: what is raised while it waits belongs to the work.
                resume = partial(_thrown, steps, error)


def _thrown(steps: Any, error: BaseException) -> Any:
    if not hasattr(steps, "throw"):
        raise error
    return steps.throw(error)


def _closed(steps: Any, seconds: float) -> None:
    if hasattr(steps, "close"):
        with ringing_after(seconds):
            steps.close()
