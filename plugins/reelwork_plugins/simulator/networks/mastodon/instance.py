"""The posts of the simulated Mastodon, and the rules by which Mastodon 4.4 takes them.

https://docs.joinmastodon.org/methods/statuses/ and /methods/media/; the words of its refusals are Mastodon's own.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reelwork_plugins.simulator.networks.films import Film
from reelwork_plugins.simulator.refusals import Refused

LONGEST_TEXT, PER_URL, LONGEST_ALT, MOST_MEDIA = 500, 23, 1500, 4
LARGEST_VIDEO, MOST_PIXELS, FASTEST = 103_809_024, 8_294_400, 120
VIDEOS = ("video/webm", "video/mp4", "video/quicktime", "video/ogg")
KEY_SECONDS = 3600.0
SOONEST = 300.0
"""Seconds from now before which nothing can be scheduled."""
VISIBILITIES = ("public", "unlisted", "private", "direct")
_URL = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)'\]]")
_MENTION = re.compile(r"(?<![\w/])@(\w+)@[\w.-]+\w")


@dataclass(frozen=True, slots=True)
class Media:
    """An upload. It belongs to one post at most."""

    id: str
    account: str
    media_type: str
    name: str
    description: str
    path: Path
    bytes: int
    ready_at: float
    film: Film | None = None
    failure: str = ""
    status: str | None = None
    """The post it is in."""


@dataclass(frozen=True, slots=True)
class Status:
    """A post, or one that is scheduled."""

    id: str
    account: str
    at: float
    """When it was made, or is to be."""
    text: str
    visibility: str
    sensitive: bool
    spoiler: str
    language: str | None
    media: tuple[str, ...]
    key: str | None
    scheduled: bool = False


@dataclass
class Instance:
    """Its uploads and posts. May be used from several threads."""

    media: dict[str, Media] = field(default_factory=dict)
    statuses: dict[str, Status] = field(default_factory=dict)
    scheduled: dict[str, Status] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _last: int = 0

    def new_id(self, at: float) -> str:
        """Return an id that is larger than all before it, as Mastodon's are: made of the time."""
        self._last = max(self._last + 1, int(at * 1000) << 16)
        return str(self._last)

    def add_media(self, media: Media) -> None:
        """Take an upload."""
        with self.lock:
            self.media[media.id] = media

    def upload_of(self, account: str, id_: str) -> Media:
        """Return an upload that is in no post. Raises `Refused` with 404."""
        with self.lock:
            media = self.media.get(id_)
        if media is None or media.account != account or media.status is not None:
            raise Refused(404, "Record not found")
        return media

    def post(self, asked: Status, *, keeps_keys: bool, shares_uploads: bool) -> Status:
        """Make a post, once for a key. Raises `Refused`.

        `shares_uploads`: as before Mastodon 4.3, an upload that is in another post is left out, not refused.
        """
        with self.lock:
            self._post_due()
            key = (asked.account, asked.key or "")
            # A key counts for what is posted now; what is scheduled is scheduled again.
            keyed = keeps_keys and asked.key is not None and not asked.scheduled
            at, known = self.keys.get(key, (0.0, ""))
            if keyed and known in self.statuses and time.time() - at < KEY_SECONDS:
                return self.statuses[known]
            made = self._checked(asked, shares_uploads)
            (self.scheduled if made.scheduled else self.statuses)[made.id] = made
            for id_ in made.media:
                self.media[id_] = replace(self.media[id_], status=made.id)
            if keyed:
                self.keys[key] = (time.time(), made.id)
            return made

    def _checked(self, asked: Status, shares_uploads: bool) -> Status:
        if len(asked.media) > MOST_MEDIA:
            raise Refused(422, f"Cannot attach more than {MOST_MEDIA} files")
        free = [id_ for id_ in asked.media if self._is_free(id_, asked.account)]
        if (gone := [id_ for id_ in asked.media if id_ not in free]) and not shares_uploads:
            raise Refused(422, f"Media {', '.join(gone)} not found or already attached to another post")
        uploads = [self.media[id_] for id_ in free]
        if len(uploads) > 1 and any(one.media_type in VIDEOS for one in uploads):
            raise Refused(422, "Cannot attach a video to a post that already contains images")
        if any(one.ready_at > time.time() or one.failure for one in uploads):
            raise Refused(422, "Cannot attach files that have not finished processing. Try again in a moment!")
        if not asked.text.strip() and not free:
            raise Refused(422, "Validation failed: Text can't be blank")
        if counted(asked.spoiler, asked.text) > LONGEST_TEXT:
            raise Refused(422, f"Validation failed: Text character limit of {LONGEST_TEXT} exceeded")
        if asked.scheduled and asked.at < time.time() + SOONEST:
            raise Refused(422, "Validation failed: Scheduled at must be at least 5 minutes in the future")
        return replace(asked, id=self.new_id(time.time()), media=tuple(free))

    def _is_free(self, id_: str, account: str) -> bool:
        media = self.media.get(id_)
        return media is not None and media.account == account and media.status is None

    def _post_due(self) -> None:
        for one in [one for one in self.scheduled.values() if one.at <= time.time()]:
            del self.scheduled[one.id]
            made = replace(one, id=self.new_id(one.at), scheduled=False)
            self.statuses[made.id] = made
            for id_ in made.media:
                self.media[id_] = replace(self.media[id_], status=made.id)

    def posted(self, account: str | None = None) -> list[Status]:
        """Return the posts of an account, or of all, newest first."""
        with self.lock:
            self._post_due()
            found = [one for one in self.statuses.values() if account in (None, one.account)]
        return sorted(found, key=lambda one: int(one.id), reverse=True)

    def get(self, id_: str) -> Status:
        """Return a post. Raises `Refused` with 404."""
        with self.lock:
            self._post_due()
            found = self.statuses.get(id_)
        if found is None:
            raise Refused(404, "Record not found")
        return found

    def delete(self, id_: str, account: str) -> Status:
        """Remove a post; its uploads can be posted again. Raises `Refused` with 404."""
        with self.lock:
            found = self.get(id_)
            if found.account != account:
                raise Refused(404, "Record not found")
            del self.statuses[id_]
            for one in found.media:
                self.media[one] = replace(self.media[one], status=None)
            return found

    def media_of(self, status: Status) -> list[Media]:
        """Return the uploads of a post."""
        with self.lock:
            return [self.media[id_] for id_ in status.media]


