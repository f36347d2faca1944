"""Sessions: signing in with an app password, and renewing tokens before they expire and when they do."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reelwork_hooks import Account, Context, InvalidInput, Unavailable, is_loopback
from reelwork_plugins.publishers.bluesky.config import BlueskyConfig
from reelwork_plugins.publishers.bluesky.xrpc import Answer, Server, repeated

KIND = "bluesky"
SPARE_SECONDS = 120.0
"""A token that expires within this time is renewed first."""

Values = Mapping[str, str]


class SignInRefused(InvalidInput):
    """The server does not accept the identifier with this password."""

    money = "Nothing was posted."


@dataclass(frozen=True, slots=True)
class Session:
    """An account that is signed in, its servers and its token."""

    did: str
    service: str
    """The server that gives out tokens."""
    pds: str
    """The server that stores the account's posts."""
    access: str
    """The access token."""

    @classmethod
    def of(cls, values: Values) -> Session | None:
        """Return the session stored with an account, if there is one."""
        if not values.get("access") or not values.get("did"):
            return None
        service = values["service"]
        return cls(values["did"], service, values.get("pds") or service, values["access"])


def server(context: Context, address: str, service: str) -> Server:
    """Return the calls of a server."""
    # Only the configured service may be a private address: other addresses come from an account's document.
    return Server(context.http(trust=[service]), address, lambda: context.now().timestamp())


class SignedIn:
    """An account, signed in. Everything here may be repeated and posts nothing."""

    def __init__(self, context: Context, account: Account) -> None:
        self._context, self._account = context, account

    async def session(self) -> Session:
        """Return a session whose token is valid for a while. Raises `SignInRefused` or `Unavailable`."""
        values = self._account.read()
        session = Session.of(values)
        if session is None or self._expires_soon(session.access):
            return await self.renewed(values.get("access", ""))
        return session

    async def renewed(self, stale: str) -> Session:
        """Return a session with another token than this one, which is no longer accepted.

        Raises `SignInRefused` or `Unavailable`.
        """

        async def change(now: Values) -> Values:
            token = now.get("access", "")
            # Another process was faster. The refresh token it has used up must not be sent a second time.
            if token != stale and not self._expires_soon(token):
                return now
            return await renew(self._context, now)

        session = Session.of(await self._account.refresh(change))
        if session is None:
            raise Unavailable("bluesky: the server gave no token")
        return session

    async def call(self, send: Callable[[Session], Awaitable[Answer]]) -> Answer:
        """Return the answer to a call that may be repeated, with a renewed token where the old one is refused.

        Raises what `send` raises, `SignInRefused` or `Unavailable`.
        """
        session = await self.session()
        answer = await send(session)
        return await send(await self.renewed(session.access)) if answer.token_refused else answer

    def _expires_soon(self, token: str) -> bool:
        ends = expiry(token)
        return ends is not None and ends - self._context.now().timestamp() < SPARE_SECONDS


class DirectAccount:
    """An identifier and a password from the workflow, as an account whose tokens live as long as the process."""

    name = "of the workflow"
    kind = KIND

    def __init__(self, config: BlueskyConfig, context: Context) -> None:
        self._config, self._context = config, context
        self._tokens: Values = {}
        self._lock = asyncio.Lock()

    def read(self) -> Values:
        """Return everything needed to sign in, and the session so far. Raises `SecretNotFound`."""
        assert self._config.identifier is not None
        assert self._config.password is not None
        password = self._context.secret(self._config.password)
        given = {"service": self._config.service, "identifier": self._config.identifier, "password": password}
        return {**self._tokens, **given}

    async def refresh(self, change: Callable[[Values], Awaitable[Values]]) -> Values:
        """Change the session, one call at a time."""
        async with self._lock:
            after = await change(self.read())
            self._tokens = after
        return after


async def renew(context: Context, values: Values) -> Values:
    """Return the values with fresh tokens: from the refresh token, or from the password when that one is used up.

    Raises `SignInRefused` or `Unavailable`.
    """
    if values.get("refresh"):
        home = server(context, values["service"], values["service"])
        answer = await repeated(
            lambda: home.call("com.atproto.server.refreshSession", None, values["refresh"]), "renewing the session"
        )
        if answer.ok:
            return _kept(values, answer)
    return await sign_in(context, values)


async def sign_in(context: Context, values: Values) -> Values:
    """Return the values with the tokens of a new session. Raises `SignInRefused` or `Unavailable`."""
    service = values["service"]
    home = server(context, service, service)
    body = {"identifier": values["identifier"].removeprefix("@"), "password": values["password"]}
    answer = await repeated(lambda: home.call("com.atproto.server.createSession", body), f"signing in at {service}")
    if not answer.ok:
        raise _refusal(service, values["identifier"], answer)
    if not all(isinstance(answer.body.get(name), str) for name in ("did", "accessJwt", "refreshJwt")):
        raise Unavailable(f"bluesky: {service} answered the sign-in with something else than a session")
    return _kept(values, answer)


def _kept(values: Values, answer: Answer) -> Values:
    body = answer.body
    return {
        **values,
        "did": str(body.get("did") or values.get("did", "")),
        "pds": _pds_of(body, values),
        "access": str(body["accessJwt"]),
        "refresh": str(body["refreshJwt"]),
    }


def _pds_of(body: Mapping[str, Any], values: Values) -> str:
    """Return the server that stores the account's posts, which the identity document names."""
    service = values["service"]
    document = body.get("didDoc")
    listed = document.get("service") if isinstance(document, dict) else None
    for entry in listed if isinstance(listed, list) else []:
        endpoint = entry.get("serviceEndpoint") if isinstance(entry, dict) else None
        if not isinstance(endpoint, str) or not str(entry.get("id", "")).endswith("#atproto_pds"):
            continue
        # The document comes from outside, and our token goes where it leads: never over http.
        if endpoint.startswith("https://") and not is_loopback(service):
            return endpoint.rstrip("/")
    return values.get("pds") or service


def _refusal(service: str, identifier: str, answer: Answer) -> Exception:
    if answer.error == "AuthFactorTokenRequired":
        return SignInRefused(
            f"bluesky: {service} asks for a code sent by e-mail, since this is the account's main password.",
            hint="Use an app password: in Bluesky's settings, Privacy and security, App passwords.",
        )
    return SignInRefused(
        f"bluesky: {service} did not accept {identifier} with this password ({answer.words}).",
        hint="Make an app password in Bluesky's settings (Privacy and security, App passwords) and replace this "
        "one with it: reelwork accounts add bluesky --replace, or where `password` refers to.",
    )


def expiry(token: str) -> float | None:
    """Return the time a token gives for its end (seconds since the epoch); None when it cannot be read."""
    # Not verified: it only decides whether to renew early. Whether a token is valid is for the server to say.
    try:
        payload = token.split(".")[1]
        ends = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"]
        return float(ends)
    except (IndexError, KeyError, TypeError, ValueError):
        return None
