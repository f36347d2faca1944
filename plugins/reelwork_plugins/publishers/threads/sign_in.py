"""Signing in at Threads, or at a simulator of it."""

from __future__ import annotations

from collections.abc import Mapping

from reelwork_hooks import Context, Credentials, InvalidInput, OAuth, Service, Tokens, text_at
from reelwork_plugins.publishers.meta.network import checked_service
from reelwork_plugins.publishers.meta.sign_in import (
    OUT_OF_BAND,
    exchanged,
    first_of,
    id_in,
    lasting,
    oauth_at,
    renewed,
)

VERSION = "v1.0"
SCOPES = ("threads_basic", "threads_content_publish")
THREADS = "https://graph.threads.net"


def host_of(values: Mapping[str, str]) -> str:
    """Return the address of the API for an account: the simulator's, or Meta's."""
    return values.get("service") or THREADS


def oauth_of(given: Mapping[str, str], redirect_uri: str) -> OAuth:
    """Return the sign-in. Raises `InvalidInput`."""
    service = checked_service(given.get("service", ""))
    authorize = f"{service or 'https://threads.net'}/oauth/authorize"
    token = f"{service or THREADS}/oauth/access_token"
    return oauth_at(authorize, token, SCOPES, given, pasted=redirect_uri == OUT_OF_BAND or not service)


async def account_of(tokens: Tokens, context: Context) -> Credentials:
    """Return the account that signed in, with a token that lasts. Raises `InvalidInput` or `Unavailable`."""
    service = checked_service(tokens.given.get("service", ""))
    api = service or THREADS
    params = {
        "grant_type": "th_exchange_token",
        "client_secret": tokens.client.get("client_secret", ""),
        "access_token": tokens.access,
    }
    long = await exchanged(context, f"{api}/access_token", params)
    signed = Service(context, [api], auth={"Authorization": f"Bearer {long.text_at('access_token')}"})
    answer = await signed.get(f"{api}/{VERSION}/me", {"fields": "id,username"})
    found = first_of(answer)
    user, name = id_in(found, "id"), text_at(found, "username")
    if not answer.ok or not user:
        raise InvalidInput(f"threads: the network did not say who signed in: {answer.words}.")
    shown = {"identifier": f"@{name}" if name else user, "id": user}
    # An account at a simulator is another one than any at Threads.
    shown |= {"service": service} if service else {}
    bare = Credentials(shown, {}, identity=f"{service} threads {user}".strip(), scopes=tokens.scopes)
    return lasting(bare, long, context.now())


async def renewed_token(kept: Credentials, context: Context) -> Credentials:
    """Return the account with a token for another sixty days. Raises `InvalidInput` or `Unavailable`."""
    return await renewed(
        kept, context, f"{host_of(kept.shown)}/refresh_access_token", "th_refresh_token", "threads"
    )
