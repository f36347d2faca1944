"""Calls of the Mastodon API, and the meaning of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from reelwork_hooks import Context, HttpResponse, Unavailable

LONGEST_WORDS = 200
"""Characters of a server's message that are passed on."""
UPLOAD_SECONDS = 300.0
"""Seconds for which a server may stay silent after an upload, while it looks at the video."""
# https://docs.joinmastodon.org/entities/Instance/, for an instance that does not say.
LONGEST_TEXT, PER_URL, LONGEST_ALT = 500, 23, 1500
ITS_SOURCE = "https://github.com/mastodon/mastodon"


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer, whatever its status."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def object(self) -> Mapping[str, Any]:
        """The body, if it is an object; else empty."""
        return self.body if isinstance(self.body, dict) else {}

    @property
    def ok(self) -> bool:
        """True if the call was carried out."""
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """True if the status says that no work was done."""
        # 408, 425 and a proxy's 499 may come after the request was passed on.
        return 400 <= self.status < 500 and self.status not in (408, 409, 425, 429, 499)

    @property
    def words(self) -> str:
        """The answer in one line."""
        said = [self.object.get(name) for name in ("error", "error_description")]
        text = ": ".join(" ".join(part.split()) for part in said if isinstance(part, str) and part)
        return f"{self.status} {text[:LONGEST_WORDS]}".strip()

    def retry_after(self, now: datetime) -> float | None:
        """Return the seconds until the server takes requests again, when it said so."""
        try:
            return max(float(self.headers["retry-after"]), 1.0)
        except (KeyError, ValueError):
            pass
        try:
            # A time, as in 2026-11-29T07:00:00.000Z.
            at = datetime.fromisoformat(self.headers["x-ratelimit-reset"])
            return max((at - now).total_seconds(), 1.0)
        except (KeyError, ValueError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class Limits:
    """What an instance takes."""

    text: int
    per_url: int
    alt: int
    video_bytes: int | None
    types: tuple[str, ...]
    honours_key: bool
    """True if it is Mastodon itself, which knows a repeated post by its key for an hour."""
    software: str


class Server:
    """One instance, with a token."""

    def __init__(self, context: Context, address: str, token: str = "") -> None:
        self.address = address
        self._http = context.http(trust=[address])
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def get(self, path: str, **query: str | int) -> Answer:
        """Read, with retries. Raises `Unavailable` when no answer came."""
        return _answer(await self._http.get(f"{self.address}{path}", params=query, headers=self._headers))

    async def post(self, path: str, body: Mapping[str, Any], **headers: str) -> Answer:
        """Write, once. Raises `NotSent` or `OutcomeUnknown`."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"{self.address}{path}"
        return _answer(await self._http.post(url, json=dict(body), headers={**self._headers, **more}))

    async def upload(self, name: str, video: Path, media_type: str, description: str) -> Answer:
        """Give it the video, which posts nothing and may be repeated. Raises `Unavailable`."""
        form = {"description": description} if description else {}
        answer = await self._http.post(
            f"{self.address}/api/v2/media",
            data=form,
            files={"file": (name, video, media_type)},
            headers=self._headers,
            timeout=UPLOAD_SECONDS,
            repeatable=True,
        )
        return _answer(answer)

    async def limits(self) -> Limits:
        """Return what the instance takes. Raises `Unavailable`."""
        answer = await self.get("/api/v2/instance")
        # Older and smaller servers have the first version only, with the same configuration.
        if not answer.ok:
            answer = await self.get("/api/v1/instance")
        if not answer.ok or not answer.object:
            raise Unavailable(f"mastodon: {self.address} did not say what it takes: {answer.words}")
        return limits_of(answer.object)


def limits_of(body: Mapping[str, Any]) -> Limits:
    """Return what an instance says of itself, with Mastodon's own defaults for what it leaves out."""
    configuration = _inner(body, "configuration")
    statuses, media = _inner(configuration, "statuses"), _inner(configuration, "media_attachments")
    types = media.get("supported_mime_types")
    version = body.get("version")
    # Other software calls itself Mastodon too, to please clients, and forks may have changed what counts here.
    is_mastodon = body.get("source_url") == ITS_SOURCE and "(" not in str(version)
    return Limits(
        _number(statuses, "max_characters") or LONGEST_TEXT,
        _number(statuses, "characters_reserved_per_url") or PER_URL,
        _number(media, "description_limit") or LONGEST_ALT,
        _number(media, "video_size_limit"),
        tuple(map(str, types)) if isinstance(types, list) else (),
        is_mastodon,
        " ".join(str(version or "").split())[:60],
    )


def _inner(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _number(body: Mapping[str, Any], name: str) -> int | None:
    value = body.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _answer(response: HttpResponse) -> Answer:
    try:
        body = response.json()
    except ValueError:
        body = None
    return Answer(response.status_code, body, response.headers)
