"""Calls for the videos of one page: begun, filled, published once, and asked what became of them.

https://developers.facebook.com/docs/video-api/guides/reels-publishing
https://developers.facebook.com/docs/video-api/guides/publishing
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reelwork_hooks import (
    Answer,
    Asset,
    FileSlice,
    HttpProgress,
    InvalidInput,
    Meaning,
    OutcomeUnknown,
    OutOfFunds,
    Rejected,
    Unavailable,
    errors_as,
    text_at,
)
from reelwork_plugins.publishers.facebook.standing import Standing, standing_of
from reelwork_plugins.publishers.meta.graph import Graph, is_missing
from reelwork_plugins.publishers.meta.upload import UPLOAD_SECONDS

EDGES = {"reel": "video_reels", "video": "videos"}
FIELDS = "id,status,published,permalink_url"
NEWEST = 50
"""Videos of the page that are looked through for ours."""
_PERSON = "Open Facebook as an admin of the page, do what it asks for, then: reelwork jobs retry"
CODES: Mapping[str, Meaning] = {
    "1390008": Meaning("wait", "the page posts too fast", seconds=900.0),
    **dict.fromkeys(("368", "1404006", "1404112"), Meaning("lasting", "the page is limited", _PERSON)),
    "1404078": Meaning("lasting", "the page must be authorised", _PERSON),
    **dict.fromkeys(("1404102", "1346003"), Meaning("rejected", "Facebook takes it to break its rules")),
    "210": Meaning(
        "lasting", "the token is not one of a page", "Sign in again: reelwork accounts add facebook --replace"
    ),
    # Said to be passing. Nobody says whether the post is made.
    **dict.fromkeys(("1363047", "1609010"), Meaning("unknown")),
}
"""The codes that are Facebook's own, beside those of all of Meta's networks."""
WRONG_OFFSET = 1363037
"""The subcode with which Facebook tells at which byte it goes on."""


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes that Facebook asks for next; none where both are the same."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Videos:
    """The videos of one page."""

    graph: Graph
    page: str
    uploads: str
    """The address of the API for the bytes of plain videos."""

    async def begin(self, kind: str, size: int) -> dict[str, str]:
        """Begin an upload, which nobody sees; return its handles as text. Raises as `Graph.refusal` says."""
        sized = {"file_size": str(size)} if kind == "video" else {}
        answer = await self._step(kind, {"upload_phase": "start", **sized}, repeatable=True)
        names = {"video": "video_id", "place": "upload_url"}
        if kind == "video":
            names = {
                "video": "video_id", "session": "upload_session_id", "start": "start_offset", "end": "end_offset",
            }  # fmt: skip
        made = {name: _text(answer.at(field)) for name, field in names.items()}
        if not answer.ok or not all(made.values()):
            raise self.graph.refusal(answer, "beginning the upload")
        return made

    async def transfer(self, session: str, span: Span, video: Asset, progress: HttpProgress) -> Span:
        """Send a piece of a plain video; return what is asked for next. Raises as `Graph.refusal` says."""
        piece = FileSlice(video.path, span.start, span.end - span.start)
        answer = await self.graph.request(
            "POST",
            f"{self.uploads}/{self.page}/{EDGES['video']}",
            data={"upload_phase": "transfer", "upload_session_id": session, "start_offset": str(span.start)},
            files={"video_file_chunk": ("video.mp4", piece, "application/octet-stream")},
            timeout=UPLOAD_SECONDS,
            progress=progress,
            repeatable=True,
        )
        # A piece that came twice: the answer to its first time was lost.
        told = answer.at("error", "error_data") if answer.at("error", "error_subcode") == WRONG_OFFSET else None
        following = _span(answer.object if answer.ok else told)
        if following is None or following.end > video.bytes:
            raise self.graph.refusal(answer, "the upload")
        return following

    async def finish(self, kind: str, upload: Mapping[str, Any], form: Mapping[str, str]) -> None:
        """Publish a video, once. Raises `NotSent`, `Rejected` or `OutcomeUnknown`."""
        handle = (
            {"upload_session_id": str(upload["session"])} if kind == "video" else {"video_id": str(upload["video"])}
        )
        answer = await self._step(kind, {"upload_phase": "finish", **handle, **form})
        if not answer.ok:
            raise self.graph.unposted(answer, "publishing")
        if answer.at("success") is not True:
            raise OutcomeUnknown("facebook: publishing was answered with something else than a success")

    async def standing(self, video: str) -> Standing:
        """Return what Facebook says of a video. Raises `Unavailable`."""
        answer = await self.graph.get(f"{self.graph.base_url}/{video}", {"fields": FIELDS})
        if is_missing(answer):
            return Standing("missing", "Facebook does not know the video")
        if not answer.ok or _text(answer.at("id")) != video:
            with errors_as(Unavailable, (Rejected, OutOfFunds, InvalidInput)):
                raise self.graph.refusal(answer, "the status of the video")
        return standing_of(answer.object)

    async def is_listed(self, kind: str, video: str) -> bool:
        """Return whether a video is among the newest that the page has published. Raises `Unavailable`."""
        # Facebook shows plain videos as reels, too: what is missing in one list may be in the other.
        other = "video" if kind == "reel" else "reel"
        return await self._lists(kind, video) or await self._lists(other, video)

    async def _lists(self, kind: str, video: str) -> bool:
        path, more = f"{self.page}/{EDGES[kind]}", {"type": "uploaded"} if kind == "video" else {}
        with errors_as(Unavailable, (Rejected, OutOfFunds, InvalidInput)):
            read = await self.graph.read(path, "the list of videos", fields="id", limit=NEWEST, **more)
        if not isinstance(read.at("data"), list):
            raise Unavailable("facebook: the list of videos was answered with something else")
        return any(text_at(one, "id") == video for one in read.at("data"))

    async def label(self, video: str) -> bool | None:
        """Return the label for AI as it is read back; None where it is not shown. Raises `Unavailable`."""
        # Asked for alone: a field that is not shown would take the others with it.
        answer = await self.graph.get(f"{self.graph.base_url}/{video}", {"fields": "is_ai_generated"})
        said = answer.at("is_ai_generated")
        return said if answer.ok and isinstance(said, bool) else None

    async def set_thumbnail(self, video: str, picture: Asset) -> None:
        """Give a video its still picture. May be repeated. Raises as `Graph.refusal` says."""
        answer = await self.graph.request(
            "POST",
            f"{self.graph.base_url}/{video}/thumbnails",
            data={"is_preferred": "true"},
            files={"source": (picture.path.name, picture.path, picture.media_type)},
            repeatable=True,
        )
        if not answer.ok or answer.at("success") is not True:
            raise self.graph.refusal(answer, "setting the thumbnail")

    async def add_captions(self, video: str, file: Asset, locale: str) -> None:
        """Give a video captions in the place of those it has for a locale. Raises as `Graph.refusal` says."""
        answer = await self.graph.request(
            "POST",
            f"{self.graph.base_url}/{video}/captions",
            # Facebook reads the locale from the file's name.
            files={"captions_file": (f"captions.{locale}.srt", file.path, file.media_type)},
            repeatable=True,
        )
        if not answer.ok or answer.at("success") is not True:
            raise self.graph.refusal(answer, f"adding the captions in {locale}")

    async def _step(self, kind: str, form: Mapping[str, str], *, repeatable: bool = False) -> Answer:
        return await self.graph.write(f"{self.page}/{EDGES[kind]}", form, repeatable=repeatable)


def _text(value: Any) -> str:
    """Return an id or offset as text: some answers give numbers."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _span(told: Any) -> Span | None:
    named = told if isinstance(told, Mapping) else {}
    start, end = _text(named.get("start_offset")), _text(named.get("end_offset"))
    if not (start.isdecimal() and end.isdecimal()) or int(end) < int(start):
        return None
    return Span(int(start), int(end))
