"""Finds the ids of videos that an answer names, however it is wrapped.

Gateways put the video into `data` (an object or a list), `result`, `task` or `video`, and call its id `task_id`,
`video_id` or `taskId`. An id that is overlooked is a paid video that nobody collects. An id of something else is
polled in vain. So all are gathered, and only a single one is believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# An answer may be a million small parts, or nested without end: the search has to stop.
DEEPEST = 5
"""Levels of objects and lists that are searched."""
MOST = 200
"""Objects searched in one answer."""
_IDS = ("id", "videoid", "taskid", "jobid")
_WRAPPERS = frozenset(
    {"data", "result", "results", "task", "tasks", "video", "videos", "job", "jobs", "output", "response"}
)
_ERRORS = frozenset({"error", "errors", "detail", "details"})
_LINK_KEYS = frozenset({"url", "b64_json"})


def ids_in(data: Any, *, errors: bool = False) -> tuple[str, ...]:
    """Return the different ids of videos in an answer, outermost first. With `errors` also those within errors."""
    return tuple(dict.fromkeys(remote_id for _, remote_id in _named(data, errors)))


def video_in(data: Any) -> Mapping[str, Any] | None:
    """Return the object of the one video an answer is about, with its `id`; None when it names none or several.

    An object that calls itself a video is one, whatever else it holds: that is the protocol.
    """
    if isinstance(data, Mapping) and data.get("object") == "video" and (own := text_of(data.get("id"))):
        return {**data, "id": own}
    named = list(_named(data, errors=False))
    if len({remote_id for _, remote_id in named}) != 1:
        return None
    holder, remote_id = named[0]
    return {**holder, "id": remote_id}


def text_of(value: Any) -> str:
    """Return an id as text; empty for what cannot be one."""
    if type(value) is str:
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _named(data: Any, errors: bool) -> Iterator[tuple[Mapping[str, Any], str]]:
    inside = _WRAPPERS | _ERRORS if errors else _WRAPPERS
    level, left = [data], MOST
    for depth in range(DEEPEST):
        within: list[Any] = []
        for item in level[: max(left, 0)]:
            left -= 1
            if isinstance(item, Mapping):
                # Within a video, where a file is and what it is called there is no video's id.
                if depth == 0 or "status" in item or _LINK_KEYS.isdisjoint(item):
                    yield from _own(item)
                within += [inner for key, inner in item.items() if _plain(key) in inside]
            elif isinstance(item, list):
                within += item
        level = [item for item in within if isinstance(item, Mapping | list)]


def _own(item: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    for key, value in item.items():
        if _plain(key) in _IDS and (text := text_of(value)):
            yield item, text


def _plain(key: object) -> str:
    return str(key).replace("_", "").replace("-", "").lower()
