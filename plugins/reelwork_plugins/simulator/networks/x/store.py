"""The uploads and posts of everybody at the simulated X."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reelwork_plugins.simulator.networks.films import Film
from reelwork_plugins.simulator.networks.x.rules import LAST_PIECE, forbidden, invalid
from reelwork_plugins.simulator.refusals import Refused

UPLOAD_SECONDS = 86_400.0
"""Seconds for which an upload can be posted."""
SAME_TEXT_SECONDS = 86_400.0
"""Seconds for which the same text is not taken again."""
KIND = "13"
"""The number that stands for a video in a media key."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A video on its way, or whole."""

    id: str
    account: str
    media_type: str
    size: int
    """The bytes that it was said to have."""
    folder: Path
    at: float
    pieces: Mapping[int, int] = field(default_factory=dict)
    """The pieces that are there, with their bytes."""
    path: Path | None = None
    """The whole file; None before its end was said."""
    ready_at: float = 0.0
    film: Film | None = None
    failure: str = ""
    alt_text: str = ""
    tracks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The subtitles of a video, by their language."""

    @property
    def is_video(self) -> bool:
        """True unless it has the subtitles of one."""
        return self.media_type.startswith("video/")

    @property
    def key(self) -> str:
        """Return its media key."""
        return f"{KIND}_{self.id}"

    def state(self, now: float) -> str:
        """Return how far X is with it."""
        if self.path is None:
            return ""
        return "in_progress" if now < self.ready_at else "failed" if self.failure else "succeeded"


@dataclass(frozen=True, slots=True)
class Tweet:
    """A post."""

    id: str
    account: str
    at: float
    text: str
    asked: Mapping[str, Any]
    media: tuple[str, ...]


@dataclass
class Timeline:
    """Everything at X. May be used from several threads."""

    uploads: dict[str, Upload] = field(default_factory=dict)
    tweets: dict[str, Tweet] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _last: int = 0

    def new_id(self) -> str:
        """Return an id that is larger than all before it, as X's are: made of the time."""
        with self.lock:
            self._last = max(self._last + 1, (int(time.time() * 1000) - 1_288_834_974_657) << 22)
            return str(self._last)

    def begin(self, account: str, media_type: str, size: int, folder: Path) -> Upload:
        """Begin an upload."""
        id_ = self.new_id()
        place = folder / id_
        place.mkdir()
        made = Upload(id_, account, media_type, size, place, time.time())
        with self.lock:
            self.uploads[id_] = made
        return made

    def upload_of(self, account: str, id_: str) -> Upload:
        """Return an upload. Raises `Refused`."""
        with self.lock:
            found = self.uploads.get(id_)
        if found is None or found.account != account or time.time() > found.at + UPLOAD_SECONDS:
            raise Refused(404, f"Could not find media with id: [{id_[:40]}].", code="resource-not-found")
        return found

    def change(self, id_: str, **changes: Any) -> Upload:
        """Change an upload."""
        with self.lock:
            self.uploads[id_] = replace(self.uploads[id_], **changes)
            return self.uploads[id_]

    def append(self, upload: Upload, index: int, content: bytes) -> None:
        """Take a piece; one that comes again takes the place of the first. Raises `Refused`."""
        if not 0 <= index <= LAST_PIECE:
            raise invalid(f"segment_index: must be from 0 to {LAST_PIECE}", "segment_index", index)
        if upload.path is not None:
            raise invalid("The upload is finished.", "id", upload.id)
        (upload.folder / str(index)).write_bytes(content)
        with self.lock:
            now = self.uploads[upload.id]
            self.uploads[upload.id] = replace(now, pieces={**now.pieces, index: len(content)})

    def joined(self, upload: Upload) -> Path:
        """Return the whole file. Raises `Refused` where it is not."""
        if upload.path is not None:
            raise invalid("The upload is finished.", "id", upload.id)
        whole, received = sorted(upload.pieces) == [*range(len(upload.pieces))], sum(upload.pieces.values())
        if not whole or received != upload.size:
            raise invalid(f"Segments do not add up to provided total file size: {received}", "id", upload.id)
        path = upload.folder / "whole"
        with path.open("wb") as file:
            for index in sorted(upload.pieces):
                file.write((upload.folder / str(index)).read_bytes())
        return path

    def post(
        self,
        account: str,
        text: str,
        media: tuple[str, ...],
        asked: Mapping[str, Any],
        *,
        longest: float,
        once: bool,
    ) -> Tweet:
        """Make a post. Raises `Refused`.

        `longest` is the length of a video in seconds; `once`: the same text is not taken again.
        """
        with self.lock:
            for id_ in media:
                self._check_media(account, id_, longest)
            now = time.time()
            recent = (one for one in self.tweets.values() if one.at > now - SAME_TEXT_SECONDS)
            if once and any(one.account == account and one.text == text for one in recent):
                raise forbidden("You are not allowed to create a Tweet with duplicate content.")
            made = Tweet(self.new_id(), account, now, text, dict(asked), media)
            self.tweets[made.id] = made
            return made

    def _check_media(self, account: str, id_: str, longest: float) -> None:
        try:
            upload = self.upload_of(account, id_)
        except Refused:
            raise invalid("Your media IDs are invalid.", "media.media_ids", id_) from None
        if not upload.is_video or upload.state(time.time()) != "succeeded":
            raise invalid("Your media IDs are invalid.", "media.media_ids", id_)
        if upload.film is not None and upload.film.seconds > longest + 0.5:
            raise forbidden("Your account is not permitted to post videos of this length.")

    def of(self, account: str) -> list[Tweet]:
        """Return the posts of an account, newest first."""
        with self.lock:
            return sorted((one for one in self.tweets.values() if one.account == account), key=_newest)

    def delete(self, id_: str, account: str) -> bool:
        """Remove a post of the account's own; return whether there was one."""
        with self.lock:
            found = self.tweets.get(id_)
            if found is None or found.account != account:
                return False
            del self.tweets[id_]
            return True


def _newest(tweet: Tweet) -> int:
    return -int(tweet.id)
