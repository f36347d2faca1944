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
from reelwork_plugins.publishers.noted_keys import ref_of

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


async def _ref(status: Any, state: State, ours: Mapping[str, str]) -> str | None:
    listed = value_at(status, "media_attachments")
    attachments = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    # Some servers list its id only in the address of the file.
    names = [name for one in attachments for name in (str(one.get("id", "")), _file_of(one.get("url"))) if name]
    return await ref_of(names, state, ours)


def _file_of(url: object) -> str:
    return urlsplit(url).path.rpartition("/")[2] if isinstance(url, str) else ""


def receipt_of(status: Mapping[str, Any]) -> Receipt:
    """Return the proof of a post."""
    details = {"visibility": str(status.get("visibility", ""))}
    address = status.get("url") or status.get("uri") or ""
    return Receipt(id=str(status["id"]), url=str(address), details=details)
