"""Calling hooks. pluggy has declared and validated them; how they are called is decided here.

Each hook has one verb: `pre_moderate` stops at the first veto, `prompt_transform` and `post_download` fold,
`publish` and its companions are called on one named instance.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pluggy
from pydantic import BaseModel, ValidationError

from reelwork.errors import HookFailed, HookTimedOut, describe, in_a_line, with_advice
from reelwork.guard import invoked
from reelwork.received import Unfit, received
from reelwork_hooks.models import Clip, Content, Job, Prompt, Verdict

M = TypeVar("M", bound=BaseModel)
log = logging.getLogger("reelwork.dispatch")

TIME_LIMITS = {
    "pre_moderate": 60.0,
    "prompt_transform": 60.0,
    "post_download": 900.0,
    "prepare_publish": 1800.0,
    "publish": 600.0,
    "find_post": 120.0,
    "job_event": 30.0,
}
"""Seconds a call may take, unless the instance's table in the workflow sets `time_limit`."""


@dataclass(frozen=True, slots=True)
class HookCall:
    """A hook that was called, and what came of it."""

    instance: str
    hook: str
    seconds: float
    arguments: Mapping[str, Any]
    """All that the hook is offered, also what the implementation does not ask for."""
    answer: Any = None
    """What it returned, before any check."""
    error: BaseException | None = None


Observer = Callable[[HookCall], None]
"""Is told of each call when it has ended. What it raises is logged and changes nothing."""


class Dispatcher:
    """Calls the hooks of a workflow's plugin instances, each with its time limit."""

    def __init__(
        self, manager: pluggy.PluginManager, limits: dict[str, float], observer: Observer | None = None
    ) -> None:
        self._implementations = {
            (implementation.plugin_name, hook): implementation
            for hook in TIME_LIMITS
            for implementation in getattr(manager.hook, hook).get_hookimpls()
        }
        self._limits = limits
        self._observer = observer

    def has(self, instance: str, hook: str) -> bool:
        """Whether an instance implements a hook."""
        return (instance, hook) in self._implementations

    async def call(self, instance: str, hook: str, **arguments: Any) -> Any:
        """Call one instance's hook. What it raises passes through; over time raises `HookTimedOut`."""
        if self._observer is None:
            return await self._call(instance, hook, arguments)
        began = time.perf_counter()
        answer: Any = None
        failure: BaseException | None = None
        try:
            answer = await self._call(instance, hook, arguments)
            return answer
        except BaseException as error:
            failure = error
            raise
        finally:
            seconds = time.perf_counter() - began
            _observe(self._observer, HookCall(instance, hook, seconds, arguments, answer, failure))

    async def _call(self, instance: str, hook: str, arguments: Mapping[str, Any]) -> Any:
        implementation = self._implementations[instance, hook]
        wanted = [arguments[name] for name in implementation.argnames]
        limit = self._limits.get(instance, TIME_LIMITS[hook])
        scope = asyncio.timeout(limit)
        try:
            async with scope:
                return await invoked(implementation.function, wanted, f"{instance}.{hook}")
        except TimeoutError as error:
            if scope.expired():
                in_its_thread = not inspect.iscoroutinefunction(implementation.function)
                raise HookTimedOut(instance, hook, limit, still_running=in_its_thread) from error
            raise

    async def veto(self, instances: tuple[str, ...], content: Content, job: Job) -> Verdict | None:
        """Ask each instance in order until one holds or rejects.

        Raises `HookFailed` when one cannot answer: the caller must hold the job.
        """
        for instance in instances:
            answer = await self._guarded(instance, "pre_moderate", content=content, job=job)
            verdict = _checked(answer, Verdict, instance, "pre_moderate")
            if verdict is not None and verdict.decision != "allow":
                return verdict.replace(plugin=instance)
        return None

    async def transform(self, instance: str, prompt: Prompt, job: Job) -> Prompt | None:
        """One step of the fold over `prompt_transform`. Raises `HookFailed`."""
        answer = await self._guarded(instance, "prompt_transform", prompt=prompt, job=job)
        return _checked(answer, Prompt, instance, "prompt_transform")

    async def finish(self, instance: str, clip: Clip, job: Job) -> Clip | None:
        """One step of the fold over `post_download`. Raises `HookFailed`."""
        answer = await self._guarded(instance, "post_download", clip=clip, job=job)
        return _checked(answer, Clip, instance, "post_download")

    async def _guarded(self, instance: str, hook: str, **arguments: Any) -> Any:
        try:
            return await self.call(instance, hook, **arguments)
        except HookFailed:
            raise
        except Exception as error:
            raise HookFailed(instance, hook, with_advice(error)) from error


def _observe(observer: Observer, call: HookCall) -> None:
    try:
        observer(call)
    except Exception:
        log.exception("what watches the hooks failed at %s.%s", call.instance, call.hook)


def _checked(answer: Any, model: type[M], instance: str, hook: str) -> M | None:
    if answer is None:
        return None
    if not isinstance(answer, model):
        got = type(answer).__name__
        raise HookFailed(instance, hook, f"returned {got}; it must return {model.__name__} or None")
    try:
        # A value built around validation (model_construct, model_copy) must not travel further, nor one inside.
        return received(model.model_validate(answer.model_dump(warnings=False)))
    except Unfit as unfit:
        raise HookFailed(instance, hook, f"returned a {model.__name__} that is not valid: {unfit}") from None
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        problem = f"returned a {model.__name__} that is not valid: {field}: {first['msg']}"
        raise HookFailed(instance, hook, problem) from invalid


__all__ = ["TIME_LIMITS", "Dispatcher", "HookCall", "Observer", "describe", "in_a_line", "with_advice"]
