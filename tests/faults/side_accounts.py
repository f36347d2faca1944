"""The accounts with which the fault matrix posts to the networks that the simulator plays."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from reelwork_hooks import Credentials
from reelwork_plugins.simulator.networks.facebook.store import page_id
from reelwork_plugins.simulator.networks.linkedin.rules import PAGE, PAGE_NUMBER, PERSON, person_id
from reelwork_plugins.simulator.networks.meta.store import account_id
from reelwork_plugins.simulator.networks.tiktok.handlers import SCOPES as TIKTOK_SCOPES
from reelwork_plugins.simulator.networks.tiktok.posts import open_id
from reelwork_plugins.simulator.networks.tokens import ANYONE, OPEN_TOKEN, Token
from reelwork_plugins.simulator.networks.x.rules import SCOPES as X_SCOPES
from reelwork_plugins.simulator.networks.x.rules import user_id
from reelwork_plugins.simulator.networks.youtube.handlers import SCOPES

BY_PAGE: Mapping[str, Callable[[str], str]] = {
    "facebook": page_id,
    "instagram": account_id,
    "threads": account_id,
}
"""Meta's networks, whose tokens nothing renews here, and the id that an account has there."""


def stored_account(network: str, service: str, url: str, *, as_person: bool = False) -> Credentials:
    """The account at a network, as a sign-in would have stored it.

    `service` gives out tokens, and `url` is where the processes find it. `as_person`: not as a page.
    """
    if network == "x":
        return _at_x(service, url)
    if network == "linkedin":
        return _at_linkedin(url, f"{PERSON}{person_id(ANYONE)}" if as_person else f"{PAGE}{PAGE_NUMBER}")
    if network in BY_PAGE:
        id_ = BY_PAGE[network](ANYONE)
        shown = {"id": id_, "login": "facebook", "service": url, "identifier": f"@{ANYONE}"}
        return Credentials(shown, {"access_token": OPEN_TOKEN}, f"{url} {network} {id_}")
    return _with_ended_token(network, service, url)


def _with_ended_token(network: str, service: str, url: str) -> Credentials:
    """An account whose token has ended: each process begins with a refresh."""
    is_tiktok = network == "tiktok"
    scopes = tuple(sorted(TIKTOK_SCOPES if is_tiktok else SCOPES))
    secret = {
        "access_token": Token(network, ANYONE, scopes, time.time() - 1).written(),
        # At TikTok each is good for one refresh: that of another case must be another one.
        "refresh_token": Token(network, ANYONE, scopes, time.time() + 86_400, refresh=True).written(),
        "token_url": f"{service}/{'v2/oauth/token/' if is_tiktok else 'token'}",
        "client_id": "desktop",
        "client_id_name": "client_key" if is_tiktok else "client_id",
        "client_secret": "none",
        "client_auth": "post",
    }
    ended = datetime.fromtimestamp(time.time() - 1, UTC)
    shown = {"id": open_id(ANYONE)} if is_tiktok else {"channel": "UC1"}
    identity = next(iter(shown.values()))
    return Credentials({**shown, "service": url}, secret, identity, expires_at=ended)


def _at_x(service: str, url: str) -> Credentials:
    """An account whose refresh token is good once."""
    now, scopes = time.time(), tuple(sorted(X_SCOPES))
    secret = {
        "access_token": Token("x", ANYONE, scopes, now + 86_400).written(),
        "refresh_token": Token("x", ANYONE, scopes, now + 86_401, refresh=True).written(),
        "token_url": f"{service}/2/oauth2/token",
        "client_id": "native",
        "client_auth": "none",
    }
    id_ = user_id(ANYONE)
    shown = {"id": id_, "username": ANYONE, "service": url, "identifier": f"@{ANYONE}"}
    return Credentials(shown, secret, f"{url} x {id_}")


def _at_linkedin(url: str, author: str) -> Credentials:
    """An account whose token nothing renews."""
    shown = {"author": author, "service": url, "identifier": ANYONE}
    return Credentials(shown, {"access_token": OPEN_TOKEN}, f"{url} linkedin {author}")
