"""Work that cannot be stopped, beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """Return what work returns, which is done in a thread of its own.

    If nobody waits for it any more, it goes on by itself, and does not keep the process from ending.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(answer: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(answer)  # type: ignore[arg-type]

    def run() -> None:
        answer, failed = None, None
        try:
            answer = work()
        except BaseException as error:  # whatever it is, who waits gets it
            failed = error
        # The loop may have closed.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, answer, failed)

    # A daemon: a time-stamp service that never answers would hold up the end of the process.
    Thread(target=copy_context().run, args=(run,), name="c2pa", daemon=True).start()
    return await done
