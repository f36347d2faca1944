"""Long lists, a page at a time: each page names the next, which begins after the last one of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from pydantic import Field

from reelwork.server.api.asking import OfBrand
from reelwork.server.problems import Problem

T = TypeVar("T")
MOST = 500
"""Entries of one page."""


class Paged(OfBrand):
    """Which page of a list."""

    cursor: Annotated[str, Field(max_length=500)] | None = None
    """`next` of the page before."""
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50
    """Entries of a page."""


def cursor_of(place: str) -> str:
    """Return a place in a list as a page names it."""
    # Opaque, so that nobody makes one up: what it holds may change.
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_in(asked: Paged) -> str | None:
    """Return the place that a cursor names; None for the beginning. Raises `Problem`."""
    if asked.cursor is None:
        return None
    try:
        padded = asked.cursor + "=" * (-len(asked.cursor) % 4)
        return base64.b64decode(padded.encode("ascii"), b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as error:
        raise unknown_cursor() from error


def unknown_cursor() -> Problem:
    """Return the error for a cursor that no page has named, or whose entry was removed since."""
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "cursor: no page of this list has named it, or its last entry was removed since.",
        hint="Begin again, without a cursor.",
        errors=({"parameter": "cursor", "detail": "it is not known here"},),
    )


def page(
    rows: Sequence[T], limit: int, name: Callable[[T], str], told: Callable[[Sequence[T]], list[dict[str, Any]]]
) -> Mapping[str, Any]:
    """Return a page. `rows` has one more entry than the page, if there are more."""
    # One more than is shown tells whether there are more, without counting them all. What is added meanwhile is
    # newer than all of them, so no entry comes twice and none is passed over.
    shown = rows[:limit]
    return {"items": told(shown), "next": cursor_of(name(shown[-1])) if len(rows) > limit else None}
