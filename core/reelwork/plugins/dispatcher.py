"""Calling hooks. pluggy has declared and validated them; how they are called is decided here.

Each hook has one verb: `check_brief` collects, `pre_moderate` stops at the first veto, `prompt_transform` and
`post_download` fold, `publish` and its companions are called on one named instance.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import pluggy

from reelwork.errors import HookFailed, with_advice
from reelwork.plugins.answers import hook_answer
from reelwork.plugins.guard import Callee, at_once, called
from reelwork.plugins.observing import Observer, observed
from reelwork.plugins.taking_part import note_call, note_score
from reelwork.plugins.time_limits import HOOK_TIME_LIMITS
from reelwork_hooks.errors import InvalidInput, NotSent, ReelworkError
from reelwork_hooks.models import Clip, Content, Job, Pending, Post, Problem, Prompt, Verdict

log = logging.getLogger("reelwork.dispatch")

SignIn = Callable[[], Awaitable[object]]
"""Makes sure that an account's token is valid for a while. Raises `Unavailable` or `InvalidInput`."""
NOTHING_POSTED = "Nothing was posted by this attempt."


@dataclass(frozen=True, slots=True)
class _Hook:
    """One instance's implementation of a hook, and what is needed to call it."""

    callee: Callee
    name: str
    function: Callable[..., Any]
    wanted: tuple[str, ...]
    """The arguments it asks for."""
    limit: float
    """Seconds."""
    is_async: bool

    @property
    def computes(self) -> bool:
        """True when it only computes, for a moment."""
        return not self.is_async and getattr(getattr(self.function, "__self__", None), "computes", False) is True

    async def answer(self, arguments: Mapping[str, Any]) -> Any:
        """Call it, and return what it returned."""
        return self.compute(arguments) if self.computes else await self.call(arguments)

    def compute(self, arguments: Mapping[str, Any]) -> Any:
        """Call what only computes under its guard, here and now."""
        given = [arguments[name] for name in self.wanted]
        return at_once(self.callee, self.name, lambda: self.function(*given), seconds=self.limit)

    def call(self, arguments: Mapping[str, Any]) -> Awaitable[Any]:
        """Call it under its guard."""
        given = [arguments[name] for name in self.wanted]
        return called(self.callee, self.name, self.function, given, self.limit, is_async=self.is_async)


