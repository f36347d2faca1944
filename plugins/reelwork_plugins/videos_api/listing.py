"""Reads the list of videos: to tell how many stand at once, and to find one whose answer was lost."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Literal

from reelwork_hooks import Absent, Found, HttpResponse, RenderRequest, Submitted, Unavailable, Unsure
from reelwork_plugins.videos_api.answers import (
    Job,
    has_status,
    http_date,
    is_html,
    json_of,
    read_job,
    read_refusal,
    retry_after,
)

LATER = frozenset({401, 403, 408, 425, 429})
"""Statuses, beside the 5xx, after which the list may be readable later."""
PAGE_SIZE = 100
PAGES = 20
CLOCK_TOLERANCE = 60.0
"""Seconds by which a video may look older than the request that made it. What the clocks differ by is measured
from the answer's `Date` and comes on top; this covers whole seconds, and servers behind a gateway."""
BLIND_TOLERANCE = 86_400.0
"""The same where the answer gave no `Date`, and the server's clock may be wrong by any time zone."""
SIZE_TOLERANCE = 32
"""Pixels: some servers round a size to what their model can do and list the result."""
SECONDS_TOLERANCE = 0.6
"""Models make whole numbers of frames, so that 4 seconds may be listed as 4.04 or 3.9."""

Ask = Callable[[Mapping[str, str | int]], Awaitable[HttpResponse]]
Fit = Literal["same", "other", "unclear"]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list. `last` True: nothing comes after it. None: the server did not say."""

    jobs: tuple[Job, ...]
    told: frozenset[str]
    """Ids of the videos whose status was given."""
    last: bool | None
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything read of the list. Without `complete`, `reason` says what is missing."""

    jobs: tuple[Job, ...] = ()
    complete: bool = False
    reason: str = ""
    skew: float | None = None
    """Seconds by which the server's clock is ahead of ours; None when it did not give its time."""


class Unclear(Exception):
    """The list is such that its end cannot be seen or its entries cannot be read. Asking again will not help."""


def read_page(response: HttpResponse, base_url: str) -> Page:
    """One page from an answer. Raises `Unclear` when it is no list, `Unavailable` when it may be one later."""
    data, status = json_of(response), response.status_code
    items = data.get("data") if isinstance(data, dict) else None
    if status in LATER or status >= 500:
        pause = retry_after(response.headers, datetime.now(UTC))
        why = read_refusal(response)[1] or "no list"
        raise Unavailable(f"the list of videos was answered {status}: {why}", retry_after=pause)
    if not 200 <= status < 300 or not isinstance(items, list):
        came = "a page of HTML" if is_html(response) else "no list"
        raise Unclear(f"the list of videos was answered {status} with {came}")
    read = [read_job(item, base_url) for item in items]
    jobs = tuple(job for job in read if job is not None)
    if len(jobs) < len(read):
        raise Unclear("the list of videos holds entries without an id")
    told = frozenset(job.id for job, item in zip(jobs, items, strict=True) if has_status(item))
    more = data.get("has_more")
    last = not more if isinstance(more, bool) else None
    return Page(jobs, told, last, response.headers)


async def pages(ask: Ask, base_url: str, most: int = PAGES) -> AsyncIterator[Page]:
    """Page after page, newest first, until the server says that it was the last.

    A server that does not say is asked for one more page. Raises what `read_page` does, and `Unclear` when the
    server repeats itself, when its cursor is lost between two pages, or after `most` pages.
    """
    after, seen, promised = "", set[str](), False
    for _ in range(most):
        query: dict[str, str | int] = {"limit": PAGE_SIZE, "order": "desc"}
        page = read_page(await ask({**query, "after": after} if after else query), base_url)
        new = {job.id for job in page.jobs} - seen
        if not page.jobs and promised:
            # vLLM-Omni answers an empty page when the video the cursor names was removed meanwhile.
            raise Unclear("the list of videos broke off between two pages")
        if page.jobs and not new:
            raise Unclear("the list of videos repeats its first page, so its end cannot be seen")
        yield page
        if page.last or not page.jobs:
            return
        seen |= new
        after, promised = page.jobs[-1].id, page.last is False
    raise Unclear(f"the list of videos is longer than {most * PAGE_SIZE} entries")


async def read_listing(ask: Ask, base_url: str, since: float, now: Callable[[], datetime]) -> Listing:
    """Every video from `since` (seconds since 1970, by our clock) on, and whether those are all.

    Raises `Unavailable` when the list may be readable later.
    """
    jobs: list[Job] = []
    skew: float | None = None
    try:
        async for page in pages(ask, base_url):
            skew = clock_skew(page.headers, now()) if skew is None else skew
            jobs += page.jobs
            if _reaches_back(jobs, earliest(since, skew)):
                return Listing(tuple(jobs), complete=True, skew=skew)
    except Unclear as error:
        return Listing(tuple(jobs), reason=str(error), skew=skew)
    return Listing(tuple(jobs), complete=True, skew=skew)


