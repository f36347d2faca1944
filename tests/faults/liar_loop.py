"""An event loop whose time passes when nobody has anything to do: hours of waiting take no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from contextvars import ContextVar
from threading import Thread
from typing import Any, Protocol

import pytest

from reelwork.plugins import guard


class Member(Protocol):
    """Whoever tasks belong to, such as a process of a virtual world."""

    tasks: set[asyncio.Task[Any]]


LONGEST_LOOK = 0.01
"""Real seconds between two looks at the threads that work."""
MEMBER: ContextVar[Member | None] = ContextVar("member", default=None)
"""Whose tasks are begun here."""


class Stuck(RuntimeError):
    """Everybody waits, and for nothing that time could bring."""


class _Skipping(selectors.DefaultSelector):
    """Waits by moving the loop's clock."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        if self.loop.forget_threads():
            # A thread takes real time, and none of the world's: else its time limit would be over at once. What it
            # answered just now is not among what this wait was reckoned for.
            return super().select(LONGEST_LOOK if timeout is None else min(timeout, LONGEST_LOOK))
        if timeout is None:
            raise Stuck("everybody waits for somebody")
        if timeout > 0:
            self.loop.passed += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs without waiting. What would run in a thread runs at once, so that each run is the same."""

    def __init__(self) -> None:
        selector = _Skipping()
        selector.loop = self
        self.passed = 1000.0
        self.threads: list[Thread] = []
        super().__init__(selector)
        self.set_task_factory(_begun)

    def time(self) -> float:
        return self.passed

    def run_forever(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(guard, "Thread", _Awaited)
            super().run_forever()

    def forget_threads(self) -> bool:
        """Forget the threads of plugins that have ended; return whether there were any before."""
        before, self.threads = self.threads, [one for one in self.threads if one.is_alive()]
        return bool(before)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


class _Awaited(Thread):
    """A thread of a plugin, for which the time of the world stands still."""

    def start(self) -> None:
        super().start()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.threads.append(self)


def _begun(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
    member = MEMBER.get()
    if member is not None:
        member.tasks.add(task)
        task.add_done_callback(member.tasks.discard)
    return task
