"""The videos of everybody's pages: uploads that nobody sees, and what they were published as.

https://developers.facebook.com/docs/video-api/guides/reels-publishing
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reelwork_plugins.simulator.networks.films import Film
from reelwork_plugins.simulator.networks.meta.store import DAY, account_id, missing
from reelwork_plugins.simulator.refusals import Refused

REELS_A_DAY = 30
"""Reels of one page that are published in a day."""
SECOND_PAGE = "two"
"""The ending of the name of the second page that somebody may have."""


@dataclass(frozen=True, slots=True)
class Video:
    """A video of a page, from its first byte on."""

    id: str
    page: str
    kind: str
    at: float
    path: Path
    session: str = ""
    size: int | None = None
    """The bytes that it will have, as soon as that was said."""
    film: Film | None = None
    unreadable: bool = False
    failure: str = ""
    """The words with which it fails once it is published."""
    form: Mapping[str, Any] = field(default_factory=dict)
    finished_at: float | None = None
    """The time at which it was published, or put on the schedule; None: it was not."""
    seconds: float = 0.0
    """The time for which it is worked on then."""
    due: float | None = None
    """The time at which a scheduled one is shown."""
    thumbnail: bytes = b""
    captions: Mapping[str, bytes] = field(default_factory=dict)
    """Files of captions, by their locales."""

    @property
    def received(self) -> int:
        """The bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def is_whole(self) -> bool:
        """True if every byte is there."""
        return self.size is not None and self.received == self.size

    def is_public(self, now: float) -> bool:
        """Return whether everybody sees it."""
        if self.finished_at is None or self.failure or now < self.finished_at + self.seconds:
            return False
        return self.due is None or now >= self.due


@dataclass
class Pages:
    """Everybody's pages. May be used from several threads."""

    videos: dict[str, Video] = field(default_factory=dict)
    published: dict[str, Video] = field(default_factory=dict)
    """Each time that something was published, by the id under which people find it."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def begin(self, page: str, kind: str, folder: Path, size: int | None) -> Video:
        """Begin an upload."""
        with self.lock:
            id_ = self._new_id()
            session = self._new_id() if kind == "video" else ""
            made = Video(id_, page, kind, time.time(), folder / f"{id_}.upload", session, size)
            made.path.write_bytes(b"")
            self.videos[id_] = made
            return made

    def _new_id(self) -> str:
        return f"{int(time.time() * 1000)}{next(self._numbers):04d}"

    def change(self, id_: str, **changes: Any) -> Video:
        """Change a video, wherever it is shown."""
        with self.lock:
            made = self.videos[id_] = replace(self.videos[id_], **changes)
            self.published = {key: made if one.id == id_ else one for key, one in self.published.items()}
            return made

    def owned(self, id_: str, page: str) -> Video:
        """Return a video of this page. Raises `Refused`."""
        # One of another page is answered as one that is not there.
        found = self.videos.get(id_)
        if found is None or found.page != page:
            raise missing(id_)
        return found

    def of_session(self, session: str, page: str) -> Video:
        """Return the plain video of a session. Raises `Refused`."""
        for one in self.videos.values():
            if session and one.session == session and one.page == page:
                return one
        raise Refused(400, "Invalid upload session.", code="100.1363030")

    def finish(
        self, video: Video, form: Mapping[str, Any], *, due: float | None, fate: tuple[float, str], limited: bool
    ) -> None:
        """Publish a video. Raises `Refused` where the day's reels are used up."""
        # Under the lock: two requests at once must count as two against the limit.
        with self.lock:
            now, (seconds, failure) = time.time(), fate
            if limited and video.kind == "reel" and self.used(video.page) >= REELS_A_DAY:
                raise Refused(400, "(#613) Calls to this api have exceeded the rate limit.", code="613")
            changes = {"form": form, "finished_at": now, "due": due, "seconds": seconds, "failure": failure}
            # It is nowhere said what a second time does: here it posts once more, which nobody wants.
            key = video.id if video.id not in self.published else self._new_id()
            self.published[key] = self.change(video.id, **changes)

    def used(self, page: str) -> int:
        """Return the number of reels that a page has published in the last day."""
        since = time.time() - DAY
        return sum(
            one.page == page and one.kind == "reel" and (one.finished_at or 0) > since
            for one in self.published.values()
        )

    def listed(self, page: str, kind: str) -> list[tuple[str, Video]]:
        """Return the videos of a page that everybody sees, newest first."""
        now = time.time()
        with self.lock:
            return [
                (id_, one)
                for id_, one in reversed(self.published.items())
                if one.page == page and one.kind == kind and one.is_public(now)
            ]

    def delete(self, id_: str, page: str) -> None:
        """Remove a video. Raises `Refused`."""
        with self.lock:
            self.owned(id_, page)
            del self.videos[id_]
            self.published = {key: one for key, one in self.published.items() if one.id != id_}


def page_id(name: str) -> str:
    """Return the id of a page: the same in every run."""
    return f"1{account_id(name)[4:]}"
