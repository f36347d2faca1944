"""Reads from fal: the status of a request, and its result, which vanishes minutes after the render has ended."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import JsonValue

from reelwork_hooks import Context, HttpClient, HttpResponse, InvalidInput, RenderStatus, Unavailable
from reelwork_plugins.providers.fal.config import LISTS, FalConfig
from reelwork_plugins.providers.fal.outcome import error_in
from reelwork_plugins.providers.fal.wire import request_url
from reelwork_plugins.replies import json_of, retry_after

_ENDED_BADLY = ("FAIL", "ERROR", "CANCEL")
_GONE = (404, 410)
# About the key, the connection or the pace, so never the model's own verdict.
_LATER = frozenset({401, 403, 407, 408, 425, 429})
_VIDEO_ENDINGS = (".mp4", ".webm", ".mov", ".mkv", ".m4v")
# Uploads of unknown kind are called so. With no link taken, a paid video would be given up.
_ANY_KIND = ("", "application/octet-stream", "binary/octet-stream")
_VIDEO_FIELD = re.compile(r"(?i)(?:output_|result_|generated_|final_)?videos?(?:_urls?)?")
_MOST_URLS, _DEEPEST = 8, 6


class Queue:
    """Reads of the configured service. Only its own addresses may be private, and only they get the key."""

    def __init__(self, config: FalConfig, context: Context) -> None:
        self.config = config
        self.context = context

    def http(self) -> HttpClient:
        """Return a client that may reach fal's addresses or the configured one wherever they are, also by proxy."""
        return self.context.http(trust=self.config.origins)

    async def auth(self) -> dict[str, str]:
        """Return the header with the key. Raises `InvalidInput` for one that is missing or cannot be sent."""
        reference = self.config.api_key
        if reference is None:
            return {}
        key = (await asyncio.to_thread(self.context.secret, reference)).strip()
        if not (key.isascii() and key.isprintable()):
            hint = "Copy it again: a key has only plain letters, digits and punctuation."
            raise InvalidInput(f"the key in {reference} has characters that cannot be sent", hint=hint)
        return {"Authorization": f"Key {key}"}

    async def get(self, url: str, params: Mapping[str, str | int] | None = None) -> HttpResponse:
        """Read past any cache. Raises `Unavailable`."""
        try:
            auth = await self.auth()
        except InvalidInput as error:
            raise Unavailable(error.message, hint=error.hint) from error
        return await self.http().get(url, params=params, headers={**auth, "Cache-Control": "no-cache"})

    async def status(self, model: str, request_id: str) -> RenderStatus | Unavailable:
        """Return the status of a request, with the links to its video; or the error that kept it from us."""
        url = request_url(self.config, model, request_id)
        try:
            response = await self.get(f"{url}/status")
            data = json_of(response)
            word = data.get("status") if isinstance(data, dict) else None
            if response.status_code in _GONE:
                return await self._remembered(model, request_id)
            if not 200 <= response.status_code < 300 or not isinstance(word, str):
                return self._unreadable(response, request_id)
            if any(part in word.upper() for part in _ENDED_BADLY):
                return _failed(request_id, word, *error_in(data), status=0)
            if word != "COMPLETED":
                # An unknown word only waits for longer: an end would give up a paid video.
                queued = word == "IN_QUEUE"
                return RenderStatus(remote_id=request_id, state="queued" if queued else "running", word=word)
            return await self._result(model, request_id, error_in(data))
        except Unavailable as error:
            return error

    async def _result(self, model: str, request_id: str, told: tuple[str, str]) -> RenderStatus | Unavailable:
        """Return the status of a request that has ended. Its result has the model's own HTTP status."""
        response = await self.get(request_url(self.config, model, request_id))
        status, data = response.status_code, json_of(response)
        # A video that is there has been paid for, whatever the status says beside.
        if 200 <= status < 300 and data is not None and (urls_in(data) or not any(told)):
            return finished(request_id, data)
        # A 5xx that fal does not call the result of this request is trouble of its own, and passes.
        ours = response.headers.get("x-fal-error-type", "")
        if any(told):
            # What the model refused may be charged, whatever something on the way says of itself.
            verdict = bool(ours) or told[1] == error_in(data)[1]
            return _failed(request_id, "COMPLETED", *told, status=status if verdict else 0)
        if status in _GONE:
            return await self._remembered(model, request_id)
        if status in _LATER or data is None or (status >= 500 and not ours) or status < 400:
            return self._unreadable(response, request_id)
        code, message = error_in(data)
        return _failed(request_id, "COMPLETED", code or ours or str(status), message, status=status)

    async def _remembered(self, model: str, request_id: str) -> RenderStatus | Unavailable:
        """Return the status by the list, which knows results for longer than the queue."""
        query: dict[str, str | int] = {"endpoint_id": model, "request_id": request_id, "expand": "payloads"}
        response = await self.get(f"{self.config.address(LISTS)}/v1/models/requests/by-endpoint", query)
        data = json_of(response)
        items = data.get("items") if isinstance(data, dict) else None
        if not 200 <= response.status_code < 300 or not isinstance(items, list):
            return self._unreadable(response, request_id)
        for item in items:
            if isinstance(item, dict) and item.get("request_id") == request_id and item.get("ended_at"):
                status, output = item.get("status_code"), item.get("json_output")
                if isinstance(status, int) and status >= 400:
                    return _failed(request_id, "COMPLETED", *error_in(output), status=status)
                if urls_in(output):
                    return finished(request_id, output)
        return RenderStatus(remote_id=request_id, state="lost", error_message="fal no longer has this request")

    def _unreadable(self, response: HttpResponse, request_id: str) -> Unavailable:
        code, message = error_in(json_of(response))
        return Unavailable(
            f"fal answered {response.status_code} when asked for {request_id}: {message or code or 'no status'}",
            retry_after=retry_after(response.headers, self.context.now()),
            hint="Check api_key under [provider]." if response.status_code in (401, 403) else "",
        )


