"""Signing in at Meta: short tokens, and those of sixty days that are given for them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import Reply
from reelwork_plugins.simulator.networks.meta.store import account_id
from reelwork_plugins.simulator.networks.sign_in import Rules, SignIn
from reelwork_plugins.simulator.networks.tokens import ANYONE, OPEN_TOKEN, Token, read_token
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.simulation import Simulation

SHORT, LONG = 3600.0, 60 * 86_400.0
YOUNGEST = 86_400.0
"""Seconds that a token must be old to be renewed."""
PLACE = "https://localhost/"


@dataclass(frozen=True, slots=True)
class Grants:
    """The grant types of one network, for the tokens of sixty days."""

    exchange: str
    renew: str


class Tokens:
    """The sign-in of one of Meta's networks."""

    def __init__(self, network: str, title: str, scopes: frozenset[str], grants: Grants, *, wrapped: bool) -> None:
        self.network, self.scopes = network, scopes
        self._grants, self._wrapped = grants, wrapped
        rules = Rules(network, title, scopes, registers=False, seconds=SHORT, also_to=(PLACE,))
        self.pages = SignIn(rules)

    async def exchange(self, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        """POST a code, and get a short token with who signed in."""
        reply = await self.pages.exchange(sim, dialect, request, form)
        token = read_token(str(reply.payload["access_token"]))
        assert token is not None
        told = {
            "access_token": reply.payload["access_token"],
            "user_id": account_id(token.account),
            "permissions": ",".join(token.scopes),
        }
        # As Instagram's page has it. It was seen without the list, too.
        return Reply({"data": [told]} if self._wrapped else told)

    async def page_exchange(self, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        """POST a code at Facebook, and get a short token."""
        told = (await self.exchange(sim, dialect, request, form)).payload
        told = told["data"][0] if self._wrapped else told
        return Reply({**told, "token_type": "bearer", "expires_in": SHORT})

    async def page_long(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET a token of sixty days at Facebook."""
        query = request.query_params
        if query.get("grant_type") != "fb_exchange_token" or not query.get("client_secret"):
            raise Refused(400, "Missing or invalid grant_type, or client_secret.", code="100")
        return self.lasting(sim, query.get("fb_exchange_token", ""))

    async def long(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET a token of sixty days for a short one."""
        query = request.query_params
        if query.get("grant_type") != self._grants.exchange or not query.get("client_secret"):
            raise Refused(400, "Missing or invalid grant_type, or client_secret.", code="100")
        return self.lasting(sim, query.get("access_token", ""))

    async def renew(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET another sixty days for a token that is a day old."""
        query = request.query_params
        if query.get("grant_type") != self._grants.renew:
            raise Refused(400, "Missing or invalid grant_type.", code="100")
        token = self._valid(query.get("access_token", ""))
        if token.ends is not None and token.ends - time.time() > LONG - YOUNGEST:
            raise Refused(400, "The token must be at least 24 hours old.", code="100")
        return self.lasting(sim, query.get("access_token", ""))

    def lasting(self, sim: Simulation, given: str) -> Reply:
        """Return a token of sixty days for one that is valid. Raises `Refused`."""
        token = self._valid(given)
        # The short ones are not meant: a person would not be done with the sign-in.
        fault = sim.switchboard.pick("access")
        life = fault.seconds if fault else LONG
        made = Token(self.network, token.account, token.scopes, time.time() + life).written()
        told: dict[str, Any] = {"access_token": made, "token_type": "bearer", "expires_in": life}
        return Reply(told)

    def page_token(self, token: Token, name: str = "") -> str:
        """Return the token of a page, by default the one named as its person: it does not end."""
        return Token(self.network, name or token.account, token.scopes).written()

    def _valid(self, text: str) -> Token:
        token = read_token(text)
        if token is None or token.network != self.network or (token.ends is not None and time.time() > token.ends):
            raise no_session()
        return token

    def who(self, sim: Simulation, request: Request, *scopes: str) -> Token:
        """Return the token of a request, which allows one of these scopes. Raises `Refused`."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        # Uploads spell it so.
        text = given if scheme.lower() in ("bearer", "oauth") else request.query_params.get("access_token", "")
        if text == (sim.settings.api_key or OPEN_TOKEN):
            return Token(self.network, ANYONE, tuple(sorted(self.scopes)))
        token = self._valid(text)
        if scopes and not any(scope in token.scopes for scope in scopes):
            raise Refused(403, "Application does not have permission for this action", code="10")
        return token


def no_session() -> Refused:
    """Return the refusal of a token that is not valid, or not any more."""
    words = "Error validating access token: Session has expired."
    return Refused(401, words, code="190.463", headers={"WWW-Authenticate": 'OAuth "Facebook Platform"'})
