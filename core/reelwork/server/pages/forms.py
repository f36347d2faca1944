"""Forms that persons send."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.requests import Request

from reelwork.server.problems import Problem

LONGEST_FORM = 64 * 1024
"""Bytes of a form."""
MOST_FIELDS = 200


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form; of several with one name the last. Raises `Problem`."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_FORM:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "This form is too large.", money="Nothing was changed."
            )
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"))
    except ValueError:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "This form cannot be read.", money="Nothing was changed."
        ) from None
