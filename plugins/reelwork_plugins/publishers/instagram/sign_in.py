"""Signing in at Instagram, or by a Facebook page that has an Instagram account, or at a simulator of either."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reelwork_hooks import Context, Credentials, InvalidInput, OAuth, Service, Tokens, Unavailable, text_at
from reelwork_plugins.publishers.meta.network import checked_service
from reelwork_plugins.publishers.meta.pages import FACEBOOK, VERSION, has_ended, identified, page_oauth, pages_of
from reelwork_plugins.publishers.meta.sign_in import (
    OUT_OF_BAND,
    exchanged,
    first_of,
    id_in,
    lasting,
    oauth_at,
    renewed,
)

SCOPES = ("instagram_business_basic", "instagram_business_content_publish")
PAGE_SCOPES = (
    "instagram_basic", "instagram_content_publish", "pages_show_list", "pages_read_engagement",
    "business_management",
)  # fmt: skip
INSTAGRAM = "https://graph.instagram.com"


def by_page(given: Mapping[str, str]) -> bool:
    """Return whether the account is signed in by its Facebook page. Raises `InvalidInput`."""
    login = (given.get("login") or "instagram").strip().lower()
    if login not in ("instagram", "facebook"):
        raise InvalidInput(f"login: {login!r} is neither instagram nor facebook.")
    return login == "facebook"


def host_of(values: Mapping[str, str]) -> str:
    """Return the address of the API for an account: the simulator's, or Meta's."""
    return values.get("service") or (FACEBOOK if by_page(values) else INSTAGRAM)


def oauth_of(given: Mapping[str, str], redirect_uri: str) -> OAuth:
    """Return the sign-in. Raises `InvalidInput`."""
    service = checked_service(given.get("service", ""))
    if by_page(given):
        return page_oauth(service, PAGE_SCOPES, redirect_uri)
    authorize = f"{service or 'https://www.instagram.com'}/oauth/authorize"
    token = f"{service or 'https://api.instagram.com'}/oauth/access_token"
    return oauth_at(authorize, token, SCOPES, given, pasted=redirect_uri == OUT_OF_BAND or not service)


async def accounts_of(tokens: Tokens, context: Context) -> tuple[Credentials, ...]:
    """Return the accounts that signed in, with tokens that last. Raises `InvalidInput` or `Unavailable`."""
    service = checked_service(tokens.given.get("service", ""))
    if by_page(tokens.given):
        return await _by_pages(tokens, context, service)
    api = service or INSTAGRAM
    params = {
        "grant_type": "ig_exchange_token",
        "client_secret": tokens.client.get("client_secret", ""),
        "access_token": tokens.access,
    }
    long = await exchanged(context, f"{api}/access_token", params)
    found = await _me(context, api, long.text_at("access_token"))
    user, name = id_in(found, "user_id"), text_at(found, "username")
    if not user:
        raise Unavailable("instagram: the network did not say who signed in")
    # The short token ends within the hour: only the long one is stored.
    bare = _account(service, user, name, "instagram", {}, tokens.scopes)
    return (lasting(bare, long, context.now()),)


async def _me(context: Context, api: str, token: str) -> Mapping[str, Any]:
    signed = Service(context, [api], auth={"Authorization": f"Bearer {token}"})
    answer = await signed.get(f"{api}/{VERSION}/me", {"fields": "user_id,username,account_type"})
    if not answer.ok:
        hint = "Make it a professional account in Instagram's settings: Account type and tools."
        raise InvalidInput(f"instagram: the account cannot be used: {answer.words}.", hint=hint)
    return first_of(answer)


async def _by_pages(tokens: Tokens, context: Context, service: str) -> tuple[Credentials, ...]:
    fields = "name,access_token,instagram_business_account{id,username}"
    pages = await pages_of(tokens, context, service, "instagram", fields)
    found = tuple(_of_pages(pages, service, tokens.scopes))
    if not found:
        raise InvalidInput(
            "instagram: none of the Facebook pages has an Instagram account.",
            hint="Connect a professional Instagram account to a page of yours, and allow that page at the sign-in.",
        )
    return found


def _of_pages(pages: list[Any], service: str, scopes: tuple[str, ...]) -> Iterator[Credentials]:
    for page in pages:
        user = text_at(page, "instagram_business_account", "id")
        token = text_at(page, "access_token")
        name = text_at(page, "instagram_business_account", "username") or text_at(page, "name")
        if user and token:
            # A page's token does not end: it ends with the person's password or role.
            yield _account(service, user, name, "facebook", {"access_token": token}, scopes)


def _account(
    service: str, user: str, name: str, login: str, secret: Mapping[str, str], scopes: tuple[str, ...]
) -> Credentials:
    shown = identified({"identifier": f"@{name}" if name else user, "id": user, "login": login}, service)
    return Credentials(shown, dict(secret), identity=f"{service} instagram {user}".strip(), scopes=scopes)


async def renewed_token(kept: Credentials, context: Context) -> Credentials:
    """Return the account with a token for another sixty days. Raises `InvalidInput` or `Unavailable`."""
    if by_page(kept.shown):
        raise has_ended("instagram")
    url = f"{host_of(kept.shown)}/refresh_access_token"
    return await renewed(kept, context, url, "ig_refresh_token", "instagram")
