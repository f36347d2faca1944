"""Errors as the API tells them (RFC 9457), in the words of the command line."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from reelwork.errors import (
    Declined,
    LedgerConflict,
    MovedOn,
    NotFound,
    NotReviewer,
    StoreInvalid,
    StoreUnwritable,
    in_a_line,
)
from reelwork.redaction.redactor import mask
from reelwork.text import shown
from reelwork_hooks.errors import InvalidInput, ReelworkError

log = logging.getLogger("reelwork.server")

# The first that fits counts.
_STATUSES: tuple[tuple[type[ReelworkError], HTTPStatus], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (StoreInvalid, HTTPStatus.SERVICE_UNAVAILABLE),
    (StoreUnwritable, HTTPStatus.SERVICE_UNAVAILABLE),
    (LedgerConflict, HTTPStatus.CONFLICT),
    (Declined, HTTPStatus.CONFLICT),
    (MovedOn, HTTPStatus.CONFLICT),
    (NotReviewer, HTTPStatus.FORBIDDEN),
    (InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY),
)


# As RFC 9110 calls them (section 15). Python calls three of them otherwise before 3.13.
_PHRASES = {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}


def phrase_of(status: HTTPStatus) -> str:
    """Return the name of a status, the same on every Python."""
    return _PHRASES.get(status.value, status.phrase)


class Problem(ReelworkError):
    """An answer that is no success, with its status."""

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        hint: str = "",
        money: str = "",
        headers: Mapping[str, str] | None = None,
        errors: tuple[Mapping[str, str], ...] = (),
        needs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, money=money, hint=hint)
        self.status = status
        self.headers = dict(headers or {})
        self.errors = errors
        """What is wrong in parts of the request: `detail`, and `pointer` or `parameter`."""
        self.needs = needs
        """What the caller must agree to, as the request says it."""


def status_of(error: ReelworkError) -> HTTPStatus:
    """Return the HTTP status of an error."""
    if isinstance(error, Problem):
        return error.status
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def told(error: ReelworkError) -> dict[str, Any]:
    """Return an error as a problem document."""
    status = status_of(error)
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": phrase_of(status),
        "status": status.value,
        "detail": in_a_line(error),
        "money": shown(mask(error.money)),
        "hint": shown(mask(error.hint)),
    }
    if isinstance(error, Problem) and error.errors:
        document["errors"] = [dict(one) for one in error.errors]
    if isinstance(error, Problem) and error.needs:
        document["needs"] = dict(error.needs)
    return document


def answer_of(error: ReelworkError) -> Response:
    """Return the answer for an error."""
    headers = error.headers if isinstance(error, Problem) else {}
    body = json.dumps(told(error), ensure_ascii=False)
    return Response(body, status_of(error), headers, media_type="application/problem+json")


def fault(error: Exception) -> Problem:
    """Return the problem for what nobody expected. What it is stands in the log only."""
    log.error("a request failed", exc_info=error)
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "This is a fault in Reelwork; the log has the details.")
