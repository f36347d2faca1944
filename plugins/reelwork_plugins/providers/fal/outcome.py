"""Judges fal's answer to a request by what it means for money: accepted, refused without work, or unknown.

The queue accepts a request before the model sees it, so most refusals come later, as the result of a render. What
is refused here was never queued.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import JsonValue

from reelwork_hooks import AlreadyThere, HttpResponse, NotSent, OutcomeUnknown, OutOfFunds, ReelworkError, Rejected
from reelwork_plugins import refusals
from reelwork_plugins.replies import is_html, json_of, retry_after

# Not 408 or a 5xx: these come after the request was passed on. 409 is no answer of fal's.
_REFUSALS = frozenset({400, 401, 402, 403, 404, 405, 406, 410, 411, 413, 414, 415, 422, 426, 431, 451})
_NEXT_STEPS = {
    401: "Check api_key.",
    403: "Check that the key has the permission to call models (scope API).",
    404: "Check the model's name on its page at fal.ai.",
}
# fal locks an account for want of money, and its staff lock one until a person has asked them.
_LOCKED = "user is locked"


def submitted_id(response: HttpResponse) -> str:
    """Return the id of an accepted request; empty when the answer names none."""
    data = json_of(response)
    found = data.get("request_id") if isinstance(data, dict) else None
    return found if isinstance(found, str) else ""


def error_in(data: Any) -> tuple[str, str]:
    """Return code and words of an error: `detail` as text or as a list of what is wrong, or `error`."""
    if not isinstance(data, dict):
        return "", ""
    code = data.get("error_type") if isinstance(data.get("error_type"), str) else ""
    for key in ("detail", "error", "message"):
        found = data.get(key)
        if isinstance(found, str) and found:
            return code or "", found
        items = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        if items:
            kinds = (one["type"] for one in items if isinstance(one.get("type"), str))
            return code or next(kinds, ""), "; ".join(_said(one) for one in items)
    return code or "", ""


def _said(item: dict[str, Any]) -> str:
    place = item.get("loc")
    where = ".".join(str(step) for step in place if step != "body") if isinstance(place, list) else ""
    text = item.get("msg") if isinstance(item.get("msg"), str) else ""
    return f"{where}: {text}" if where else text or ""


def judge(response: HttpResponse, place: str, now: datetime) -> ReelworkError:
    """Return the error to raise for an answer that accepts nothing clearly."""
    status, data = response.status_code, json_of(response)
    code, message = error_in(data)
    named = f" ({code})" if code else ""
    came = message.rstrip(". ") or ("a page of HTML" if is_html(response) else "")
    said = f"{place} was answered {status}{named}{f': {came}' if came else ''}"
    if 200 <= status < 300:
        return OutcomeUnknown(
            f"{said}, without the id of a request", hint="Check at fal.ai/dashboard what was made."
        )
    if refusals.says_exists(status, code, message):
        return AlreadyThere(said, remote_id=submitted_id(response))
    if isinstance(data, dict) and data.get("request_id"):
        return OutcomeUnknown(f"{said}; it names a request")
    if refusals.says_no_funds(status, code, message) or (status == 403 and _LOCKED in message.lower()):
        return OutOfFunds(
            f"{said}: fal accepts nothing from this account now",
            hint="Top it up at fal.ai/dashboard/billing, or ask support@fal.ai to unlock it. Then resume the job.",
        )
    if status == 429 and not refusals.comes_from_repeater(response, known=False):
        return NotSent(f"{said}: too many requests", retry_after=retry_after(response.headers, now))
    if status in _REFUSALS:
        hint = (
            "Change the prompt or the picture."
            if code == "content_policy_violation"
            else _NEXT_STEPS.get(status, "")
        )
        return Rejected(said, code=code or str(status), hint=hint)
    return OutcomeUnknown(said)


def evidence(response: HttpResponse) -> dict[str, JsonValue]:
    """Return what to store about an answer that leaves the outcome unknown."""
    # fal's own answers carry the request's id in a header, also those that say nothing else.
    seen = submitted_id(response) or response.headers.get("x-fal-request-id", "")
    return {"status": response.status_code, "remote_id": seen, "body": response.text}
