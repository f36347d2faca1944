"""Judges the answer to a create by what it means for money: accepted, refused without work, or unknown.

Refused is `Rejected`, or `NotSent` where the same request may succeed later. A request no byte of which left has no
answer to judge: `net/client` raises `NotSent` for it.

A request that may have started is never called refused. A gateway's 5xx, a 408 or a page of HTML all come after the
request has left. A refusal that names a task, or says that it exists, refuses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pydantic import JsonValue

from reelwork_hooks import (
    AlreadyThere,
    Answer,
    HttpResponse,
    NotSent,
    OutcomeUnknown,
    OutOfFunds,
    ReelworkError,
    Rejected,
    refusals,
)
from reelwork_plugins.providers.videos_api import named
from reelwork_plugins.providers.videos_api.answers import (
    json_of,
    read_refusal,
    retry_after,
)
from reelwork_plugins.providers.videos_api.config import VideosApiConfig

# Not here: 408 and a proxy's 460 and 499, which come after the request was passed on, and every 5xx: a 503 of the
# AIBrix gateway may come after work has begun. 409 is here: Unsloth Studio (@007f41c) answers it while another
# video is made.
REFUSALS = frozenset(
    {400, 401, 402, 403, 404, 405, 406, 409, 410, 411, 413, 414, 415, 421, 422, 426, 428, 431, 451}
)
"""Statuses that mean that no work was done."""
# Not 302 and 303: they may answer a request that was carried out.
MOVED = frozenset({301, 307, 308})
"""Redirects that ask to send the same request elsewhere."""
MODERATION_CODES = frozenset(
    {"moderation_blocked", "sentinel_block", "content_policy_violation", "content_moderated"}
)
# Such a server had the request. If its list does not show it, that says more about the list.
ANSWERED = "answered"
"""The note that the server itself has answered a create, in a way that cannot be understood."""
_LOOK_THERE = "Check at the server whether the video is there."
_NEXT_STEPS: Mapping[int, str] = {
    401: "Check api_key and auth_header.",
    403: "Check that the key may use this model.",
    404: "Check base_url and the model's name.",
    405: "Check base_url: this address takes no videos.",
    409: "The server may be busy with another video: try the job again when it is free.",
    413: "Make the reference picture smaller.",
    415: "Try the setting multipart = false.",
    422: "Check the parameters, and whether the dialect fits the server.",
}


def refusal(
    response: HttpResponse, config: VideosApiConfig, now: datetime, *, repeated: bool, as_json: bool = True
) -> ReelworkError:
    """Return the error to raise for an answer other than 2xx: `NotSent`, `Rejected` or `OutcomeUnknown`.

    `repeated`: this request was sent before, with the same key, and its outcome is unknown. `as_json`: the create
    was JSON, in which gateways read the parameter that turns their repeats off.
    """
    status, (code, message) = response.status_code, read_refusal(response)
    said = _said(response, config, code, message)
    ids = named.ids_in(json_of(response), errors=True)
    # The order is by how much is at stake. What exists, or has an id, was started, whatever the status says.
    if refusals.says_exists(status, code, message):
        return AlreadyThere(said, remote_id=ids[0] if len(ids) == 1 else "", hint=_LOOK_THERE)
    if ids:
        return OutcomeUnknown(f"{said}; it names {', '.join(ids[:3])}", hint=_LOOK_THERE)
    # Before 429, with which some servers say it: waiting brings no money back, and each try would be another
    # request.
    if refusals.says_no_funds(status, code, message):
        return OutOfFunds(f"{said}: the account has no money or quota left", hint="Top it up, then resume the job.")
    if status == 429:
        return _busy(response, config, now, said, as_json=as_json)
    # A refusal of the repeat says nothing about the first request. That the server has seen the key says the
    # opposite.
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


def _said(response: HttpResponse, config: VideosApiConfig, code: str, message: str) -> str:
    named_code = f" ({code})" if code and code != str(response.status_code) else ""
    return f"{config.origin} answered {response.status_code}{named_code}{f': {message}' if message else ''}"


def _busy(
    response: HttpResponse, config: VideosApiConfig, now: datetime, said: str, *, as_json: bool
) -> NotSent | OutcomeUnknown:
    """Return the error for a 429: nothing was accepted, unless a gateway answers for the last of several tries."""
    # With a picture the create is multipart, and there LiteLLM does not read `disable_fallbacks`.
    switched_off = config.speaks.stops_repeats and as_json
    if not switched_off and refusals.comes_from_repeater(response, config.speaks.stops_repeats):
        return OutcomeUnknown(
            f"{said}: too many requests, from a gateway that may have tried several times",
            hint="Switch its retries and fallbacks for videos off: an earlier try may have been accepted.",
        )
    return NotSent(f"{said}: too many requests", retry_after=retry_after(response.headers, now))


def _moved(response: HttpResponse, config: VideosApiConfig) -> Rejected | OutcomeUnknown:
    """Return the error for a redirect of a create: refused where a host names another of its own addresses."""
    # Another host, or another port, is another server. Whoever names it may have passed the request on as well.
    target = urlsplit(response.headers.get("location", ""))
    place = f"{target.scheme}://{target.netloc}{target.path}" if target.netloc else target.path
    said = f"{config.origin} sends creates elsewhere: {response.status_code} to {place or 'no address'}"
    hint = "A paid request never follows a redirect. Put the right address in base_url."
    if target.netloc and not _is_same_host(target, urlsplit(config.origin)):
        return OutcomeUnknown(said, hint=hint)
    return Rejected(said, code="moved", hint=hint)


def _is_same_host(target: SplitResult, ours: SplitResult) -> bool:
    if target.hostname != ours.hostname:
        return False
    to_https = (ours.scheme, target.scheme) == ("http", "https")
    return to_https or (target.scheme, target.netloc.rpartition("@")[2]) == (ours.scheme, ours.netloc)


def _rejected(status: int, code: str, said: str) -> Rejected:
    # LiteLLM gives the status as the code, and its backend's own words within the message.
    blocked = next((word for word in sorted(MODERATION_CODES) if word == code or word in said), "")
    if blocked:
        return Rejected(f"{said}: blocked by the provider's moderation", code=blocked, hint="Change the prompt.")
    return Rejected(said, code=code or str(status), hint=_NEXT_STEPS.get(status, ""))


def unclear_success(response: HttpResponse, config: VideosApiConfig) -> OutcomeUnknown:
    """Return the error for a 2xx without a usable id: work may have started that cannot be named."""
    data = json_of(response)
    code, message = read_refusal(response) if isinstance(data, dict) else ("", "")
    words = ": ".join(part for part in (code, message) if part)
    ids = named.ids_in(data, errors=True)
    if data is None:
        came = "a page of HTML" if Answer.of(response).is_html else "no JSON"
    elif len(ids) == 1:
        came = f"an error about {ids[0]}"
    elif ids:
        came = f"several ids ({', '.join(ids[:3])})"
    else:
        came = "an error" if has_error(data) else "JSON without the id of a video"
    return OutcomeUnknown(
        f"{config.origin} answered {response.status_code} with {came} to a create{f': {words}' if words else ''}",
        hint="Check that base_url leads to the server itself, and check there whether a video was started.",
    )


def evidence(response: HttpResponse, config: VideosApiConfig) -> dict[str, JsonValue]:
    """Return the facts to store about an answer that leaves the outcome unknown, for whoever must find out."""
    # The whole body: the engine masks secrets in it before it shortens it.
    ids = named.ids_in(json_of(response), errors=True)
    noted: dict[str, JsonValue] = {
        "status": response.status_code,
        "request_id": response.headers.get("x-request-id", ""),
        "body": response.text,
    }
    if ids or (200 <= response.status_code < 300 and json_of(response) is not None):
        noted[ANSWERED] = True
    if len(ids) == 1:
        noted["remote_id"] = ids[0]
    elif ids:
        noted["remote_ids"] = list(ids[:20])
    return noted


def has_error(data: Any) -> bool:
    """Return whether an answer holds an error object, whatever its status says."""
    return isinstance(data, dict) and any(data.get(key) for key in ("error", "errors"))
