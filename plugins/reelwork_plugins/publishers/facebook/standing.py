"""What Facebook says of a video: how far its upload is, and what became of publishing it.

https://developers.facebook.com/docs/video-api/guides/reels-publishing
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from reelwork_hooks import number_of, text_at, value_at

Word = Literal["missing", "uploading", "uploaded", "broken", "unclear", "taken", "scheduled", "live", "failed"]
"""`uploaded`: all bytes are there, and it was not published. `broken`: nor ever will be. `unclear`: nothing says.
`taken`: it is to be published, and is worked on. `failed`: it was to be, and that failed."""
POSTED = ("taken", "scheduled", "live", "failed")
"""The words that say that publishing was accepted."""
# The pages of Meta spell the same word in two ways.
_DONE = ("complete", "completed")
_DEAD = ("error", "expired", "upload_failed")


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a video."""

    word: Word
    why: str = ""
    """The network's own words where it failed."""
    received: int = 0
    """The bytes that have arrived."""
    url: str = ""
    """Its address, as it was read: often without a host."""
    said: str = ""
    """The status in the network's word."""

    @property
    def is_posted(self) -> bool:
        """True if publishing was accepted, whatever became of it since."""
        return self.word in POSTED


def standing_of(read: Any) -> Standing:
    """Return what an object of a video says."""
    status = value_at(read, "status")
    received = number_of(value_at(status, "uploading_phase", "bytes_transfered"))
    if received is None:
        received = number_of(value_at(status, "uploading_phase", "bytes_transferred"))
    word = _word(status, is_public=value_at(read, "published") is True)
    return Standing(
        word,
        _reason(status),
        received=int(received or 0),
        url=text_at(read, "permalink_url"),
        said=text_at(status, "video_status").lower(),
    )


def _word(status: Any, *, is_public: bool) -> Word:
    video, up, work, out, told = (
        text_at(status, *place).lower()
        for place in (
            ("video_status",),
            ("uploading_phase", "status"),
            ("processing_phase", "status"),
            ("publishing_phase", "status"),
            ("publishing_phase", "publish_status"),
        )
    )
    # First what says that it is out or will be: nothing else may hide that.
    if "error" in (out, told):
        return "failed"
    if told in ("published", "scheduled") or out in ("in_progress", *_DONE):
        if video in _DEAD or work == "error":
            return "failed"
        if told == "scheduled":
            return "scheduled"
        return "live" if out in _DONE else "taken"
    if video == "ready" and not out and is_public:
        return "live"
    if video in _DEAD or "error" in (up, work):
        return "broken"
    if video == "uploading" or up in ("not_started", "in_progress"):
        return "uploading"
    # A video that is worked on may be so because it was published: only the draft says that it was not.
    return "uploaded" if video == "upload_complete" or told == "draft" else "unclear"


def _reason(status: Any) -> str:
    for phase in ("publishing_phase", "processing_phase", "uploading_phase"):
        for place in (("error", "message"), ("errors", 0, "message")):
            if words := text_at(status, phase, *place):
                return " ".join(words.split())
    return ""
