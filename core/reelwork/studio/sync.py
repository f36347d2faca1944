"""Calls coroutines from programs without an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

# The result is there already. A plugin's task that does not end must not keep the program waiting.
GRACE = 5.0
"""Seconds for which the end of remaining tasks is waited for."""


def blocking(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end. Raises `RuntimeError` within an event loop, such as a notebook's, where it cannot wait."""
    if not in_a_loop():
        return run_to_end(work)
    name = getattr(work, "__name__", "it")
    # A coroutine that is never awaited would warn when it is collected.
    work.close()
    raise RuntimeError(f"{name}_sync was called within an event loop; use: await studio.{name}(…)")


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run it in an event loop, as `asyncio.run` does, but without waiting for what a plugin will not end."""
    # `asyncio.run` waits for threads and tasks. One hanging plugin would keep the program from ending.
    runner = asyncio.Runner()
    try:
        return runner.run(work)
    finally:
        loop = runner.get_loop()
        try:
            loop.run_until_complete(_end_of_others())
        finally:
            asyncio.set_event_loop(None)
            # Threads of asyncio.to_thread are not waited for: one may never end.
            loop.close()


async def _end_of_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        _, late = await asyncio.wait(others, timeout=GRACE)
        for task in late:
            # The loop closes under it. asyncio's complaint would tell nobody what to do.
            task._log_destroy_pending = False  # type: ignore[attr-defined]
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE):
            await asyncio.get_running_loop().shutdown_asyncgens()


def in_a_loop() -> bool:
    """Return whether the caller runs within an event loop."""
    # By itself, so that a later error does not show this question as its cause.
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
