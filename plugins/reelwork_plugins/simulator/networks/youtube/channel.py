"""The uploads of the simulated YouTube: sessions, and the one video that each of them makes.

https://developers.google.com/youtube/v3/guides/using_resumable_upload_protocol
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reelwork_plugins.simulator.networks.films import Film
from reelwork_plugins.simulator.refusals import Refused

QUARTER = 256 * 1024
"""All pieces but the last are multiples of it."""
SESSION_SECONDS = 7 * 86_400.0
UPLOADS_A_DAY = 100
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Fate:
    """The fate of a video once it is whole."""

    seconds: float
    """Until it is processed."""
    failure: str = ""
    rejection: str = ""
    locked: bool = False
    """It stays private, as those of projects without an audit."""


@dataclass(frozen=True, slots=True)
class Video:
    """A video, as it was uploaded."""

    id: str
    account: str
    at: float
    snippet: Mapping[str, Any]
    asked: Mapping[str, Any]
    """The status that was asked for."""
    path: Path
    size: int
    fate: Fate
    film: Film | None = None
    thumbnail: tuple[str, bytes] | None = None
    captions: Mapping[str, bytes] = field(default_factory=dict)
    """The files by their language and name."""

    def status(self, now: float) -> dict[str, Any]:
        """Return its status as it is now."""
        for_kids = bool(self.asked.get("selfDeclaredMadeForKids"))
        shown: dict[str, Any] = {"publicStatsViewable": True, "madeForKids": for_kids, **self.asked}
        if self.fate.locked:
            shown["privacyStatus"] = "private"
        elif "publishAt" in shown and datetime.fromisoformat(str(shown["publishAt"])).timestamp() <= now:
            del shown["publishAt"]
            shown["privacyStatus"] = "public"
        shown["uploadStatus"] = "uploaded"
        if now >= self.at + self.fate.seconds:
            shown["uploadStatus"] = "processed"
            if self.fate.failure:
                shown |= {"uploadStatus": "failed", "failureReason": self.fate.failure}
            elif self.fate.rejection:
                shown |= {"uploadStatus": "rejected", "rejectionReason": self.fate.rejection}
        return shown


@dataclass
class Session:
    """A resumable upload. Whoever has its id may go on with it."""

    id: str
    account: str
    resource: Mapping[str, Any]
    parts: tuple[str, ...]
    total: int | None
    path: Path
    begun: float = field(default_factory=time.time)
    received: int = 0
    video: str = ""
    """The video that it made."""


@dataclass
class Channels:
    """The channels of everybody here. May be used from several threads."""

    sessions: dict[str, Session] = field(default_factory=dict)
    videos: dict[str, Video] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def begin(
        self, account: str, resource: Mapping[str, Any], parts: tuple[str, ...], total: int | None, folder: Path,
        *, limited: bool,
    ) -> Session:  # fmt: skip
        """Begin a session. Raises `Refused` when the day's quota is used up."""
        with self.lock:
            today = [one for one in self.sessions.values() if one.begun > time.time() - 86_400]
            if limited and len(today) >= UPLOADS_A_DAY:
                message = "The request cannot be completed because you have exceeded your quota."
                raise Refused(403, message, code="quotaExceeded")
            id_ = secrets.token_urlsafe(24)
            made = Session(id_, account, resource, parts, total, folder / f"{len(self.sessions)}.upload")
            made.path.write_bytes(b"")
            self.sessions[id_] = made
            return made

    def session(self, id_: str) -> Session:
        """Return a session. Raises `Refused` with 404 when there is none any more."""
        found = self.sessions.get(id_)
        if found is None or time.time() > found.begun + SESSION_SECONDS:
            raise Refused(404, "Not Found", code="notFound")
        return found

    def receive(self, session: Session, span: str | None, content: bytes, *, cut: bool) -> bool:
        """Take what came of a piece; return whether the upload is whole now. Raises `Refused`.

        `cut`: the sender went away. What had arrived is kept, as far as it fills quarters of a mebibyte.
        """
        start, end, total = _span(span, len(content), session)
        with self.lock:
            session.total = total if session.total is None else session.total
            if start is None:
                return session.received == session.total
            if not cut and end - start + 1 != len(content):
                raise Refused(400, "The length of the body does not match Content-Range.", code="badRequest")
            if not cut and end + 1 != total and len(content) % QUARTER:
                raise Refused(400, "All pieces but the last must be multiples of 256 KiB.", code="badRequest")
            # Bytes after a gap are of no use, and those that are there already are not taken again.
            if start <= session.received < start + len(content):
                fresh = content[session.received - start :]
                fresh = fresh[: len(fresh) // QUARTER * QUARTER] if cut else fresh
                with session.path.open("r+b") as file:
                    file.seek(session.received)
                    file.write(fresh)
                session.received += len(fresh)
            return session.received == session.total

    def make(self, session: Session, fate: Fate, film: Film | None) -> Video:
        """Return the video of a session that is whole; make it, once."""
        with self.lock:
            if not session.video:
                id_ = secrets.token_urlsafe(8)
                given = session.resource
                self.videos[id_] = Video(
                    id_, session.account, time.time(), dict(given.get("snippet", {})),
                    {**_DEFAULTS, **given.get("status", {})}, session.path, session.received, fate, film,
                )  # fmt: skip
                session.video = id_
            return self.videos[session.video]

    def of(self, account: str) -> list[Video]:
        """Return the videos of an account, newest first."""
        with self.lock:
            return [one for one in reversed(self.videos.values()) if one.account == account]

    def dress(self, id_: str, account: str, picture: tuple[str, bytes]) -> None:
        """Give a video its still picture. Raises `Refused`."""
        with self.lock:
            self.videos[id_] = replace(self.owned(id_, account), thumbnail=picture)

    def caption(self, id_: str, account: str, key: str, content: bytes) -> None:
        """Give a video captions. Raises `Refused`, also when it has some of this language and name."""
        with self.lock:
            video = self.owned(id_, account)
            if key in video.captions:
                message = "The specified video already has a caption track with this language and name."
                raise Refused(409, message, code="captionExists")
            self.videos[id_] = replace(video, captions={**video.captions, key: content})

    def delete(self, id_: str, account: str) -> None:
        """Remove a video. Raises `Refused`."""
        with self.lock:
            del self.videos[self.owned(id_, account).id]

    def owned(self, id_: str, account: str) -> Video:
        """Return a video of this account. Raises `Refused` with 404."""
        found = self.videos.get(id_)
        if found is None or found.account != account:
            raise Refused(404, "The video that you are trying to change cannot be found.", code="videoNotFound")
        return found


_DEFAULTS: Mapping[str, Any] = {"privacyStatus": "public", "license": "youtube", "embeddable": True}


def _span(span: str | None, length: int, session: Session) -> tuple[int | None, int, int | None]:
    """Return first and last byte of a piece, and the whole length; no first byte for a question."""
    if span is None:
        return 0, length - 1, session.total if session.total is not None else length
    match = _RANGE.fullmatch(span.strip())
    if match is None:
        raise Refused(400, "Failed to parse Content-Range header.", code="badRequest")
    total = None if match[3] == "*" else int(match[3][:15])
    if total is not None and session.total is not None and total != session.total:
        raise Refused(400, "The length is not the one that the upload was begun with.", code="badRequest")
    if match[1] is None:
        return None, 0, total
    start, end = int(match[1][:15]), int(match[2][:15])
    if end < start or (total is not None and end >= total):
        raise Refused(400, "Invalid Content-Range.", code="badRequest")
    return start, end, total


def channel_id(account: str) -> str:
    """Return the id of an account's channel: the same in every run."""
    return f"UC{hashlib.sha256(account.encode()).hexdigest()[:22]}"


def uploads_of(account: str) -> str:
    """Return the id of the list of everything that an account uploaded."""
    return f"UU{channel_id(account)[2:]}"


def time_text(at: float) -> str:
    """Return a time as YouTube writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def video_json(video: Video, parts: tuple[str, ...], now: float) -> dict[str, Any]:
    """Return these parts of a video."""
    status = video.status(now)
    seconds = video.film.seconds if video.film else 0.0
    has_captions = str(bool(video.captions)).lower()
    words = {"uploaded": "processing", "processed": "succeeded"}
    snippet = {
        **video.snippet, "publishedAt": time_text(video.at), "channelId": channel_id(video.account),
        "channelTitle": video.account, "liveBroadcastContent": "none",
    }  # fmt: skip
    every: dict[str, Any] = {
        "snippet": snippet,
        "status": status,
        "processingDetails": {"processingStatus": words.get(status["uploadStatus"], "failed")},
        "contentDetails": {
            "duration": f"PT{round(seconds)}S",
            "definition": "hd",
            "caption": has_captions,
        },
        "fileDetails": {"fileSize": str(video.size), "fileType": "video"},
    }
    return {"kind": "youtube#video", "id": video.id, **{name: every[name] for name in parts if name in every}}
