"""Bad things a plugin may do."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn


class Panic(BaseException):
    """As pyo3's PanicException, which is no `Exception` either."""


class Unreadable(Exception):
    """Cannot be told."""

    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


def raises(error: Callable[[], BaseException]) -> Callable[[], NoReturn]:
    def act() -> NoReturn:
        raise error()

    return act


def engines_own() -> BaseException:
    from reelwork.errors import LeaseLost

    return LeaseLost("not yours to raise")


def unfinished() -> BaseException:
    from reelwork_hooks.errors import ReelworkError

    class Unfinished(ReelworkError):
        def __init__(self) -> None:
            """Leaves the contract's constructor out."""

    return Unfinished()


def cancel_myself() -> None:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        raise asyncio.CancelledError from None
    if task is None:
        raise asyncio.CancelledError
    task.cancel()


def deep() -> int:
    return deep() + 1


def generator() -> Any:
    yield 1


async def coroutine() -> None:
    return None


def says(by: Callable[[], object]) -> Callable[[], NoReturn]:
    """Writes to standard output, and fails, so that every thing here ends badly."""

    def act() -> NoReturn:
        by()
        raise ValueError("said")

    return act


def thread_without_end() -> NoReturn:
    threading.Thread(target=time.sleep, args=(3600,), daemon="pytest" in sys.modules).start()
    raise ValueError("left a thread behind")


THINGS: dict[str, Callable[[], Any]] = {
    "error": raises(lambda: ValueError("bug")),
    "base": raises(lambda: Panic("panicked")),
    "exit": raises(lambda: SystemExit(0)),
    "generator exit": raises(GeneratorExit),
    "cancelled": raises(asyncio.CancelledError),
    "cancels itself": cancel_myself,
    "group": raises(lambda: BaseExceptionGroup("several", [Panic("one"), ValueError("two")])),
    "stop": raises(StopIteration),
    "no memory": raises(MemoryError),
    "deep": deep,
    "unreadable": raises(Unreadable),
    "long": raises(lambda: ValueError("x" * 5_000_000)),
    "half an emoji": raises(lambda: ValueError("cannot post \ud83d")),
    "lease": raises(engines_own),
    "unfinished": raises(unfinished),
    "generator": generator,
    "coroutine": coroutine,
    "junk": lambda: object(),
    "print": says(lambda: print("hello from a plugin")),
    "descriptor": says(lambda: os.write(1, b"hello from a descriptor\n")),
    "child": says(lambda: subprocess.run(["echo", "hello from a child"], check=True)),
    "thread": thread_without_end,
    "hangs": lambda: time.sleep(3600),
}
