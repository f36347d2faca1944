"""Webhooks that come in: `POST /webhooks/{account}`. Each only makes a poll happen now, and is believed no more."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from reelwork.errors import in_a_line
from reelwork.server.operations import Operation, Served
from reelwork.server.problems import Problem
from reelwork.server.receivers import Forged, Receiver, render_ids_of
from reelwork.store.webhooks import Received, job_of_token
from reelwork.text import storable
from reelwork_hooks.errors import ReelworkError
from reelwork_hooks.webhooks import Genuine

# Some providers send the whole result. None of it is used, and 200 senders at once must not fill the memory.
LARGEST_BODY = 1024 * 1024
"""Bytes."""
RECEIVING_SECONDS = 15.0
"""Seconds for a body to arrive."""
OVERSIZE, NO_SUCH, UNCHECKED = "oversize", "no-such-address", "unchecked"

log = logging.getLogger("reelwork.server")


async def receive(served: Served, request: Request) -> Response:
    """Take a webhook. Answers 2xx only once what follows from it is on disk."""
    receiver = _receiver(served, request)
    body = await _body(served, receiver, request)
    job_id = _job(served, receiver, request)
    received = Received(receiver.name, "", (), job_id)
    if receiver.scheme is not None:
        told = await _told(served, receiver, request, body)
        received = Received(receiver.name, storable(told.id), render_ids_of(told), job_id)
    heard = await served.store.hear(received)
    served.meters.webhook(receiver.name, heard)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _told(served: Served, receiver: Receiver, request: Request, body: bytes) -> Genuine:
    """Return what a genuine webhook says. Raises `Problem`."""
    try:
        return await receiver.read(request.headers, body)
    except Forged as forged:
        served.meters.webhook(receiver.name, str(forged))
        raise Problem(HTTPStatus.UNAUTHORIZED, "It is not signed as a webhook here must be, or not now.") from None
    except ReelworkError as error:
        # Neither genuine nor forged: whoever sent it sends it again.
        log.warning("a webhook for %s cannot be checked: %s", receiver.name, in_a_line(error))
        served.meters.webhook(receiver.name, UNCHECKED)
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "It cannot be checked now. Send it again.") from error


def _receiver(served: Served, request: Request) -> Receiver:
    receiver = served.receivers.by_name.get(request.path_params["account"])
    token = request.path_params.get("token")
    # One that signs nothing is known by the token alone.
    if receiver is None or (receiver.scheme is None and token is None):
        raise _nothing_here(served, "")
    return receiver


def _job(served: Served, receiver: Receiver, request: Request) -> str:
    """Return the job that the token in the address names; empty without one. Raises `Problem` for a wrong one."""
    token = request.path_params.get("token")
    if token is None:
        return ""
    job_id = job_of_token(served.receivers.salt, token) if served.receivers.salt else None
    if job_id is None:
        raise _nothing_here(served, receiver.name)
    return job_id


def _nothing_here(served: Served, account: str) -> Problem:
    # The names of accounts that are counted are those of the settings: others would fill the memory.
    served.meters.webhook(account, NO_SUCH)
    return Problem(HTTPStatus.NOT_FOUND, "There is nothing at this address.")


async def _body(served: Served, receiver: Receiver, request: Request) -> bytes:
    """Return the body as it was received. Raises `Problem` when it is too large or does not come."""
    told = request.headers.get("content-length", "")
    body = bytearray()
    try:
        async with asyncio.timeout(RECEIVING_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > LARGEST_BODY or (told.isdecimal() and len(told) < 20 and int(told) > LARGEST_BODY):
                    served.meters.webhook(receiver.name, OVERSIZE)
                    raise Problem(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        f"A webhook may have {LARGEST_BODY} bytes.",
                        # What is left of the body is not read.
                        headers={"Connection": "close"},
                    )
    except (TimeoutError, ClientDisconnect):
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, "The body of the webhook did not arrive.") from None
    return bytes(body)


OPERATIONS = (
    Operation(path="/webhooks/{account}", scope=None, answer=receive, method="POST"),
    Operation(path="/webhooks/{account}/{token}", scope=None, answer=receive, method="POST"),
)
