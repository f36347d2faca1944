"""Reads fal's list of requests, which has the input of each, and reports all of it to the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue

from reelwork_hooks import Candidate, HttpResponse, Listing, RenderRequest, Submitted, Unavailable
from reelwork_plugins.providers.fal.config import LISTS
from reelwork_plugins.providers.fal.models import Model
from reelwork_plugins.providers.fal.outcome import error_in
from reelwork_plugins.providers.fal.queue import Queue, urls_in
from reelwork_plugins.providers.fal.wire import asked_in, unplanned
from reelwork_plugins.replies import http_date, json_of, number_of, retry_after

PAGES, PAGE_SIZE = 50, 100
BEFORE = 3600.0
"""Seconds before the request from which the list is read, since clocks differ."""


async def read_listing(
    queue: Queue, request: RenderRequest, name: str, model: Model, urls: Sequence[str], started_at: float
) -> Listing[Submitted]:
    """Return every request to a model since `started_at`, as it is listed. Raises `Unavailable`.

    `urls` are the addresses of the references, as they were sent.
    """
    reader = _Reader(request, name, model, unplanned(request, model, urls))
    query: dict[str, str | int] = {"endpoint_id": name, "expand": "payloads", "limit": PAGE_SIZE}
    if started_at > BEFORE:
        query["start"] = datetime.fromtimestamp(started_at - BEFORE, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    found: list[Candidate[Submitted]] = []
    why, first, cursors = "", None, set[str]()
    for _ in range(PAGES):
        response = await queue.get(f"{queue.config.address(LISTS)}/v1/models/requests/by-endpoint", query)
        first = first or response
        items, cursor = _page(response, queue.context.now())
        found += [one for item in items if (one := reader.candidate(item)) is not None]
        if cursor is None:
            break
        if cursor in cursors:
            why = "the list of requests repeats a page"
            break
        cursors.add(cursor)
        query["cursor"] = cursor
    else:
        why = f"the list of requests is longer than {PAGES * PAGE_SIZE} entries"
    ids = [one.result.remote_id for one in found]
    if len(set(ids)) < len(ids):
        why = why or "the list of requests names an id twice"
    headers = first.headers if first is not None else {}
    age = number_of(headers.get("age")) if "age" in headers else None
    return Listing(tuple(found), complete=not why, why=why, date=http_date(headers.get("date")), age=age)


def _page(response: HttpResponse, now: datetime) -> tuple[list[Any], str | None]:
    """Return the entries of a page, and the cursor of the next one."""
    data = json_of(response)
    items = data.get("items") if isinstance(data, dict) else None
    if not 200 <= response.status_code < 300 or not isinstance(items, list):
        message = error_in(data)[1] or "no list"
        pause = retry_after(response.headers, now)
        raise Unavailable(
            f"fal's list of requests was answered {response.status_code}: {message}", retry_after=pause
        )
    cursor = data.get("next_cursor")
    more = data.get("has_more", bool(cursor))
    if more and not isinstance(cursor, str):
        raise Unavailable("fal's list of requests says that it has more, and not where")
    return items, cursor if more else None


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads entries, for the lookup of one request."""

    request: RenderRequest
    name: str
    model: Model
    own: Mapping[str, JsonValue]
    """The inputs of that request which no field of a `Listing` tells."""

    def candidate(self, item: Any) -> Candidate[Submitted] | None:
        request_id = item.get("request_id") if isinstance(item, dict) else None
        if not isinstance(request_id, str) or not request_id:
            return None
        given = item.get("json_input")
        details: dict[str, JsonValue] = {"model": self.name}
        if urls := urls_in(item.get("json_output")):
            details["urls"] = [*urls]
        return Candidate(
            result=Submitted(remote_id=request_id, details=details),
            fields=self._fields(given) if isinstance(given, Mapping) else {"model": self.name},
            state="ended" if item.get("ended_at") else "queued",
            created_at=_moment(item.get("sent_at")),
        )

    def _fields(self, given: Mapping[str, Any]) -> dict[str, JsonValue]:
        """Return an entry's facts under the names of `Listing`. What is missing is left out, never guessed."""
        asked = asked_in(given, self.model)
        found: dict[str, JsonValue] = {"model": self.name}
        parts = ("prompt", "negative_prompt", "seed", "fps")
        found |= {part: asked[part] for part in parts if part in asked}
        length = asked.get("duration")
        seconds = number_of(length) if isinstance(length, str | int | float) else None
        if seconds is not None:
            found["duration"] = seconds
        if (size := _size(asked, self.request)) is not None:
            found["size"] = size
        # Equal words with another picture are another request: taken for ours, its video would be posted. Without
        # the words nothing fits it, and a person is asked.
        if other := [field for field, ours in self.own.items() if not _same(ours, given.get(field))]:
            found.pop("prompt", None)
            found["differs_in"] = ", ".join(other)
        return found


def _same(ours: JsonValue, theirs: Any) -> bool:
    """Return whether an input was given as we gave it, perhaps as another type."""
    if ours is None or theirs is None:
        return ours is theirs
    if ours == theirs or str(ours).strip().lower() == str(theirs).strip().lower():
        return True
    number = number_of(ours)
    return number is not None and number == number_of(theirs)


def _size(asked: Mapping[str, JsonValue], request: RenderRequest) -> JsonValue:
    """Return an entry's size: this request's where ratio and height are the same; None where it is not known."""
    spec = request.spec
    if "aspect_ratio" not in asked and "resolution" not in asked:
        return None
    ratio, height = asked.get("aspect_ratio", spec.aspect_ratio), asked.get("resolution", spec.resolution)
    # Written so that it is no size of ours: another shape is another request.
    return spec.size if (ratio, height) == (spec.aspect_ratio, spec.resolution) else f"{ratio} {height}"


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
