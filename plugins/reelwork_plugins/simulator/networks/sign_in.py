"""Signing in at a simulated network: the page on which a person allows it, the code, and the tokens (RFC 6749)."""

from __future__ import annotations

import base64
import hashlib
import itertools
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import Reply
from reelwork_plugins.simulator.networks.page import CONTENT_POLICY, code_page, consent_page
from reelwork_plugins.simulator.networks.tokens import ANYONE, OPEN_TOKEN, Token, read_token
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.simulation import Simulation

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
CODE_SECONDS = 600.0
LONG_SECONDS = 180 * 86_400.0
"""How long a refresh token lasts that is good once."""
LONGEST_NAME = 30
_ASKED = (
    "response_type", "client_id", "client_key", "redirect_uri", "scope", "state", "code_challenge",
    "code_challenge_method", "access_type",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Client:
    """A program that may ask people to sign in."""

    client_id: str
    secret: str
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """The consent of a person: good for one exchange, by whoever asked."""

    asked: Mapping[str, str]
    account: str
    ends: float


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in which a network differs from others here."""

    network: str
    title: str
    scopes: frozenset[str]
    registers: bool
    """Programs are registered at the network first; otherwise any client may ask."""
    seconds: float | None = None
    """How long an access token lasts, which then comes with a refresh token. None: for ever, without one."""
    also_to: tuple[str, ...] = ()
    """Addresses to which people are sent back beside those of this machine."""
    rotates: bool = False
    """A refresh token is good once, and brings the next one."""
    lasting_scope: str = ""
    """The scope without which no refresh token is given."""
    client_name: str = "client_id"
    """The parameter with the client's id."""
    hex_challenge: bool = False
    """The code challenge is written in hex."""


class SignIn:
    """The sign-in of one network."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._clients: dict[str, Client] = {}
        self._grants: dict[str, Grant] = {}
        self._used: set[str] = set()
        self._serial = itertools.count()

    def register(self, redirect_uris: tuple[str, ...], scopes: tuple[str, ...]) -> Client:
        """Return a new client."""
        made = Client(secrets.token_urlsafe(16), secrets.token_urlsafe(24), redirect_uris, scopes)
        self._clients[made.client_id] = made
        return made

    def unknown(self, scopes: tuple[str, ...]) -> list[str]:
        """Return those of the scopes that the network does not have."""
        return [one for one in scopes if one not in self._rules.scopes]

    async def show(self, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        """GET the page on which a person allows it, or does not."""
        asked = {name: request.query_params[name] for name in _ASKED if name in request.query_params}
        self._check(asked)
        page = consent_page(self._rules.title, asked, _scopes_in(asked["scope"]))
        # The answer of the form leads to the program that asked, which a stricter policy would not let pass.
        return Reply(raw=HTMLResponse(page, headers=CONTENT_POLICY))

    async def decide(self, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        """POST the person's answer, and send the browser back."""
        given = {name: str(value) for name, value in form.fields.items()}
        asked = {name: given[name] for name in _ASKED if name in given}
        self._check(asked)
        back = {"state": asked["state"]} if asked.get("state") else {}
        if given.get("answer") != "allow" or sim.switchboard.pick("consent"):
            back |= {"error": "access_denied", "error_description": "The owner of the account denied the request."}
            return self._sent_back(asked, back)
        code = secrets.token_urlsafe(24)
        name = "".join(filter(str.isalnum, given.get("account", "")))[:LONGEST_NAME] or ANYONE
        self._grants[code] = Grant(asked, name, time.time() + CODE_SECONDS)
        return self._sent_back(asked, {"code": code, **back})

    def _sent_back(self, asked: Mapping[str, str], answer: Mapping[str, str]) -> Reply:
        if asked["redirect_uri"] == OUT_OF_BAND:
            page = code_page(self._rules.title, answer.get("code", ""), answer.get("error_description", ""))
            return Reply(raw=HTMLResponse(page, headers=CONTENT_POLICY))
        joint = "&" if urlsplit(asked["redirect_uri"]).query else "?"
        return Reply(raw=RedirectResponse(f"{asked['redirect_uri']}{joint}{urlencode(answer)}", 302))

    def _check(self, asked: Mapping[str, str]) -> None:
        """Raise `Refused` for a request that may not be shown to a person: nobody is sent back with its error."""
        if asked.get("response_type") != "code":
            raise _refused("unsupported_response_type", "The network takes response_type=code.")
        uri, client_id = asked.get("redirect_uri", ""), asked.get(self._rules.client_name, "")
        client = self._clients.get(client_id)
        if not client_id or (self._rules.registers and client is None):
            raise _refused("invalid_client", "Client authentication failed due to unknown client.", 401)
        if not _may_return_to(uri, client) and uri not in self._rules.also_to:
            raise _refused("invalid_redirect_uri", "The redirect uri included is not valid.")
        scopes = _scopes_in(asked.get("scope", ""))
        may = self._rules.scopes if client is None else _with_parts(client.scopes, self._rules.scopes)
        if not scopes or any(one not in may for one in scopes):
            raise _refused("invalid_scope", "The requested scope is invalid, unknown, or malformed.")
        if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
            raise _refused("invalid_code_challenge_method", "The code challenge method must be S256.")

    async def exchange(self, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        """POST a code or a refresh token, and get an access token."""
        given = {name: str(value) for name, value in form.fields.items()}
        kind = given.get("grant_type")
        if kind == "authorization_code":
            grant = self._granted(given)
            scopes = _scopes_in(grant.asked["scope"])
            return self._tokens(sim, grant.account, scopes, refreshable=True)
        if kind == "refresh_token" and self._rules.seconds is not None:
            token = read_token(given.get("refresh_token", ""))
            if token is None or not token.refresh or token.network != self._rules.network:
                raise _refused("invalid_grant", "Token has been expired or revoked.")
            if self._rules.rotates:
                self._use(given)
            return self._tokens(sim, token.account, token.scopes, refreshable=self._rules.rotates)
        raise _refused("unsupported_grant_type", "The authorization grant type is not supported.")

    def _use(self, given: Mapping[str, str]) -> None:
        """Use up a refresh token. Raises `Refused` where that was done before."""
        token = given["refresh_token"]
        if token in self._used:
            raise _refused("invalid_request", "Value passed for the token was invalid.")
        self._used.add(token)

    def _granted(self, given: Mapping[str, str]) -> Grant:
        # Whatever comes of it, a code is good for one try.
        grant = self._grants.pop(given.get("code", ""), None)
        if grant is None or time.time() > grant.ends:
            raise _refused("invalid_grant", "The provided authorization grant is invalid, expired, or revoked.")
        name = self._rules.client_name
        client = self._clients.get(given.get(name, ""))
        wrong_secret = client is not None and given.get("client_secret") != client.secret
        if given.get(name) != grant.asked[name] or wrong_secret:
            raise _refused("invalid_client", "Client authentication failed.", 401)
        if given.get("redirect_uri") != grant.asked["redirect_uri"]:
            raise _refused("invalid_grant", "The redirect uri does not match the one of the authorization request.")
        challenge = grant.asked.get("code_challenge")
        if challenge and self._hashed(given.get("code_verifier", "")) != challenge:
            raise _refused("invalid_grant", "The code verifier does not match the code challenge.")
        return grant

    def _hashed(self, verifier: str) -> str:
        return hashlib.sha256(verifier.encode()).hexdigest() if self._rules.hex_challenge else _s256(verifier)

    def _tokens(self, sim: Simulation, account: str, scopes: tuple[str, ...], *, refreshable: bool) -> Reply:
        now, ends = time.time(), None
        body: dict[str, float | str] = {"token_type": "Bearer", "scope": " ".join(scopes), "created_at": int(now)}
        if self._rules.seconds is not None:
            sooner = sim.switchboard.pick("access")
            seconds = sooner.seconds if sooner else self._rules.seconds
            ends, body["expires_in"] = now + seconds, seconds
            if refreshable and self._rules.lasting_scope in ("", *scopes):
                # Each is another text: of two that are alike one would be used up with the other.
                of_its_own = now + LONG_SECONDS + next(self._serial) if self._rules.rotates else None
                body["refresh_token"] = Token(
                    self._rules.network, account, scopes, of_its_own, refresh=True
                ).written()
        access = Token(self._rules.network, account, scopes, ends).written()
        return Reply({"access_token": access, **body})


def bearer(sim: Simulation, request: Request, network: str, every_scope: frozenset[str]) -> Token | None:
    """Return the token of a request; None where it has none that is valid now."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    if text == (sim.settings.api_key or OPEN_TOKEN):
        return Token(network, ANYONE, tuple(every_scope))
    token = read_token(text)
    if token is None or token.refresh or token.network != network:
        return None
    return token if token.ends is None or time.time() < token.ends else None


def _scopes_in(text: str) -> tuple[str, ...]:
    # Some networks part them by commas.
    return tuple(text.replace(",", " ").split())


def _may_return_to(uri: str, client: Client | None) -> bool:
    if client is not None:
        return uri in client.redirect_uris
    # As for programs on a desktop: back to this machine, whatever the port.
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")


def _with_parts(granted: tuple[str, ...], known: frozenset[str]) -> frozenset[str]:
    """Return the scopes, and those that are part of one of them: `write` holds `write:media`."""
    return frozenset(one for one in known if one in granted or one.partition(":")[0] in granted)


def _s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _refused(code: str, message: str, status: int = 400) -> Refused:
    return Refused(status, message, code=code, where="oauth")
