"""Checks the answers of plugins and providers before they are used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from reelwork.plugins.cleaning import Unfit, received
from reelwork.plugins.guard import Callee, at_once
from reelwork.text import json_problem
from reelwork_hooks.effects import Absent, Candidate, Found, Listing, NotDone, Unsure
from reelwork_hooks.models import Asset, Clip, Pending, Problem, Prompt, Receipt, Verdict

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

_PLAIN = frozenset({str, int, float, bool, type(None)})
EMPTY_FOUND = "found nothing and called it found"
"""The words for a `Found` that names nothing."""
MOST_PROBLEMS = 20
"""Problems of one brief that are taken from one plugin."""
PENDING_HOOKS = ("post_download", "prepare_publish", "follow_post")
"""The hooks that may answer `Pending`."""
LOOKS = (Found, Absent, Unsure, Listing, NotDone)
"""The kinds of answers to a lookup."""


def hook_answer(callee: Callee, hook: str, answer: Any) -> Any:
    """Check a hook's answer and return it as it may be passed on. Raises `HookFailed`."""
    if isinstance(answer, Pending) and hook in PENDING_HOOKS:
        return pending(callee, hook, answer)
    match hook:
        case "check_brief":
            return problems(callee, hook, answer)
        case "pre_moderate":
            return None if answer is None else sound(callee, hook, answer, Verdict, " or None")
        case "prompt_transform":
            return None if answer is None else sound(callee, hook, answer, Prompt, " or None")
        case "post_download":
            return None if answer is None else _at_home(sound(callee, hook, answer, Clip, " or None"))
        case "prepare_publish":
            return storable(callee, hook, answer)
        case "publish" | "follow_post":
            return _proof(callee, hook, sound(callee, hook, answer, Receipt))
        case "find_post":
            return look(callee, hook, answer, Receipt)
    return answer


def problems(callee: Callee, call: str, answer: Any) -> tuple[Problem, ...]:
    """Return the problems that a plugin found, each sound. None is no problem."""
    if answer is None:
        return ()
    if not is_list(answer):
        raise callee.failed(call, f"returned {named(answer)}; it must return a list of Problem")
    listed = at_once(callee, call, lambda: tuple(islice(answer, MOST_PROBLEMS)))
    return tuple(sound(callee, call, item, Problem, " values, in a list") for item in listed)


def pending(callee: Callee, call: str, answer: Pending) -> Pending:
    """Return the answer if it can be stored, state and all. Raises `PluginFailed`."""
    storable(callee, call, answer.state)
    return sound(callee, call, answer, Pending)


def sound(callee: Callee, call: str, answer: Any, model: type[M], otherwise: str = "") -> M:
    """Return the answer if it is a valid value of that kind. Raises `PluginFailed`."""
    if not isinstance(answer, model):
        raise callee.failed(call, f"returned {named(answer)}; it must return {model.__name__}{otherwise}")
    try:
        # A value built around validation (model_construct, model_copy) must not travel further, nor one inside.
        return received(model.model_validate(_taken_apart(callee, call, answer, model)))
    except Unfit as unfit:
        raise callee.failed(call, f"returned a {model.__name__} that is not valid: {unfit}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        problem = f"returned a {model.__name__} that is not valid: {field}: {first['msg']}"
        raise callee.failed(call, problem) from error


def _taken_apart(callee: Callee, call: str, answer: BaseModel, model: type[BaseModel]) -> dict[str, Any]:
    """Return the fields of an answer, and of the values inside it."""
    given, known = vars(answer), model.model_fields
    if type(answer) is model and type(given) is dict and all(map(_is_plain, (*given, *given.values()))):
        # To take this apart runs nobody else's code.
        return {name: value for name, value in given.items() if name in known}
    return at_once(callee, call, lambda: answer.model_dump(include=set(known), warnings=False))


def _is_plain(value: Any) -> bool:
    """Return whether a value is made of nothing but Python's own immutable types."""
    kind = type(value)
    return kind in _PLAIN or (kind is tuple and all(map(_is_plain, value)))


def storable(callee: Callee, call: str, answer: Any) -> Any:
    """Return the answer if it can be stored as JSON. Raises `PluginFailed`."""
    if problem := at_once(callee, call, lambda: json_problem(answer)):
        raise callee.failed(call, f"returned {named(answer)} that cannot be kept as JSON: {problem}")
    return answer


def look(callee: Callee, call: str, answer: Any, kind: type[BaseModel]) -> Any:
    """Check the answer to a lookup, whose candidates must all be of that kind, and return it cleaned.

    Raises `PluginFailed`. Finding nothing proves nothing: only a complete listing can show that an effect did not
    happen.
    """
    if not isinstance(answer, LOOKS):
        wanted = "Found, Absent, Unsure, Listing or NotDone"
        raise callee.failed(call, f"returned {named(answer)}; it must return {wanted}")
    if isinstance(answer, Listing):
        for listed in answer.candidates:
            _check_found(callee, call, listed, Candidate, ", in its Listing,")
            _check_found(callee, call, listed.result, kind)
        return received(_usable(answer))
    if not isinstance(answer, Found):
        return received(answer)
    # Held for a person: that nothing was found is no proof, so the effect may neither be repeated nor given up.
    if not answer.candidates:
        return Unsure(f"{callee}, {call}: {EMPTY_FOUND}, which is a fault of the plugin")
    for candidate in answer.candidates:
        _check_found(callee, call, candidate, kind)
    try:
        return received(answer)
    except Unfit as problem:
        # What was found cannot be told from what is ours, so nothing is proven either way.
        return Unsure(f"{callee}, {call}: found something that cannot be used: {problem}")


def _usable(listing: Listing[T]) -> Listing[T]:
    """Return the listing without the entries that cannot be used."""
    fit = []
    problems = []
    for listed in listing.candidates:
        try:
            fit.append(received(listed))
        except Unfit as problem:
            problems.append(f"an entry cannot be used: {problem}")
    # An entry that cannot be read may be ours. Without it, the list proves no absence.
    return replace(listing, candidates=tuple(fit), complete=False, why=problems[0]) if problems else listing


def _check_found(callee: Callee, call: str, found: Any, kind: type[Any], where: str = "") -> None:
    if not isinstance(found, kind):
        raise callee.failed(call, f"found{where} {named(found)}, not {article(kind)}")


def _proof(callee: Callee, hook: str, receipt: Receipt) -> Receipt:
    if not receipt.id.strip():
        raise callee.failed(hook, "returned a Receipt without an id, which proves no post")
    return receipt


def _at_home(clip: Clip) -> Clip:
    """Return the clip with absolute paths."""
    # A job may be resumed from another folder.
    video, *rest = (_placed(asset) for asset in (clip.video, *clip.assets))
    return clip.replace(video=video, assets=tuple(rest))


def _placed(asset: Asset) -> Asset:
    if asset.path.is_absolute():
        return asset
    here = Path.cwd() / asset.path
    return asset.replace(path=here) if here.exists() else asset


def is_list(answer: Any) -> bool:
    """Return whether an answer may be a list of values. A text, a mapping or a model can be iterated too."""
    return isinstance(answer, Iterable) and not isinstance(answer, str | bytes | Mapping | BaseModel)


def named(answer: Any) -> str:
    """Return the type of an answer, for messages, or `nothing`."""
    return "nothing" if answer is None else type(answer).__name__


def article(kind: type[Any]) -> str:
    """Return the kind with its article, for messages."""
    return f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}"
