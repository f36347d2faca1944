"""Requests that act. Each has a key of its caller's; with it, it acts once, however often it is sent."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from reelwork.errors import StoreUnwritable
from reelwork.ids import fingerprint
from reelwork.server.access import TOKEN
from reelwork.server.api.answering import as_text
from reelwork.server.api.asking import NOTHING, explained
from reelwork.server.operations import JSON, Header, Served
from reelwork.server.problems import Problem
from reelwork.store.protocol import Store
from reelwork.store.requests import Answered, RequestRow
from reelwork.store.tokens import TokenRow
from reelwork.studio.session import Session

M = TypeVar("M", bound=BaseModel)
KEY = "Idempotency-Key"
KEY_PATTERN = r"^[!-~]{1,200}$"
KEY_HEADER = Header(
    KEY, "A unique name for this request. Sent again with it, it acts only once.", KEY_PATTERN, required=True
)
MOST_BYTES = 4_000_000
"""Bytes of a document that is sent."""


async def body_of(request: Request, model: type[M]) -> M:
    """Return the document of a request. Raises `Problem`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # A form of another page's could send no JSON unasked (CORS): one more check, should the others fail.
    if kind != JSON:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send JSON: Content-Type: {JSON}", money=NOTHING)
    text = await _text(request)
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        if error.errors(include_url=False)[0]["type"] == "json_invalid":
            raise Problem(HTTPStatus.BAD_REQUEST, "The document is not JSON.", money=NOTHING) from error
        raise explained(error, model, "pointer") from error


async def _text(request: Request) -> bytes:
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > MOST_BYTES:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The document has more than {MOST_BYTES:,} bytes.",
                money=NOTHING, hint="Send it in parts, each with a key of its own.",
            )  # fmt: skip
    return bytes(found)


@dataclass(frozen=True)
class Act:
    """One request that acts."""

    served: Served
    session: Session
    store: Store
    """To read, and for changes that do no harm when the request is sent again."""
    request: RequestRow

    def answering(
        self, document: Any, status: HTTPStatus = HTTPStatus.OK, acted: Callable[[Any], bool] = bool
    ) -> Store:
        """Return the store for the one change that the request is about: it is committed with this answer."""
        done = replace(self.request, status=status.value, answer=as_text(document))
        return self.store.answering(Answered(done, acted))


Work = Callable[[Act, M], Awaitable[tuple[Any, HTTPStatus]]]


async def act(served: Served, request: Request, model: type[M], work: Work[M]) -> Response:
    """Do what a request asks for, once, and answer it. Sent again, it gets the same answer. Raises `Problem`."""
    asked = await body_of(request, model)
    key = _key(request)
    try:
        return await act_on(served, request, asked, key, work)
    except StoreUnwritable as error:
        # Not in the words of the command line, where what is run again is paid for again: a key acts once.
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE, error.message, money="It acts only once.",
            hint=f"Make room on the server's disk or check its rights. Then send it again with the same {KEY}.",
        ) from error  # fmt: skip


async def act_on(served: Served, request: Request, asked: M, key: str, work: Work[M]) -> Response:
    """Do the same for what was read otherwise, such as from a form. Raises `Problem`."""
    session = served.session
    assert session is not None, "only a server that drives jobs acts"
    token: TokenRow = request.scope[TOKEN]
    row = RequestRow(
        token.name,
        key,
        fingerprint([request.method, request.url.path, asked.model_dump(mode="json", exclude_unset=True)]),
        served.owner,
        served.now(),
    )
    known = await served.store.claim_request(row)
    if known is not None and (answered := await _known(served.store, row, known)) is not None:
        return answered
    async with _dropped_if_broken(served.store, row):
        document, status = await work(Act(served, session, served.store, row), asked)
    return _answer(as_text(document), status)


@asynccontextmanager
async def _dropped_if_broken(store: Store, row: RequestRow) -> AsyncIterator[None]:
    """Forget the request when it fails: it has changed nothing, and may be sent again."""
    try:
        yield
    except BaseException:
        # What has been answered stays: only a request in work is dropped.
        await store.drop_request(row)
        raise


async def _known(store: Store, row: RequestRow, known: RequestRow) -> Response | None:
    """Return the answer to a request that was sent before; None if it is to be done here after all."""
    if known.asked != row.asked:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"{KEY} {row.key!r} was used for another request.", money=NOTHING,
            hint="Give each request a key of its own.", errors=({"header": KEY, "detail": "it is used already"},),
        )  # fmt: skip
    if known.status is not None:
        return _answer(known.answer, HTTPStatus(known.status), {"Idempotency-Replayed": "true"})
    # Its process has ended before it changed anything: the change would have brought the answer with it.
    if await store.worker_is_dead(known.owner) and await store.take_over(known, row.owner):
        return None
    raise Problem(
        HTTPStatus.CONFLICT, "The same request is in progress.", money="It acts only once.",
        hint="Send it again in a moment for its answer.", headers={"Retry-After": "1"},
    )  # fmt: skip


def _answer(text: str, status: HTTPStatus, headers: dict[str, str] | None = None) -> Response:
    return Response(text.encode(errors="replace"), status, headers, media_type=JSON)


def _key(request: Request) -> str:
    given = request.headers.get(KEY, "").strip()
    # As the draft of the IETF writes it: a text in quotes.
    if len(given) > 1 and given[0] == given[-1] == '"':
        given = given[1:-1]
    if not re.match(KEY_PATTERN, given):
        raise Problem(
            HTTPStatus.BAD_REQUEST, f"This needs a key: {KEY}: NAME, at most 200 characters without spaces.",
            money=NOTHING, hint="Take a new random name for each request, and the same to send it again.",
            errors=({"header": KEY, "detail": "it is missing or not possible"},),
        )  # fmt: skip
    return given


def not_agreed(message: str, needs: Mapping[str, Any]) -> Problem:
    """Return the error for money or posts that nobody has agreed to, with what is to be agreed to."""
    return Problem(
        HTTPStatus.CONFLICT, f"{message} Nobody has agreed to that.", money=NOTHING, needs=needs,
        hint=f"Agree to it: {json.dumps(needs)}",
    )  # fmt: skip
