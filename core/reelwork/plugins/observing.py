"""Calls of plugins, hooks and a provider's alike, as they are told to whoever watches them."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from reelwork.errors import PluginFailed

log = logging.getLogger("reelwork.dispatch")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HookCall:
    """A hook that was called, and its outcome."""

    instance: str
    hook: str
    seconds: float
    arguments: Mapping[str, Any]
    """All that the hook is offered, also what the implementation does not ask for."""
    answer: Any = None
    """The value it returned, before any check."""
    error: BaseException | None = None


Observer = Callable[[HookCall], None]
"""Receives each call when it has ended. What it raises is logged and changes nothing."""


async def observed(
    observer: Observer, instance: str, call: str, arguments: Mapping[str, Any], begin: Callable[[], Awaitable[T]]
) -> T:
    """Await a call that `begin` begins, and tell an observer how it ended."""
    began = time.perf_counter()
    answer: T | None = None
    failure: BaseException | None = None
    try:
        answer = await begin()
        return answer
    except BaseException as error:
        failure = raised_by_plugin(error)
        raise
    finally:
        _tell(observer, HookCall(instance, call, time.perf_counter() - began, arguments, answer, failure))


def raised_by_plugin(error: BaseException) -> BaseException:
    """Return what a plugin raised, without what the guard made of it."""
    # What the contract has is passed on as it is. Its cause is the plugin's own affair, and would tell of a post
    # that was not sent as of one of which nothing is known.
    wrapped = isinstance(error, PluginFailed) and not isinstance(error, TimeoutError)
    return error.__cause__ or error if wrapped else error


def _tell(observer: Observer, call: HookCall) -> None:
    try:
        observer(call)
    except Exception:
        log.exception("what watches the hooks failed at %s.%s", call.instance, call.hook)
