"""The upload of one video, piece by piece, and what X says of it. Nobody sees an upload.

https://docs.x.com/x-api/media/quickstart/media-upload-chunked
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from reelwork_hooks import Answer, Asset, FileSlice, HttpProgress, number_of
from reelwork_plugins.publishers.x.api import Api, refusal

MEBIBYTE = 1 << 20
SMALLEST_PIECE, MOST_PIECES = 4 * MEBIBYTE, 1000
"""X numbers pieces from 0 to 999."""
PIECE_SECONDS = 300.0
TYPES = ("video/mp4", "video/webm", "video/mp2t", "video/quicktime")

Word = Literal["ready", "working", "failed"]
Category = Literal["tweet_video", "subtitles"]
"""X's word for what an upload is for."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that has begun."""

    media: str
    ends_after: float
    """Seconds for which it can be posted."""


@dataclass(frozen=True, slots=True)
class State:
    """What X says of an upload that is whole."""

    word: Word
    size: int | None = None
    """The bytes that X has; None where it does not say."""
    after: float = 1.0
    """Seconds after which to ask again."""
    percent: float | None = None
    why: str = ""


def piece_of(size: int) -> int:
    """Return the bytes of one piece of a video: as many mebibytes as it takes to stay within X's count."""
    least = -(-size // MOST_PIECES)
    return SMALLEST_PIECE if least <= SMALLEST_PIECE else -(-least // MEBIBYTE) * MEBIBYTE


@dataclass(frozen=True, slots=True)
class Media:
    """The uploads of one account. Every call raises as `refusal` says."""

    api: Api

    async def begin(self, file: Asset, category: Category = "tweet_video") -> Upload:
        """Begin an upload."""
        asked = {"media_type": file.media_type, "total_bytes": file.bytes, "media_category": category}
        answer = await self._write("initialize", json=asked)
        media = answer.text_at("data", "id")
        if not answer.ok or not media:
            raise refusal(answer, "beginning the upload")
        # A day is the least that X has named for one.
        return Upload(media, number_of(answer.at("data", "expires_after_secs")) or 86_400.0)

    async def append(self, media: str, index: int, video: Asset, progress: HttpProgress | None = None) -> None:
        """Send one piece, numbered from 0. A piece may come twice."""
        start, piece = index * piece_of(video.bytes), piece_of(video.bytes)
        slice_ = FileSlice(video.path, start, min(piece, video.bytes - start))
        answer = await self._write(
            f"{media}/append",
            data={"segment_index": str(index)},
            files={"media": ("piece", slice_, "application/octet-stream")},
            timeout=PIECE_SECONDS,
            progress=progress,
        )
        # An empty answer is one, too; a web page is not.
        if not answer.ok or answer.is_html:
            raise refusal(answer, "the upload")

    async def finish(self, media: str) -> State:
        """Say that every piece was sent."""
        answer = await self._write(f"{media}/finalize")
        if not answer.ok or answer.text_at("data", "id") != media:
            raise refusal(answer, "the end of the upload")
        return _state(answer)

    async def state(self, media: str) -> State:
        """Ask how far X is with an upload."""
        params: dict[str, str | int] = {"command": "STATUS", "media_id": media}
        answer = await self.api.get(f"{self.api.base_url}/2/media/upload", params)
        if not answer.ok or answer.text_at("data", "id") != media:
            raise refusal(answer, "the state of the upload")
        return _state(answer)

    async def describe(self, media: str, text: str) -> None:
        """Give an upload its alt text. May be repeated."""
        answer = await self.api.request(
            "POST",
            f"{self.api.base_url}/2/media/metadata",
            json={"id": media, "metadata": {"alt_text": {"text": text}}},
            repeatable=True,
        )
        if not answer.ok or answer.is_html:
            raise refusal(answer, "the alt text")

    async def _write(self, path: str, **rest: Any) -> Answer:
        return await self.api.request("POST", f"{self.api.base_url}/2/media/upload/{path}", repeatable=True, **rest)


def _state(answer: Answer) -> State:
    size = number_of(answer.at("data", "size"))
    info = answer.at("data", "processing_info")
    word: Word = "ready" if info is None else "working"
    said = answer.text_at("data", "processing_info", "state").lower()
    if said in ("succeeded", "failed"):
        word = "ready" if said == "succeeded" else "failed"
    why = ": ".join(
        filter(None, (answer.text_at("data", "processing_info", "error", name) for name in ("name", "message")))
    )
    percent = number_of(answer.at("data", "processing_info", "progress_percent"))
    after = number_of(answer.at("data", "processing_info", "check_after_secs"))
    return State(
        word,
        size=None if size is None else int(size),
        after=min(max(after or 1.0, 1.0), 60.0),
        percent=None if percent is None else min(max(percent, 0.0), 100.0),
        why=why,
    )
