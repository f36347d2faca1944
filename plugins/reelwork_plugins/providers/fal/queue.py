"""Reads from fal: the status of a request, and its result, which vanishes minutes after the render has ended.

The queue accepts a request before the model sees it, so most refusals come as the result of a render. What is
refused at once was never queued.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from reelwork_hooks import (
    Answer,
    Context,
    Meaning,
    Refusals,
    RenderStatus,
    Service,
    Unavailable,
    read_key,
    text_at,
    video_links,
)
from reelwork_plugins.providers.fal.config import LISTS, FalConfig
from reelwork_plugins.providers.fal.wire import request_url

_ENDED_BADLY = ("FAIL", "ERROR", "CANCEL")
_GONE = (404, 410)
# About the key, the connection or the pace, so never the model's own verdict.
_LATER = frozenset({401, 403, 407, 408, 425, 429})
_NO_FUNDS = Meaning(
    "funds",
    "fal accepts nothing from this account now",
    "Top it up at fal.ai/dashboard/billing, or ask support@fal.ai to unlock it. Then resume the job.",
)
# fal locks an account for want of money, and its staff lock one until a person has asked them.
LOCKED = "user is locked"
REFUSALS = Refusals(
    codes={
        LOCKED: _NO_FUNDS,
        "content_policy_violation": Meaning("rejected", hint="Change the prompt or the picture."),
    },
    statuses={
        401: Meaning("rejected", hint="Check api_key."),
        403: Meaning("rejected", hint="Check that the key has the permission to call models (scope API)."),
        404: Meaning("rejected", hint="Check the model's name on its page at fal.ai."),
    },
    no_funds=_NO_FUNDS,
)
"""What fal's answers to a request mean for money."""


class Queue(Service):
    """Requests to the configured service. Only its own addresses may be private, and only they get the key."""

    def __init__(self, config: FalConfig, context: Context) -> None:
        super().__init__(context, config.origins, auth=self.auth)
        self.config = config

    async def auth(self) -> dict[str, str]:
        """Return the header with the key. Raises `InvalidInput` for one that is missing or cannot be sent."""
        reference = self.config.api_key
        return {"Authorization": f"Key {await read_key(self.context, reference)}"} if reference else {}

    async def listed(self, query: Mapping[str, str | int]) -> tuple[Answer, list[JsonValue]]:
        """Return a page of the list of requests, with its entries. Raises `Unavailable`."""
        url = f"{self.config.address(LISTS)}/v1/models/requests/by-endpoint"
        answer = await self.get(url, {"expand": "payloads", **query})
        items = answer.at("items")
        if not answer.ok or not isinstance(items, list):
            raise self._unreadable(answer, "its list of requests")
        return answer, items

    async def status(self, model: str, request_id: str) -> RenderStatus:
        """Return the status of a request, with the links to its video. Raises `Unavailable`."""
        url = request_url(self.config, model, request_id)
        answer = await self.get(f"{url}/status")
        word = answer.text_at("status")
        if answer.status in _GONE:
            return await self._remembered(model, request_id)
        if not answer.ok or not word:
            raise self._unreadable(answer, request_id)
        if any(part in word.upper() for part in _ENDED_BADLY):
            return _failed(request_id, answer, word=word)
        if word == "COMPLETED":
            return await self._result(model, request_id, answer)
        # An unknown word only waits for longer: an end would give up a paid video.
        queued = word == "IN_QUEUE"
        return RenderStatus(remote_id=request_id, state="queued" if queued else "running", word=word)

    async def _result(self, model: str, request_id: str, told: Answer) -> RenderStatus:
        """Return the status of a request that has ended. Its result has the model's own HTTP status."""
        answer = await self.get(request_url(self.config, model, request_id))
        failed = bool(told.message or told.at("error_type"))
        # A video that is there has been paid for, whatever the status says beside.
        if answer.ok and answer.body is not None and (video_links(answer.body) or not failed):
            return _finished(request_id, answer)
        # A 5xx that fal does not call the result of this request is trouble of its own, and passes.
        ours = answer.headers.get("x-fal-error-type", "")
        if failed:
            # What the model refused may be charged, whatever something on the way says of itself.
            return _failed(request_id, told, answer.status if ours or told.message == answer.message else 0)
        if answer.status in _GONE:
            return await self._remembered(model, request_id)
        if answer.status in _LATER or answer.body is None or (answer.status >= 500 and not ours) or answer.ok:
            raise self._unreadable(answer, request_id)
        return _failed(request_id, answer, answer.status, code=ours)

    async def _remembered(self, model: str, request_id: str) -> RenderStatus:
        """Return the status by the list, which knows results for longer than the queue."""
        _, items = await self.listed({"endpoint_id": model, "request_id": request_id})
        for item in items:
            if isinstance(item, dict) and text_at(item, "request_id") == request_id and item.get("ended_at"):
                status = item.get("status_code")
                result = Answer(status if isinstance(status, int) else 0, item.get("json_output"))
                if result.status >= 400:
                    return _failed(request_id, result, result.status)
                if video_links(result.body):
                    return _finished(request_id, result)
        return RenderStatus(remote_id=request_id, state="lost", error_message="fal no longer has this request")

    def _unreadable(self, answer: Answer, asked: str) -> Unavailable:
        hint = "Check api_key under [provider]." if answer.status in (401, 403) else ""
        said = f"fal was asked for {asked} and answered {answer.words}"
        return Unavailable(said, retry_after=answer.retry_after, hint=hint)


def _finished(request_id: str, answer: Answer) -> RenderStatus:
    urls: list[JsonValue] = [*video_links(answer.body)]
    if urls:
        # Kept with the render at once: minutes later fal no longer has the result that names them.
        return RenderStatus(remote_id=request_id, state="completed", word="COMPLETED", details={"urls": urls})
    return _failed(request_id, answer, code="no_video", said="fal ended the request without a video in its result")


def _failed(
    request_id: str, answer: Answer, status: int = 0, *, word: str = "COMPLETED", code: str = "", said: str = ""
) -> RenderStatus:
    # "Server errors (HTTP 500+) are never charged" (fal.ai/docs/documentation/model-apis/faq). What a model refused
    # with a 4xx may have been.
    return RenderStatus(
        remote_id=request_id, state="failed", word=word,
        error_code=answer.code or code or (str(status) if status else "failed"),
        error_message=answer.message or said, charged=False if status >= 500 else None,
    )  # fmt: skip
