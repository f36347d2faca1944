"""The containers and posts of everybody at one of Meta's networks.

https://developers.facebook.com/docs/instagram-platform/content-publishing
"""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reelwork_plugins.simulator.networks.films import Film
from reelwork_plugins.simulator.refusals import Refused

DAY = 86_400.0
"""Seconds after which a container has expired."""
MOST_CONTAINERS = 400
"""Containers of one account in a day."""


@dataclass(frozen=True, slots=True)
class Container:
    """A post that nobody sees yet."""

    id: str
    account: str
    at: float
    fields: Mapping[str, Any]
    path: Path
    ready_at: float | None = None
    """The time at which the network has looked at the video; None: its bytes have not come."""
    film: Film | None = None
    failure: str = ""
    post: str = ""
    """The post that it has become."""

    def status(self, now: float) -> str:
        """Return its status."""
        if self.post:
            return "PUBLISHED"
        if now > self.at + DAY:
            return "EXPIRED"
        if self.failure and self.ready_at is not None and now >= self.ready_at:
            return "ERROR"
        return "FINISHED" if self.ready_at is not None and now >= self.ready_at else "IN_PROGRESS"


@dataclass(frozen=True, slots=True)
class Published:
    """A post, which everybody sees."""

    id: str
    account: str
    at: float
    container: Container


@dataclass
class Accounts:
    """Everybody's containers and posts. May be used from several threads."""

    containers: dict[str, Container] = field(default_factory=dict)
    posts: dict[str, Published] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def create(self, account: str, fields: Mapping[str, Any], folder: Path, *, limited: bool) -> Container:
        """Make a container. Raises `Refused` when the day's are used up."""
        with self.lock:
            since = time.time() - DAY
            # A rolling day, as Meta counts it, not one of the calendar.
            recent = [one for one in self.containers.values() if one.account == account and one.at > since]
            if limited and len(recent) >= MOST_CONTAINERS:
                raise Refused(400, "Application request limit reached", code="4")
            id_ = self.new_id("178")
            made = Container(id_, account, time.time(), fields, folder / f"{id_}.container")
            self.containers[id_] = made
            return made

    def new_id(self, lead: str) -> str:
        """Return an id as Meta writes them."""
        return f"{lead}{int(time.time() * 1000)}{next(self._numbers):04d}"

    def change(self, id_: str, **changes: Any) -> Container:
        """Change a container."""
        with self.lock:
            self.containers[id_] = replace(self.containers[id_], **changes)
            return self.containers[id_]

    def owned(self, id_: str, account: str) -> Container:
        """Return a container of this account. Raises `Refused`."""
        # One of somebody else is answered as one that is not there.
        found = self.containers.get(id_)
        if found is None or found.account != account:
            raise missing(id_)
        return found

    def publish(self, id_: str, account: str, *, most: int | None) -> Published:
        """Publish a container. Raises `Refused` where it cannot be, or the day's posts are used up."""
        # Under the lock: two requests at once must count as two against the limit.
        with self.lock:
            container, now = self.owned(id_, account), time.time()
            status = container.status(now)
            if most is not None and self.used(account) >= most:
                words = (
                    "You reached maximum number of posts that is allowed to be published by Content Publishing API."
                )
                raise Refused(400, words, code="9.2207042")
            if status == "IN_PROGRESS":
                words = "The media is not ready for publishing, please wait for a moment"
                raise Refused(400, words, code="9007.2207027")
            if status == "EXPIRED":
                words = "The media you are trying to access has expired. Please try to upload again."
                raise Refused(400, words, code="-2.2207020")
            if status == "ERROR":
                raise Refused(400, "Create media fail, please try to re-create media", code="-1.2207032")
            # It is nowhere said what a second time does: here it posts once more, which nobody wants.
            made = Published(self.new_id("179"), account, now, container)
            self.posts[made.id] = made
            self.containers[id_] = replace(container, post=made.id)
            return made

    def used(self, account: str) -> int:
        """Return the number of posts of an account in the last day."""
        since = time.time() - DAY
        return sum(one.account == account and one.at > since for one in self.posts.values())

    def of(self, account: str) -> list[Published]:
        """Return the posts of an account, newest first."""
        with self.lock:
            return [one for one in reversed(self.posts.values()) if one.account == account]

    def delete(self, id_: str, account: str) -> None:
        """Remove a post. Raises `Refused`."""
        with self.lock:
            if id_ not in self.posts or self.posts[id_].account != account:
                raise missing(id_)
            del self.posts[id_]


def missing(id_: str) -> Refused:
    """Return the refusal of an object that is not there."""
    words = (
        f"Unsupported get request. Object with ID '{id_[:40]}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation."
    )
    return Refused(400, words, code="100.33")


def account_id(name: str) -> str:
    """Return the id of an account: the same in every run."""
    return f"1784{int(hashlib.sha256(name.encode()).hexdigest()[:12], 16):015d}"


def time_text(at: float) -> str:
    """Return a time as Meta writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
