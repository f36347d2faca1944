"""Reads Kling's answers: a task, and a refusal with what it means for money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue

from reelwork_hooks import (
    Answer,
    Candidate,
    Meaning,
    ReelworkError,
    Refusals,
    RenderStatus,
    Submitted,
    number_of,
    text_at,
    time_of,
    value_at,
)

_STATES: Mapping[str, Any] = {"submitted": "queued", "succeed": "completed", "failed": "failed"}
_ORDER = "Put the account in order at Kling, then resume the job."
_OUR_ID = "external_task_id"
_REFUSALS = Refusals(
    codes={
        # A refusal that is about our own id: a task has it already.
        _OUR_ID: Meaning("exists"),
        # These three come with 429, as if waiting would help.
        "1100": Meaning("funds", "the account is not in order", _ORDER),
        "1101": Meaning("funds", "the account is in arrears", _ORDER),
        "1102": Meaning("funds", "the resource pack is used up or has ended", _ORDER),
        # A place is free again when a render ends, which takes minutes.
        "1302": Meaning("wait", "too many requests", seconds=5.0),
        "1303": Meaning("wait", "the account has as many renders under way as it may", seconds=30.0),
        "1304": Meaning("lasting", hint="Allow this machine's public address at Kling."),
        "1301": Meaning("rejected", hint="Change the prompt."),
    },
    statuses={
        401: Meaning("lasting", hint="Check access_key and secret_key."),
        403: Meaning("rejected", hint="Check that the account may use this model."),
        404: Meaning("rejected", hint="Check base_url and the model's name."),
    },
    no_funds=Meaning("funds", "the account has no money or units left", _ORDER),
    pause=5.0,
)


@dataclass(frozen=True, slots=True)
class Task:
    """One render, as Kling describes it."""

    id: str
    word: str
    message: str
    ref: str | None
    """Our own id. Empty: it has none. None: the answer does not tell."""
    created_at: datetime | None
    units: float | None
    """What it cost, once it has ended."""
    links: Mapping[str, JsonValue]

    def status(self) -> RenderStatus:
        """Return it as `poll` reports it."""
        state, made = _STATES.get(self.word, "running"), self.created_at
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
        return Candidate(result, self.ref, state=state, created_at=self.created_at)


def task_of(data: Any) -> Task | None:
    """Return the task in one object; None when it has no id."""
    if not text_at(data, "task_id"):
        return None
    video = {name: text_at(data, "task_result", "videos", 0, name) for name in ("url", "watermark_url")}
    told = isinstance(value_at(data, "task_info"), dict)
    return Task(
        id=data["task_id"],
        word=str(data.get("task_status") or ""),
        message=str(data.get("task_status_msg") or ""),
        ref=str(value_at(data, "task_info", _OUR_ID) or "") if told else None,
        created_at=time_of(data.get("created_at")),
        units=number_of(data.get("final_unit_deduction")),
        links={name: link for name, link in video.items() if link},
    )


def data_of(answer: Answer) -> Any:
    """Return what a successful answer is about; None for any other answer."""
    return answer.at("data") if answer.ok and answer.object.get("code", 0) == 0 else None


def said(answer: Answer) -> str:
    """Return an answer in words, for messages."""
    return f"Kling answered {answer.words}"


def _names_task(data: Any) -> bool:
    """Return whether an answer names a task anywhere, in whatever form its id is."""
    if isinstance(data, list):
        return any(_names_task(one) for one in data)
    return isinstance(data, dict) and (bool(data.get("task_id")) or _names_task([*data.values()]))


def refusal(answer: Answer) -> ReelworkError:
    """Return the error to raise for an answer to a create that names no task of ours."""
    code = _OUR_ID if _OUR_ID in answer.message else answer.code
    remote_id, named = answer.text_at("data", "task_id"), _names_task(answer.body)
    return _REFUSALS.of(answer, said(answer), code=code, remote_id=remote_id, named=named)
