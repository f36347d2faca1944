"""Checks a plugin against the contract when it is loaded. What pluggy passes over in silence is refused here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from reelwork.errors import NotFound, PluginFailed
from reelwork.plugins.brief_options import as_model
from reelwork.plugins.guard import Callee, at_once
from reelwork.plugins.hook_versions import came_later, unknown_argument
from reelwork_hooks import specs
from reelwork_hooks.effects import Idempotency
from reelwork_hooks.errors import PluginInvalid
from reelwork_hooks.models import Platform, PostCopy
from reelwork_hooks.plugin import Config, Phase
from reelwork_hooks.provider import Provider, ProviderConfig
from reelwork_hooks.webhooks import WebhookConfig, WebhookScheme

LIFECYCLE = ("pre_moderate", "prompt_transform", "post_download", "publish")
INSTANCE_HOOKS = ("check_brief", *LIFECYCLE, "prepare_publish", "find_post", "follow_post", "job_event")
REGISTRATION_HOOKS = ("register_providers", "register_platforms", "register_webhooks")
HOOKS = (*INSTANCE_HOOKS, *REGISTRATION_HOOKS)
MARK = f"{specs.PROJECT}_impl"
WRITE_HOOKIMPL = "Write @hookimpl above it: `from reelwork_hooks import hookimpl`."


@dataclass(frozen=True)
class Definition:
    """A plugin as found: its name, origin, hooks, providers and platforms."""

    name: str
    target: Any
    origin: str
    """The distribution and version, or the file."""
    hooks: tuple[str, ...] = ()
    providers: Mapping[str, type[Provider]] = field(default_factory=dict)
    platforms: tuple[Platform, ...] = ()
    webhooks: Mapping[str, type[WebhookScheme]] = field(default_factory=dict)
    """Its schemes of webhooks, by name."""

    @property
    def config_model(self) -> type[Config]:
        """The model of its settings."""
        return getattr(self.target, "Config", Config)

    @property
    def post_options(self) -> type[Config] | None:
        """The model of the options that a post may have at it."""
        return as_model(getattr(self.target, "PostOptions", None))

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (inspect.getdoc(self.target) or "").partition("\n")[0]


@dataclass(frozen=True)
class _Marked:
    """A function marked with `@hookimpl`, and the hook it is meant for."""

    hook: str
    attribute: str
    static: Any
    """As it stands in the class: a function, `staticmethod` or `classmethod`."""
    options: Mapping[str, Any]

    @property
    def function(self) -> Callable[..., Any]:
        """The function that is called, without its `staticmethod` or `classmethod`."""
        function: Callable[..., Any] = getattr(self.static, "__func__", self.static)
        return function


def define(name: str, target: Any, origin: str) -> Definition:
    """Check a plugin class or module against the contract. Raises `PluginInvalid`."""
    where = f"The plugin {name!r} ({origin})"
    if not inspect.isclass(target) and not isinstance(target, ModuleType):
        raise PluginInvalid(f"{where} is a {type(target).__name__}; an entry point must name a class or module.")
    marked = _marked_by_hook(where, target)
    _check_unmarked(where, target, marked)
    for implementation in marked.values():
        _check_signature(where, implementation, is_class=inspect.isclass(target))
    _check_attributes(where, target, marked)
    return Definition(
        name,
        target,
        origin,
        hooks=tuple(hook for hook in INSTANCE_HOOKS if hook in marked),
        providers=_providers(where, target, marked.get("register_providers")),
        platforms=_platforms(where, target, marked.get("register_platforms")),
        webhooks=_webhooks(where, target, marked.get("register_webhooks")),
    )


def has_hooks(target: Any) -> bool:
    """Return whether anything in a class or module is marked with `@hookimpl`."""
    return next(_marked(target), None) is not None


def _marked(target: Any) -> Iterator[_Marked]:
    for attribute in dir(target):
        # `getattr` would run descriptors, which are the plugin's code.
        static = inspect.getattr_static(target, attribute, None)
        function = getattr(static, "__func__", static)
        # `@hookimpl` above `@staticmethod` marks the wrapper only, which older versions of pluggy overlook.
        options = getattr(static, MARK, None) or getattr(function, MARK, None)
        if isinstance(options, dict):
            setattr(function, MARK, options)
            yield _Marked(options.get("specname") or attribute, attribute, static, options)


def _marked_by_hook(where: str, target: Any) -> dict[str, _Marked]:
    found: dict[str, _Marked] = {}
    for implementation in _marked(target):
        hook = implementation.hook
        _check_mark(where, implementation)
        if hook in found:
            both = f"{found[hook].attribute} and {implementation.attribute}"
            raise PluginInvalid(f"{where} implements {hook} twice: {both}.", hint="Leave one of them.")
        found[hook] = implementation
    return found


def _check_mark(where: str, implementation: _Marked) -> None:
    hook, options = implementation.hook, implementation.options
    if hook not in HOOKS:
        problem = NotFound("hook", hook, HOOKS)
        raise PluginInvalid(f"{where}: {problem.message}", hint=problem.hint)
    # The dispatcher calls one hook at a time, in the workflow's order. What pluggy would do with these marks in its
    # own multicall has no effect there.
    if options.get("wrapper") or options.get("hookwrapper"):
        raise PluginInvalid(
            f"{where} marks {hook} as a wrapper; Reelwork has none.",
            hint="Write a plain hook and put it first or last in the workflow's list.",
        )
    if options.get("tryfirst") or options.get("trylast"):
        raise PluginInvalid(
            f"{where} marks {hook} with tryfirst or trylast, which has no effect here.",
            hint="The order of plugins stands in the workflow's lists.",
        )


def _check_unmarked(where: str, target: Any, marked: Mapping[str, _Marked]) -> None:
    used = {implementation.attribute for implementation in marked.values()}
    for attribute in dir(target):
        if attribute in used or attribute.startswith("_"):
            continue
        static = inspect.getattr_static(target, attribute, None)
        function = getattr(static, "__func__", static)
        if not inspect.isroutine(function):
            continue
        if attribute in HOOKS:
            # A method that was written before there was a hook of its name is no mistake. `plugins check` asks.
            if attribute not in marked and not came_later(attribute):
                message = f"{where} defines {attribute} without @hookimpl, so it would never be called."
                raise PluginInvalid(message, hint=WRITE_HOOKIMPL)
        elif meant := _intended_hook(attribute, function):
            raise PluginInvalid(
                f"{where} defines {attribute}, which is no hook and would never be called.",
                hint=f"Did you mean {meant!r}? {WRITE_HOOKIMPL} If it is no hook, begin its name with `_`.",
            )
    if not marked:
        raise PluginInvalid(f"{where} holds no hook: nothing in it is marked.", hint=WRITE_HOOKIMPL)


def _intended_hook(attribute: str, function: Callable[..., Any]) -> str:
    """Return the hook that a function was meant to be, by its name and arguments; empty if none."""
    known = [hook for hook in HOOKS if not came_later(hook)]
    near = get_close_matches(attribute, known, n=1, cutoff=0.85)
    if not near:
        return ""
    names = [name for name in _parameters(function) if name not in ("self", "cls")]
    passed = _passed(near[0])
    return near[0] if set(names) <= set(passed) and len(names) >= min(2, len(passed)) else ""


def _passed(hook: str) -> list[str]:
    return list(inspect.signature(getattr(specs, hook)).parameters)


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}


def _check_signature(where: str, implementation: _Marked, *, is_class: bool) -> None:
    hook, function = implementation.hook, implementation.function
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise PluginInvalid(f"{where}: {hook} contains `yield`.", hint="Return its answer instead.")
    passed = _passed(hook)
    written = f"{hook}({', '.join(passed)})"
    parameters = list(_parameters(function).values())
    if is_class and not isinstance(implementation.static, staticmethod):
        if not parameters or parameters[0].name in passed:
            raise PluginInvalid(
                f"{where}: {hook} lacks `self` as its first argument.",
                hint=f"Write: def {hook}({', '.join(['self', *passed])})",
            )
        parameters = parameters[1:]
    for parameter in parameters:
        _check_parameter(where, hook, parameter, passed, written)


def _check_parameter(
    where: str, hook: str, parameter: inspect.Parameter, passed: Sequence[str], written: str
) -> None:
    # `pluggy.varnames` leaves out `*args`, `**kwargs` and keyword-only arguments: they are never passed.
    if parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
        raise PluginInvalid(
            f"{where}: {hook} has {_stripped(parameter)}, which is never passed.",
            hint=f"Take plain arguments out of: {written}.",
        )
    # pluggy passes only arguments without a default.
    if parameter.default is not inspect.Parameter.empty:
        raise PluginInvalid(
            f"{where}: {hook} gives {parameter.name} a default, and would always get that default.",
            hint=f"Leave out the default: {written}.",
        )
    if parameter.name not in passed:
        raise PluginInvalid(
            f"{where}: {hook} {unknown_argument(hook, parameter.name)}.",
            hint=f"It passes: {written}. If the plugin needs more, upgrade: pip install -U reelwork.",
        )


def _stripped(parameter: inspect.Parameter) -> str:
    plain = parameter.replace(annotation=inspect.Parameter.empty)
    after_star = " after *" if parameter.kind is inspect.Parameter.KEYWORD_ONLY else ""
    before_slash = " before /" if parameter.kind is inspect.Parameter.POSITIONAL_ONLY else ""
    return f"{plain}{after_star}{before_slash}"


def _check_attributes(where: str, target: Any, marked: Mapping[str, _Marked]) -> None:
    stray = [hook for hook in marked if hook in INSTANCE_HOOKS]
    if not stray:
        return
    if isinstance(target, ModuleType):
        raise PluginInvalid(
            f"{where} implements {stray[0]} as a function of a module.",
            hint="Put it into a class with a constructor __init__(self, config, context).",
        )
    _check_config(where, getattr(target, "Config", Config), Config)
    _check_post_options(where, getattr(target, "PostOptions", None))
    for name, kind in (("phase", Phase), ("idempotency", Idempotency)):
        value = getattr(target, name, None)
        if value is not None and not isinstance(value, kind):
            known = ", ".join(f"{kind.__name__}.{member.name}" for member in kind)
            raise PluginInvalid(f"{where}: {name} = {value!r} is not possible.", hint=f"Give one of: {known}.")


def _check_post_options(where: str, model: Any) -> None:
    """Refuse options that every post has anyway: their key would mean two things in a workflow."""
    taken = sorted({*PostCopy.model_fields} & {*getattr(model, "model_fields", ())})
    if inspect.isclass(model) and issubclass(model, Config) and taken:
        raise PluginInvalid(
            f"{where}: its PostOptions has {taken[0]!r}, which every post has.",
            hint=f"Give it another name, and read post.{taken[0]} for what the workflow says.",
        )


def _check_config(where: str, model: Any, base: type[Config]) -> None:
    if not (inspect.isclass(model) and issubclass(model, base)):
        raise PluginInvalid(
            f"{where}: its Config is not a class derived from reelwork_hooks.{base.__name__}.",
            hint=f"Write: from reelwork_hooks import {base.__name__}",
        )


def _providers(where: str, target: Any, implementation: _Marked | None) -> dict[str, type[Provider]]:
    answer = _by_name(where, target, implementation, "ProviderClass")
    for name, provider in answer.items():
        if not (inspect.isclass(provider) and issubclass(provider, Provider)):
            raise PluginInvalid(f"{where}: provider {name!r} is not a class derived from Provider.")
        _check_config(f"{where}: provider {name!r}", provider.Config, ProviderConfig)
    return dict(answer)


def _webhooks(where: str, target: Any, implementation: _Marked | None) -> dict[str, type[WebhookScheme]]:
    answer = _by_name(where, target, implementation, "SchemeClass")
    for name, scheme in answer.items():
        if not (inspect.isclass(scheme) and issubclass(scheme, WebhookScheme)):
            raise PluginInvalid(f"{where}: the scheme {name!r} is not a class derived from WebhookScheme.")
        _check_config(f"{where}: scheme {name!r}", scheme.Config, WebhookConfig)
        if not inspect.iscoroutinefunction(scheme.read) or scheme.read is WebhookScheme.read:
            raise PluginInvalid(
                f"{where}: the scheme {name!r} has no `read` of its own that is `async def`.",
                hint="Write: async def read(self, webhook)",
            )
    return answer


def _by_name(where: str, target: Any, implementation: _Marked | None, kind: str) -> dict[str, Any]:
    """Return what a hook registers under names; nothing where there is no such hook."""
    if implementation is None:
        return {}
    answer = _registered(where, target, implementation)
    if not isinstance(answer, Mapping):
        raise PluginInvalid(
            f"{where}: {implementation.hook} gave a {type(answer).__name__}.",
            hint=f'It must return a mapping: {{"name": {kind}}}.',
        )
    for name in answer:
        if not isinstance(name, str) or not name:
            raise PluginInvalid(f"{where}: {implementation.hook} gave the name {name!r}; a name is a text.")
    return dict(answer)


def _platforms(where: str, target: Any, implementation: _Marked | None) -> tuple[Platform, ...]:
    if implementation is None:
        return ()
    answer = _registered(where, target, implementation)
    platforms = tuple(answer) if isinstance(answer, Iterable) else (answer,)
    if not all(isinstance(platform, Platform) for platform in platforms):
        raise PluginInvalid(f"{where}: register_platforms must give Platform values.")
    return platforms


def _registered(where: str, target: Any, implementation: _Marked) -> Any:
    hook = implementation.hook
    if inspect.isclass(target) and not isinstance(implementation.static, staticmethod):
        raise PluginInvalid(
            f"{where}: {hook} must be a @staticmethod, since it is called before any instance is made."
        )
    if inspect.iscoroutinefunction(implementation.function):
        raise PluginInvalid(f"{where}: {hook} must be a plain `def`: nothing runs yet that could await it.")
    try:
        return at_once(Callee("plugin", where), hook, implementation.function)
    except PluginFailed as error:
        raise PluginInvalid(f"{where}: {hook} failed: {error.problem}") from error.__cause__
