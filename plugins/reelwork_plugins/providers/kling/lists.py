"""Reads Kling's lists, one for each kind of video, and asks for a task by our own id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from reelwork_hooks import Answer, Candidate, Listing, Page, Submitted, Unavailable, read_listing
from reelwork_plugins.providers.kling.tasks import data_of, said, task_of

PAGE_SIZE, MOST_PAGES = 500, 40

Ask = Callable[[str, Mapping[str, str | int]], Awaitable[Answer]]
"""Reads a path below `/v1/videos`, such as `text2video/ID`."""


async def page_of(ask: Ask, path: str, number: int) -> Page:
    """Return a page of a list. Raises `Unavailable` when it may be readable later."""
    answer = await ask(path, {"pageNum": number, "pageSize": PAGE_SIZE})
    if answer.passing or answer.status in (401, 403):
        raise Unavailable(f"the list of tasks: {said(answer)}")
    items = data_of(answer)
    # A full page is no end, and a short one may have been cut: only an empty page is.
    return Page(answer, items if isinstance(items, list) else None, number + 1 if items else None)


async def read_tasks(ask: Ask, key: str, paths: tuple[str, ...]) -> Listing[Submitted]:
    """Read until our own id is found, else to the end of each list; then ask for it at the first path."""
    lists: list[Listing[Submitted]] = []
    for path in paths:
        lists.append(await _read(ask, key, path))
        if any(one.ref == key for one in lists[-1].candidates):
            return Listing.joined(*lists)
    # A list may be late.
    answer = await ask(f"{paths[0]}/{key}", {})
    task = task_of(data_of(answer))
    if task is not None and task.ref == key:
        own = Listing((task.candidate(paths[0]),), why="it was read until ours was found")
    # What is there and cannot be read may be ours.
    elif data_of(answer) or not isinstance(answer.at("code"), int) or answer.status not in (200, 400, 404):
        own = Listing(why=f"asked for the task of our own id, {said(answer)}")
    else:
        own = Listing(complete=True, age=answer.age)
    return Listing.joined(*lists, own)


async def _read(ask: Ask, key: str, path: str) -> Listing[Submitted]:
    def candidate(item: Any) -> Candidate[Submitted] | None:
        task = task_of(item)
        return task.candidate(path) if task is not None else None

    return await read_listing(
        lambda number: page_of(ask, path, number or 1), candidate, of=f"the list {path}",
        most_pages=MOST_PAGES, until=lambda one: one.ref == key, again=True,
    )  # fmt: skip
