"""What plugins and providers answer, checked before anything is built on it."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from reelwork_hooks.effects import Candidate, Found, Listing

T = TypeVar("T")


def of_kind(answer: Any, kind: type[T] | tuple[type[T], ...], call: str) -> T:
    """The answer, if it is what the call must return. Raises `TypeError`."""
    if isinstance(answer, kind):
        return answer
    kinds = kind if isinstance(kind, tuple) else (kind,)
    raise TypeError(f"{call} returned {named(answer)}, not {' or '.join(_article(one) for one in kinds)}")


def as_json(answer: Any, call: str) -> Any:
    """The answer, if it can be kept. Raises `TypeError`."""
    try:
        json.dumps(answer, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"{call} returned {named(answer)} that cannot be kept as JSON: {error}") from error
    return answer


def found_of_kind(answer: Any, kind: type[Any], call: str) -> Any:
    """The answer of a look, if each candidate it holds is of that kind. Raises `TypeError`."""
    found = answer.candidates if isinstance(answer, Found) else ()
    if isinstance(answer, Listing):
        found = tuple(of_kind(listed, Candidate, f"{call}, in its Listing,").result for listed in answer.candidates)
    for candidate in found:
        if not isinstance(candidate, kind):
            raise TypeError(f"{call} found {named(candidate)}, not {_article(kind)}")
    return answer


def named(answer: Any) -> str:
    """What came, for messages: its type, or `nothing`."""
    return "nothing" if answer is None else type(answer).__name__


def _article(kind: type[Any]) -> str:
    return f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}"
