"""Reads the list of videos: to poll many at once, and to report all of it to the ledger, which judges."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reelwork_hooks import Answer, HttpResponse, Listing, Page, Submitted, Unavailable, number_of, read_listing
from reelwork_plugins.providers.videos_api.answers import (
    Job,
    has_status,
    read_job,
    read_refusal,
    retry_after,
)
from reelwork_plugins.providers.videos_api.entries import ITEMS, candidate_of

# 401 and 403 among them: a key can be put right, and until then the list has shown nothing.
LATER = frozenset({401, 403, 408, 425, 429})
"""Statuses, beside the 5xx, after which the list may be readable later."""
# The most that OpenAI's specification allows (openai-openapi, 2026-08-21).
PAGE_SIZE = 100
MOST_PAGES = 50
USUAL_SIZES = frozenset({10, 12, 15, 16, 20, 24, 25, 30, 40, 48, 50, 60, 100, 200, 250, 500, 1000})
"""Lengths at which servers cut their lists. A page of such a length may not be the last, whatever it says."""
_TOTALS = ("total", "total_count", "totalCount", "total_items")
_ABOUT_PAGES = ("meta", "pagination", "paging", "page_info")

Ask = Callable[[Mapping[str, str | int]], Awaitable[HttpResponse]]


@dataclass(frozen=True, slots=True)
class Videos:
    """One page of the list. `last` True: nothing comes after it. None: the server did not say."""

    answer: Answer
    jobs: tuple[Job, ...]
    told: frozenset[str]
    """Ids of the videos whose status was given."""
    last: bool | None
    items: tuple[Mapping[str, Any], ...] = ()
    """The entries as they were listed, one for each of `jobs`."""
    total: int | None = None
    """The number of entries the list says it has."""


class Unclear(Exception):
    """The list's end cannot be seen, or its entries cannot be read. Asking again will not help."""


def read_page(response: HttpResponse, base_url: str) -> Videos:
    """Return one page. Raises `Unclear` when it is no list, `Unavailable` when it may be one later."""
    answer = Answer.of(response)
    holder, items = _list_in(answer.body)
    status = response.status_code
    if status in LATER or status >= 500:
        pause = retry_after(response.headers, datetime.now(UTC))
        why = read_refusal(response)[1] or "no list"
        raise Unavailable(f"the list of videos was answered {status}: {why}", retry_after=pause)
    if not 200 <= status < 300 or items is None:
        came = "a page of HTML" if answer.is_html else "no list"
        raise Unclear(f"the list of videos was answered {status} with {came}")
    read = [(job, item) for item in items if (job := read_job(item, base_url)) is not None]
    # One of them may be ours. Left out, the list would seem to show that ours never arrived.
    if len(read) < len(items):
        raise Unclear("the list of videos holds entries without an id")
    told = frozenset(job.id for job, item in read if has_status(item))
    more = holder.get("has_more")
    last = not more if isinstance(more, bool) else None
    listed = tuple(item for _, item in read)
    return Videos(answer, tuple(job for job, _ in read), told, last, listed, _total(answer.body, holder))


def _list_in(data: Any) -> tuple[Mapping[str, Any], list[Any] | None]:
    """Return the list in an answer, and its holder: the answer itself, or the object a gateway wraps it in."""
    if isinstance(data, list):
        return {}, data
    for holder in (data, data.get("data") if isinstance(data, dict) else None):
        if isinstance(holder, dict):
            for name in ITEMS:
                if isinstance(items := holder.get(name), list):
                    return holder, items
    return {}, None


def _total(data: Any, holder: Mapping[str, Any]) -> int | None:
    """Return the largest number of entries that an answer gives, beside the list, around it or about its pages."""
    # Gateways put it in any of these places, and as text. Overlooked, a list that was cut passes for a whole one.
    places = [place for place in (data, holder) if isinstance(place, dict)]
    places += [inner for place in places for name in _ABOUT_PAGES if isinstance(inner := place.get(name), dict)]
    found = [number_of(place.get(name)) for place in places for name in _TOTALS]
    return max((int(number) for number in found if number is not None), default=None)


@dataclass(frozen=True, slots=True)
class _Place:
    """The place of a page: after which video, and whether the page before it promised more."""

    after: str
    promised: bool


def asked_after(remote_id: str) -> dict[str, str | int]:
    """Return the query for the page after a video, newest first; without an id, for the first page."""
    first: dict[str, str | int] = {"limit": PAGE_SIZE, "order": "desc"}
    return {**first, "after": remote_id} if remote_id else first


async def read_videos(ask: Ask, base_url: str) -> Listing[Submitted]:
    """Return every entry, as it is listed, marked complete when the list's end was seen.

    A server that does not say that a page was the last is asked for one more; so is one that says it of a page of a
    usual length. Raises `Unavailable` when the list may be readable later.
    """

    async def page_at(place: _Place | None) -> Page:
        response = await ask(asked_after(place.after if place else ""))
        try:
            read = read_page(response, base_url)
        except Unclear as error:
            return Page(Answer(response.status_code, headers=response.headers), None, None, why=str(error))
        if not read.jobs and place is not None and place.promised:
            # vLLM-Omni answers an empty page when the video the cursor names was removed meanwhile.
            return Page(read.answer, None, None, why="the list of videos broke off between two pages")
        ends = not read.jobs or (read.last and len(read.jobs) not in USUAL_SIZES)
        after = None if ends else _Place(read.jobs[-1].id, read.last is False)
        return Page(read.answer, [*zip(read.jobs, read.items, strict=True)], after, read.total)

    return await read_listing(
        page_at, lambda entry: candidate_of(*entry), of="the list of videos", most_pages=MOST_PAGES, again=True
    )
