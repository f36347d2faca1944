"""What plugins and providers answer, checked before anything is built on it."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, Generic, TypeVar, cast

from reelwork_hooks.effects import Found

T = TypeVar("T")
log = logging.getLogger("reelwork.answers")

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


def of_kind(answer: Any, kind: type[T] | tuple[type[T], ...], call: str) -> T:
    """The answer, if it is what the call must return. Raises `TypeError`."""
    if isinstance(answer, kind):
        return answer
    kinds = kind if isinstance(kind, tuple) else (kind,)
    raise TypeError(f"{call} returned {named(answer)}, not {' or '.join(_article(one) for one in kinds)}")


def as_json(answer: Any, call: str) -> Any:
    """The answer, if it can be kept. Raises `TypeError`."""
    try:
        json.dumps(answer, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"{call} returned {named(answer)} that cannot be kept as JSON: {error}") from error
    return answer


def found_of_kind(answer: Any, kind: type[Any], call: str) -> Any:
    """The answer of a look, if each candidate it holds is of that kind. Raises `TypeError`."""
    if isinstance(answer, Found):
        for candidate in answer.candidates:
            if not isinstance(candidate, kind):
                raise TypeError(f"{call} found {named(candidate)}, not {_article(kind)}")
    return answer


def named(answer: Any) -> str:
    """What came, for messages: its type, or `nothing`."""
    return "nothing" if answer is None else type(answer).__name__


def _article(kind: type[Any]) -> str:
    return f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}"
