"""Reads lists for the ledger, page by page, and many renders one by one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from reelwork_hooks.answers import Answer
from reelwork_hooks.effects import Candidate, Listing
from reelwork_hooks.errors import Expired, Unavailable
from reelwork_hooks.provider import RenderRef, RenderStatus

T = TypeVar("T")
_MOST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, for `read_listing`."""

    answer: Answer
    """The answer it came in: its `Date` and `Age` go into the listing."""
    entries: Sequence[Any] | None
    """The entries as they are listed. None: the page cannot be read, and will not be readable later."""
    after: Hashable | None
    """Where the next page begins: a cursor, a number, an offset, an id. None: the service says that this page is
    the last. A full page is no end, and a short one may have been cut."""
    total: int | None = None
    """The number of entries the list says it has."""
    why: str = ""
    """The reason why its entries cannot be read, in words that name the list."""


async def read_listing(
    page_at: Callable[[Any], Awaitable[Page]],
    candidate: Callable[[Any], Candidate[T] | None],
    *,
    of: str,
    most_pages: int = 50,
    until: Callable[[Candidate[T]], bool] | None = None,
    overlap: int = 0,
    again: bool = False,
) -> Listing[T]:
    """Read a list to its end and return every entry; `complete` only if that end was seen.

    `page_at` asks for a page, first with None, then with the `after` of the page before. It raises `Unavailable`
    when the list may be readable later. `candidate` reads one entry. None from it means that it cannot be read, and
    makes the list incomplete, since it may be ours. `of` names the list in messages, such as `the list of
    requests`. `until` ends the reading at an entry that is certainly ours. `overlap`, the size of a full page, is
    for lists whose pages begin with the last entry of the page before: what comes twice counts once, and a short
    page of nothing new is the end. With `again` the first page of several is read once more at the end, and always
    all but the last where pages are asked for by a number: what is new there is added, and a list that changed
    otherwise is incomplete.
    """
    reading = _Reading[T](of, overlap)
    place: Hashable | None = None
    places: dict[Hashable | None, None] = {place: None}
    for _ in range(most_pages):
        page = await page_at(place)
        if reading.ends(page, candidate, until):
            break
        if page.after in places:
            reading.faults.append(f"{of} repeats a page")
            break
        place = page.after
        places[place] = None
    else:
        reading.faults.append(f"{of} has more than {most_pages} pages")
    # A number counts from the front. What goes from a page in the middle takes the first entry of the next one to a
    # page that was read already: ours could be passed over, and be made a second time.
    counted = any(isinstance(one, int) for one in places)
    if (again or counted) and reading.pages > 1 and not reading.faults:
        once_more = list(places)[: reading.pages - 1 if counted else 1]
        reading.compare([await page_at(one) for one in once_more], candidate)
    return reading.listing()


