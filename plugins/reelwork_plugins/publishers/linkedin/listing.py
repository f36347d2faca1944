"""A page's own posts, each with our own reference, as the ledger compares them. Those of a person cannot be read.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api#find-posts-by-authors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

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
from reelwork_plugins.publishers.linkedin.api import Api
from reelwork_plugins.publishers.noted_keys import ref_of

PAGE, MOST_PAGES = 100, 40


async def posts_of(api: Api, author: str, home: str, state: State, ours: Mapping[str, str]) -> Listing[Receipt]:
    """Return the posts, newest first, each with the key that was sent with its video.

    `home` is where posts are shown; `ours` has keys by their videos that need no note. Raises `Unavailable`.
    """

    async def page_at(start: int | None) -> Page:
        asked = f"q=author&author={quote(author, safe='')}&sortBy=CREATED&start={start or 0}&count={PAGE}"
        answer = await api.read(f"/rest/posts?{asked}", "the list of posts")
        entries = answer.at("elements")
        if not isinstance(entries, list):
            raise Unavailable("linkedin: the list of posts was answered with something else")
        posts = [(one, await _ref(one, state, ours)) for one in entries]
        # A short page may have been cut: the end is a page without posts.
        return Page(answer, posts, (start or 0) + PAGE if posts else None)

    def candidate(entry: tuple[Any, str]) -> Candidate[Receipt] | None:
        id_ = text_at(entry[0], "id")
        if not id_:
            return None
        made_at = time_of(value_at(entry[0], "createdAt"))
        return Candidate(receipt_of(id_, home), entry[1], created_at=made_at)

    return await read_listing(page_at, candidate, of="the list of posts", most_pages=MOST_PAGES)


async def _ref(post: Any, state: State, ours: Mapping[str, str]) -> str:
    video = text_at(post, "content", "media", "id")
    return await ref_of([video] if video else [], state, ours) or "no video"


def receipt_of(id_: str, home: str) -> Receipt:
    """Return the proof of a post."""
    return Receipt(id=id_, url=f"{home}/feed/update/{id_}/", state="live")
