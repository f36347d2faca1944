"""What TikTok says of a post: how far its upload is, and what became of it.

https://developers.tiktok.com/doc/content-posting-api-reference-get-video-status
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from reelwork_hooks import number_of, text_at, value_at

Word = Literal["missing", "uploading", "broken", "unclear", "taken", "draft", "live", "failed"]
"""`uploading`: bytes are missing, so nothing is posted yet. `broken`: nor ever will be. `unclear`: nothing says.
`taken`: all bytes are there, and it is worked on. `failed`: it was taken, and could not be posted."""
POSTED = ("taken", "draft", "live", "failed")
"""The words that say that the whole video was accepted."""
REASONS: Mapping[str, str] = {
    "file_format_check_failed": "the file's format is not one that TikTok takes",
    "duration_check_failed": "the video is too short or too long for this account",
    "frame_rate_check_failed": "the frame rate is not from 23 to 60",
    "picture_size_check_failed": "a side is not from 360 to 4096 pixels",
    "internal": "TikTok had trouble of its own",
    "publish_cancelled": "the post was cancelled",
    "auth_removed": "the account took its permission back",
    "spam_risk_too_many_posts": "today's posts of the account are used up",
    "spam_risk_user_banned_from_posting": "TikTok has stopped the account from posting",
    "spam_risk_text": "TikTok takes the text for spam",
    "spam_risk": "TikTok takes the post for spam",
}
# As TikTok's page spells it, and as a later one may.
_POST_IDS = ("publicaly_available_post_id", "publicly_available_post_id")


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a post."""

    word: Word
    why: str = ""
    """Why it failed."""
    received: int | None = None
    """The bytes that have arrived; None where that is not said."""
    post: str = ""
    """The id of a post that everybody sees, once TikTok has looked at it."""
    said: str = ""
    """The status in TikTok's word."""

    @property
    def is_posted(self) -> bool:
        """True if the whole video was accepted, whatever became of it since."""
        return self.word in POSTED

    @property
    def told(self) -> str:
        """The status as it is told to a person."""
        return f"the post is {self.said or self.word}"


def standing_of(data: Any, size: int) -> Standing:
    """Return what an answer says of a post whose video has `size` bytes."""
    said, counted = text_at(data, "status"), number_of(value_at(data, "uploaded_bytes"))
    received = None if counted is None else int(counted)
    reason = text_at(data, "fail_reason")
    return Standing(
        _word(said, received, size),
        why=f"{REASONS[reason]} ({reason})" if reason in REASONS else reason,
        received=received,
        post=_post_in(data),
        said=said,
    )


def _word(said: str, received: int | None, size: int) -> Word:
    is_short = received is not None and received < size
    match said:
        case "PROCESSING_UPLOAD" if is_short:
            return "uploading"
        case "PROCESSING_UPLOAD" if received is None:
            return "unclear"
        case "PROCESSING_UPLOAD" | "PROCESSING_DOWNLOAD":
            return "taken"
        case "SEND_TO_USER_INBOX":
            return "draft"
        case "PUBLISH_COMPLETE":
            return "live"
        case "FAILED":
            return "broken" if is_short else "failed"
    return "unclear"


def _post_in(data: Any) -> str:
    for name in _POST_IDS:
        first = value_at(data, name, 0)
        if isinstance(first, str | int) and not isinstance(first, bool):
            return str(first)
    return ""
