"""Signing in at Facebook, whose pages each have a token of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelwork_hooks import Context, InvalidInput, OAuth, Service, Tokens, Unavailable
from reelwork_plugins.publishers.meta.sign_in import OUT_OF_BAND, PLACE, exchanged

VERSION = "v26.0"
FACEBOOK = "https://graph.facebook.com"
MOST_PAGES = 100
"""Facebook pages of one person that are read."""


def page_oauth(service: str, scopes: tuple[str, ...], redirect_uri: str) -> OAuth:
    """Return the sign-in at Facebook, or at a simulator at `service`."""
    pasted = redirect_uri == OUT_OF_BAND
    # Meta lets programs on this machine be the end of it while the app is in development.
    return OAuth(
        authorize_url=f"{service or 'https://www.facebook.com'}/{VERSION}/dialog/oauth",
        token_url=f"{service or FACEBOOK}/{VERSION}/oauth/access_token",
        scopes=scopes,
        scope_separator=",",
        client_auth="post",
        pkce="none",
        redirect="paste" if pasted else "localhost",
        redirect_uri=PLACE if pasted else "",
    )


async def pages_of(tokens: Tokens, context: Context, service: str, network: str, fields: str) -> list[Any]:
    """Return these fields of the pages of whoever signed in. Raises `InvalidInput` or `Unavailable`."""
    api = f"{service or FACEBOOK}/{VERSION}"
    params = {
        "grant_type": "fb_exchange_token",
        "client_id": tokens.client.get("client_id", ""),
        "client_secret": tokens.client.get("client_secret", ""),
        "fb_exchange_token": tokens.access,
    }
    # The pages' tokens do not end only where the one that asks for them is a long one.
    long = await exchanged(context, f"{api}/oauth/access_token", params)
    signed = Service(context, [api], auth={"Authorization": f"Bearer {long.text_at('access_token')}"})
    answer = await signed.get(f"{api}/me/accounts", {"fields": fields, "limit": MOST_PAGES})
    if not answer.ok:
        raise Unavailable(f"{network}: reading the pages was answered {answer.words}")
    found = answer.at("data")
    return found if isinstance(found, list) else []


def has_ended(network: str) -> InvalidInput:
    """Return the error for the token of a page that is not accepted any more."""
    return InvalidInput(
        f"The sign-in at {network} has ended: a page's token cannot be renewed.",
        money="Nothing was posted.",
        hint=f"Sign in again: reelwork accounts add {network} --replace",
    )


def identified(shown: Mapping[str, str], service: str) -> dict[str, str]:
    """Return what is shown of an account: one at a simulator is another one than any at Meta."""
    return {**shown, **({"service": service} if service else {})}
