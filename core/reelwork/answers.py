"""What plugins and providers answer, checked before anything is built on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from reelwork.received import Unfit, received
from reelwork.text import json_problem
from reelwork_hooks.effects import Candidate, Found, Listing, Unsure

T = TypeVar("T")


def of_kind(answer: Any, kind: type[T] | tuple[type[T], ...], call: str) -> T:
    """The answer, if it is what the call must return, cleaned. Raises `TypeError`."""
    if isinstance(answer, kind):
        try:
            return received(answer)
        except Unfit as problem:
            raise TypeError(f"{call} returned {_article(type(answer))} that cannot be used: {problem}") from None
    kinds = kind if isinstance(kind, tuple) else (kind,)
    raise TypeError(f"{call} returned {named(answer)}, not {' or '.join(_article(one) for one in kinds)}")


def as_json(answer: Any, call: str) -> Any:
    """The answer, if it can be kept. Raises `TypeError`."""
    if problem := json_problem(answer):
        raise TypeError(f"{call} returned {named(answer)} that cannot be kept as JSON: {problem}")
    return answer


def found_of_kind(answer: Any, kind: type[Any], call: str) -> Any:
    """The answer of a look, cleaned, if each candidate it holds is of that kind. Raises `TypeError`."""
    found = answer.candidates if isinstance(answer, Found) else ()
    if isinstance(answer, Listing):
        for listed in answer.candidates:
            if not isinstance(listed, Candidate):
                raise TypeError(f"{call}, in its Listing, returned {named(listed)}, not a Candidate")
        found = tuple(listed.result for listed in answer.candidates)
    for candidate in found:
        if not isinstance(candidate, kind):
            raise TypeError(f"{call} found {named(candidate)}, not {_article(kind)}")
    try:
        return received(_usable(answer) if isinstance(answer, Listing) else answer)
    except Unfit as problem:
        # What was found cannot be told from what is ours, so nothing is proven either way.
        return Unsure(f"{call} found something that cannot be used: {problem}")


def _usable(listing: Listing[T]) -> Listing[T]:
    """The listing without the entries that cannot be used; it can then prove no absence."""
    fit = []
    problems = []
    for listed in listing.candidates:
        try:
            fit.append(received(listed))
        except Unfit as problem:
            problems.append(f"an entry cannot be used: {problem}")
    return replace(listing, candidates=tuple(fit), complete=False, why=problems[0]) if problems else listing


def named(answer: Any) -> str:
    """What came, for messages: its type, or `nothing`."""
    return "nothing" if answer is None else type(answer).__name__


def _article(kind: type[Any]) -> str:
    return f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}"
