"""Tells from the answer to a create what it means for money: accepted, refused without work, or unknown.

The rule is never to call something refused that may have started. A gateway's 5xx, a 408 or a page of HTML all
come after the request has left, and AIBrix's 503 is known to come after work has begun.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from pydantic import JsonValue

from reelwork_hooks import HttpResponse, NotSent, OutcomeUnknown, ReelworkError, Rejected
from reelwork_plugins.videos_api.answers import (
    is_html,
    json_of,
    read_job,
    read_refusal,
    retry_after,
)
from reelwork_plugins.videos_api.config import VideosApiConfig

REFUSALS = frozenset(
    {400, 401, 402, 403, 404, 405, 406, 409, 410, 411, 413, 414, 415, 421, 422, 426, 428, 431, 451}
)
"""Statuses that mean that no work was done. Others of the 4xx, such as 408 or a proxy's 460 and 499, may be
said after the request was passed on."""
MOVED = frozenset({301, 307, 308})
"""Redirects that ask to send the same elsewhere. 302 and 303 may answer a request that was carried out."""
MODERATION_CODES = frozenset(
    {"moderation_blocked", "sentinel_block", "content_policy_violation", "content_moderated"}
)
_NEXT_STEPS: Mapping[int, str] = {
    401: "Check api_key and auth_header.",
    402: "Check the account's balance.",
    403: "Check that the key may use this model.",
    404: "Check base_url and the model's name.",
    405: "Check base_url: this address takes no videos.",
    409: "The server may be busy with another video: try the job again when it is free.",
    413: "Make the reference picture smaller.",
    415: "Try the setting multipart = false.",
    422: "Check the parameters, and whether the dialect fits the server.",
}


def refusal(response: HttpResponse, config: VideosApiConfig, now: datetime, *, repeated: bool) -> ReelworkError:
    """What an answer other than 2xx means: `NotSent`, `Rejected` or `OutcomeUnknown`, to be raised.

    `repeated`: this request was sent before, with the same key, and its outcome is not known. Then nothing but
    a 429 clears it: a refusal of the repeat says nothing about the first, and a 409 or 422 that the server has
    seen the key says the opposite.
    """
    status = response.status_code
    code, message = read_refusal(response)
    named = f" ({code})" if code and code != str(status) else ""
    said = f"{config.origin} answered {status}{named}{f': {message}' if message else ''}"
    if status == 429:
        return NotSent(f"{said}: too many requests", retry_after=retry_after(response.headers, now))
    if repeated:
        return OutcomeUnknown(f"{said} to a request that may have been carried out before")
    if status in MOVED:
        return _moved(response, config)
    if status == 409 and config.idempotency_header:
        # It may say that a request with this key is being carried out.
        return OutcomeUnknown(said)
    if status in REFUSALS:
        return _rejected(status, code, said)
    return OutcomeUnknown(said)


def _moved(response: HttpResponse, config: VideosApiConfig) -> Rejected:
    target = urlsplit(response.headers.get("location", ""))
    place = f"{target.scheme}://{target.netloc}{target.path}" if target.netloc else target.path
    return Rejected(
        f"{config.origin} sends creates elsewhere: {response.status_code} to {place or 'no address'}",
        code="moved",
        hint="A paid request is never sent on by itself. Put the right address in base_url.",
    )


def _rejected(status: int, code: str, said: str) -> Rejected:
    # LiteLLM gives the status as the code, and its backend's own words within the message.
    blocked = next((word for word in sorted(MODERATION_CODES) if word == code or word in said), "")
    if blocked:
        return Rejected(f"{said}: blocked by the provider's moderation", code=blocked, hint="Change the prompt.")
    return Rejected(said, code=code or str(status), hint=_NEXT_STEPS.get(status, ""))


def unclear_success(response: HttpResponse, config: VideosApiConfig) -> OutcomeUnknown:
    """What a 2xx without a usable id means: work may have started that cannot be named."""
    data = json_of(response)
    if data is None:
        came = "a page of HTML" if is_html(response) else "no JSON"
    else:
        came = "JSON without the id of a video"
    return OutcomeUnknown(
        f"{config.origin} answered {response.status_code} with {came} to a create",
        hint="Check that base_url leads to the server itself, and look there whether a video was started.",
    )


def evidence(response: HttpResponse, config: VideosApiConfig) -> dict[str, JsonValue]:
    """What is kept of an answer that leaves the outcome unknown, for whoever must find out."""
    noted: dict[str, JsonValue] = {
        "status": response.status_code,
        "request_id": response.headers.get("x-request-id", ""),
        "body": response.text[:200],
    }
    data: Any = json_of(response)
    job = read_job(data, config.base_url)
    if job is not None and isinstance(data, dict) and (data.get("object") == "video" or "status" in data):
        noted["remote_id"] = job.id
    return noted
