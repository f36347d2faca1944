"""The rules for what a video may say of itself: the fields of a `video` resource that can be written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reelwork_plugins.simulator.refusals import Refused

LONGEST_TITLE, LONGEST_DESCRIPTION, ALL_TAGS = 100, 5000, 500
CATEGORIES = frozenset({"1", "2", "10", "15", "17", "19", "20", "22", "23", "24", "25", "26", "27", "28", "29"})
PARTS = frozenset({
    "contentDetails", "fileDetails", "id", "liveStreamingDetails", "localizations", "paidProductPlacementDetails",
    "player", "processingDetails", "recordingDetails", "snippet", "statistics", "status", "suggestions",
    "topicDetails",
})  # fmt: skip
_SNIPPET = ("title", "description", "tags", "categoryId", "defaultLanguage", "defaultAudioLanguage")
_STATUS = (
    "privacyStatus", "publishAt", "license", "embeddable", "publicStatsViewable", "selfDeclaredMadeForKids",
    "containsSyntheticMedia",
)  # fmt: skip
_FLAGS = ("embeddable", "publicStatsViewable", "selfDeclaredMadeForKids", "containsSyntheticMedia")


def parts_of(text: str) -> tuple[str, ...]:
    """Return the parts that a request names. Raises `Refused`."""
    parts = tuple(one.strip() for one in text.split(",") if one.strip())
    if not parts:
        raise Refused(400, "No filter selected. Expected: part", code="missingRequiredParameter", param="part")
    if unknown := [one for one in parts if one not in PARTS]:
        raise Refused(400, f"'{unknown[0]}'", code="unknownPart", param="part")
    return parts


def checked(given: Mapping[str, Any], parts: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return what can be written of a resource. Raises `Refused` with YouTube's own reasons."""
    for name in given:
        if name in PARTS and name not in parts:
            raise Refused(400, f"The part {name} was sent, but not named.", code="unexpectedPart", param=name)
    return {
        "snippet": _snippet(_object(given, "snippet")),
        "status": _status(_object(given, "status")),
    }


def _object(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = given.get(name, {})
    if not isinstance(value, dict):
        raise Refused(400, f"The part {name} is no object.", code="invalidVideoMetadata", param=name)
    return value


def _snippet(given: Mapping[str, Any]) -> dict[str, Any]:
    title, description, tags = given.get("title"), given.get("description", ""), given.get("tags", [])
    if not isinstance(title, str) or not 0 < len(title) <= LONGEST_TITLE or _has_angles(title):
        message = "The request metadata specifies an invalid or empty video title."
        raise Refused(400, message, code="invalidTitle", param="body.snippet.title")
    too_long = not isinstance(description, str) or len(description.encode()) > LONGEST_DESCRIPTION
    if too_long or _has_angles(description):
        message = "The request metadata specifies an invalid video description."
        raise Refused(400, message, code="invalidDescription", param="body.snippet.description")
    if (
        not isinstance(tags, list)
        or not all(isinstance(tag, str) and tag for tag in tags)
        or _length(tags) > ALL_TAGS
    ):
        message = "The request metadata specifies invalid video keywords."
        raise Refused(400, message, code="invalidTags", param="body.snippet.tags")
    if given.get("categoryId", "22") not in CATEGORIES:
        message = "The snippet.categoryId property specifies an invalid category ID."
        raise Refused(400, message, code="invalidCategoryId", param="body.snippet.categoryId")
    return {"categoryId": "22", "description": "", **{name: given[name] for name in _SNIPPET if name in given}}


def _status(given: Mapping[str, Any]) -> dict[str, Any]:
    if given.get("privacyStatus", "public") not in ("public", "unlisted", "private"):
        raise Refused(400, "Invalid privacyStatus.", code="invalidVideoMetadata", param="body.status.privacyStatus")
    if given.get("license", "youtube") not in ("youtube", "creativeCommon"):
        raise Refused(400, "Invalid license.", code="invalidVideoMetadata", param="body.status.license")
    if any(not isinstance(given.get(name, True), bool) for name in _FLAGS):
        raise Refused(400, "A flag is neither true nor false.", code="invalidVideoMetadata", param="body.status")
    if "publishAt" in given and not (given.get("privacyStatus") == "private" and _is_time(given["publishAt"])):
        message = "The request metadata specifies an invalid scheduled publishing time."
        raise Refused(400, message, code="invalidPublishAt", param="body.status.publishAt")
    return {name: given[name] for name in _STATUS if name in given}


def _has_angles(text: str) -> bool:
    return "<" in text or ">" in text


def _length(tags: list[str]) -> int:
    # With the commas between them, and the quotes around those that have a space.
    return sum(len(tag) + 2 * (" " in tag) for tag in tags) + max(len(tags) - 1, 0)


def _is_time(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False
