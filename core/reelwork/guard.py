"""The guard around every call into a plugin."""

from __future__ import annotations

import asyncio
import inspect
import logging
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")
log = logging.getLogger("reelwork.guard")

LONGEST_BLOCK = 1.0
"""Seconds work may keep the event loop before it is told."""
BLOCKED = (
    "%s blocked for %.1f s within `async def`: no time limit could end it, and all jobs stood still meanwhile. "
    "Write `def`, which runs in a thread, or put what blocks into asyncio.to_thread."
)


async def awaited(work: Awaitable[T], call: str) -> T:
    """Wait for a call into a plugin. A cancellation of its own making is an error like any other.

    Let through, it would end the job's task without a word; an exit would end the event loop, with what other jobs
    do in it. An interrupt does what Ctrl-C does. Raises `RuntimeError` in their place.
    """
    stepped = _Stepped(work)
    try:
        return await stepped
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise RuntimeError(f"{call} was cancelled by something it waited for") from error
    except (SystemExit, KeyboardInterrupt) as error:
        if isinstance(error, KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
            # Where this very task is what Ctrl-C cancels, it is cancelled here.
            await asyncio.sleep(0)
        raise RuntimeError(f"{call} raised {type(error).__name__}") from error
    finally:
        if stepped.longest > LONGEST_BLOCK:
            log.warning(BLOCKED, call, stepped.longest)


class _Stepped(Generic[T]):
    """Awaits work and measures how long it keeps the event loop between two waits."""

    def __init__(self, work: Awaitable[T]) -> None:
        self._work = work
        self.longest = 0.0
        """Seconds."""

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self._work.__await__()
        resume: Callable[[], Any] = partial(next, steps)
        while True:
            began = time.perf_counter()
            try:
                waits_for = resume()
            except StopIteration as end:
                return cast("T", end.value)
            finally:
                self.longest = max(self.longest, time.perf_counter() - began)
            try:
                yield waits_for
                resume = partial(next, steps)
            except BaseException as error:
                # Also a cancellation: what is raised while it waits belongs to the work.
                resume = partial(_thrown, steps, error)


def _thrown(steps: Any, error: BaseException) -> Any:
    if not hasattr(steps, "throw"):
        raise error
    return steps.throw(error)


async def invoked(function: Callable[..., Any], arguments: list[Any], name: str) -> Any:
    """Call a hook: within the event loop when it is `async def`, in a thread of its own otherwise."""
    if inspect.iscoroutinefunction(function):
        return await awaited(function(*arguments), name)
    answer = await in_thread(lambda: function(*arguments), name)
    return await awaited(answer, name) if isinstance(answer, Awaitable) else answer


async def in_thread(work: Callable[[], Any], name: str) -> Any:
    """Run blocking work in a thread of its own.

    The thread is a daemon: work that never returns must not keep the process from ending.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(value: Any, error: BaseException | None) -> None:
        if not future.done():
            future.set_result(value) if error is None else future.set_exception(error)

    def run() -> None:
        value: Any = None
        error: BaseException | None = None
        try:
            value = work()
        except StopIteration as raised:
            error = RuntimeError(f"{name} raised {raised!r}")
        except Exception as raised:
            error = raised
        except BaseException as raised:
            # A plugin that calls sys.exit() must not end the whole process.
            error = RuntimeError(f"{name} raised {type(raised).__name__}")
        # The loop may have closed: nobody waits for this answer any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, value, error)

    # What is known of the job at hand, such as its id in the log, goes along.
    threading.Thread(target=copy_context().run, args=(run,), name=name, daemon=True).start()
    return await future
