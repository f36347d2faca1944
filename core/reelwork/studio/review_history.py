"""The changes of a job's posts since a version of them was shown, from the job's story."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
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
