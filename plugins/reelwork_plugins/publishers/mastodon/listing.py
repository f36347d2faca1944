"""The account's posts with media, each with our own reference, as the ledger compares them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from reelwork_hooks import (
    Candidate,
    Listing,
    Page,
    Receipt,
    State,
    Unavailable,
    read_listing,
    text_at,
    time_of,
    value_at,
)
from reelwork_plugins.publishers.mastodon.api import Server

PAGE = 40
"""The most an instance lists at once."""
MOST_PAGES = 25


async def posts_of(
    server: Server, account_id: str, state: State, ours: Mapping[str, str] | None = None
) -> Listing[Receipt]:
    """Return the account's posts, newest first, each with the key that was sent with its upload.

    `ours` has keys by their uploads that need no note. Raises `Unavailable`.
    """

    async def page_at(oldest: str | None) -> Page:
        query: dict[str, str | int] = {
            "only_media": "true",
            "limit": PAGE,
            **({"max_id": oldest} if oldest else {}),
        }
        answer = await server.read(f"/api/v1/accounts/{account_id}/statuses", **query)
        if not answer.ok or not isinstance(answer.body, list):
            raise Unavailable(f"mastodon: the account's posts could not be listed: {answer.words}")
        entries = [(one, await _ref(one, state, ours or {})) for one in answer.body]
        return Page(answer, entries, text_at(answer.body, -1, "id") or None)

    def candidate(entry: tuple[Any, str | None]) -> Candidate[Receipt] | None:
        status, ref = entry
        if not text_at(status, "id"):
            return None
        return Candidate(receipt_of(status), ref, created_at=time_of(status.get("created_at")))

    return await read_listing(
        page_at, candidate, of="the account's list of posts", most_pages=MOST_PAGES, overlap=PAGE
    )


async def note_key(state: State, media: str, key: str) -> None:
    """Note with which key an upload is about to be posted: no server lists the key itself."""
    # A post that was refused and is tried again may have the same upload, and a key of its own.
    known = await state.get(_noted(media))
    if known != key:
        await state.set(_noted(media), key, expect=known)


async def _ref(status: Any, state: State, ours: Mapping[str, str]) -> str | None:
    listed = value_at(status, "media_attachments")
    attachments = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    # An upload is of one effect. Some servers list its id only in the address of the file.
    names = [name for one in attachments for name in (str(one.get("id", "")), _file_of(one.get("url"))) if name]
    noted = [ours.get(name) or await state.get(_noted(name)) for name in names]
    keys = [key for key in noted if isinstance(key, str)]
    return keys[0] if keys else f"another upload: {names[0][:100]}" if names else None


def _noted(media: str) -> str:
    return f"upload {''.join(filter(str.isprintable, media))[:180]}"


def _file_of(url: object) -> str:
    return urlsplit(url).path.rpartition("/")[2] if isinstance(url, str) else ""


def receipt_of(status: Mapping[str, Any]) -> Receipt:
    """Return the proof of a post."""
    details = {"visibility": str(status.get("visibility", ""))}
    address = status.get("url") or status.get("uri") or ""
    return Receipt(id=str(status["id"]), url=str(address), details=details)