class Dispatcher:
    """Calls the hooks of a workflow's plugin instances, each with its time limit."""

    def __init__(
        self,
        manager: pluggy.PluginManager,
        limits: dict[str, float],
        observer: Observer | None = None,
        origins: Mapping[str, str] | None = None,
        sign_in: Mapping[str, SignIn] | None = None,
        accounts: Mapping[str, str] | None = None,
    ) -> None:
        """`sign_in` is awaited before each hook, but for pure checks, of an instance whose token may end.

        `accounts` has the account of each instance that signs in.
        """
        self._sign_in = sign_in or {}
        self._accounts = accounts or {}
        self._origins = origins or {}
        """The distribution of each instance's plugin."""
        self._hooks = {
            (implementation.plugin_name, hook): self._hook(implementation, hook, limits)
            for hook in HOOK_TIME_LIMITS
            for implementation in getattr(manager.hook, hook).get_hookimpls()
        }
        self._observer = observer

    def has(self, instance: str, hook: str) -> bool:
        """Return whether an instance implements a hook."""
        return (instance, hook) in self._hooks

    async def call(self, instance: str, hook: str, **arguments: Any) -> Any:
        """Call one instance's hook, and check its answer.

        Errors of the contract pass through; whatever else it raises or answers raises `HookFailed`, over time
        `HookTimedOut`.
        """
        found = self._hooks[instance, hook]
        note_call(instance)
        # A plan is made without the network, and before there is an account.
        if instance in self._sign_in and hook != "check_brief":
            await self._signed_in(instance, hook)
        begin = partial(found.answer, arguments)
        if self._observer is None:
            return hook_answer(found.callee, hook, await begin())
        return hook_answer(found.callee, hook, await observed(self._observer, instance, hook, arguments, begin))

    async def _signed_in(self, instance: str, hook: str) -> None:
        """Refresh the token that the instance is about to read, if it ends soon."""
        try:
            await self._sign_in[instance]()
        except ReelworkError as error:
            # An observer may go on without; and in `publish`, nothing of this attempt has left yet.
            if hook == "job_event":
                log.warning("%s: %s", instance, error.message)
            elif hook == "publish":
                wait = getattr(error, "retry_after", None)
                # Waiting does not bring back a sign-in that has ended.
                ended = isinstance(error, InvalidInput)
                raise NotSent(
                    error.message, retry_after=wait, lasting=ended, money=NOTHING_POSTED, hint=error.hint
                ) from error
            else:
                raise

    def _hook(self, implementation: pluggy.HookImpl, hook: str, limits: Mapping[str, float]) -> _Hook:
        name, function = implementation.plugin_name, implementation.function
        return _Hook(
            self._callee(name),
            hook,
            function,
            implementation.argnames,
            limits.get(name, HOOK_TIME_LIMITS[hook]),
            inspect.iscoroutinefunction(function),
        )

    def _callee(self, instance: str) -> Callee:
        return Callee("plugin", instance, self._origins.get(instance, ""), self._accounts.get(instance, ""))

    def wants(self, instance: str, hook: str, argument: str) -> bool:
        """Return whether an instance's hook asks for an argument."""
        return argument in self._hooks[instance, hook].wanted

    async def problems(self, instance: str, job: Job, post: Post | None = None) -> tuple[Problem, ...]:
        """Return what an instance finds wrong with a job's brief, and with its post there. Raises `HookFailed`."""
        answer = await self._guarded(instance, "check_brief", brief=job.brief, job=job, post=post)
        return cast("tuple[Problem, ...]", answer)

    async def veto(self, instances: tuple[str, ...], content: Content, job: Job) -> Verdict | None:
        """Ask each instance in order until one holds or rejects.

        Raises `HookFailed` when one cannot answer: the caller must hold the job.
        """
        for instance in instances:
            answer = await self._guarded(instance, "pre_moderate", content=content, job=job)
            verdict = cast("Verdict | None", answer)
            if verdict is None:
                continue
            # Also of what it stops: a person may let that pass.
            if given := [*verdict.scores.values(), *([] if verdict.score is None else [verdict.score])]:
                note_score(instance, max(given))
            if verdict.decision != "allow":
                return verdict.replace(plugin=instance)
        return None

    async def transform(self, instance: str, prompt: Prompt, job: Job) -> Prompt | None:
        """Run one step of the fold over `prompt_transform`. Raises `HookFailed`."""
        answer = await self._guarded(instance, "prompt_transform", prompt=prompt, job=job)
        return cast("Prompt | None", answer)

    async def known(self, instance: str, target: Any, prompt: Prompt, job: Job) -> Prompt | None:
        """Return what a plugin that costs money has made of a prompt before; None if nothing is known of it.

        Raises `HookFailed`.
        """
        function = getattr(target, "known_prompt", None)
        # A plugin of the first contract may have anything of this name.
        if not inspect.iscoroutinefunction(function):
            return None
        callee, limit = self._callee(instance), HOOK_TIME_LIMITS["prompt_transform"]
        try:
            answer = await called(callee, "known_prompt", function, [prompt, job], limit, is_async=True)
            return cast("Prompt | None", hook_answer(callee, "prompt_transform", answer))
        except HookFailed:
            raise
        except Exception as error:
            raise callee.failed("known_prompt", with_advice(error)) from error

    async def finish(self, instance: str, clip: Clip, job: Job) -> Clip | Pending | None:
        """Run one step of the fold over `post_download`. Raises `HookFailed`."""
        answer = await self._guarded(instance, "post_download", clip=clip, job=job)
        return cast("Clip | Pending | None", answer)

    async def _guarded(self, instance: str, hook: str, **arguments: Any) -> Any:
        try:
            return await self.call(instance, hook, **arguments)
        except HookFailed:
            raise
        # In these hooks an error of the contract is no answer: a `NotSent` of moderation says nothing about a post.
        except Exception as error:
            raise self._callee(instance).failed(hook, with_advice(error)) from error
