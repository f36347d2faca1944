"""Calling what is `async` from programs without an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

GRACE = 5.0
"""Seconds that tasks are given to end once the work is done."""


def blocking(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end. Raises `RuntimeError` within an event loop, such as a notebook's, where it cannot wait."""
    if not in_a_loop():
        return run_to_end(work)
    name = getattr(work, "__name__", "it")
    work.close()
    raise RuntimeError(f"{name}_sync was called within an event loop; use: await studio.{name}(…)")


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run it in an event loop, as `asyncio.run` does, and leave behind what a plugin started and will not end."""
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
            # The loop closes under it. asyncio would complain, and nobody could make anything of that.
            task._log_destroy_pending = False  # type: ignore[attr-defined]
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE):
            await asyncio.get_running_loop().shutdown_asyncgens()


def in_a_loop() -> bool:
    """Return whether the caller runs within an event loop."""
    # Asked by itself, so that what is raised later does not seem to come from this question.
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