class _Reading(list[Candidate[T]]):
    """The entries that were read so far."""

    def __init__(self, of: str, overlap: int) -> None:
        super().__init__()
        self.of, self.overlap = of, overlap
        self.faults: list[str] = []
        self.pages = 0
        self.ids: set[str] = set()
        self.total: int | None = None
        self._date: datetime | None = None
        self._age: float | None = None
        self._bytes = 0
        self._seen: list[list[str]] = []
        """The ids on each page, in its order."""

    def ends(
        self,
        page: Page,
        candidate: Callable[[Any], Candidate[T] | None],
        until: Callable[[Candidate[T]], bool] | None,
    ) -> bool:
        """Add a page; return whether the reading ends with it."""
        self._opened(page)
        if page.entries is None:
            return self._fault(page.why or f"{self.of} cannot be read")
        read = [candidate(entry) for entry in page.entries]
        self._seen.append(_ids(read))
        if read and None not in read and self.ids.issuperset(_ids(read)):
            # Not added: each of its entries would look like a second one of ours.
            return len(read) < self.overlap or self._fault(f"{self.of} repeats a page")
        new = [self._add(one) for one in read]
        if until is not None and any(until(one) for one in new if one is not None):
            return self._fault("it was read until ours was found")
        if page.after is None:
            return True
        return self._bytes > _MOST_BYTES and self._fault(f"{self.of} is too long to be read")

    def _opened(self, page: Page) -> None:
        # The answers themselves are not kept: a long list would be in memory twice.
        answer = page.answer
        # What arrives while later pages are read may be on none of them: it is as old as its first page.
        self._date = self._date if self.pages else answer.date
        self._age = answer.age if self._age is None else max(self._age, answer.age or 0.0)
        self.pages += 1
        self.total = self.total if page.total is None else max(page.total, self.total or 0)
        self._bytes += len(answer.text)

    def _add(self, one: Candidate[T] | None) -> Candidate[T] | None:
        if one is None:
            # It may be ours: without it the list would seem to show that ours never arrived.
            self._fault(f"{self.of} holds entries that cannot be read")
            return None
        [id_] = _ids([one])
        known = id_ in self.ids
        self.ids.add(id_)
        if known and self.overlap:
            return None
        if known:
            self._fault(f"{self.of} names an id twice")
        self.append(one)
        return None if known else one

    def compare(self, pages: Sequence[Page], candidate: Callable[[Any], Candidate[T] | None]) -> None:
        """Compare the first pages with themselves, read once more, and add what is new on them."""
        read: list[Candidate[T] | None] = []
        for page in pages:
            self._opened(page)
            read += [candidate(entry) for entry in page.entries or ()]
        before = [id_ for seen in self._seen[: len(pages)] for id_ in seen]
        still = [id_ for id_ in _ids(read) if id_ in self.ids]
        # New entries come first, and may push others off the page. An entry that was removed or moved may have
        # taken another one to a page that was read already.
        unread = next((page for page in pages if page.entries is None), None)
        if unread is not None or len(read) < len(before) or still != before[: len(still)]:
            self._fault(unread.why if unread and unread.why else f"{self.of} changed while it was read")
        for one in read:
            if one is None or _ids([one])[0] not in self.ids:
                self._add(one)

    def _fault(self, fault: str) -> bool:
        if fault not in self.faults:
            self.faults.append(fault)
        return True

    def listing(self) -> Listing[T]:
        if self.total is not None and self.total > len(self.ids):
            self._fault(f"{self.of} shows {len(self.ids)} of {self.total} entries")
        return Listing(
            candidates=tuple(self),
            complete=not self.faults,
            why="; ".join(self.faults),
            date=self._date,
            age=self._age,
            total=self.total,
        )


def _ids(read: Sequence[Candidate[Any] | None]) -> list[str]:
    results = (one.result for one in read if one is not None)
    return [str(getattr(one, "remote_id", None) or getattr(one, "id", "")) for one in results]


async def poll_each(
    renders: Sequence[RenderRef],
    look: Callable[[RenderRef], Awaitable[RenderStatus]],
    *,
    at_once: int = 8,
    most: int = 500,
) -> list[RenderStatus]:
    """Return the status of many renders, read one by one, for services that have no list of them.

    One that raises `Unavailable`, or `ValueError` for an answer that fits no status, is left out, and what the
    others told counts; one that raises `Expired` is `lost`. Of more than `most`, as many are chosen by chance.
    Raises the first `Unavailable` when nothing was told.
    """
    gate = asyncio.Semaphore(at_once)

    async def one(render: RenderRef) -> RenderStatus | Unavailable:
        async with gate:
            try:
                return await look(render)
            except Expired as error:
                return RenderStatus(remote_id=render.remote_id, state="lost", error_message=error.message)
            except Unavailable as error:
                return error
            # An answer that is none of a status, as pydantic finds: it must not lose what the others told.
            except ValueError as error:
                return Unavailable(f"what the service said of {render.remote_id} cannot be read: {error}")

    # By chance, so that each has its turn: the same ones would keep the others waiting for ever.
    chosen = renders if len(renders) <= most else random.sample(list(renders), most)
    answers = await asyncio.gather(*(one(render) for render in chosen))
    told = [answer for answer in answers if isinstance(answer, RenderStatus)]
    for failure in answers:
        if not told and isinstance(failure, Unavailable):
            raise failure
    return told
