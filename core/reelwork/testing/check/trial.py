"""Each hook once, on sample values, as the engine would call it."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reelwork.errors import HookFailed, HookTimedOut, in_a_line
from reelwork.plugins.context import PluginContext
from reelwork.plugins.definition import Definition
from reelwork.plugins.guard import Callee
from reelwork.plugins.instances import Instance, start
from reelwork.testing import Publication, call_hook_async, sample_clip
from reelwork.testing.check.findings import Finding, error, note, warning
from reelwork.testing.check.settings import required_settings
from reelwork.testing.samples import shown_clip
from reelwork_hooks.errors import InvalidInput, PluginInvalid, ReelworkError, SecretNotFound, Unavailable
from reelwork_hooks.models import Problem, Stage, Verdict
from reelwork_hooks.plugin import Phase

COMPANIONS = ("prepare_publish", "find_post", "follow_post")
"""Called on the way of `publish`, never by themselves."""
LONGEST_BLOCK = 1.0
"""Seconds for which an `async def` may block the event loop before it is reported."""
TICK = 0.05


@dataclass(frozen=True)
class Trial:
    """A trial of a plugin's hooks."""

    settings: Mapping[str, Any]
    context: PluginContext
    time_limit: float
    """Seconds for each hook."""
    call: bool = False
    """True to call hooks that reach out, too: those that post, store or pay."""

    def findings(self, definition: Definition) -> Iterator[Finding]:
        """Call each hook, and yield the findings."""
        if not definition.hooks:
            return
        if missing := [name for name in required_settings(definition.config_model) if name not in self.settings]:
            given = " ".join(f"--set {name}=…" for name in missing)
            yield note("hooks", f"were not called: {', '.join(missing)} must be given.", f"Give them: {given}")
            return
        for hook in definition.hooks:
            if hook in COMPANIONS:
                continue
            held_back = "" if self.call else _reaches_out(definition, hook)
            if held_back:
                yield note(hook, f"was not called, since {held_back}.", "Call it all the same with --call.")
            else:
                asked = self._declared(definition) if hook == "pre_moderate" else None
                yield self._try(definition, hook, asked)
                if asked is not None and Stage.CLIP in asked.moderates[1:]:
                    yield self._try(definition, hook, asked, content=shown_clip(sample_clip(), asked.clip_frames))

    def _declared(self, definition: Definition) -> Instance | None:
        """Return what the plugin declares with these settings; None if no instance can be made."""
        callee = Callee("plugin", definition.name, definition.origin)
        try:
            config = definition.config_model.model_validate(dict(self.settings))
            return start(callee, definition.target, config, self.context)
        # Told by the call of the hook.
        except (ReelworkError, ValueError):
            return None

    def _try(self, definition: Definition, hook: str, asked: Instance | None, **given: Any) -> Finding:
        is_async = inspect.iscoroutinefunction(getattr(definition.target, hook))
        try:
            answer, blocked = asyncio.run(self._watched(definition, hook, given))
        except HookTimedOut as problem:
            advice = "" if is_async else "A `def` runs on in its thread; an `async def` that awaits is ended. "
            return error(hook, f"{_after(problem)}.", f"{advice}Where it needs longer: --time-limit.")
        except HookFailed as problem:
            # What the plugin itself raised tells its author more than what the engine makes of it.
            return _raised(hook, problem.__cause__ or problem)
        except Exception as problem:
            return _raised(hook, problem)
        if is_async and blocked > LONGEST_BLOCK:
            return error(
                hook,
                f"blocked for {blocked:.1f} s within `async def`, which no time limit ends: all jobs stand still.",
                "Write `def`, which runs in a thread, or put what blocks into asyncio.to_thread.",
            )
        if asked is None:
            return _answered(hook, answer)
        stage = given["content"].stage if given else asked.moderates[0]
        return _answered(hook, answer, f" at the stage {stage}")

    async def _watched(self, definition: Definition, hook: str, given: Mapping[str, Any]) -> tuple[Any, float]:
        """Return the hook's answer, and the longest time in seconds for which it blocked everything else."""
        longest = 0.0

        async def tick() -> None:
            nonlocal longest
            while True:
                before = time.monotonic()
                await asyncio.sleep(TICK)
                longest = max(longest, time.monotonic() - before - TICK)

        ticking = asyncio.create_task(tick())
        # Lets the ticking begin before the hook does.
        await asyncio.sleep(0)
        try:
            answer = await call_hook_async(
                definition.target,
                hook,
                settings=self.settings,
                context=self.context,
                time_limit=self.time_limit,
                **given,
            )
            # The tick that was due while the hook blocked comes now, and measures it.
            await asyncio.sleep(TICK * 2)
        finally:
            ticking.cancel()
        return answer, longest


def _reaches_out(definition: Definition, hook: str) -> str:
    """Return the consequence that calling a hook could have; empty if it has none."""
    if hook == "publish":
        return "it would post"
    if hook == "job_event":
        return "it may send a message"
    if getattr(definition.target, "costs", False):
        return "it costs money"
    if hook == "post_download" and getattr(definition.target, "phase", None) is Phase.STORE:
        return "it would store a file"
    return ""


def _after(problem: HookFailed) -> str:
    return problem.message.partition(f"hook {problem.hook}: ")[2] or problem.message


def _raised(hook: str, problem: BaseException) -> Finding:
    text = in_a_line(problem)
    if isinstance(problem, SecretNotFound):
        return note(hook, f"was called and needs a secret: {text}")
    if isinstance(problem, PluginInvalid):
        return error(hook, text, problem.hint)
    if isinstance(problem, HookFailed):
        return error(hook, f"on sample values, {_after(problem)}.")
    if isinstance(problem, Unavailable | InvalidInput):
        return warning(hook, f"on sample values, raised {type(problem).__name__}: {text}", _unexplained(problem))
    if isinstance(problem, ReelworkError):
        return error(hook, f"on sample values, raised {type(problem).__name__}: {text}", _unexplained(problem))
    return error(
        hook,
        f"on sample values, raised {text}",
        "Raise an error of reelwork_hooks, which says what happened, what it means and what to do.",
    )


def _unexplained(problem: ReelworkError) -> str:
    return "" if problem.hint else "The error has no hint=: say what to do next."


def _answered(hook: str, answer: Any, where: str = "") -> Finding:
    if isinstance(answer, Publication):
        return _published(answer)
    if isinstance(answer, Verdict):
        text = f"answered {answer.decision}{where} to a lighthouse at dawn: {answer.reason or 'no reason given'}"
        return note(hook, text) if answer.reason else warning(hook, text, "Give a reason: a person reads it.")
    if hook == "check_brief":
        return _checked(answer)
    words = {"pre_moderate": "let it pass", "job_event": "went well"}
    return note(hook, f"was called{where}: {words.get(hook) or ('no change' if answer is None else 'changed it')}.")


def _checked(problems: tuple[Problem, ...]) -> Finding:
    if not problems:
        return note("check_brief", "was called and found no problem.")
    told = f"found a problem in a lighthouse at dawn: {problems[0].message}"
    if all(problem.hint for problem in problems):
        return note("check_brief", told)
    return warning("check_brief", told, "The problem has no hint=: say what to do about it.")


def _published(answer: Publication) -> Finding:
    if answer.state == "published":
        assert answer.receipt is not None
        place = answer.receipt.url or f"id {answer.receipt.id}"
        return note("publish", f"was called and posted a sample: {place}", "Remove the sample there.")
    return warning("publish", f"was called; its post would be {answer.state}: {answer.reason}")