def finished(request_id: str, data: Any) -> RenderStatus:
    """Return the status of a request that has ended, by its result."""
    urls: list[JsonValue] = [*urls_in(data)]
    if urls:
        # Kept with the render at once: minutes later fal no longer has the result that names them.
        return RenderStatus(remote_id=request_id, state="completed", word="COMPLETED", details={"urls": urls})
    code, message = error_in(data)
    said = message or "fal ended the request without a video in its result"
    return _failed(request_id, "COMPLETED", code or "no_video", said, status=0)


def _failed(request_id: str, word: str, code: str, message: str, *, status: int) -> RenderStatus:
    # "Server errors (HTTP 500+) are never charged" (fal.ai/docs/documentation/model-apis/faq). What a model refused
    # with a 4xx may have been.
    return RenderStatus(
        remote_id=request_id, state="failed", word=word, error_code=code or (str(status) if status else "failed"),
        error_message=message, charged=False if status >= 500 else None,
    )  # fmt: skip


def urls_in(data: Any) -> tuple[str, ...]:
    """Return the links to the videos in a result, `video` first."""
    if not isinstance(data, dict):
        return ()
    first = [*_links(data.get("video"), _DEEPEST, sure=True), *_links(data.get("videos"), _DEEPEST, sure=True)]
    return tuple(dict.fromkeys([*first, *_links(data, _DEEPEST)]))[:_MOST_URLS]


def _links(value: Any, deepest: int, *, sure: bool = False) -> Iterator[str]:
    if deepest == 0:
        return
    if isinstance(value, str):
        if _is_link(value) and (sure or _names_video(value)):
            yield value
    elif isinstance(value, list):
        for one in value:
            yield from _links(one, deepest - 1, sure=sure)
    elif isinstance(value, dict):
        url, kind = value.get("url"), str(value.get("content_type") or "")
        # A picture beside the video, such as a thumbnail, must not be taken for it.
        if (
            isinstance(url, str)
            and _is_link(url)
            and (kind.startswith("video/") or _names_video(url) or (sure and kind in _ANY_KIND))
        ):
            yield url
        for name, one in value.items():
            if name != "url":
                yield from _links(one, deepest - 1, sure=bool(_VIDEO_FIELD.fullmatch(name)))


def _is_link(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def _names_video(url: str) -> bool:
    try:
        return urlsplit(url).path.lower().endswith(_VIDEO_ENDINGS)
    except ValueError:
        return False
