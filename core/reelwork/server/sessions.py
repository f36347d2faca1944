"""Persons at a browser: a link that works once becomes a cookie, which stands for a token of their own."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from typing import Protocol

from starlette.requests import Request

from reelwork.server.tokens import Scope, allows, check_brand, check_name, hashed, new_token
from reelwork.store.tokens import LinkRow, Links, TokenRow
from reelwork_hooks.errors import InvalidInput

LINK_SECONDS = 600.0
"""Seconds for which a link can be used."""
COOKIE_SECONDS = 90 * 86_400
"""Seconds for which a browser stays signed in."""
ACTS = (Scope.RUN, Scope.APPROVE, Scope.ADMIN)
"""The scopes with which a person can do something."""


class LinkStore(Links, Protocol):
    """The part of a store that keeps links to sign in with."""

    def link_with(self, hash_: str, now: float) -> LinkRow | None:
        """Return the link with this hash, if it can still be used."""
        ...


async def make_link(store: LinkStore, name: str, scopes: Iterable[str], now: float, brand: str = "") -> str:
    """Return the code of a link by which a person signs in, once. Raises `InvalidInput`."""
    check_name(name)
    check_brand(brand, scopes)
    code = secrets.token_urlsafe(24)
    held = tuple(scope.value for scope in Scope if scope in set(scopes))
    await store.add_link(LinkRow(_hashed(code), name, held, now + LINK_SECONDS, brand))
    return code


def link_of(store: LinkStore, code: str, now: float) -> LinkRow | None:
    """Return the link with this code, if it can still be used."""
    return store.link_with(_hashed(code), now)


async def sign_in(store: LinkStore, code: str, now: float) -> tuple[TokenRow, str]:
    """Use a link up, and return the token that it made, with its secret. Raises `InvalidInput`."""
    link = link_of(store, code, now)
    secret = new_token()
    made = None
    if link is not None:
        name = f"{link.name}-browser"
        token = TokenRow(name, hashed(secret), link.scopes, now, link.brand, person=link.name)
        made = await store.use_link(link.hash, token, now)
    if made is None:
        raise InvalidInput(
            "This link was used already, or is older than 10 minutes.",
            money="Nothing was changed.",
            hint="Make another one: reelwork tokens link NAME",
        )
    return made, secret


def cookie_name(request: Request) -> str:
    """Return the name of the cookie: of its own for each port, since browsers tell servers apart by host only."""
    if request.url.scheme == "https":
        # The browser itself refuses one of this name that came over http or from another host.
        return "__Host-reelwork"
    return f"reelwork_{request.url.port or 80}"


def cookie_of(request: Request) -> str | None:
    """Return the secret that a browser carries, if any."""
    return request.cookies.get(cookie_name(request))


def cookie_header(request: Request, secret: str, seconds: int = COOKIE_SECONDS) -> str:
    """Return the header that gives a browser its cookie; with no seconds, one that takes it away."""
    secure = "; Secure" if request.url.scheme == "https" else ""
    return f"{cookie_name(request)}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def may_act(request: Request) -> bool:
    """Return whether the person who asks may do more than read."""
    token: TokenRow | None = request.scope.get("reelwork.token")
    return token is not None and any(allows(token.scopes, scope) for scope in ACTS)


def _hashed(code: str) -> str:
    return hashlib.sha256(f"link:{code}".encode(errors="replace")).hexdigest()
