"""Reads Kling's answers: a task, and a refusal with what it means for money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import JsonValue

from reelwork_hooks import (
    AlreadyThere,
    Candidate,
    HttpResponse,
    NotSent,
    OutcomeUnknown,
    OutOfFunds,
    ReelworkError,
    Rejected,
    RenderStatus,
    Submitted,
)
from reelwork_plugins import refusals
from reelwork_plugins.providers.kling.tokens import code_of
from reelwork_plugins.replies import json_of, moment, number_of

_STATES: Mapping[str, Any] = {"submitted": "queued", "succeed": "completed", "failed": "failed"}
# All of these come with 429, as if waiting would help.
_FUNDS: Mapping[int | None, str] = {
    1100: "the account is not in order",
    1101: "the account is in arrears",
    1102: "the resource pack is used up or has ended",
}
# A place is free again when a render ends, which takes minutes.
_PAUSES: Mapping[int | None, tuple[str, float]] = {
    1302: ("too many requests", 5.0),
    1303: ("the account has as many renders under way as it may", 30.0),
}
# No 409: it may be about an earlier request.
_REFUSED = frozenset({400, 402, 403, 404, 405, 406, 410, 411, 413, 414, 415, 421, 422, 426, 428, 431, 451})
"""Statuses that mean that no work was done."""
_HINTS = {403: "Check that the account may use this model.", 404: "Check base_url and the model's name."}


@dataclass(frozen=True, slots=True)
class Task:
    """One render, as Kling describes it."""

    id: str
    word: str
    message: str
    ref: str | None
    """Our own id. Empty: it has none. None: the answer does not tell."""
    created_at: float | None
    units: float | None
    """What it cost, once it has ended."""
    links: Mapping[str, JsonValue]

    def status(self) -> RenderStatus:
        """Return it as `poll` reports it."""
        state, made = _STATES.get(self.word, "running"), moment(self.created_at)
        ended = state in ("completed", "failed")
        return RenderStatus(
            remote_id=self.id, state=state, word=self.word,
            error_message=self.message if state == "failed" else "",
            # Only Kling's own figure says that a failed render was free.
            charged=self.units > 0 if ended and self.units is not None else None,
            expires_at=made + timedelta(days=30) if made is not None and state == "completed" else None,
            details={**self.links, **({"units": self.units} if ended else {})},
        )  # fmt: skip

    def candidate(self, path: str) -> Candidate[Submitted]:
        """Return it as it is listed. Kling lists no prompt and no model: they are left out, never guessed."""
        state = "ended" if _STATES.get(self.word) in ("completed", "failed") or not self.word else "queued"
        result = Submitted(remote_id=self.id, details={"path": path, **self.links})
        return Candidate(result, self.ref, state=state, created_at=moment(self.created_at))


def task_of(data: Any) -> Task | None:
    """Return the task in one object; None when it has no id."""
    if not isinstance(data, dict) or not isinstance(data.get("task_id"), str) or not data["task_id"]:
        return None
    info, result, made = data.get("task_info"), data.get("task_result"), number_of(data.get("created_at"))
    videos = result.get("videos") if isinstance(result, dict) else None
    video = videos[0] if isinstance(videos, list) and videos and isinstance(videos[0], dict) else {}
    return Task(
        id=data["task_id"],
        word=str(data.get("task_status") or ""),
        message=str(data.get("task_status_msg") or ""),
        ref=str(info.get("external_task_id") or "") if isinstance(info, dict) else None,
        created_at=None if made is None else made / 1000,
        units=number_of(data.get("final_unit_deduction")),
        links={name: video[name] for name in ("url", "watermark_url") if isinstance(video.get(name), str)},
    )


def data_of(response: HttpResponse) -> Any:
    """Return what a successful answer is about; None for any other answer."""
    data = json_of(response)
    right = 200 <= response.status_code < 300 and isinstance(data, dict) and data.get("code", 0) == 0
    return data.get("data") if right else None


def said(response: HttpResponse) -> str:
    """Return an answer in words, for messages."""
    code, message = code_of(response), _message(response)
    return f"Kling answered {response.status_code}{f' ({code})' if code else ''}{f': {message}' if message else ''}"


def _message(response: HttpResponse) -> str:
    data = json_of(response)
    return str(data.get("message") or "").rstrip(".") if isinstance(data, dict) else ""


def _names_task(data: Any) -> bool:
    """Return whether an answer names a task anywhere, in whatever form its id is."""
    if isinstance(data, list):
        return any(_names_task(one) for one in data)
    return isinstance(data, dict) and (bool(data.get("task_id")) or _names_task([*data.values()]))


def refusal(response: HttpResponse) -> ReelworkError:
    """Return the error to raise for an answer to a create that names no task of ours."""
    status, code, words, about = response.status_code, code_of(response), said(response), _message(response)
    data = json_of(response)
    named = task_of(data.get("data")) if isinstance(data, dict) else None
    # The order is by how much is at stake: a task that is named, or said to exist, was started.
    if refusals.says_exists(status, str(code), about) or "external_task_id" in about:
        return AlreadyThere(words, remote_id=named.id if named else "")
    # A gateway that tries again may answer for the last of several tries.
    again = status == 429 and refusals.comes_from_repeater(response, False)
    # Nor does a code of Kling's make a status a refusal that comes after a request was passed on.
    if _names_task(data) or again or status < 400 or status in (408, 409) or status >= 500:
        return OutcomeUnknown(words)
    asked = number_of(response.headers.get("retry-after"))
    if code in _PAUSES:
        return NotSent(f"{words}: {_PAUSES[code][0]}", retry_after=_PAUSES[code][1] if asked is None else asked)
    if code in _FUNDS or refusals.says_no_funds(status, str(code), about):
        why = _FUNDS.get(code, "the account has no money or units left")
        return OutOfFunds(f"{words}: {why}.", hint="Put the account in order at Kling, then resume the job.")
    if status == 401 or code == 1304:
        hint = (
            "Allow this machine's public address at Kling." if code == 1304 else "Check access_key and secret_key."
        )
        return NotSent(words, lasting=True, hint=hint)
    if status == 429:
        return NotSent(f"{words}: too many requests", retry_after=5.0 if asked is None else asked)
    if status not in _REFUSED:
        return OutcomeUnknown(words)
    hint = "Change the prompt." if code == 1301 else _HINTS.get(status, "")
    return Rejected(words, code=str(code or status), hint=hint)
