"""Servers' words for the states of a video, read by sense: every family of servers has words of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

State = Literal["queued", "running", "completed", "failed"]

_QUEUED = ("queue", "pending", "submit", "create", "schedule", "wait", "accept", "receive", "not_start")
_WAITING = ("pending", "queuing", "queueing", "waiting")
_RUNNING = ("run", "process", "progress", "start", "retry", "work", "upload")
_DONE = ("complete", "succe", "done", "finish", "ready", "available", "ok", "generated", "rendered")
_LAST = ("completed", "complete", "succeeded", "success", "done", "finished", "ready")
"""Words that end what they stand behind: `processing_done`."""
_FAILED = (
    "fail", "error", "reject", "cancel", "abort", "timeout", "timed_out", "time_out", "expire", "delete", "blocked",
    "refus", "denied", "invalid", "violat", "unsafe", "nsfw", "moderated", "flagged", "crash", "kill", "stopped",
    "terminat", "oom", "interrupt", "exceed", "unsuccess",
)  # fmt: skip
# `not_ready`, `incomplete`, `unfinished`: an end that is denied.
_NOT = re.compile(r"(^|_)(not|non|no|in|un|almost|partial|partially)_?(?=complet|done|finish|ready|succe|avail|ok)")


# A server may send megabytes, and the words are the keys of a cache.
LONGEST_STATE = 200
"""Characters of a word that are read for its meaning."""


def state_of(word: str) -> State:
    """Return the state that a word means. An unknown one means work in progress.

    >>> [state_of(word) for word in ("FAIL", "timed_out", "moderation_failed", "InProgress", "Succeeded")]
    ['failed', 'failed', 'failed', 'running', 'completed']
    """
    # `running` for what is unknown: calling it an end would give up a paid video.
    return _sense_of(word[:LONGEST_STATE])


@lru_cache(maxsize=256)
def _sense_of(word: str) -> State:
    sense = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).lower()).strip("_")
    parts = sense.split("_")
    # A word in progress is no end, whatever it is about: `retrying`, `cancelling`, `error_retry`.
    ended = [part for part in parts if not part.endswith("ing")]
    if not any(part.startswith("retry") for part in parts) and _means(ended, sense, _FAILED):
        return "failed"
    if (_means(parts, sense, _QUEUED) and len(ended) == len(parts)) or parts[0] in _WAITING:
        return "queued"
    if _NOT.search(sense) or not _means(parts, sense, _DONE):
        return "running"
    under_way = len(ended) < len(parts) or _means(parts, sense, _RUNNING)
    return "running" if under_way and parts[-1] not in _LAST else "completed"


def _means(parts: list[str], sense: str, stems: tuple[str, ...]) -> bool:
    return any(stem in sense if "_" in stem else part.startswith(stem) for stem in stems for part in parts)


_STATUS_KEYS = ("status", "state", "task_status")
_REASON_KEYS = (
    "failure_reason", "fail_reason", "failed_reason", "failure", "reason", "error_message", "error_msg",
    "status_reason", "status_message", "status_detail", "status_details", "task_status_msg",
)  # fmt: skip
_LOOSE_KEYS = ("message", "msg", "detail")
"""Keys that may also hold a greeting: they are read only for a video that failed."""


def status_word(data: Mapping[str, Any]) -> str:
    """Return the server's own word for a video's status; empty when it gives none."""
    words = (data.get(key) for key in _STATUS_KEYS)
    return next((word for word in words if isinstance(word, str) and word), "")


def reason_in(data: Mapping[str, Any], state: State) -> Any:
    """Return the reason that a server gives beside `error`: text or an object; None when it gives none."""
    keys = (*_REASON_KEYS, *_LOOSE_KEYS) if state == "failed" else _REASON_KEYS
    return next((data[key] for key in keys if isinstance(data.get(key), str | dict) and data[key]), None)
