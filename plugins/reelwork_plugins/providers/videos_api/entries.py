"""One entry of a list of videos, as the ledger compares it: the fields of the request that made it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import JsonValue

from reelwork_hooks import Candidate, Submitted, number_of, time_of
from reelwork_plugins.providers.videos_api.answers import Job

ITEMS = ("data", "videos", "items", "results")
"""Keys under which servers put the entries."""
_ENDED = frozenset({"completed", "failed"})


def candidate_of(job: Job, item: Mapping[str, Any]) -> Candidate[Submitted]:
    """Return an entry, as it is listed."""
    return Candidate(
        result=Submitted(remote_id=job.id, details={"urls": list(job.urls)} if job.urls else {}),
        fields=fields_of(item),
        # A list that does not tell how its entries stand has not shown any that is still being made.
        state="queued" if job.word and job.state not in _ENDED else "ended",
        created_at=time_of(job.created_at),
    )


def fields_of(item: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Return an entry's facts under the names of `Listing`. A fact that is missing is left out, never guessed."""
    # Some servers repeat the request as an object of its own.
    within = item.get("request", item.get("input"))
    asked: Mapping[str, Any] = within if isinstance(within, Mapping) else {}
    found = {name: _first(names, read, item, asked) for name, (names, read) in _FIELDS.items()}
    found["size"] = found["size"] or _frame(item) or _frame(asked)
    # A field filled in here by guess would differ from the request and exclude a paid video: it would be paid
    # again.
    return {name: value for name, value in found.items() if value is not None}


def _first(
    names: tuple[str, ...], read: Callable[[Any], JsonValue], item: Mapping[str, Any], asked: Mapping[str, Any]
) -> JsonValue:
    for holder in (item, asked):
        for name in names:
            if (value := read(holder.get(name))) is not None:
                return value
    return None


def _text(value: Any) -> JsonValue:
    return value if isinstance(value, str) else None


def _name(value: Any) -> JsonValue:
    return value if isinstance(value, str) and value else None


def _size(value: Any) -> JsonValue:
    """Return a size as `1280x720`, however its sign is written."""
    return value.strip().lower().replace("*", "x").replace("×", "x") if isinstance(value, str) and value else None


def _whole(value: Any) -> JsonValue:
    number = number_of(value)
    return None if number is None else int(number) if number == int(number) else number


def _frame(item: Mapping[str, Any]) -> JsonValue:
    width, height = (_whole(item.get(name)) for name in ("width", "height"))
    return f"{width}x{height}" if width and height else None


_FIELDS: Mapping[str, tuple[tuple[str, ...], Callable[[Any], JsonValue]]] = {
    "prompt": (("prompt",), _text),
    "negative_prompt": (("negative_prompt",), _text),
    "model": (("model",), _name),
    "duration": (("seconds", "duration"), _whole),
    "size": (("size",), _size),
    "fps": (("fps",), _whole),
    "seed": (("seed",), _whole),
}
