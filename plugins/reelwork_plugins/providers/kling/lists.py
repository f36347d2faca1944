"""Reads Kling's lists, one for each kind of video, and asks for a task by our own id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from reelwork_hooks import Candidate, HttpResponse, Listing, Submitted, Unavailable
from reelwork_plugins.providers.kling.tasks import Task, data_of, said, task_of
from reelwork_plugins.providers.kling.tokens import code_of
from reelwork_plugins.replies import http_date

PAGE_SIZE, MOST_PAGES = 500, 40

Ask = Callable[[str, Mapping[str, str | int]], Awaitable[HttpResponse]]
"""Reads a path below `/v1/videos`, such as `text2video/ID`."""


def page_of(response: HttpResponse) -> tuple[Task, ...] | None:
    """Return the tasks of a page; None when it cannot be read. Raises `Unavailable` when it may be, later."""
    status = response.status_code
    if status in (401, 403, 408, 425, 429) or status >= 500:
        raise Unavailable(f"the list of tasks: {said(response)}")
    items = data_of(response)
    tasks = [task_of(item) for item in items] if isinstance(items, list) else [None]
    # One that cannot be read may be ours: without it, the list would seem to show that ours never arrived.
    return None if None in tasks else tuple(task for task in tasks if task is not None)


@dataclass(slots=True)
class Reading:
    """One look for a task of our own id, through both lists."""

    ask: Ask
    key: str
    candidates: list[Candidate[Submitted]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    answers: list[HttpResponse] = field(default_factory=list)
    found: bool = False

    async def listing(self, paths: tuple[str, ...]) -> Listing[Submitted]:
        """Read until our own id is found, else to the end of each list; then ask for it at the first path."""
        for path in paths:
            if not self.found:
                await self._pages(path)
        if not self.found:
            # A list may be late.
            await self._own(paths[0])
        ages = [text for one in self.answers if (text := one.headers.get("age")) is not None]
        return Listing(
            candidates=tuple(self.candidates),
            complete=not self.found and not self.faults,
            why="; ".join(self.faults) or "it was read until ours was found",
            # What arrives while later pages are read may be on none of them: it is as old as its first page.
            date=http_date(self.answers[0].headers.get("date")),
            # An `Age` that cannot be read was written by a cache all the same.
            age=max((float(text) if text.strip().isdecimal() else 1.0 for text in ages), default=None),
        )

    async def _pages(self, path: str) -> None:
        first: tuple[Task, ...] = ()
        for number in range(1, MOST_PAGES + 1):
            tasks = await self._page(path, number)
            if tasks is None:
                self.faults.append(f"page {number} of the list {path} cannot be read")
                return
            self._take(path, tasks)
            # A full page is no end, and a short one may have been cut: only an empty page is.
            if self.found or not tasks:
                break
            first = first or tasks
        else:
            self.faults.append(f"the list {path} has more than {MOST_PAGES} pages")
        # A task that moved between two pages while they were read was seen on neither.
        again = await self._page(path, 1) if first and not self.found else None
        if again is not None and [one.id for one in again] != [one.id for one in first]:
            self.faults.append(f"the list {path} changed while it was read")

    async def _page(self, path: str, number: int) -> tuple[Task, ...] | None:
        response = await self.ask(path, {"pageNum": number, "pageSize": PAGE_SIZE})
        self.answers.append(response)
        return page_of(response)

    async def _own(self, path: str) -> None:
        response = await self.ask(f"{path}/{self.key}", {})
        task = task_of(data_of(response))
        if task is not None and task.ref == self.key:
            self._take(path, (task,))
        # What is there and cannot be read may be ours.
        elif data_of(response) or code_of(response) is None or response.status_code not in (200, 400, 404):
            self.faults.append(f"asked for the task of our own id, {said(response)}")

    def _take(self, path: str, tasks: tuple[Task, ...]) -> None:
        self.candidates += [task.candidate(path) for task in tasks]
        self.found = self.found or any(task.ref == self.key for task in tasks)
