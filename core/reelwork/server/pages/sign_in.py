"""Signing in and out of the dashboard."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reelwork.server.access import TOKEN
from reelwork.server.operations import Operation, Served
from reelwork.server.pages.forms import form_of
from reelwork.server.pages.rendering import failure, page
from reelwork.server.sessions import cookie_header, link_of, sign_in
from reelwork.server.tokens import Scope, remove


def ask(served: Served, request: Request) -> Response:
    """Show whom a link signs in. Only the button uses it up, so that whoever looks at links for others cannot."""
    code = request.query_params.get("code", "")
    link = link_of(served.store, code, served.now()) if code else None
    return page(served, request, "sign_in.html", link=link, code=code)


async def enter(served: Served, request: Request) -> Response:
    """Sign in with a link, and go to the first page."""
    _, secret = await sign_in(served.store, (await form_of(request)).get("code", ""), served.now())
    headers = {"Set-Cookie": cookie_header(request, secret)}
    return RedirectResponse("/", HTTPStatus.SEE_OTHER, headers)


async def leave(served: Served, request: Request) -> Response:
    """Sign this browser out: its token is refused from then on."""
    # Only a browser's own token: a program that asks with its token keeps that.
    if (token := request.scope[TOKEN]) is not None and "authorization" not in request.headers:
        await remove(served.store, token.name)
    headers = {"Set-Cookie": cookie_header(request, "", 0)}
    return RedirectResponse("/", HTTPStatus.SEE_OTHER, headers)


OPERATIONS = (
    Operation(path="/sign-in", scope=None, answer=ask, fails=failure),
    Operation(path="/sign-in", scope=None, answer=enter, method="POST", fails=failure),
    Operation(path="/sign-out", scope=Scope.READ, answer=leave, method="POST", fails=failure),
)
