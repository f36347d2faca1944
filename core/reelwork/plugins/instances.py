"""An instance of a plugin as the engine sees it, with its declarations, which are read and checked once."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from reelwork.money import problem_of
from reelwork.plugins.brief_options import as_model
from reelwork.plugins.guard import Callee, loading
from reelwork.plugins.units import Units, units_of
from reelwork_hooks.effects import Idempotency
from reelwork_hooks.errors import PluginInvalid
from reelwork_hooks.models import Stage, Target
from reelwork_hooks.plugin import Config, Context, Phase, Plugin

MOST_FRAMES = 32
"""Frames of a clip that a plugin may be shown: each is decoded, and many are sent to a service."""
HINT = "A plugin is a class with __init__(self, config, context)."


@dataclass(frozen=True)
class Instance:
    """A plugin's declarations, with the defaults of `reelwork_hooks.Plugin` for what it leaves out."""

    target: Any
    """The plugin's own object, whose hooks the dispatcher calls."""
    config: Config
    context: Context
    phase: Phase
    costs: bool
    public: bool
    idempotency: Idempotency
    settle_seconds: float
    dated_lookups: bool
    """False if the server's `Date` does not show how new its answer to `find_post` is."""
    key_seconds: float
    identity: str | None
    notes: tuple[str, ...]
    account_name: str | None
    post_options: type[Config] | None = None
    """The model of the options that a post may have at this publisher."""
    post_fields: tuple[str, ...] = ()
    units: Units = field(default_factory=Units)
    """What it prices in, and what one costs."""
    most_per_call: Decimal | None = None
    """US dollars that one call of a hook may cost."""
    moderates: tuple[Stage, ...] = Plugin.moderates
    clip_frames: int = Plugin.clip_frames
    accepts: Target = Plugin.accepts
    """The videos that a publisher takes."""
    fits: tuple[str, ...] = ()
    """The fields of a target that it brings a video to."""
    writes_codecs: tuple[str, ...] = ()
    """The codecs it brings a video to; empty: any."""
    may_change: tuple[str, ...] = Plugin.may_change
    """What it may change of a video: `size`, `fps` and `duration`."""
    can_mark: bool = False
    """True if it may put a mark over a video, and says over which."""
    caption_types: tuple[str, ...] = ()
    """The media types of captions that it posts, or adds."""
    no_captions: bool = False
    """True if it posts no captions at all."""
    needs_public_address: bool = False
    no_public_address: str | None = None
    """Why it can give no public address; None if it can, or is no storage."""
    has_doctor_problems: bool = False
    """True if it can say what is wrong with what it needs."""
    post_note: str | None = None
    """What a person must know about each of its posts."""


def start(callee: Callee, target: Callable[[Any, Any], Any], config: Config, context: Context) -> Instance:
    """Make an instance of a plugin class. Raises `PluginInvalid`, or an error of the contract."""
    made = loading(callee, "could not be started", lambda: target(config, context), hint=HINT)
    return declared(callee, made, config, context)


