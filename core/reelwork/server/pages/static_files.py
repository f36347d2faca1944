"""The style sheet and the scripts of the pages. Their addresses change with their contents: browsers keep them."""

from __future__ import annotations

import hashlib
from functools import cache
from http import HTTPStatus
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from reelwork.server.operations import Operation, Served
from reelwork.server.problems import Problem

TYPES = {
    "style.css": "text/css; charset=utf-8",
    "move.js": "text/javascript; charset=utf-8",
    "frames.js": "text/javascript; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
"""The files, with their media types."""


@cache
def _contents(name: str) -> tuple[bytes, str]:
    body = (files("reelwork.server.pages") / "static" / name).read_bytes()
    return body, hashlib.sha256(body).hexdigest()[:12]


def address_of(name: str) -> str:
    """Return the address of a file as it is in this version."""
    return f"/static/{_contents(name)[1]}/{name}"


def static(served: Served, request: Request) -> Response:
    """Return a file that pages load."""
    name = request.path_params["name"]
    if name not in TYPES or request.path_params["version"] != _contents(name)[1]:
        raise Problem(HTTPStatus.NOT_FOUND, "There is nothing at this address.")
    headers = {"Content-Type": TYPES[name], "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(_contents(name)[0], headers=headers)


# Open to everyone: the page that asks to sign in is styled, too, and there is nothing in them to protect.
OPERATIONS = (Operation(path="/static/{version}/{name}", scope=None, answer=static),)
