"""Events of jobs as they happen: server-sent, numbered as the store numbers the lines of stories."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from reelwork.server.access import TOKEN
from reelwork.server.api.answering import as_text
from reelwork.server.api.asking import Asked, query_of, wrong
from reelwork.server.api.jobs import job_named
from reelwork.server.operations import Header, Operation, Served
from reelwork.server.problems import Problem
from reelwork.server.tokens import Scope
from reelwork.store.records import EventRow
from reelwork.store.tokens import TokenRow
from reelwork_hooks.errors import ReelworkError

log = logging.getLogger("reelwork.server")

EVENT_STREAM = "text/event-stream"
LAST = "Last-Event-ID"
AT_ONCE = 500
"""Events that are read at once."""
LOOK_SECONDS = 1.0
"""Seconds between two looks for what is new. Other processes write it, too, so the store is asked."""
# Proxies close what is silent for a minute; most browsers notice a dead connection only by this.
SIGN_SECONDS = 15.0
"""Seconds after which a stream with nothing to say gives a sign of life."""
RETRY_MILLISECONDS = 2000
LARGEST = 2**63 - 1


class EventFilter(Asked):
    """Which events are streamed."""

    job: str | None = None
    """Only those of this job."""
    after: Annotated[int, Field(ge=0, le=LARGEST)] | None = None
    """Begin after the event of this number; 0 begins with the first. Otherwise with what is new."""
    follow: bool = True
    """False ends the stream once all that is known was sent."""


@dataclass(frozen=True)
class _Stream:
    """One reader of events."""

    served: Served
    token: TokenRow | None
    job: str | None
    follow: bool

    async def lines(self, number: int) -> AsyncIterator[bytes]:
        """Yield the stream's text from the event after `number`, until the server stops."""
        yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
        # A store that cannot be read ends the stream; the reader comes back, and hears of it then.
        with suppress(ReelworkError):
            async with self.served.streams:
                async for text in self._from(number):
                    yield text

    async def _from(self, number: int) -> AsyncIterator[bytes]:
        quiet_since = time.monotonic()
        while True:
            found, newest = await run_in_threadpool(self._after, number)
            if found:
                number, quiet_since = found[-1].seq, time.monotonic()
                yield "".join(map(_text, found)).encode(errors="replace")
                continue
            number = max(number, newest)
            if not self.follow or await self._stopped():
                return
            if time.monotonic() - quiet_since >= SIGN_SECONDS:
                if not await self._is_let_in():
                    return
                quiet_since = time.monotonic()
                yield b": here\n\n"

    def _after(self, number: int) -> tuple[Sequence[EventRow], int]:
        """Return what was written after an event, and the last one that needs no more looking at."""
        served = self.served
        # Of one brand, the events of all others would be passed over anew with each look. Asked first: what is
        # written between the two questions is found by the next look.
        newest = number if served.unlimited is None else served.unlimited.store.last_event()
        return served.store.events_after(number, AT_ONCE, self.job), newest

    async def _stopped(self) -> bool:
        """Wait for the next look; return whether the server stops."""
        # An open stream would keep the server from ending in time.
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self.served.stopping.wait()
        return self.served.stopping.is_set()

    async def _is_let_in(self) -> bool:
        """Return whether the token that began the stream is still known: a removed one is refused at once."""
        if self.token is None:
            return True
        return await run_in_threadpool(self.served.store.token_with, self.token.hash) is not None


def _text(row: EventRow) -> str:
    return f"id: {row.seq}\ndata: {as_text(event_as_json(row))}\n\n"


def event_as_json(row: EventRow) -> dict[str, Any]:
    """Return an event as programs get it."""
    return {"seq": row.seq, "job": row.job_id, "at": row.at, "name": row.name, "details": json.loads(row.details)}


def stream_events(served: Served, request: Request) -> Response:
    """Stream what happens to jobs, as server-sent events. A reader that comes back names the last one.

    The data of each is JSON: `seq`, `job`, `at` (seconds since the epoch), `name` and `details`.
    """
    asked = query_of(request, EventFilter)
    job = None if asked.job is None else job_named(served.store, asked.job).id
    newest = served.store.last_event()
    given = _given(request)
    after = asked.after if given is None else given
    # A number from before the store was put back to a backup: what is new from here on.
    begin = newest if after is None or after > newest else after
    if served.streams.locked():
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "Too many readers follow the events at once.",
            hint="Try again later, or read once: ?follow=false", headers={"Retry-After": "10"},
        )  # fmt: skip
    stream = _Stream(served, request.scope[TOKEN], job, asked.follow)
    # For proxies that would keep back what is small.
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(stream.lines(begin), headers=headers, media_type=EVENT_STREAM)


def _given(request: Request) -> int | None:
    """Return the event that the reader saw last. Raises `Problem`."""
    given = request.headers.get(LAST)
    if not given:
        return None
    if not given.isascii() or not given.isdecimal() or int(given[:20]) > LARGEST:
        raise wrong("header", [(LAST, "it is not the number of an event")])
    return int(given)


OPERATIONS = (
    Operation(
        path="/api/v1/events",
        scope=Scope.READ,
        answer=stream_events,
        query=EventFilter,
        media=EVENT_STREAM,
        headers=(Header(LAST, "The last event that the reader saw.", r"^[0-9]{1,18}$"),),
    ),
)
