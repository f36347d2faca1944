"""Reads the list to poll many videos, in as few requests as that takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reelwork_hooks import Unavailable
from reelwork_plugins.providers.videos_api.answers import Job
from reelwork_plugins.providers.videos_api.listing import Ask, Unclear, Videos, asked_after, read_page

MOST_PAGES = 1000
"""Pages read for one look at most."""
CLOCK_TOLERANCE = 60.0
"""Seconds by which a video may look older than the request that made it."""


@dataclass(slots=True)
class Sweep:
    """The list's report, as far as it was read."""

    missing: set[str]
    """Ids that it has not reported yet."""
    jobs: dict[str, Job] = field(default_factory=dict)
    """All videos it reported, also those that were not looked for."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The headers of the last page."""
    unavailable: Unavailable | None = None
    """The error that ended the reading, when the list may be readable later."""
    unclear: bool = False
    """The rest of the list could not be understood."""
    _wanted: int = 0
    _barren: int = 0
    """Pages that reported nothing that was looked for."""
    _in_a_row: int = 0
    """The last of them, one after the other."""
    _last: float | None = None
    _ordered: bool = True

    def __post_init__(self) -> None:
        """Keep how many are looked for."""
        self._wanted = len(self.missing)

    def take(self, page: Videos) -> None:
        """Add the next page."""
        self.headers = page.answer.headers
        found = page.told & self.missing
        self.missing -= found
        self._barren += not found
        self._in_a_row = 0 if found else self._in_a_row + 1
        for job in page.jobs:
            if job.id in page.told:
                self.jobs[job.id] = job
        self._follow(page.jobs)

    def _follow(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self._ordered &= job.created_at is not None and (self._last is None or job.created_at <= self._last)
            self._last = job.created_at

    def is_over(self, oldest: float) -> bool:
        """Return whether the next page is not worth a request.

        That is so when everything is reported, when the list has come to videos older than `oldest`, or when pages
        that reported nothing have cost as much as reading one by one would: since the last one that did, the rest,
        and in all, everything.
        """
        # Only a list that has kept its order so far has an end by age: another one may show ours on the next page.
        past = self._ordered and self._last is not None and self._last < oldest - CLOCK_TOLERANCE
        # In a row: pages of videos that were polled a moment ago stand before those of the others, and the end of
        # the list would never be reached. Those at its end would be read one by one for ever.
        costly = self._in_a_row >= len(self.missing) or self._barren >= self._wanted
        return not self.missing or past or costly


async def sweep(ask: Ask, base_url: str, wanted: frozenset[str], oldest: float) -> Sweep:
    """Return what the list reports of `wanted`, the oldest of which was made at `oldest` (seconds since 1970).

    Raises nothing about the list: what it does not report is read one by one.
    """
    read = Sweep(set(wanted))
    try:
        await _take_pages(read, ask, base_url, oldest)
    except Unavailable as error:
        read.unavailable = error
    except Unclear:
        read.unclear = True
    return read


async def _take_pages(read: Sweep, ask: Ask, base_url: str, oldest: float) -> None:
    after, seen = "", set[str]()
    for _ in range(MOST_PAGES):
        page = read_page(await ask(asked_after(after)), base_url)
        ids = {job.id for job in page.jobs}
        if page.jobs and ids <= seen:
            raise Unclear("the list of videos repeats a page")
        read.take(page)
        if not page.jobs or page.last or read.is_over(oldest):
            return
        seen |= ids
        after = page.jobs[-1].id