def counted(spoiler: str, text: str) -> int:
    """Return the characters that count: the warning's too, every address as 23, of a mention only the name."""
    shortened = _MENTION.sub(r"@\1", _URL.sub("x" * PER_URL, text))
    # What a reader sees as one sign counts once.
    return sum(not unicodedata.combining(one) and one not in "\ufe0f\u200d" for one in spoiler + shortened)


def account_id(name: str) -> str:
    """Return the id of an account: the same in every run, so that a sign-in outlives the simulator."""
    return str(int(hashlib.sha256(name.encode()).hexdigest()[:12], 16))


def time_text(at: float) -> str:
    """Return a time as Mastodon writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def account_json(name: str, here: str) -> dict[str, Any]:
    """Return an account."""
    return {
        "id": account_id(name), "username": name, "acct": name, "display_name": name, "bot": False, "locked": False,
        "url": f"{here}/@{name}", "created_at": "2026-01-01T00:00:00.000Z",
    }  # fmt: skip


def media_json(media: Media, here: str, now: float) -> dict[str, Any]:
    """Return an upload. It has no address while it is looked at."""
    kind = media.media_type.partition("/")[0]
    film = media.film
    shape = {} if film is None else {
        "original": {"width": film.width, "height": film.height, "frame_rate": f"{film.frame_rate:g}/1",
                     "duration": film.seconds},
    }  # fmt: skip
    url = f"{here}/media/{media.id}/{media.name}" if now >= media.ready_at and not media.failure else None
    return {
        "id": media.id, "type": kind if kind in ("image", "video") else "unknown", "url": url, "preview_url": url,
        "remote_url": None, "meta": shape, "description": media.description or None, "blurhash": None,
    }  # fmt: skip


def status_json(status: Status, uploads: Sequence[Media], here: str) -> dict[str, Any]:
    """Return a post, or one that is scheduled."""
    attachments = [media_json(one, here, time.time()) for one in uploads]
    if status.scheduled:
        said = {"text": status.text, "media_ids": list(status.media), "visibility": status.visibility}
        shown: Mapping[str, Any] = {**said, "scheduled_at": None, "idempotency": None}
        at = time_text(status.at)
        return {"id": status.id, "scheduled_at": at, "params": shown, "media_attachments": attachments}
    text = status.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    paragraphs = "".join(f"<p>{part}</p>" for part in text.replace("\r", "").split("\n\n"))
    url = f"{here}/@{status.account}/{status.id}"
    return {
        "id": status.id, "created_at": time_text(status.at), "in_reply_to_id": None, "reblog": None,
        "sensitive": status.sensitive, "spoiler_text": status.spoiler, "visibility": status.visibility,
        "language": status.language, "uri": f"{here}/users/{status.account}/statuses/{status.id}", "url": url,
        "replies_count": 0, "reblogs_count": 0, "favourites_count": 0, "edited_at": None,
        "content": paragraphs.replace("\n", "<br />"), "account": account_json(status.account, here),
        "media_attachments": attachments, "mentions": [], "tags": [], "emojis": [], "card": None, "poll": None,
    }  # fmt: skip
