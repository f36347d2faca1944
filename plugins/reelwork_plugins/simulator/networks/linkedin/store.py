"""The uploads and posts of everybody at the simulated LinkedIn."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reelwork_plugins.simulator.networks.films import Film
from reelwork_plugins.simulator.networks.linkedin.rules import PART, invalid
from reelwork_plugins.simulator.refusals import Refused

UPLOAD_SECONDS = 86_400.0
"""Seconds for which the addresses of an upload are good."""
SAME_TEXT_SECONDS = 86_400.0
"""Seconds for which the same text is not taken again."""
VIDEO = "urn:li:video:"


@dataclass(frozen=True, slots=True)
class Upload:
    """A video on its way, or whole."""

    id: str
    owner: str
    size: int
    part: int
    """Bytes of a part; the last one has what is left."""
    folder: Path
    at: float
    etags: Mapping[int, str] = field(default_factory=dict)
    """The parts that are there."""
    path: Path | None = None
    """The whole file; None before its end was said."""
    ready_at: float = 0.0
    film: Film | None = None
    failure: str = ""

    @property
    def urn(self) -> str:
        """Return its URN."""
        return f"{VIDEO}{self.id}"

    @property
    def count(self) -> int:
        """Return the number of its parts."""
        return -(-self.size // self.part)

    def span(self, number: int) -> tuple[int, int]:
        """Return the first and the last byte of a part."""
        return number * self.part, min((number + 1) * self.part, self.size) - 1

    def state(self, now: float) -> str:
        """Return how far LinkedIn is with it."""
        if self.path is None:
            return "WAITING_UPLOAD"
        return "PROCESSING" if now < self.ready_at else "PROCESSING_FAILED" if self.failure else "AVAILABLE"


@dataclass(frozen=True, slots=True)
class Share:
    """A post."""

    urn: str
    author: str
    at: float
    text: str
    """As it was sent, in the `little` format."""
    video: str
    asked: Mapping[str, Any]


@dataclass
class Feed:
    """Everything at LinkedIn. May be used from several threads."""

    uploads: dict[str, Upload] = field(default_factory=dict)
    shares: dict[str, Share] = field(default_factory=dict)
    part: int = PART
    any_video: bool = False
    """Takes videos that are smaller or shorter than LinkedIn's."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _last: int = 7_300_000_000_000_000_000

    def _new_number(self) -> int:
        with self.lock:
            self._last += 1
            return self._last

    def begin(self, owner: str, size: int, folder: Path) -> Upload:
        """Begin an upload."""
        # As long as LinkedIn's, and nobody guesses another one's addresses.
        id_ = f"D5605AQ{hashlib.sha256(f'{time.time_ns()} {self._new_number()}'.encode()).hexdigest()[:16]}"
        place = folder / id_
        place.mkdir()
        made = Upload(id_, owner, size, self.part, place, time.time())
        with self.lock:
            self.uploads[id_] = made
        return made

    def upload_of(self, urn: str) -> Upload:
        """Return an upload. Raises `Refused`."""
        with self.lock:
            found = self.uploads.get(urn.removeprefix(VIDEO))
        if found is None or not urn.startswith(VIDEO):
            raise Refused(404, f"Could not find entity {urn[:60]}", code="NOT_FOUND")
        return found

    def change(self, id_: str, **changes: Any) -> Upload:
        """Change an upload."""
        with self.lock:
            self.uploads[id_] = replace(self.uploads[id_], **changes)
            return self.uploads[id_]

    def receive(self, upload: Upload, number: int, content: bytes, *, cut: bool) -> str:
        """Take a part; one that comes again takes the place of the first. Raises `Refused`."""
        if time.time() > upload.at + UPLOAD_SECONDS:
            raise Refused(403, "The upload URL has expired", code="EXPIRED")
        if upload.path is not None or not 0 <= number < upload.count:
            raise invalid("The upload is finished, or has no such part")
        first, last = upload.span(number)
        if cut or len(content) != last - first + 1:
            raise invalid(f"The part has {len(content)} bytes in place of {last - first + 1}")
        (upload.folder / str(number)).write_bytes(content)
        etag = f'"/ambry-video/signedId/{hashlib.sha256(content).hexdigest()[:24]}.{number}"'
        with self.lock:
            now = self.uploads[upload.id]
            self.uploads[upload.id] = replace(now, etags={**now.etags, number: etag})
        return etag

    def joined(self, upload: Upload, given: Sequence[Any]) -> Path:
        """Return the whole file. Raises `Refused` where these are not all of its parts, in their order."""
        if upload.path is not None:
            raise invalid("The upload is finished")
        if list(given) != [upload.etags.get(number) for number in range(upload.count)]:
            raise invalid("/finalizeUploadRequest/uploadedPartIds: they are not the parts of the video in order")
        path = upload.folder / "whole"
        with path.open("wb") as file:
            for number in range(upload.count):
                file.write((upload.folder / str(number)).read_bytes())
        return path

    def post(self, author: str, text: str, video: str, asked: Mapping[str, Any], *, once: bool) -> Share:
        """Make a post. `once`: the same text is not taken again. Raises `Refused`."""
        with self.lock:
            upload = self.upload_of(video)
            if upload.owner != author:
                raise invalid("/content/media/id: the video is another one's", "MEDIA_ASSET_OWNER_MISMATCH")
            if upload.state(time.time()) != "AVAILABLE":
                state = upload.state(time.time())
                raise invalid(f"/content/media/id: the video is {state}", f"MEDIA_ASSET_{state}")
            now = time.time()
            recent = (one for one in self.shares.values() if one.at > now - SAME_TEXT_SECONDS)
            same = next((one for one in recent if (one.author, one.text) == (author, text)), None)
            if once and same is not None:
                raise duplicate_of(same.urn)
            made = Share(f"urn:li:ugcPost:{self._new_number()}", author, now, text, video, dict(asked))
            self.shares[made.urn] = made
            return made

    def of(self, author: str) -> list[Share]:
        """Return the posts of an author, newest first."""
        with self.lock:
            found = [one for one in self.shares.values() if one.author == author]
        return sorted(found, key=lambda one: one.urn, reverse=True)


def duplicate_of(urn: str) -> Refused:
    """Return the refusal of a post whose text was just posted."""
    words = "com.linkedin.content.common.exception.BadRequestResponseException: Content is a duplicate of"
    described = {"description": "Duplicate post is detected"}
    return Refused(422, f"{words} {urn}", code="DUPLICATE_POST", data=described)
