"""A server with Mastodon's API on this machine, with a log of its posts.

It does what Mastodon 4.4 does where it matters for posts: an upload belongs to one post and is looked at for a
while, and a key is known for an hour. https://docs.joinmastodon.org/methods/statuses/
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any

from reelwork.testing import Asked

TOKEN = "token-of-ada"
KEY_SECONDS = 3600.0
_FIELD = re.compile(rb'name="(\w+)"(?:; filename="[^"]*")?\r\n(?:[^\r]+\r\n)*\r\n(.*?)\r\n--', re.DOTALL)


class Instance:
    """Answers requests. `log` has the id of each post, oldest first."""

    def __init__(self, *, honours_key: bool = False, looks: int = 0, mastodon: bool = True) -> None:
        self.honours_key, self.looks, self.mastodon = honours_key, looks, mastodon
        self.statuses: list[dict[str, Any]] = []
        self.media: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, tuple[float, dict[str, Any]]] = {}
        self.asked: list[Asked] = []
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        """What is answered to the next requests for a path, instead."""
        self.fails = False
        self.forgets_keys = False
        """A post is made, and the server fails before it has noted the key."""
        self.posts_text_alone = False
        """As before Mastodon 4.3, an upload that is in a post already is left out of the next one."""
        self._last = 110_000_000_000_000_000

    @property
    def log(self) -> list[str]:
        return [one["id"] for one in self.statuses]

    def posts(self) -> list[dict[str, Any]]:
        """The bodies of the posts that were asked for."""
        return [one.json() for one in self.asked if (one.method, one.path) == ("POST", "/api/v1/statuses")]

    def __call__(self, asked: Asked) -> tuple[int, Any]:
        self.asked.append(asked)
        if self.answers.get(asked.path):
            return self.answers[asked.path].pop(0)
        if asked.path in ("/api/v1/instance", "/api/v2/instance"):
            return self._instance(asked.path)
        if asked.path == "/api/v1/apps":
            given = asked.json()
            return 200, {
                "client_id": "c1",
                "client_secret": "app-secret",
                "redirect_uris": [given["redirect_uris"]],
            }
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"error": "The access token is invalid"}
        if asked.path == "/api/v1/accounts/verify_credentials":
            return 200, {"id": "7", "acct": "ada", "username": "ada"}
        if asked.path == "/api/v2/media":
            return self._upload(asked)
        if asked.path.startswith("/api/v1/media/"):
            return self._look(asked.path.rpartition("/")[2])
        if asked.path == "/api/v1/accounts/7/statuses":
            return 200, self._page(asked)
        if (asked.method, asked.path) == ("POST", "/api/v1/statuses"):
            return self._post(asked)
        return 404, {"error": "Record not found"}

    def _instance(self, path: str) -> tuple[int, Any]:
        if not self.mastodon and path == "/api/v2/instance":
            return 404, "<h1>404</h1>"
        media = {"supported_mime_types": ["video/mp4"], "video_size_limit": 103_809_024, "description_limit": 1500}
        statuses = {"max_characters": 500, "characters_reserved_per_url": 23}
        told = {"version": "4.4.3", "source_url": "https://github.com/mastodon/mastodon"}
        if not self.mastodon:
            told = {"version": "4.0.0 (not true; really snac/2.75)", "source_url": "https://comam.es/what-is-snac"}
        return 200, {**told, "configuration": {"statuses": statuses, "media_attachments": media}}

    def _new_id(self) -> str:
        self._last += 1
        return str(self._last)

    def _upload(self, asked: Asked) -> tuple[int, Any]:
        fields = dict(_FIELD.findall(asked.body))
        made = {"id": self._new_id(), "type": "video", "looks": self.looks, "bytes": len(fields[b"file"])}
        made |= {"description": fields.get(b"description", b"").decode(), "url": None if self.looks else "/v.mp4"}
        self.media[made["id"]] = made
        return (202 if self.looks else 200), made

    def _look(self, media: str) -> tuple[int, Any]:
        made = self.media.get(media)
        if made is None or "status" in made:
            return 404, {"error": "Record not found"}
        if self.fails:
            return 422, {"error": "Error processing thumbnail for uploaded media"}
        made["looks"] -= 1
        return (206, made) if made["looks"] > 0 else (200, {**made, "url": "/v.mp4"})

    def _post(self, asked: Asked) -> tuple[int, Any]:
        body, key = asked.json(), asked.headers.get("idempotency-key", "")
        at, known = self.keys.get(key, (0.0, None))
        if self.honours_key and known is not None and time.monotonic() - at < KEY_SECONDS:
            return 200, known
        free = [one for one in body["media_ids"] if one in self.media and "status" not in self.media[one]]
        if free != body["media_ids"] and not self.posts_text_alone:
            return 422, {"error": "Validation failed: Media not found or already attached to another post"}
        made = {
            "id": self._new_id(),
            "url": f"https://m.example/@ada/{self._last}",
            "visibility": body["visibility"],
        }
        made |= {"created_at": datetime.now(UTC).isoformat(), "content": f"<p>{body['status']}</p>"}
        for one in free:
            self.media[one]["status"] = made["id"]
        self.statuses.append({**made, "media_attachments": [{"id": one, "url": "/a/b.mp4"} for one in free]})
        if self.forgets_keys:
            return 500, {"error": "Something went wrong on our end"}
        self.keys[key] = (time.monotonic(), self.statuses[-1])
        return 200, self.statuses[-1]

    def _page(self, asked: Asked) -> list[dict[str, Any]]:
        newest_first = list(reversed(self.statuses))
        before = asked.query.get("max_id")
        older = [one for one in newest_first if before is None or int(one["id"]) < int(before)]
        return older[: int(asked.query["limit"])]

    def crowd(self) -> list[str]:
        """More posts of the same person than fit on a page, by another program."""
        made = []
        for number in range(50):
            one = {
                "id": self._new_id(),
                "url": "",
                "content": f"<p>Another one, {number}</p>",
                "visibility": "public",
            }
            one |= {"created_at": datetime.now(UTC).isoformat(), "media_attachments": [{"id": self._new_id()}]}
            self.statuses.append(one)
            made.append(one["id"])
        return made
