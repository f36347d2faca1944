"""The account's own posts of the last days, each with our own reference, as the ledger compares them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
from reelwork_plugins.publishers.noted_keys import ref_of
from reelwork_plugins.publishers.x.api import Api

PAGE, MOST_PAGES = 100, 32
"""X lists the newest 3,200 posts."""


@dataclass
class Posts:
    """One reading of an account's posts."""

    api: Api
    user: str
    home: str
    """The address under which the account's posts are shown."""
    count: int = 0
    """The posts that were read: X charges for each."""

    async def since(self, start: datetime, state: State, ours: Mapping[str, str]) -> Listing[Receipt]:
        """Return the posts from a time on, newest first, each with the key that was sent with its upload.

        `ours` has keys by their uploads that need no note. Raises `Unavailable`.
        """
        begins = start.isoformat(timespec="seconds").replace("+00:00", "Z")

        async def page_at(token: str | None) -> Page:
            more = {"pagination_token": token} if token else {}
            answer = await self.api.read(
                f"/2/users/{self.user}/tweets",
                "the list of posts",
                max_results=PAGE,
                start_time=begins,
                exclude="retweets",
                **{"tweet.fields": "created_at,attachments", **more},
            )
            entries = _entries(answer.object)
            self.count += len(entries)
            posts = [(one, await _ref(one, state, ours)) for one in entries]
            return Page(answer, posts, answer.text_at("meta", "next_token") or None)

        def candidate(entry: tuple[Any, str]) -> Candidate[Receipt] | None:
            id_ = text_at(entry[0], "id")
            if not id_:
                return None
            made_at = time_of(text_at(entry[0], "created_at"))
            return Candidate(receipt_of(id_, self.home), entry[1], created_at=made_at)

        return await read_listing(page_at, candidate, of="the list of posts", most_pages=MOST_PAGES)


def _entries(body: Mapping[str, Any]) -> list[Any]:
    """Return the posts of a page. Raises `Unavailable` for what is none, which proves nothing."""
    found, count = body.get("data", []), value_at(body, "meta", "result_count")
    # A page without posts has no `data`, and says that it has none. With `errors` some posts are left out.
    if not isinstance(found, list) or count != len(found) or body.get("errors"):
        raise Unavailable("x: the list of posts was answered with something else")
    return found


async def _ref(post: Any, state: State, ours: Mapping[str, str]) -> str:
    keys = value_at(post, "attachments", "media_keys")
    # A media key is the upload's id behind a number for its kind: `7_1880028106020515840`.
    uploads = [str(one).rpartition("_")[2] for one in keys] if isinstance(keys, list) else []
    return await ref_of(list(filter(None, uploads)), state, ours) or "no upload"


def receipt_of(id_: str, home: str) -> Receipt:
    """Return the proof of a post."""
    return Receipt(id=id_, url=f"{home}/status/{id_}", state="live")
