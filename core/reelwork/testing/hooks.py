"""Runs one hook as the engine does: its threads, time limits and checks, and the ledger for `publish`."""

from __future__ import annotations

import asyncio
import inspect
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from reelwork.engine.stages.clip_files import spoilt
from reelwork.engine.stages.finish import finished
from reelwork.errors import HookFailed, NotFound
from reelwork.planning.planned_video import own_words, planned_clip
from reelwork.planning.post_copy import copy_for
from reelwork.plugins.account_kinds import Kind
from reelwork.plugins.catalog import new_manager
from reelwork.plugins.definition import Definition, define
from reelwork.plugins.dispatcher import Dispatcher, SignIn
from reelwork.plugins.guard import Callee, developing, loading
from reelwork.plugins.instances import HINT, stages
from reelwork.plugins.observing import Observer
from reelwork.plugins.pipeline import fresh
from reelwork.settings.validation import explain
from reelwork.studio.session import probe_facts
from reelwork.studio.sync import in_a_loop
from reelwork.testing import samples
from reelwork.testing.clips import passing_folder
from reelwork.testing.contexts import SampleContext
from reelwork.testing.ledger_trial import carry_out
from reelwork_hooks.accounts import Credentials
from reelwork_hooks.errors import InvalidInput
from reelwork_hooks.models import Clip, Content, Job, Pending, Post, Stage
from reelwork_hooks.plugin import Context, Phase, Plugin

SAMPLES: Mapping[str, Callable[[], Any]] = {
    "brief": samples.sample_brief,
    "content": samples.sample_content,
    "job": samples.sample_job,
    "prompt": samples.sample_prompt,
    "clip": samples.sample_clip,
    "post": samples.sample_post,
    "effect": samples.sample_effect,
    "event": samples.sample_event,
    "receipt": samples.sample_receipt,
}
"""The value of each argument of a hook when a test gives none."""


def call_hook(
    plugin: Any,
    hook: str,
    /,
    *,
    settings: Mapping[str, Any] | None = None,
    context: Context | None = None,
    accounts: Mapping[str, Credentials] | None = None,
    time_limit: float | None = None,
    observer: Observer | None = None,
    **values: Any,
) -> Any:
    """Run one hook of a plugin as the engine does, and return what the engine would use.

    `plugin` is an instance, or a class, which is then made with these `settings`, checked as a workflow's are, and
    this `context`. `accounts` are stored under their names before; the token of the plugin's account is refreshed
    when it is due, as before each hook of a job. `values` are the hook's arguments; samples stand for those that
    are left out. `time_limit` is in seconds, the engine's own when left out.

    - `check_brief`: the problems, as a tuple. The job has the `brief` that is given.
    - `pre_moderate`: the veto, with the plugin's name in it, or None when the content may pass.
    - `prompt_transform`, `post_download`: the changed value, or None. A changed video is checked as in a job.
    - `publish`: a `Publication`. The post goes through the real ledger on a store of its own, `prepare_publish`,
      `find_post` and `follow_post` included; waits are not waited for.
    - `prepare_publish`, `find_post`, `follow_post`, `job_event`: what the hook returned, checked.

    Raises `PluginInvalid` for what is refused when a plugin is loaded, `InvalidInput` for settings and arguments
    that do not fit, and `HookFailed` for what stops a job: a `TimeoutError` as well if it ran over its time. What
    the companions of `publish` raise passes through.
    """
    return _blocking(
        lambda: call_hook_async(
            plugin,
            hook,
            settings=settings,
            context=context,
            accounts=accounts,
            time_limit=time_limit,
            observer=observer,
            **values,
        )
    )


async def call_hook_async(
    plugin: Any,
    hook: str,
    /,
    *,
    settings: Mapping[str, Any] | None = None,
    context: Context | None = None,
    accounts: Mapping[str, Credentials] | None = None,
    time_limit: float | None = None,
    observer: Observer | None = None,
    **values: Any,
) -> Any:
    """Run one hook as `call_hook` does, for tests that run in an event loop of their own."""
    # A store for each call: the effects of one test must not settle those of another.
    with tempfile.TemporaryDirectory(prefix="reelwork-hook-") as name:
        folder = Path(name)
        definition = _definition(plugin)
        if hook not in definition.hooks:
            raise NotFound("hook", hook, definition.hooks, hint=_has(definition))
        used = _context(definition, plugin, settings, context, accounts)
        instance = _instance(definition, plugin, settings, used)
        known = getattr(getattr(instance, "context", None), "name", "sample")
        # In this context only: authors get warnings that users are spared.
        developing()
        manager = new_manager()
        manager.register(instance, name=known)
        limits = {} if time_limit is None else {known: time_limit}
        dispatcher = Dispatcher(manager, limits, observer, sign_in=_signs_in(definition, instance, used, known))
        arguments = _arguments(hook, values, known, instance)
        return await _run(definition, instance, known, dispatcher, hook, arguments, folder)


def _definition(plugin: Any) -> Definition:
    target = plugin if inspect.isclass(plugin) or isinstance(plugin, ModuleType) else type(plugin)
    return define(target.__name__, target, f"{target.__module__}, in a test")


def _has(definition: Definition) -> str:
    return f"{definition.name} implements: {', '.join(definition.hooks) or 'no hook of a job'}."


