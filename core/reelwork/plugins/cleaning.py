"""Answers of plugins and providers, cleaned and bounded where they enter.

Whatever another side says travels from here into the store, logs, pages and terminals. So there is one door, and
no plugin has to think of it. What names something (an id) or will be sent (copy) is refused when it is not fit;
what is only shown is masked, cleaned and cut, in this order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from reelwork.redaction.redactor import holds_secret, mask
from reelwork.text import (
    LONGEST_LINK,
    LONGEST_READ,
    LONGEST_REASON,
    LONGEST_WORD,
    copy_problem,
    cut,
    fit_entries,
    name_problem,
    shown,
)
from reelwork_hooks.effects import Candidate, Found, Listing, NotDone, Unsure
from reelwork_hooks.models import Problem, Prompt, Receipt, Verdict
from reelwork_hooks.provider import RenderStatus, Submitted

T = TypeVar("T")
Rule = Callable[[Any], Any]
# Some providers delete a video an hour after it was made. A longer pause could lose what is paid for.
LONGEST_PAUSE = 3600.0
"""Seconds."""


class Unfit(ValueError):
    """A value from outside that can neither be used nor made fit, such as an id with a line break in it."""


def received(answer: T) -> T:
    """Return the answer fit for everything behind this door. Raises `Unfit`."""
    rules = _RULES.get(type(answer))
    if rules is None:
        rules = next((_RULES[kind] for kind in type(answer).__mro__ if kind in _RULES), {})
    changes: dict[str, Any] = {}
    for name, rule in rules.items():
        # A model that was built around validation may lack a field.
        value = getattr(answer, name, None)
        try:
            fit = rule(value)
        except Unfit as problem:
            raise Unfit(f"{name}: {problem}") from None
        # What is fit stays the same object: nearly every answer is, and nothing is copied for it.
        if fit is not value:
            changes[name] = fit
    return _changed(answer, changes) if changes else answer


def noted(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a plugin noted of an effect, masked, without what cannot be stored."""
    return fit_entries({name: _note(item) for name, item in evidence.items()})


def _note(item: Any) -> Any:
    return cut(mask(item[:LONGEST_READ]), LONGEST_LINK) if isinstance(item, str) else item


def _changed(answer: T, changes: Mapping[str, Any]) -> T:
    if isinstance(answer, BaseModel):
        return answer.model_copy(update=dict(changes))
    # Those in the table that are no models are dataclasses.
    return cast("T", replace(cast("Any", answer), **changes))


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit(f"it is {type(value).__name__}, not a text")
    if problem := name_problem(value):
        raise Unfit(problem)
    if holds_secret(value):
        # Stored and shown everywhere, and asked for by it: it can be neither masked nor kept.
        raise Unfit("it holds one of the secrets that were sent")
    return value


def _optional_name(value: Any) -> str | None:
    # A reference that is none of ours proves nothing, so it may as well not be there.
    return value if isinstance(value, str) and not name_problem(value) else None


def _copy(value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit(f"it is {type(value).__name__}, not a text")
    if problem := copy_problem(value):
        raise Unfit(problem)
    return value


def _copies(values: Any) -> Any:
    for value in values:
        _copy(value)
    return values


def _showing(limit: int) -> Rule:
    def rule(value: Any) -> str:
        if not isinstance(value, str):
            return "" if value is None else shown(mask(str(value)[:LONGEST_READ]), limit)
        fit = shown(mask(value[:LONGEST_READ]), limit) if value else value
        return value if fit == value else fit

    return rule


_word, _reason = _showing(LONGEST_WORD), _showing(LONGEST_REASON)


def _words(values: Any) -> Any:
    fit = tuple(map(_word, values[:100]))
    return values if fit == values else fit


def _link(value: Any) -> str:
    """Return an address that is only shown, such as a post's; empty when it is unfit."""
    if not isinstance(value, str) or name_problem(value) or len(value) > LONGEST_LINK:
        return ""
    return mask(value)


def _details(value: Any) -> Any:
    if not value or not isinstance(value, Mapping):
        return value if isinstance(value, Mapping) else {}
    # Left out, not masked: details go back to the plugin, which would take the mask for a value.
    fit = {name: item for name, item in fit_entries(value).items() if not _carries_secret(item)}
    return value if fit == value else fit


def _carries_secret(item: Any) -> bool:
    if isinstance(item, str):
        return holds_secret(item)
    if isinstance(item, Mapping):
        return any(holds_secret(name) or _carries_secret(part) for name, part in item.items())
    return isinstance(item, list | tuple) and any(map(_carries_secret, item))


def _number(value: Any) -> float | None:
    # True is an int to `isinstance`.
    sound = isinstance(value, int | float) and not isinstance(value, bool)
    return value if value is None or (sound and math.isfinite(value)) else None


def _percent(value: Any) -> float | None:
    number = _number(value)
    return number if number is None or 0 <= number <= 100 else min(max(number, 0.0), 100.0)


def _pause(value: Any) -> float | None:
    number = _number(value)
    return number if number is None or 0 <= number <= LONGEST_PAUSE else min(max(number, 0.0), LONGEST_PAUSE)


def _moment(value: Any) -> datetime | None:
    try:
        # A date near the year 1 or 9999 may have no timestamp, and everything behind this counts in seconds.
        return value if isinstance(value, datetime) and value.timestamp() is not None else None
    except (OverflowError, OSError, ValueError):
        return None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _each(values: Any) -> Any:
    fit = tuple(map(received, values))
    return values if all(one is other for one, other in zip(fit, values, strict=True)) else fit


_RULES: Mapping[type, Mapping[str, Rule]] = {
    Submitted: {"remote_id": _name, "details": _details, "poll_after": _pause},
    RenderStatus: {
        "remote_id": _name,
        "word": _word,
        "progress": _percent,
        "error_code": _word,
        "error_message": _reason,
        "charged": _flag,
        "expires_at": _moment,
        "poll_after": _pause,
        "details": _details,
    },
    Receipt: {"id": _name, "url": _link, "at": _moment, "details": _details},
    Problem: {"message": _reason, "field": _word, "hint": _reason},
    Verdict: {
        "reason": _reason,
        "categories": _words,
        "flagged": _words,
        "scores": _details,
        "thresholds": _details,
    },
    Prompt: {
        "text": _copy,
        "negative_text": _copy,
        "title": _copy,
        "caption": _copy,
        "hashtags": _copies,
        "alt_text": _copy,
    },
    Found: {"candidates": _each},
    Listing: {"candidates": _each, "why": _reason, "date": _moment, "age": _number},
    Candidate: {
        "result": received,
        "ref": _optional_name,
        "fields": _details,
        "state": _word,
        "created_at": _moment,
    },
    Unsure: {"reason": _reason},
    NotDone: {"why": _reason},
}
"""The rule for each field. Fields that are not named are checked by the model itself."""
