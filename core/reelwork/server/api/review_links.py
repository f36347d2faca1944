"""Links to reviews: made, listed and taken back."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from reelwork.server.access import LINKS, TOKEN
from reelwork.server.api.acting import KEY, KEY_HEADER, Act, act
from reelwork.server.api.answering import as_text, told
from reelwork.server.api.asking import Asked, OfBrand, query_of
from reelwork.server.api.jobs import job_named
from reelwork.server.api.review_models import LinkAsked, MadeLink, ReviewLinksTold, ReviewLinkTold
from reelwork.server.operations import JSON, Operation, Served
from reelwork.server.sessions import cookie_of
from reelwork.server.tokens import Scope
from reelwork.studio.review_links import link_as_json, link_to, revoke


class LinkFilter(OfBrand):
    """Which links are listed."""

    job: Annotated[str, Field(max_length=200)] | None = None
    """Only those to this job."""


async def link_review(served: Served, request: Request) -> Response:
    """Make a link with which one person can see a job's posts and answer their review once, without a token.

    It is for the version that is there now. Only this answer has the link; it is the same when the request is sent
    again with its key.
    """
    code = _code(request)

    async def work(one: Act, asked: LinkAsked) -> tuple[Any, HTTPStatus]:
        row, now = job_named(one.store, request.path_params["job"]), one.served.now()
        maker = request.scope[TOKEN].who
        link = link_to(row, asked.for_, maker, code, now, expires=asked.expires, version=asked.version)
        document = link_as_json(link, now)
        await one.answering(document, HTTPStatus.CREATED).add_review_link(link)
        return document, HTTPStatus.CREATED

    answer = await act(served, request, LinkAsked, work)
    document = json.loads(bytes(answer.body))
    # Put in here, and never stored: the answer that the store keeps for this key is without it.
    document["link"] = f"{address_of(served, request)}{LINKS}{code}"
    headers = {name: value for name, value in answer.headers.items() if name.startswith("idempotency")}
    return Response(as_text(document).encode(errors="replace"), answer.status_code, headers, media_type=JSON)


def address_of(served: Served, request: Request) -> str:
    """Return the address of this server: the public one, or else that by which the caller reaches it."""
    # Whoever is on the machine itself, or comes through a tunnel, calls it by a name that nobody else can use.
    public = served.exposure.public
    return f"{request.url.scheme}://{request.url.netloc}" if public is None else str(public)


def _code(request: Request) -> str:
    """Return the code of the link that this request makes: the same for the same request, and a secret."""
    # From the caller's own token, which is random and known here by its hash alone. So an answer that was lost can
    # be asked for again, although the code itself is stored nowhere.
    secret = request.headers.get("authorization", "").partition(" ")[2].strip() or cookie_of(request) or ""
    about = "\n".join(("review link", request.url.path, request.headers.get(KEY, "").strip().strip('"')))
    made = hmac.new(secret.encode(), about.encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(made).decode().rstrip("=")


def list_links(served: Served, request: Request) -> Response:
    """List the links to reviews, newest first. The addresses that open them are not shown."""
    asked = query_of(request, LinkFilter)
    job = None if asked.job is None else job_named(served.store, asked.job).id
    now = served.now()
    return told({"items": [link_as_json(one, now) for one in served.store.review_links(job)]})


async def unlink_review(served: Served, request: Request) -> Response:
    """Revoke a link to a review: it opens nothing from then on."""
    query_of(request, Asked)
    now = served.now()
    link = await revoke(served.store, request.path_params["link"], now)
    return told({**link_as_json(link, now), "state": "revoked"})


OPERATIONS = (
    Operation(
        path="/api/v1/reviews/{job}/links",
        scope=Scope.APPROVE,
        answer=link_review,
        method="POST",
        body=LinkAsked,
        returns=MadeLink,
        status=HTTPStatus.CREATED,
        headers=(KEY_HEADER,),
    ),
    Operation(
        path="/api/v1/review-links", scope=Scope.READ, answer=list_links, query=LinkFilter, returns=ReviewLinksTold
    ),
    Operation(
        path="/api/v1/review-links/{link}",
        scope=Scope.APPROVE,
        answer=unlink_review,
        method="DELETE",
        query=Asked,
        returns=ReviewLinkTold,
    ),
)