def _context(
    definition: Definition,
    plugin: Any,
    settings: Mapping[str, Any] | None,
    context: Context | None,
    accounts: Mapping[str, Credentials] | None,
) -> Context | None:
    """Return the instance's context, with these accounts in it."""
    if not inspect.isclass(plugin):
        if settings is not None or context is not None or accounts is not None:
            raise InvalidInput("call_hook was given an instance, which has its settings and context already.")
        return getattr(plugin, "context", None)
    used = context or SampleContext(passing_folder())
    if isinstance(used, SampleContext):
        used.keep(accounts or {}, definition)
    elif accounts is not None:
        raise InvalidInput("accounts are stored in a SampleContext: give that as `context`, or none.")
    return used


def _signs_in(definition: Definition, instance: Any, context: Context | None, name: str) -> dict[str, SignIn]:
    """Return what refreshes the token of the instance's account before each hook."""
    account = getattr(instance, "account_name", None)
    # A plugin that is tested without its account reads none: in a job, the plan would have asked for it.
    if not (isinstance(context, SampleContext) and isinstance(account, str) and context.has_account(account)):
        return {}
    context.refreshes_with(definition)
    return {name: partial(fresh, context, account)} if Kind(definition).refreshes else {}


def _instance(
    definition: Definition, plugin: Any, settings: Mapping[str, Any] | None, context: Context | None
) -> Any:
    made: Any = plugin
    if not inspect.isclass(plugin):
        return plugin
    model = definition.config_model
    try:
        config = model.model_validate(dict(settings or {}))
    except ValidationError as error:
        raise explain(error, model, f"the settings of {definition.name}") from error
    callee = Callee("plugin", definition.name)
    return loading(callee, "could not be started", lambda: made(config, context), hint=HINT)


def _arguments(hook: str, values: Mapping[str, Any], instance: str, target: Any) -> dict[str, Any]:
    from reelwork_hooks import specs

    passed = inspect.signature(getattr(specs, hook)).parameters
    for name in values:
        if name not in passed:
            raise NotFound("argument", name, passed, hint=f"{hook} passes: {', '.join(passed)}.")
    if hook == "publish" and "effect" in values:
        raise InvalidInput("publish gets its effect from the ledger; give post and job.")
    if hook == "pre_moderate" and "content" not in values:
        values = {**values, "content": _first_content(target)}
    if hook == "pre_moderate":
        _check_stage(target, values["content"])
    made = {name: values[name] if name in values else SAMPLES[name]() for name in passed}
    if hook == "check_brief":
        # As in a launch, where the brief is the job's own and nothing of it has been made.
        given = {} if "brief" not in values else {"brief": made["brief"]}
        changes = {**given, "prompt": None, "render": None} if "job" not in values else given
        made["job"] = made["job"].replace(**changes)
        if "post" not in values:
            made["post"] = _asked_for(made["job"], instance) if hasattr(target, "publish") else None
    elif "post" in made and "post" not in values:
        # The ledger finds the instance by the destination's name.
        made["post"] = made["post"].replace(destination=instance)
    return made


def _asked_for(job: Job, destination: str) -> Post:
    """Return the post of a job whose video is not made, as a publisher sees it in a plan."""
    copy = copy_for(job.brief, own_words(job.brief), destination)
    clip = planned_clip(job.spec, job.target)
    return Post(destination=destination, clip=clip, platform=job.platform, **dict(copy))


def _check_stage(instance: Any, content: Content) -> None:
    """Refuse content of a stage at which the engine does not ask the plugin. Raises `InvalidInput`."""
    asked_at = stages(getattr(instance, "moderates", Plugin.moderates))
    if content.stage not in asked_at:
        raise InvalidInput(
            f"{type(instance).__name__} is never asked at the stage {content.stage}: its `moderates` names "
            f"{', '.join(asked_at)}.",
            hint=f"Add Stage.{Stage(content.stage).name} to `moderates`, or give content of another stage.",
        )


def _first_content(instance: Any) -> Content:
    """Return a sample of the content that a moderation plugin is asked about first."""
    first = stages(getattr(instance, "moderates", Plugin.moderates))[0]
    if first is not Stage.CLIP:
        return samples.sample_content(stage=first)
    return samples.shown_clip(samples.sample_clip(), getattr(instance, "clip_frames", Plugin.clip_frames))


async def _run(
    definition: Definition,
    instance: Any,
    name: str,
    dispatcher: Dispatcher,
    hook: str,
    arguments: dict[str, Any],
    folder: Path,
) -> Any:
    match hook:
        case "check_brief":
            return await dispatcher.problems(name, arguments["job"], arguments["post"])
        case "pre_moderate":
            return await dispatcher.veto((name,), **arguments)
        case "prompt_transform":
            return await dispatcher.transform(name, **arguments)
        case "post_download":
            return await _finished(dispatcher, instance, name, **arguments)
        case "publish":
            post = arguments["post"].replace(destination=name)
            return await carry_out(definition, instance, dispatcher, post, arguments["job"], folder)
    return await dispatcher.call(name, hook, **arguments)


async def _finished(
    dispatcher: Dispatcher, instance: Any, name: str, clip: Clip, job: Job
) -> Clip | Pending | None:
    phase = getattr(instance, "phase", Phase.EDIT)
    changed = await finished(dispatcher, name, phase, clip, job, probe_facts)
    # As the engine checks a job's files. Tests share the sample video, so a change would reach the others.
    if problem := spoilt(clip):
        advice = "write a new file instead of changing one"
        raise HookFailed(name, "post_download", f"left a file that is not what it was: {problem}; {advice}")
    return changed


def _blocking(work: Callable[[], Any]) -> Any:
    if in_a_loop():
        # `asyncio.run` refuses, too, but leaves a coroutine that was never awaited, and no advice.
        raise RuntimeError("call_hook was called within an event loop; use: await call_hook_async(…)")
    return asyncio.run(work())
