"""Signing in at Facebook, or at a simulator: each page of whoever signs in is an account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reelwork_hooks import Context, Credentials, InvalidInput, OAuth, Tokens, text_at, value_at
from reelwork_plugins.publishers.meta.network import checked_service
from reelwork_plugins.publishers.meta.pages import FACEBOOK, VERSION, identified, page_oauth, pages_of

SCOPES = ("pages_show_list", "pages_read_engagement", "pages_manage_posts", "business_management")
UPLOADS = "https://graph-video.facebook.com"
TASK = "CREATE_CONTENT"
"""What a person must be allowed to do on a page to post for it."""


def base_url(values: Mapping[str, str]) -> str:
    """Return the address of the API for an account: the simulator's, or Facebook's."""
    return f"{values.get('service') or FACEBOOK}/{VERSION}"


def uploads_url(values: Mapping[str, str]) -> str:
    """Return the address that takes the bytes of plain videos."""
    return f"{values.get('service') or UPLOADS}/{VERSION}"


def oauth_of(given: Mapping[str, str], redirect_uri: str) -> OAuth:
    """Return the sign-in. Raises `InvalidInput`."""
    return page_oauth(checked_service(given.get("service", "")), SCOPES, redirect_uri)


async def accounts_of(tokens: Tokens, context: Context) -> tuple[Credentials, ...]:
    """Return the pages of whoever signed in. Raises `InvalidInput` or `Unavailable`."""
    service = checked_service(tokens.given.get("service", ""))
    pages = await pages_of(tokens, context, service, "facebook", "id,name,access_token,tasks")
    found = tuple(_accounts(pages, service, tokens.scopes))
    if not found:
        raise InvalidInput(
            "facebook: you allowed no page that you can post for.",
            hint="Allow a page on which you have full control or the task Content.",
        )
    return found


def _accounts(pages: list[Any], service: str, scopes: tuple[str, ...]) -> Iterator[Credentials]:
    for page in pages:
        id_, token, tasks = text_at(page, "id"), text_at(page, "access_token"), value_at(page, "tasks")
        if not (id_ and token) or (isinstance(tasks, list) and TASK not in tasks):
            continue
        shown = identified({"identifier": text_at(page, "name") or id_, "id": id_}, service)
        # A page's token does not end: it ends with the person's password or role.
        yield Credentials(shown, {"access_token": token}, f"{service} facebook {id_}".strip(), scopes=scopes)
