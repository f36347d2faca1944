"""Reads fal's list of requests, which has the input of each, and reports all of it to the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue

from reelwork_hooks import (
    Candidate,
    KnownModel,
    Listing,
    Page,
    RenderRequest,
    Submitted,
    Unavailable,
    read_listing,
    text_at,
    time_of,
    video_links,
)
from reelwork_plugins.providers.fal.queue import Queue
from reelwork_plugins.providers.fal.wire import untold

PAGE_SIZE = 100
BEFORE = 3600.0
"""Seconds before the request from which the list is read, since clocks differ."""


async def read_requests(
    queue: Queue, request: RenderRequest, name: str, model: KnownModel, urls: Sequence[str], started_at: float
) -> Listing[Submitted]:
    """Return every request to a model since `started_at`, as it is listed. Raises `Unavailable`.

    `urls` are the addresses of the references, as they were sent.
    """
    query: dict[str, str | int] = {"endpoint_id": name, "limit": PAGE_SIZE}
    if started_at > BEFORE:
        query["start"] = datetime.fromtimestamp(started_at - BEFORE, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    own = untold(request, model, urls)

    async def page_at(cursor: str | None) -> Page:
        answer, items = await queue.listed({**query, "cursor": cursor} if cursor else query)
        after = answer.text_at("next_cursor") or None
        more = answer.object.get("has_more", after is not None)
        if more and after is None:
            raise Unavailable("fal's list of requests says that it has more, and not where")
        return Page(answer, items, after if more else None)

    def candidate(item: Any) -> Candidate[Submitted] | None:
        request_id = text_at(item, "request_id")
        if not request_id:
            return None
        given, urls = item.get("json_input"), video_links(item.get("json_output"))
        fields = model.fields_in(given, request, own) if isinstance(given, Mapping) else {}
        details: dict[str, JsonValue] = {"model": name, **({"urls": [*urls]} if urls else {})}
        return Candidate(
            result=Submitted(remote_id=request_id, details=details),
            fields={"model": name, **fields},
            state="ended" if item.get("ended_at") else "queued",
            created_at=time_of(item.get("sent_at")),
        )

    return await read_listing(page_at, candidate, of="the list of requests")
