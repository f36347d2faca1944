"""Signing in at Meta: a short token is exchanged for one of sixty days, which is renewed long before it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from reelwork_hooks import (
    Answer,
    Context,
    Credentials,
    InvalidInput,
    OAuth,
    Service,
    Unavailable,
    number_of,
    text_at,
    value_at,
)

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
PLACE = "https://localhost/"
"""The address to which the browser is sent back. No page need be there: the person copies its address."""
LIFE = 60 * 86_400.0
# Early: whoever posts once a month must not find that the token has ended.
RENEWED_AFTER = 7 * 86_400.0
"""Seconds after which a token is renewed. Meta takes one that is a day old, and not one that has ended."""


def oauth_at(
    authorize: str, token: str, scopes: tuple[str, ...], given: Mapping[str, str], *, pasted: bool
) -> OAuth:
    """Return the sign-in at these two addresses."""
    # Meta sends people back to https addresses only; nobody listens there, so the address is pasted.
    return OAuth(
        authorize_url=authorize,
        token_url=token,
        scopes=scopes,
        scope_separator=",",
        client_auth="post",
        pkce="none",
        redirect="paste" if pasted else "loopback",
        redirect_uri=(given.get("redirect_uri") or PLACE) if pasted else "",
    )


async def exchanged(context: Context, url: str, params: Mapping[str, str]) -> Answer:
    """Return the answer with a long-lived token. Raises `InvalidInput` where it is refused, else `Unavailable`."""
    answer = await Service(context, [url]).get(url, params)
    if answer.ok and answer.text_at("access_token"):
        return answer
    if answer.refused:
        raise InvalidInput(f"Meta refused a long-lived token: it answered {answer.words}.", hint="Sign in again.")
    raise _unavailable(answer)


def _unavailable(answer: Answer) -> Unavailable:
    return Unavailable(f"Meta answered the exchange of a token with {answer.words}")


def lasting(kept: Credentials, answer: Answer, now: datetime) -> Credentials:
    """Return credentials with the long-lived token of an answer."""
    life = number_of(answer.at("expires_in")) or LIFE
    secret = {**kept.secret, "access_token": answer.text_at("access_token")}
    # A token that is short of life is renewed by half of it.
    renewed = timedelta(seconds=min(RENEWED_AFTER, life / 2))
    return replace(
        kept, secret=secret, expires_at=now + timedelta(seconds=life), refresh_from=now + renewed
    )  # fmt: skip


async def renewed(kept: Credentials, context: Context, url: str, grant: str, network: str) -> Credentials:
    """Return credentials with a new token. Raises `InvalidInput` where only a person can sign in again."""
    now = context.now()
    token = kept.secret["access_token"]
    answer = await Service(context, [url]).get(url, {"grant_type": grant, "access_token": token})
    if answer.ok and answer.text_at("access_token"):
        return lasting(kept, answer, now)
    if answer.refused and answer.at("error", "code") in (10, 102, 190):
        raise InvalidInput(
            f"The sign-in at {network} has ended: {answer.words}.",
            money="Nothing was posted.",
            hint=f"Sign in again: reelwork accounts add {network} --replace",
        )
    raise _unavailable(answer)


def first_of(answer: Answer) -> Mapping[str, Any]:
    """Return the object of an answer, which some calls wrap in a list `data`."""
    wrapped = value_at(answer.body, "data", 0)
    return wrapped if isinstance(wrapped, Mapping) else answer.object


def id_in(found: Mapping[str, Any], *names: str) -> str:
    """Return the first id of these names: some answers give numbers."""
    for name in names:
        value = found.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).isdecimal():
            return str(value)
    return text_at(found, "id")