def declared(callee: Callee, made: Any, config: Config, context: Context) -> Instance:
    """Return an instance that exists, with what it declares. Raises `PluginInvalid`."""

    def read(name: str, otherwise: Any, convert: Callable[[Any], Any]) -> Any:
        return loading(
            callee, f"has a {name} that is not possible", lambda: convert(getattr(made, name, otherwise))
        )

    most = read("most_per_call", None, _most)
    declares = read("units", {}, lambda given: given if isinstance(given, Mapping) else {})
    return Instance(
        target=made,
        config=config,
        context=context,
        phase=read("phase", Phase.EDIT, Phase),
        # What spends is left out of dry runs as well, and not run again where a stored result will do.
        costs=read("costs", False, bool) or bool(most),
        # A plugin that does not say posts where everyone can see it: a needless question is better than a post
        # that nobody expected.
        public=read("public", True, bool),
        # A plugin that declares nothing has its lost answers held for a person.
        idempotency=read("idempotency", Idempotency.NONE, Idempotency),
        settle_seconds=read("settle_seconds", Plugin.settle_seconds, _seconds),
        # A plugin of the first contract may have anything of this name.
        dated_lookups=read("dated_lookups", True, lambda given: given is not False),
        key_seconds=read("key_seconds", Plugin.key_seconds, _lasting),
        identity=read("identity", None, _name),
        notes=read("notes", (), _texts),
        account_name=read("account_name", None, _name),
        post_options=read("PostOptions", None, as_model),
        post_fields=read("post_fields", (), _fields),
        # A setting of this name counts only for a plugin that prices in units.
        most_per_call=most,
        units=units_of(callee, declares, getattr(config, "units", {})) if declares else Units(),
        # A plugin that does not say is not asked about clips: it was written when there was no such stage.
        moderates=read("moderates", Plugin.moderates, stages),
        clip_frames=read("clip_frames", Plugin.clip_frames, frame_count),
        # A plugin of the first contract may have anything of this name.
        # Nor need these be what they are here.
        accepts=read("accepts", Plugin.accepts, lambda given: given if isinstance(given, Target) else Target()),
        fits=read("fits", (), _fields),
        writes_codecs=read("writes_codecs", (), _fields),
        may_change=read("may_change", Plugin.may_change, _changes),
        can_mark=_has_own(type(made), "marks_video"),
        caption_types=read("caption_types", (), _fields),
        no_captions=read("no_captions", False, lambda given: given is True),
        needs_public_address=read("needs_public_address", False, lambda given: given is True),
        no_public_address=read("no_public_address", None, _name),
        has_doctor_problems=_has_own(type(made), "doctor_problems"),
        post_note=read("post_note", None, _name),
    )


def _seconds(given: Any) -> float:
    seconds = float(given)
    if not math.isfinite(seconds) or seconds < 0:
        raise PluginInvalid(f"{given!r} is not a number of seconds.", hint="Give seconds, such as 5.")
    return seconds


def _lasting(given: Any) -> float:
    # A key may be known for ever.
    return math.inf if given == math.inf else _seconds(given)


def stages(given: Any) -> tuple[Stage, ...]:
    """Return the stages of moderation that a plugin names. Raises `ValueError`."""
    # Never passed over: a stage that is misspelt would be one at which nobody looks.
    known = ", ".join(Stage)
    if not isinstance(given, list | tuple | set | frozenset) or not given:
        raise ValueError(f"{given!r} names no stages; write a tuple of Stage values ({known})")
    if unknown := [stage for stage in given if stage not in tuple(Stage)]:
        raise ValueError(f"{unknown[0]!r} is not a stage; there are {known}")
    return tuple(stage for stage in Stage if stage in given)


def frame_count(given: Any) -> int:
    """Return the number of frames a plugin is shown of a clip. Raises `ValueError`."""
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= MOST_FRAMES:
        raise ValueError(f"{given!r} is not a number of frames from 0 to {MOST_FRAMES}")
    return given


def _most(given: Any) -> Decimal | None:
    if given is None:
        return None
    amount = Decimal(str(given))
    if problem := problem_of(amount):
        raise PluginInvalid(f"{given!r:.40} is no price: {problem}.", hint="Give US dollars, such as 0.02.")
    return amount


def _texts(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(str(text) for text in given)


def _fields(given: Any) -> tuple[str, ...]:
    # A plugin of the first contract may have anything of this name.
    return tuple(name for name in given if isinstance(name, str)) if isinstance(given, list | tuple) else ()


def _has_own(kind: type, method: str) -> bool:
    # A plugin of the first contract may have something else of this name.
    own = getattr(kind, method, None)
    return inspect.isfunction(own) and own is not getattr(Plugin, method)


def _changes(given: Any) -> tuple[str, ...]:
    # What is not understood counts as all of it: a publisher must not refuse what a plugin would change.
    known, said = Plugin.may_change, _fields(given)
    return said if isinstance(given, list | tuple) and {*said} <= {*known} else known


def _name(given: Any) -> str | None:
    return given if isinstance(given, str) and given else None
