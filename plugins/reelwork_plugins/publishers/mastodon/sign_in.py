"""Signing in at an instance: by OAuth, with a program that is registered there first, or with a token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from reelwork_hooks import (
    Context,
    Credentials,
    InvalidInput,
    NotSent,
    OAuth,
    OutcomeUnknown,
    Problem,
    Tokens,
    Unavailable,
    errors_as,
)
from reelwork_plugins.publishers.mastodon.api import Server
from reelwork_plugins.publishers.mastodon.config import DEFAULT_ACCOUNT, MastodonConfig, checked_instance
from reelwork_plugins.publishers.own_account import own_account

SCOPES = ("read:accounts", "read:statuses", "write:media", "write:statuses")
OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who posts, and where."""

    server: Server
    account_id: str
    """Empty where it is not known yet."""


async def register(given: Mapping[str, str], redirect_uri: str, context: Context) -> OAuth:
    """Register Reelwork at the instance. Raises `InvalidInput` or `Unavailable`."""
    try:
        instance = checked_instance(given["instance"])
    except ValueError as error:
        raise InvalidInput(f"instance: {error}.") from None
    wanted = {"client_name": "Reelwork", "redirect_uris": redirect_uri, "scopes": " ".join(SCOPES)}
    with errors_as(Unavailable, (NotSent, OutcomeUnknown)):
        answer = await Server(context, instance).post("/api/v1/apps", wanted)
    client_id, secret = answer.text_at("client_id"), answer.text_at("client_secret")
    if not answer.ok or not client_id or not secret:
        raise InvalidInput(
            f"{instance} registered no program: it answered {answer.words}.",
            hint="Give the address of a server with the Mastodon API, such as https://mastodon.social",
        )
    return OAuth(
        authorize_url=f"{instance}/oauth/authorize",
        token_url=f"{instance}/oauth/token",
        scopes=SCOPES,
        client_id=client_id,
        client_secret=secret,
        client_auth="post",
        redirect="paste" if redirect_uri == OUT_OF_BAND else "loopback",
    )


async def who_signed_in(tokens: Tokens, context: Context) -> Credentials:
    """Return the account, with what its instance says of itself. Raises `Unavailable`."""
    instance = checked_instance(tokens.given["instance"])
    server = Server(context, instance, tokens.access)
    answer = await server.read("/api/v1/accounts/verify_credentials")
    account_id, name = answer.text_at("id"), answer.text_at("acct")
    if not answer.ok or not account_id:
        raise Unavailable(f"mastodon: {instance} did not say who signed in: {answer.words}")
    limits = await server.limits()
    shown = {
        "service": instance,
        "identifier": f"@{name}@{urlsplit(instance).netloc}",
        "id": account_id,
        "software": limits.software,
        # Shown at the sign-in, and used until the next one: what is not known to honour keys is looked up.
        "idempotency_key": "yes" if limits.honours_key else "no",
    }
    return Credentials(shown, tokens.secret(), identity=f"{instance} {account_id}")


SIGN_IN_AGAIN = "Sign in again: reelwork accounts add mastodon --replace"


def signed_in(config: MastodonConfig, context: Context) -> SignedIn:
    """Return the account that posts. Raises `InvalidInput`."""
    if config.instance and config.access_token:
        return SignedIn(Server(context, config.instance, context.secret(config.access_token)), "")
    values = account_values(config, context)
    return SignedIn(Server(context, values["service"], values["access_token"]), values["id"])


def account_values(config: MastodonConfig, context: Context) -> Mapping[str, str]:
    """Return what is stored of the account. Raises `InvalidInput`."""
    return own_account(context, config.account or DEFAULT_ACCOUNT, "mastodon").read()


async def problems_of(values: Mapping[str, str], context: Context, hint: str = SIGN_IN_AGAIN) -> list[Problem]:
    """Return why a first post would fail; `hint` says how to get another token. Raises `Unavailable`."""
    server = Server(context, values["service"], values["access_token"])
    answer = await server.read("/api/v1/accounts/verify_credentials")
    if answer.refused:
        return [Problem(message=f"{values['service']} does not accept the token: {answer.words}.", hint=hint)]
    if not answer.ok:
        raise Unavailable(f"mastodon: {values['service']} answered {answer.words}")
    types = (await server.limits()).types
    if types and "video/mp4" not in types:
        return [Problem(message=f"{values['service']} takes no videos of the type video/mp4.")]
    return []
