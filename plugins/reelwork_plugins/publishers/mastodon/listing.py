"""The account's posts with media, each with our own reference, as the ledger compares them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from reelwork_hooks import Candidate, Listing, Receipt, State, Unavailable
from reelwork_plugins.publishers.mastodon.api import Answer, Server

PAGE = 40
"""The most an instance lists at once."""
MOST_PAGES = 25


async def posts_of(
    server: Server, account_id: str, state: State, ours: Mapping[str, str] | None = None
) -> Listing[Receipt]:
    """Return the account's posts, newest first, each with the key that was sent with its upload.

    `ours` has keys by their uploads that need no note. Raises `Unavailable`.
    """
    found: dict[str, Candidate[Receipt]] = {}
    first: Answer | None = None
    complete, why, oldest = False, f"it has more than {PAGE * MOST_PAGES} posts", ""
    for _ in range(MOST_PAGES):
        page = await _page(server, account_id, oldest)
        first = first or page
        listed = [one for one in page.body if isinstance(one, dict) and isinstance(one.get("id"), str)]
        new = [one for one in listed if one["id"] not in found]
        found.update({one["id"]: await _candidate(one, state, ours or {}) for one in new})
        if not listed or (not new and len(listed) < PAGE):
            complete, why = True, ""
            break
        if not new:
            why = "the server shows the same page again"
            break
        oldest = str(listed[-1]["id"])
    assert first is not None
    date, age = _times(first.headers)
    return Listing(tuple(found.values()), complete, why, date, age)


async def _page(server: Server, account_id: str, oldest: str) -> Answer:
    query: dict[str, str | int] = {"only_media": "true", "limit": PAGE}
    if oldest:
        query["max_id"] = oldest
    answer = await server.get(f"/api/v1/accounts/{account_id}/statuses", **query)
    if not answer.ok or not isinstance(answer.body, list):
        raise Unavailable(f"mastodon: the account's posts could not be listed: {answer.words}")
    return answer


async def note_key(state: State, media: str, key: str) -> None:
    """Note with which key an upload is about to be posted: no server lists the key itself."""
    # A post that was refused and is tried again may have the same upload, and a key of its own.
    known = await state.get(_noted(media))
    if known != key:
        await state.set(_noted(media), key, expect=known)


async def _candidate(status: Mapping[str, Any], state: State, ours: Mapping[str, str]) -> Candidate[Receipt]:
    listed = status.get("media_attachments")
    attachments = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    # An upload is of one effect. Some servers list its id only in the address of the file.
    names = [name for one in attachments for name in (str(one.get("id", "")), _file_of(one.get("url"))) if name]
    noted = [ours.get(name) or await state.get(_noted(name)) for name in names]
    keys = [key for key in noted if isinstance(key, str)]
    ref = keys[0] if keys else f"another upload: {names[0][:100]}" if names else None
    return Candidate(receipt_of(status), ref, created_at=_time(status))


def _noted(media: str) -> str:
    return f"upload {''.join(filter(str.isprintable, media))[:180]}"


def _file_of(url: object) -> str:
    return urlsplit(url).path.rpartition("/")[2] if isinstance(url, str) else ""


def receipt_of(status: Mapping[str, Any]) -> Receipt:
    """Return the proof of a post."""
    details = {"visibility": str(status.get("visibility", ""))}
    address = status.get("url") or status.get("uri") or ""
    return Receipt(id=str(status["id"]), url=str(address), details=details)


def _time(status: Mapping[str, Any]) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(status.get("created_at")))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _times(headers: Mapping[str, str]) -> tuple[datetime | None, float | None]:
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        date = None
    try:
        age = float(headers["age"])
    except (KeyError, ValueError):
        age = None
    return date if date is not None and date.tzinfo is not None else None, age
