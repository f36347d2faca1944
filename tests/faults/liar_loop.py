"""An event loop whose time passes when nobody has anything to do: hours of waiting take no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol


class Member(Protocol):
    """Whoever tasks belong to, such as a process of a virtual world."""

    tasks: set[asyncio.Task[Any]]


MEMBER: ContextVar[Member | None] = ContextVar("member", default=None)
"""Whose tasks are begun here."""


class Stuck(RuntimeError):
    """Everybody waits, and for nothing that time could bring."""


class _Skipping(selectors.DefaultSelector):
    """Waits by moving the loop's clock."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
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
        super().__init__(selector)
        self.set_task_factory(_begun)

    def time(self) -> float:
        return self.passed

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def _begun(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
    member = MEMBER.get()
    if member is not None:
        member.tasks.add(task)
        task.add_done_callback(member.tasks.discard)
    return task
