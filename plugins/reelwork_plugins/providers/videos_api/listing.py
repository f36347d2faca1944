"""Reads the list of videos: to poll many at once, and to report all of it to the ledger, which judges."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from reelwork_hooks import Answer, HttpResponse, Listing, Submitted, Unavailable, number_of
from reelwork_plugins.providers.videos_api.answers import (
    Job,
    has_status,
    json_of,
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
PAGES = 50
USUAL_SIZES = frozenset({10, 12, 15, 16, 20, 24, 25, 30, 40, 48, 50, 60, 100, 200, 250, 500, 1000})
"""Lengths at which servers cut their lists. A page of such a length may not be the last, whatever it says."""
_TOTALS = ("total", "total_count", "totalCount", "total_items")
_ABOUT_PAGES = ("meta", "pagination", "paging", "page_info")
CLOCK_TOLERANCE = 60.0
"""Seconds by which a video may look older than the request that made it."""

Ask = Callable[[Mapping[str, str | int]], Awaitable[HttpResponse]]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list. `last` True: nothing comes after it. None: the server did not say."""

    jobs: tuple[Job, ...]
    told: frozenset[str]
    """Ids of the videos whose status was given."""
    last: bool | None
    headers: Mapping[str, str]
    items: tuple[Mapping[str, Any], ...] = ()
    """The entries as they were listed, one for each of `jobs`."""
    total: int | None = None
    """The number of entries the list says it has."""


class Unclear(Exception):
    """The list's end cannot be seen, or its entries cannot be read. Asking again will not help."""


def read_page(response: HttpResponse, base_url: str) -> Page:
    """Return one page. Raises `Unclear` when it is no list, `Unavailable` when it may be one later."""
    data = json_of(response)
    holder, items = _list_in(data)
    status = response.status_code
    if status in LATER or status >= 500:
        pause = retry_after(response.headers, datetime.now(UTC))
        why = read_refusal(response)[1] or "no list"
        raise Unavailable(f"the list of videos was answered {status}: {why}", retry_after=pause)
    if not 200 <= status < 300 or items is None:
        came = "a page of HTML" if Answer.of(response).is_html else "no list"
        raise Unclear(f"the list of videos was answered {status} with {came}")
    read = [(job, item) for item in items if (job := read_job(item, base_url)) is not None]
    # One of them may be ours. Left out, the list would seem to show that ours never arrived.
    if len(read) < len(items):
        raise Unclear("the list of videos holds entries without an id")
    told = frozenset(job.id for job, item in read if has_status(item))
    more = holder.get("has_more")
    last = not more if isinstance(more, bool) else None
    return Page(
        tuple(job for job, _ in read),
        told,
        last,
        response.headers,
        tuple(item for _, item in read),
        _total(data, holder),
    )


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


async def pages(ask: Ask, base_url: str, most: int = PAGES, *, beyond_usual: bool = False) -> AsyncIterator[Page]:
    """Yield page after page, newest first, until the server says that it was the last.

    A server that does not say so is asked for one more page; with `beyond_usual` also one that says it of a page of
    a usual size, at which its list may only be cut. Raises what `read_page` does, and `Unclear` when the server
    repeats itself, when its cursor is lost between two pages, or after `most` pages.
    """
    after, seen, promised = "", set[str](), False
    for _ in range(most):
        query: dict[str, str | int] = {"limit": PAGE_SIZE, "order": "desc"}
        page = read_page(await ask({**query, "after": after} if after else query), base_url)
        new = {job.id for job in page.jobs} - seen
        if not page.jobs and promised:
            # vLLM-Omni answers an empty page when the video the cursor names was removed meanwhile.
            raise Unclear("the list of videos broke off between two pages")
        # A server that does not know `after` answers the same page each time.
        if page.jobs and not new:
            raise Unclear("the list of videos repeats its first page, so its end cannot be seen")
        yield page
        cut = beyond_usual and len(page.jobs) in USUAL_SIZES
        if not page.jobs or (page.last and not cut):
            return
        seen |= new
        after, promised = page.jobs[-1].id, page.last is False
    raise Unclear(f"the list of videos is longer than {most * PAGE_SIZE} entries")


@dataclass(slots=True)
class _Reading:
    """The list as gathered so far, page by page."""

    seen: list[Page] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def listing(self) -> Listing[Submitted]:
        entries = [pair for page in self.seen for pair in zip(page.jobs, page.items, strict=True)]
        ids = [job.id for job, _ in entries]
        total = max((page.total for page in self.seen if page.total is not None), default=None)
        faults = [*self.faults]
        if len(set(ids)) < len(ids):
            faults.append("the list of videos names an id twice")
        if total is not None and total > len(set(ids)):
            faults.append(f"the list of videos shows {len(set(ids))} of {total} entries")
        # A video that arrived while later pages were read may be on none of them: the reading is as old as its
        # first page.
        began = self.seen[0].headers if self.seen else {}
        ages = [Answer(0, None, page.headers).age for page in self.seen]
        return Listing(
            candidates=tuple(candidate_of(job, item) for job, item in entries),
            complete=not faults,
            why="; ".join(faults),
            date=Answer(0, None, began).date,
            age=max((age for age in ages if age is not None), default=None),
            total=total,
        )


async def read_listing(ask: Ask, base_url: str) -> Listing[Submitted]:
    """Return every entry, as it is listed, marked complete when the list's end was seen.

    Raises `Unavailable` when the list may be readable later.
    """
    reading = _Reading()
    try:
        async for page in pages(ask, base_url, beyond_usual=True):
            reading.seen.append(page)
        if sum(bool(page.jobs) for page in reading.seen) > 1:
            await _read_again(ask, base_url, reading)
    except Unclear as error:
        reading.faults.append(str(error))
    return reading.listing()


async def _read_again(ask: Ask, base_url: str, reading: _Reading) -> None:
    """Read the first page once more, and add what is new on it."""
    # An entry that moved to an earlier page while later ones were read was seen on none of them.
    again = read_page(await ask({"limit": PAGE_SIZE, "order": "desc"}), base_url)
    known = {job.id for page in reading.seen for job in page.jobs}
    fresh = [(job, item) for job, item in zip(again.jobs, again.items, strict=True) if job.id not in known]
    first = [job.id for job in reading.seen[0].jobs]
    still = [job.id for job in again.jobs if job.id in known]
    if still != first[: len(still)]:
        reading.faults.append("the list of videos changed its order while it was read")
    if fresh:
        told = frozenset(job.id for job, _ in fresh) & again.told
        page = Page(
            tuple(job for job, _ in fresh), told, None, again.headers, tuple(item for _, item in fresh), again.total
        )
        reading.seen.append(page)
