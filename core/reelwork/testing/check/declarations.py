"""Checks that a plugin's declarations about itself fit its hooks."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from reelwork.errors import in_a_line
from reelwork.plugins.context import PluginContext
from reelwork.plugins.definition import INSTANCE_HOOKS, WRITE_HOOKIMPL, Definition
from reelwork.plugins.hook_versions import came_later
from reelwork.plugins.instances import frame_count, stages
from reelwork.plugins.provider_checks import lacking, not_async
from reelwork.testing.check.accounts import check_sign_in
from reelwork.testing.check.addresses import check_addresses
from reelwork.testing.check.findings import Finding, error, note, warning
from reelwork.testing.check.settings import check_settings, required_settings
from reelwork_hooks.effects import Idempotency
from reelwork_hooks.models import Stage, Target
from reelwork_hooks.plugin import Phase, Plugin
from reelwork_hooks.provider import Capabilities, Provider

MEANT_FOR = {
    "phase": "post_download", "settle_seconds": "find_post", "dated_lookups": "find_post", "public": "publish",
    "idempotency": "publish", "key_seconds": "publish", "moderates": "pre_moderate", "clip_frames": "pre_moderate",
    "accepts": "publish", "fits": "post_download",
}  # fmt: skip
"""For each class attribute, the hook it is about."""
WHERE_NOTHING_FITS = "Where nothing fits, answer a Listing of all there is, Absent or Unsure."


def check_declarations(
    definition: Definition, context: PluginContext, settings: Mapping[str, Any]
) -> Iterator[Finding]:
    """Check what a plugin says of itself, without calling a hook. `settings` are for its provider."""
    target = definition.target
    if not (target.__doc__ or "").strip():
        at = "at the top of the file" if inspect.ismodule(target) else "on the line below its name"
        yield warning(
            "the module" if inspect.ismodule(target) else target.__name__,
            "has no docstring; `reelwork plugins list` cannot say what it does.",
            f"Write one sentence {at}.",
        )
    yield from _check_imports(target)
    yield from _check_found(target)
    yield from _check_unmarked(definition)
    if definition.hooks:
        yield from check_settings(definition.config_model)
        if (options := definition.post_options) is not None:
            yield from check_settings(options, "PostOptions", reserved=False)
        yield from _check_attributes(definition)
        yield from _check_moderation(definition)
        yield from _check_publisher(definition)
        yield from check_addresses(definition)
        yield from check_sign_in(definition.target)
        yield from _check_address(definition.target)
    for name, kind in definition.providers.items():
        yield from _check_provider(name, kind, context, settings)


def _source(target: Any) -> ast.AST:
    module = inspect.getmodule(target)
    try:
        return ast.parse(inspect.getsource(module)) if module is not None else ast.Module([], [])
    except (OSError, TypeError, SyntaxError):
        return ast.Module([], [])


def _check_found(target: Any) -> Iterator[Finding]:
    """Find calls such as `Found(())`, which name nothing."""
    # To have found nothing proves nothing: it is taken for `Unsure`, and the job is held.
    for node in ast.walk(_source(target)):
        called = node.func if isinstance(node, ast.Call) else None
        if not isinstance(node, ast.Call) or getattr(called, "id", getattr(called, "attr", "")) != "Found":
            continue
        given = [*node.args, *(word.value for word in node.keywords)]
        if given and isinstance(given[0], ast.Tuple) and not given[0].elts:
            yield error(f"line {node.lineno}", "answers Found and names nothing.", WHERE_NOTHING_FITS)


def _check_unmarked(definition: Definition) -> Iterator[Finding]:
    """Find methods that are called like a hook which the first contract did not have, and are not marked."""
    for hook in filter(came_later, INSTANCE_HOOKS):
        if hook not in definition.hooks and inspect.isroutine(getattr(definition.target, hook, None)):
            yield warning(hook, "is not marked, so it is never called as a hook.", WRITE_HOOKIMPL)


def _check_imports(target: Any) -> Iterator[Finding]:
    """Find imports of what is inside Reelwork."""
    # The inside may change in any version; only the contract is kept.
    for node in ast.walk(_source(target)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        for name in names:
            if name == "reelwork" or name.startswith("reelwork."):
                yield warning(
                    f"line {getattr(node, 'lineno', 0)}",
                    f"imports {name}, whose inside may change in any version.",
                    "Import what you need from reelwork_hooks; tests may import reelwork.testing.",
                )


def _declared(target: Any, attribute: str) -> bool:
    """Return whether a class declares this itself, rather than having it from `Plugin`."""
    # `Plugin` declares a default for each: having one says nothing about the author's mind.
    return any(attribute in vars(kind) for kind in target.__mro__ if kind not in (Plugin, object))


def _check_attributes(definition: Definition) -> Iterator[Finding]:
    target, hooks = definition.target, definition.hooks
    for attribute, hook in MEANT_FOR.items():
        if _declared(target, attribute) and hook not in hooks:
            yield warning(attribute, f"is declared, and means nothing without {hook}.", "Leave it out.")
    if "post_download" in hooks:
        phase = Phase(getattr(target, "phase", Phase.EDIT))
        if _declared(target, "phase"):
            yield note("post_download", f"runs in the phase {phase}; edit comes first, then sign, then store.")
        else:
            yield warning(
                "post_download",
                "runs in the phase edit, since none is declared; a workflow in another order is refused.",
                "Say which it is: phase = Phase.EDIT, Phase.SIGN or Phase.STORE.",
            )
    for name in ("public", "costs", "computes", "dated_lookups", "needs_public_address", "no_captions"):
        # A property depends on the instance, and is read when one is made.
        if not isinstance(value := getattr(target, name, False), bool | property):
            yield error(name, f"is {value!r}; it is True or False.")
    yield from _check_targets(target)
    for name in ("settle_seconds", "key_seconds"):
        limit = getattr(target, name, 0)
        # NaN is no number either, though it is a float.
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit >= 0:
            yield error(name, f"is {limit!r}; it is a number of seconds.")


def _check_targets(target: Any) -> Iterator[Finding]:
    """Check what a publisher takes of a video, and what a finishing plugin makes of one."""
    # A property depends on the instance, and is read when one is made.
    accepts, fits = getattr(target, "accepts", Plugin.accepts), getattr(target, "fits", ())
    if not isinstance(accepts, Target | property):
        yield error("accepts", f"is {accepts!r}, which is passed over.", "Write: accepts = Target(…)")
    for name, given, known, of in (
        ("fits", fits, tuple(Target.model_fields), "no field of a Target"),
        ("may_change", getattr(target, "may_change", ()), Plugin.may_change, "no fact of a video that it can name"),
    ):
        if isinstance(given, property):
            continue
        unknown = [one for one in given if one not in known] if isinstance(given, list | tuple) else [given]
        if unknown:
            yield error(name, f"has {unknown[0]!r}, which is {of}.", f"There are: {', '.join(known)}.")


def _check_address(target: Any) -> Iterator[Finding]:
    """Check the method by which a storage plugin gives addresses."""
    method = inspect.getattr_static(target, "public_url", None)
    if not inspect.isroutine(method) and not isinstance(method, staticmethod | classmethod):
        return
    given = ("clip.video", 60.0) if isinstance(method, staticmethod | classmethod) else ("self", "clip.video", 60.0)
    try:
        inspect.signature(target.public_url).bind(*given)
    except TypeError:
        yield error(
            "public_url", "does not take an asset and seconds.", "Write: async def public_url(self, asset, seconds)"
        )
    if getattr(target, "phase", None) is not Phase.STORE:
        yield warning("public_url", "is never asked: the plugin does not store.", "Declare: phase = Phase.STORE")


def _check_moderation(definition: Definition) -> Iterator[Finding]:
    target = definition.target
    if "pre_moderate" not in definition.hooks:
        return
    known: tuple[Stage, ...] = tuple(Stage)
    for name, read in (("moderates", stages), ("clip_frames", frame_count)):
        # A property depends on the instance, and is read when one is made.
        if isinstance(value := getattr(target, name, getattr(Plugin, name)), property):
            continue
        try:
            found = read(value)
        except ValueError as problem:
            yield error(name, f"is not possible: {problem}.")
        else:
            known = found if isinstance(found, tuple) else known
    if _declared(target, "moderates") and known != tuple(Stage):
        yield note("pre_moderate", f"is asked at: {', '.join(known)}.")
    if _declared(target, "clip_frames") and Stage.CLIP not in known:
        yield warning("clip_frames", "means nothing, since no clip is shown.", "Add Stage.CLIP to moderates.")


def _check_publisher(definition: Definition) -> Iterator[Finding]:
    target, hooks = definition.target, definition.hooks
    if "publish" not in hooks:
        for companion in ("prepare_publish", "find_post", "follow_post"):
            if companion in hooks:
                yield error(companion, "is never called: the plugin has no publish.", "Write publish too.")
        return
    kind = Idempotency(getattr(target, "idempotency", Idempotency.NONE))
    match kind, "find_post" in hooks:
        case Idempotency.NONE, False:
            yield warning(
                "publish",
                "declares idempotency NONE and has no find_post: a post whose answer is lost is held until a "
                "person looks. It is never posted twice, and it may wait.",
                "Where it can be done, write find_post and declare LOOKUP, or send effect.key and declare KEY.",
            )
        case Idempotency.NONE, True:
            yield note(
                "publish", "has find_post: it is treated as LOOKUP.", "Declare it: idempotency = Idempotency.LOOKUP"
            )
        case Idempotency.LOOKUP, False:
            yield error(
                "publish", "declares LOOKUP, but there is no find_post to look up with.", "Write find_post."
            )
        case Idempotency.KEY, _ if "effect" not in inspect.signature(target.publish).parameters:
            yield error(
                "publish",
                "declares KEY, and never sees the key: calling again would post twice.",
                "Take `effect` as an argument and send effect.key to the destination.",
            )
    if not _declared(target, "public"):
        yield note(
            "publish",
            "counts as public: several takes are posted only if the workflow says which.",
            "A local one says: public = False",
        )


def _check_provider(
    name: str, kind: type[Provider], context: PluginContext, settings: Mapping[str, Any]
) -> Iterator[Finding]:
    about = f"provider {name}"
    if not (kind.__doc__ or "").strip():
        yield warning(about, "has no docstring; `reelwork providers list` cannot say what it is.")
    yield from check_settings(kind.Config, f"{about}: Config", reserved=False)
    for method in lacking(kind):
        yield error(about, f"lacks {method}.", f"Write it as reelwork_hooks.Provider.{method} describes.")
    for method in not_async(kind):
        yield error(about, f"has a {method} that is not `async def`: it would hold up every other job.")
    if "capabilities" not in lacking(kind):
        yield from _check_capabilities(about, kind, context, settings)


def _check_capabilities(
    about: str, kind: type[Provider], context: PluginContext, settings: Mapping[str, Any]
) -> Iterator[Finding]:
    if missing := [name for name in required_settings(kind.Config) if name not in settings]:
        given = " ".join(f"--set {name}=…" for name in missing)
        yield note(about, "was not asked what it can do: it has settings without a default.", f"Give them: {given}")
        return
    try:
        # Made without the guard: what the plugin raises itself is what its author wants to see.
        can = kind(kind.Config.model_validate(dict(settings)), context).capabilities(None)
    except Exception as problem:
        yield error(
            about, f"cannot say what it can do: {in_a_line(problem)}", "capabilities must not need a network."
        )
        return
    if not isinstance(can, Capabilities):
        yield error(about, f"has a capabilities that returned {type(can).__name__}, not Capabilities.")
        return
    yield from _judge(about, kind, can)


def _judge(about: str, kind: type[Provider], can: Capabilities) -> Iterator[Finding]:
    own_find = kind.find is not Provider.find
    if can.idempotency is Idempotency.LOOKUP and not own_find:
        yield error(about, "declares LOOKUP, but there is no find to look up with.", "Write find.")
    if can.idempotency is Idempotency.NONE:
        yield warning(
            about,
            "declares idempotency NONE: a request whose answer is lost is held until a person looks. It is never "
            "paid twice, and it may wait.",
            "Declare KEY or LOOKUP where the service offers a key or a listing.",
        )
    if can.price is None and kind.Config.model_fields["price_per_second"].default is None:
        yield note(
            about, "names no price: under a budget, a workflow must give price_per_second or allow_unknown_price."
        )
    if can.retired is not None and can.retired <= datetime.now(UTC).date():
        yield warning(about, f"has a default model that was shut down on {can.retired}.")
