"""A small service, as an author would have it for tests: things are made, listed and looked at."""

from __future__ import annotations

from typing import Any

from reelwork.testing import Asked, sample_video

PAGE = 10


class Service:
    """Takes `POST /things`, lists them newest first in pages of ten, and honours `Idempotency-Key` if told to."""

    def __init__(self, *, honours_keys: bool = False) -> None:
        self.honours_keys = honours_keys
        self.things: list[dict[str, Any]] = []
        self._keys: dict[str, dict[str, Any]] = {}

    def __call__(self, asked: Asked) -> tuple[int, Any]:
        """Answer a request."""
        name = asked.path.rpartition("/")[2]
        if asked.method == "POST":
            return 201, self.make(asked.json(), asked.headers.get("idempotency-key", ""))
        if name == "things":
            return 200, self.page(int(asked.query.get("from", 0)))
        if name == "video":
            return 200, sample_video().read_bytes()
        return (200, {"id": name, "status": "done"}) if name in self.log() else (404, {"error": "not found"})

    def log(self) -> list[str]:
        """The ids, oldest first."""
        return [thing["id"] for thing in list(self.things)]

    def make(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        if self.honours_keys and key in self._keys:
            return self._keys[key]
        thing = {**body, "id": f"t{len(self.things) + 1}", "status": "done"}
        self.things.append(thing)
        if key:
            self._keys[key] = thing
        return thing

    def crowd(self) -> list[str]:
        """Others make more than fits on a page."""
        return [self.make({"text": f"another's {number}"}, f"other-{number}")["id"] for number in range(2 * PAGE)]

    def page(self, start: int) -> dict[str, Any]:
        newest = self.things[::-1]
        return {"things": newest[start : start + PAGE], "more": start + PAGE < len(newest)}
