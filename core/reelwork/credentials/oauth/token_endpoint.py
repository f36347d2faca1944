"""Requests to a token endpoint, and the meaning of its answers (RFC 6749, sections 5 and 6)."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from reelwork.text import shown
from reelwork_hooks.accounts import OAuth, Tokens
from reelwork_hooks.errors import InvalidInput, NotSent, OutcomeUnknown, ReelworkError, Unavailable
from reelwork_hooks.plugin import Context, HttpResponse

LONGEST_WORDS = 200
"""Characters of a server's words that are passed on."""
SILENCE = 30.0
"""Seconds for which a token endpoint may stay silent."""
LONGEST_LIFE = 20 * 365 * 86_400.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
CLIENT_KEYS = ("token_url", "client_id", "client_id_name", "client_secret", "client_auth")
"""What `Tokens.client` holds."""


class Refused(InvalidInput):
    """The network refused to give out a token. `code` is its own word for it, such as `invalid_grant`."""

    def __init__(self, message: str, *, code: str = "", money: str = "", hint: str = "") -> None:
        super().__init__(message, money=money, hint=hint)
        self.code = code


class AnswerLost(Unavailable):
    """The request for a token left, and no clear answer came: what it carried may be used up."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client as a token endpoint knows it."""

    token_url: str
    client_id: str
    client_id_name: str = "client_id"
    client_secret: str = field(default="", repr=False)
    client_auth: str = "none"

    @classmethod
    def of(cls, oauth: OAuth, given: Mapping[str, str]) -> Client:
        """Return the client of a sign-in: the declared one, else the one the person gave."""
        return cls(
            oauth.token_url,
            oauth.client_id or given.get("client_id", ""),
            oauth.client_id_name,
            oauth.client_secret or given.get("client_secret", ""),
            oauth.client_auth,
        )

    @classmethod
    def stored(cls, values: Mapping[str, str]) -> Client | None:
        """Return the client that is stored with an account; None when it has none."""
        if not values.get("token_url") or not values.get("client_id"):
            return None
        return cls(**{key: values[key] for key in CLIENT_KEYS if key in values})

    def as_values(self) -> dict[str, str]:
        """Return what is stored of it."""
        return {key: getattr(self, key) for key in CLIENT_KEYS}

    async def ask(self, context: Context, form: Mapping[str, str]) -> HttpResponse:
        """Send one request. Raises `Unavailable`: `AnswerLost` when it may have been carried out."""
        check_address(self.token_url)
        form = {**form, self.client_id_name: self.client_id}
        headers = {"Accept": "application/json"}
        if self.client_auth == "post":
            form["client_secret"] = self.client_secret
        elif self.client_auth == "basic":
            # Both parts are form-encoded first (RFC 6749, 2.3.1): a colon in the id would else end it.
            pair = f"{quote(self.client_id, safe='')}:{quote(self.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return await post_form(context, self.token_url, form, headers)


async def post_form(
    context: Context, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Send a form, once. Raises `Unavailable`: `AnswerLost` when it may have been carried out."""
    client = context.http(trust=[url])
    try:
        return await client.post(url, data=form, headers=headers or {"Accept": "application/json"}, timeout=SILENCE)
    except NotSent as error:
        raise Unavailable(error.message, retry_after=error.retry_after) from error
    except OutcomeUnknown as error:
        raise AnswerLost(error.message) from error


def check_address(url: str) -> None:
    """Raise `InvalidInput` for an address over which anybody on the way could read codes and tokens."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK:
        raise InvalidInput(f"{shown(url)} must begin with https://: over it, codes and tokens are sent.")


def body_of(response: HttpResponse) -> Mapping[str, Any]:
    """Return an answer's JSON object, or its form; empty when it is neither."""
    try:
        body = response.json()
    except ValueError:
        # Some networks answer with a form whatever they are asked for. A token that is not read there is lost.
        is_form = "x-www-form-urlencoded" in response.headers.get("content-type", "").lower()
        return dict(parse_qsl(response.text.strip())) if is_form else {}
    # Instagram wraps its answer in a list of one.
    wrapped = body.get("data") if isinstance(body, dict) and "access_token" not in body else None
    if isinstance(wrapped, list) and len(wrapped) == 1:
        body = wrapped[0]
    return body if isinstance(body, dict) else {}


def granted(response: HttpResponse, url: str) -> Mapping[str, Any]:
    """Return the answer that holds an access token. Raises `Refused` or `Unavailable`."""
    body = body_of(response)
    token = body.get("access_token")
    if 200 <= response.status_code < 300 and isinstance(token, str) and token and token.isprintable():
        return body
    host = urlsplit(url).netloc
    code = body.get("error")
    # Some networks answer a refusal with 200. A page of HTML, a 429 or a 5xx says nothing about the token.
    passing = code in ("server_error", "temporarily_unavailable") or response.status_code == 429
    if isinstance(code, str) and code and response.status_code < 500 and not passing:
        raise Refused(f"{host} refused: {words(body)}", code=code)
    if 400 <= response.status_code < 500 and response.status_code not in (408, 425) and not passing:
        said = words(body)
        raise Refused(f"{host} answered {response.status_code}{f': {said}' if said else ''}")
    if response.status_code == 429:
        raise Unavailable(f"{host} answered 429: too many requests", retry_after=60.0)
    raise AnswerLost(f"{host} answered {response.status_code} without a token")


def words(body: Mapping[str, Any]) -> str:
    """Return what a network says of an error, in one short line."""
    error = body.get("error")
    parts = (error, body.get("error_description"))
    # Meta and Google answer with an object of their own.
    if isinstance(error, dict):
        parts = (error.get("type"), error.get("message"))
    return shown(": ".join(part for part in parts if isinstance(part, str) and part))[:LONGEST_WORDS]


def tokens_of(
    body: Mapping[str, Any], client: Client, given: Mapping[str, str], now: datetime, asked: Sequence[str]
) -> Tokens:
    """Return the tokens in an answer. `asked` are the scopes that were asked for."""
    refresh = body.get("refresh_token")
    scope = body.get("scope")
    # No `scope` in the answer means that all were allowed (RFC 6749, 5.1).
    if isinstance(scope, list):
        scope = " ".join(one for one in scope if isinstance(one, str))
    scopes = tuple(scope.replace(",", " ").split()) if isinstance(scope, str) else tuple(asked)
    return Tokens(
        access=str(body["access_token"]),
        refresh=refresh if isinstance(refresh, str) else "",
        expires_at=end_of(body, now),
        scopes=scopes,
        given=given,
        answer=body,
        client=client.as_values(),
    )


def end_of(body: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return when a token ends whose answer was asked for at `now`; None if it is not said."""
    try:
        seconds = float(body["expires_in"])
    except (KeyError, TypeError, ValueError):
        return None
    # 0 stands for "never" at some networks; a number out of bounds would be no date.
    return now + timedelta(seconds=seconds) if 0 < seconds < LONGEST_LIFE else None


def secrets_in(body: Mapping[str, Any]) -> list[str]:
    """Return what must not be shown of an answer."""
    named = (value for key, value in body.items() if ("token" in key or "code" in key) and key != "token_type")
    return [value for value in named if isinstance(value, str)]


def explained(error: ReelworkError) -> str:
    """Return an error's message without its full stop, to be part of another sentence."""
    return error.message.rstrip(".")