def _reaches_back(jobs: list[Job], moment: float) -> bool:
    """Whether the list is newest first throughout and has come to videos older than `moment`.

    Where a time is missing or the order is another, older videos on this page prove nothing about the next.
    """
    times = [job.created_at for job in jobs if job.created_at is not None]
    ordered = len(times) == len(jobs) and all(newer >= older for newer, older in pairwise(times))
    return ordered and bool(times) and times[-1] < moment


def clock_skew(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds by which the server's clock is ahead of ours; None when it does not give its time."""
    moment = http_date(headers.get("date"))
    return None if moment is None else (moment - now).total_seconds()


def earliest(since: float, skew: float | None) -> float:
    """The earliest time, by the server's clock, that a video made from `since` on may be listed with."""
    return since - BLIND_TOLERANCE if skew is None else since + skew - CLOCK_TOLERANCE


def look_for(
    request: RenderRequest, model: str | None, listing: Listing, since: float, *, faithful: bool = False
) -> Found[Submitted] | Absent | Unsure:
    """Whether a request sent at `since` is among the videos listed.

    `faithful` says that the server was seen to give prompts back unchanged: then one that begins like ours is
    another one, not ours cut short. A match in the list says the same.

    `Found` and `Absent` only from a complete list in which every video from that time on could be compared: a
    wrong `Absent` pays twice, a wrong `Unsure` asks a person. `Found` too, because candidates that turn out to
    belong to other requests leave this one absent.
    """
    start = earliest(since, listing.skew)
    fits = [(fit(job, request, model, start, faithful), job) for job in listing.jobs]
    if not faithful and any(how == "same" for how, _ in fits):
        fits = [(fit(job, request, model, start, faithful=True), job) for job in listing.jobs]
    same = sorted((job for how, job in fits if how == "same"), key=lambda job: job.created_at or 0.0)
    unclear = [job.id for how, job in fits if how == "unclear"]
    if unclear:
        return Unsure(f"the list does not say enough to tell whether it is one of: {', '.join(unclear[:5])}")
    if not listing.complete:
        near = f"; it holds {', '.join(job.id for job in same[:5])}, which fits" if same else ""
        return Unsure(f"{listing.reason}{near}")
    if not same:
        return Absent()
    return Found(tuple(Submitted(remote_id=job.id, details=link_details(job)) for job in same))


def link_details(job: Job) -> dict[str, Any]:
    """What `fetch` may need later of a job that was found rather than submitted."""
    return {"urls": list(job.urls)} if job.urls else {}


def fit(job: Job, request: RenderRequest, model: str | None, start: float, faithful: bool) -> Fit:
    """Whether a listed video is what the request made, as far as the list says."""
    if job.created_at is not None and job.created_at < start:
        return "other"
    if job.seconds is not None and abs(job.seconds - request.spec.duration) > SECONDS_TOLERANCE:
        return "other"
    if job.size is not None and not _same_size(job.size, request.spec.width, request.spec.height):
        return "other"
    text = _same_text(job.prompt, request.prompt, faithful)
    if text == "same" and (job.created_at is None or not _same_model(job.model, model)):
        return "unclear"
    return text


def gives_back(listed: str, asked: str) -> bool:
    """Whether a prompt came back as it was sent, forgiving white space."""
    return _plain(listed) == _plain(asked)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _same_text(listed: str | None, asked: str, faithful: bool) -> Fit:
    """Compares prompts. One cut short or added to may be ours: it is unclear, unless the server is faithful."""
    if listed is None:
        return "unclear"
    theirs, ours = _plain(listed), _plain(asked)
    if theirs == ours:
        return "same"
    if faithful:
        return "other"
    start = theirs.removesuffix("…").removesuffix("...").rstrip()
    return "unclear" if not start or ours.startswith(start) or ours in theirs else "other"


def _same_size(listed: str, width: int, height: int) -> bool:
    """Whether a size is about the one asked for. One that cannot be read excludes nothing."""
    parts = listed.lower().replace("*", "x").split("x")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        return True
    return abs(int(parts[0]) - width) <= SIZE_TOLERANCE and abs(int(parts[1]) - height) <= SIZE_TOLERANCE


def _same_model(listed: str | None, asked: str | None) -> bool:
    """Whether the names may mean one model. Servers list a dated name, a path or a short name."""
    if not listed or not asked:
        return True
    theirs, ours = listed.rsplit("/", 1)[-1].lower(), asked.rsplit("/", 1)[-1].lower()
    return theirs.startswith(ours) or ours.startswith(theirs)
