"""Access: which requests come in, by the name they call the server, the page they come from, and their token."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelwork.net.addresses import Origin, is_loopback
from reelwork.server import tokens
from reelwork.server.listening import origin
from reelwork.server.problems import Problem, answer_of
from reelwork.server.sessions import cookie_of
from reelwork.store.tokens import TokenRow
from reelwork_hooks.errors import ReelworkError

LINKS = "/r/"
"""Where addresses begin that are secrets themselves: links to reviews."""
TOKEN = "reelwork.token"
"""Where a request keeps the token that let it in."""

# On every answer. Nothing here is for another page to frame, embed, sniff or store.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Lookup = Callable[[str], TokenRow | None]


@dataclass(frozen=True)
class Exposure:
    """Who may knock: where the server listens, and by which names it is known."""

    reaches_others: bool
    """True if other machines can reach it."""
    public: Origin | None = None
    """The address by which a proxy in front of it is reached."""
    any_name: bool = False
    """True if it answers whatever it is called."""
    names: frozenset[str] = field(default_factory=lambda: frozenset({socket.gethostname().lower()}))
    """Further names of this machine."""

    @property
    def reading_is_open(self) -> bool:
        """True if reading needs no token: only this machine's own people and programs get here."""
        # Behind a proxy every request comes from this machine, whoever sent it.
        return not self.reaches_others and self.public is None

    def answers_to(self, host: str) -> bool:
        """Return whether `host` is a name of this server."""
        if self.any_name:
            return True
        # A page can point its own name at our address (DNS rebinding), and would then read our answers as its own.
        # An address cannot be pointed elsewhere.
        if self.public is not None and host == self.public.host:
            return True
        if not self.reaches_others:
            return is_loopback(host)
        return _is_address(host) or is_loopback(host) or host in self.names

    def is_own_page(self, told: str, host: str) -> bool:
        """Return whether an `Origin` is this server itself, called `host` by the request."""
        page = origin(told)
        return page is not None and page in (self.public, origin(f"http://{host}"))


class AccessControl:
    """Lets requests in, or answers them itself. Every answer leaves with the same headers."""

    def __init__(self, app: ASGIApp, exposure: Exposure, lookup: Lookup) -> None:
        self._app, self._exposure, self._lookup = app, exposure, lookup

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        request = Request(scope)
        try:
            self._check_name(request)
            self._check_page(request)
            scope[TOKEN] = await self._token(request)
        except ReelworkError as error:
            await answer_of(error)(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _check_name(self, request: Request) -> None:
        host = _host_of(request.headers.get("host", ""))
        if not self._exposure.answers_to(host):
            raise Problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                f"This server does not answer to {host!r}.",
                hint="If it is reached by this name, start it with --public-url.",
            )

    def _check_page(self, request: Request) -> None:
        """Refuse what a page from elsewhere sends. Its browser says so, and the page cannot change that."""
        told = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "none")
        own = told is None or self._exposure.is_own_page(told, request.headers.get("host", ""))
        # A page without a referrer sends this in place of its origin. Whoever knows the secret in the address of a
        # link may act by it, and nobody else can: no cookie counts there.
        own = own or (told == "null" and request.url.path.startswith(LINKS))
        if own and (site in ("same-origin", "none") or _is_navigation(request)):
            return
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "A page of another site may do nothing here.",
            hint="Call the API from a program, or from this server's own pages.",
        )

    async def _token(self, request: Request) -> TokenRow | None:
        given = request.headers.get("authorization")
        if given is None:
            return await self._of_browser(request)
        kind, _, token = given.partition(" ")
        row = None
        if kind.lower() == "bearer" and token:
            row = await run_in_threadpool(self._lookup, tokens.hashed(token.strip()))
        if row is None:
            # Also where reading is open: whoever sends a token that was removed must hear of it.
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "This token is not known here.",
                hint="Make one: reelwork tokens add NAME --scope SCOPE",
                headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        return row

    async def _of_browser(self, request: Request) -> TokenRow | None:
        secret = cookie_of(request)
        if secret is None:
            return None
        if request.method not in ("GET", "HEAD") and not _is_from_here(request):
            # A browser adds the cookie by itself, whichever page sends the form.
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "Only a page of this server may send this.",
                money="Nothing was changed.",
                hint="Open the dashboard, and do it there.",
            )
        # A browser whose token was removed is one that is not signed in.
        return await run_in_threadpool(self._lookup, tokens.hashed(secret))


def admit(exposure: Exposure, scope: tokens.Scope, request: Request) -> None:
    """Let a request do what needs a scope. Raises `Problem`."""
    token: TokenRow | None = request.scope[TOKEN]
    if token is None and scope == tokens.Scope.READ and exposure.reading_is_open:
        return
    if token is None:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "This needs a token.",
            hint=f"Make one: reelwork tokens add NAME --scope {scope}. Send it as: Authorization: Bearer TOKEN",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if not tokens.allows(token.scopes, scope):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            f"The token {token.name!r} lacks the scope {scope.value}.",
            hint=f"It has: {', '.join(token.scopes)}.",
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope.value}"'},
        )


def _is_from_here(request: Request) -> bool:
    # `_check_page` has refused those that name another page. Here one of them must be there.
    sent = request.headers
    return "origin" in sent or sent.get("sec-fetch-site") == "same-origin"


def _is_navigation(request: Request) -> bool:
    # A link in a message opens a page here. Nobody else can read what it shows.
    sent = request.headers
    return request.method == "GET" and sent.get("sec-fetch-mode") == "navigate" and "origin" not in sent


def _host_of(told: str) -> str:
    try:
        return (urlsplit(f"//{told}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
