"""The changes of a job's posts since a version was shown or they were approved, from the job's story."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reelwork.ids import fingerprint
from reelwork.redaction.redactor import mask
from reelwork.store.records import EventRow
from reelwork.text import shown as fit

LONGEST_VALUE = 60
"""Characters of a text that is named as changed."""


def version_of(shown: Mapping[str, str], order: Sequence[str]) -> str:
    """Return the version of all posts, each as it was shown, in the order of the job's destinations."""
    return fingerprint([[name, shown[name]] for name in order if name in shown])[:12]


def changes_since(version: str, events: Sequence[EventRow], order: Sequence[str]) -> list[str]:
    """Say what was changed after a version was shown; nothing if the story does not know that version."""
    shown: dict[str, str] = {}
    found: list[str] | None = None
    for event in events:
        details = json.loads(event.details)
        if found is not None:
            found += _changes(event.name, details)
        if event.name == "review-asked":
            shown[details["destination"]] = details.get("seen", "")
            # From its newest appearance on: what was changed and changed back is as it was shown.
            found = [] if version_of(shown, order) == version else found
        elif event.name == "reviewed" and details.get("decision") == "redo":
            shown = dict.fromkeys(shown, "")
    return list(dict.fromkeys(found or ()))


def _changes(name: str, details: Mapping[str, Any]) -> Iterator[str]:
    by = f" by {details['by']}" if details.get("by") else ""
    if name == "reviewed" and details.get("decision") == "redo":
        yield f"the video is made again, asked for{by}"
    elif name == "edited":
        for destination, changes in details.get("changes", {}).items():
            for key, (before, after) in changes.items():
                yield f"{destination}: {key} was {_told(before)}, is {_told(after)}{by}"


def _told(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    told = fit(mask(text), LONGEST_VALUE)
    return f"{told!r}" if isinstance(value, str) else told


@dataclass(frozen=True, slots=True)
class Edit:
    """The change of one field of a post."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Edits:
    """What people have changed of a post, and since when."""

    approved_by: str
    """Who had approved it before; empty if nobody had, and it counts since it was first shown."""
    by: tuple[str, ...]
    """Who changed it."""
    fields: tuple[Edit, ...]


def edits_of(destination: str, events: Iterable[EventRow]) -> Edits | None:
    """Return what was changed of a post since its latest approval; None if nothing was."""
    approved_by, by = "", dict[str, None]()
    fields: dict[str, tuple[Any, Any]] = {}
    for event in events:
        details = json.loads(event.details)
        changes = details.get("changes", {}).get(destination) if event.name == "edited" else None
        decision = details.get("decision") if event.name == "reviewed" else None
        approves = decision == "approved" and destination in details.get("seen", {})
        if changes is not None:
            by[str(details.get("by", ""))] = None
            # From what it was at first: what is changed back is no change.
            fields |= {key: (fields.get(key, (was, None))[0], now) for key, (was, now) in changes.items()}
            # Whoever saves and approves at once has seen it as it is then.
            approves = bool(details.get("approved"))
        # Another video is another post: what was said of the one before no longer counts.
        if approves or decision == "redo":
            approved_by, by, fields = str(details.get("by", "")) if approves else "", {}, {}
    found = tuple(Edit(key, _text(was), _text(now)) for key, (was, now) in fields.items() if was != now)
    return Edits(approved_by, tuple(filter(None, by)), found) if found else None


def _text(value: Any) -> str:
    """Return a value of a post as a person reads it."""
    match value:
        case None:
            return ""
        case str():
            return value
        case list() if all(isinstance(one, str) for one in value):
            return ", ".join(value)
        case dict():
            return "\n".join(f"{name}: {_text(one)}" for name, one in value.items())
    return json.dumps(value, ensure_ascii=False)
