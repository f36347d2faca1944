"""Reads what servers answer: pure functions from JSON and headers to frozen values.

Nothing here trusts a key to be present or to have the type the protocol promises.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from pydantic import JsonValue

from reelwork_hooks import Answer, HttpResponse, RenderStatus, number_of, time_of
from reelwork_plugins.providers.videos_api import named, words
from reelwork_plugins.providers.videos_api.words import State

_URL_KEYS = ("url", "video_url", "result_url", "output_url", "download_url", "content_url", "file_url", "uri")
_HOLDERS = ("video", "metadata", "output", "result", "data", "videos", "outputs", "assets", "content")
"""Keys whose value is such a link, an object with one, or a list of either."""
_MOST_URLS = 8
"""Links of one video that are tried."""
_MAY_HOLD_URLS = frozenset({*_URL_KEYS, *_HOLDERS, "urls"})


@dataclass(frozen=True, slots=True)
class Job:
    """One video as a server describes it. Empty and None mean that it did not say."""

    id: str
    state: State
    word: str = ""
    progress: float | None = None
    error_code: str = ""
    error_message: str = ""
    urls: tuple[str, ...] = ()
    inline: bool = False
    """The answer carried the video itself, in base64."""
    cost: Any = None
    """As the server reported it, be it nonsense: the engine judges it."""
    expires_at: float | None = None
    created_at: float | None = None
    prompt: str | None = None
    model: str | None = None
    seconds: float | None = None
    size: str | None = None


def json_of(response: HttpResponse) -> Any:
    """Return the body as JSON, or None when it is not JSON."""
    # Not `Answer.of`, which holds the text as well: a body may carry a whole video.
    try:
        return response.json()
    except ValueError:
        return None


def read_job(data: Any, base_url: str = "") -> Job | None:
    """Return the video in a server's JSON, or None when it is no object with an id.

    Relative addresses start from `base_url`.
    """
    if not isinstance(data, dict):
        return None
    remote_id = next((text for key in ("id", "video_id", "task_id") if (text := _word(data.get(key)))), "")
    return _job(remote_id, data, base_url) if remote_id else created_job(data, base_url)


def created_job(data: Any, base_url: str = "") -> Job | None:
    """Return the video that a create's answer names, however it is wrapped; None when it names none or several."""
    # Of several ids none is believed: the wrong one would be polled for ever, and the paid video never collected.
    video = named.video_in(data)
    return _job(str(video["id"]), video, base_url) if video is not None else None


def read_unnamed(data: Any, remote_id: str, base_url: str) -> Job | None:
    """Return a finished video that came without an id, under ours; None when the answer holds no video."""
    if not isinstance(data, dict):
        return None
    job = _job(remote_id, data, base_url)
    return job if job.state != "failed" and (job.urls or job.inline) else None


def _job(remote_id: str, data: Mapping[str, Any], base_url: str) -> Job:
    code, message = read_error(data.get("error"))
    urls = _urls(data, base_url)
    inline = inline_video(data) is not None
    word = words.status_word(data)
    state = _state(word, failed=bool(code or message), there=bool(urls or inline))
    if not (code or message) and (state == "failed" or (state == "completed" and not urls and not inline)):
        code, message = read_error(words.reason_in(data, state))
    usage = data.get("usage")
    return Job(
        id=remote_id, state=state, word=word, progress=_progress(data.get("progress"), state),
        error_code=code, error_message=message, urls=urls, inline=inline,
        cost=usage.get("cost") if isinstance(usage, dict) else None,
        expires_at=_epoch(data.get("expires_at")),
        created_at=_epoch(data.get("created_at", data.get("created"))),
        prompt=data["prompt"] if isinstance(data.get("prompt"), str) else None,
        model=_word(data.get("model")) or None,
        seconds=number_of(data.get("seconds", data.get("duration"))),
        size=_word(data.get("size")) or None,
    )  # fmt: skip


def has_status(data: Any) -> bool:
    """Return whether a listed video has a status: some lists give ids only."""
    return isinstance(data, dict) and bool(words.status_word(data))


def _state(word: str, *, failed: bool, there: bool) -> State:
    """Return the state that the server's word means; without a word, the state that the rest shows."""
    if not word:
        return "failed" if failed else "completed" if there else "running"
    return words.state_of(word)


def read_error(error: Any) -> tuple[str, str]:
    """Return code and message from whatever stands for an error: nothing, text, an object, FastAPI's list."""
    # TensorRT-LLM (@0509ccc) and NVIDIA Dynamo (@09aa205) give text, SGLang 0.5.23 an object without a code.
    if error is None or error is False:
        return "", ""
    if isinstance(error, list):
        return "", "; ".join(text for item in error if (text := read_error(item)[1]))
    if not isinstance(error, dict):
        return "", str(error)
    message = error.get("message") or error.get("msg") or error.get("detail") or ""
    where = ".".join(str(step) for step in error["loc"]) if isinstance(error.get("loc"), list) else ""
    text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
    return _word(error.get("code")) or _word(error.get("type")), f"{where}: {text}" if where else text


def read_refusal(response: HttpResponse) -> tuple[str, str]:
    """Return code and message of an HTTP error, in the shape of OpenAI, FastAPI or plain text."""
    # Not shortened here: secrets are masked further on, and half a key would not be recognised.
    data = json_of(response)
    if isinstance(data, dict):
        for key in ("error", "detail"):
            code, message = read_error(data.get(key))
            if code or message:
                return code, message
        code, message = read_error(data)
        return code, message
    return "", "" if Answer.of(response).is_html else " ".join(response.text.split())


def job_in_error(response: HttpResponse, remote_id: str, base_url: str) -> Job | None:
    """Return the failed video that an answer other than 2xx describes, or None when it is a plain HTTP error."""
    # vLLM-Omni 0.30.0 answers a poll of a failed job with 4xx or 5xx and the whole job. Taken for a server in
    # trouble, it would be polled without end.
    data = json_of(response)
    if isinstance(data, dict) and data.get("object") == "video" and "id" not in data:
        data = {**data, "id": remote_id}
    job = read_job(data, base_url)
    # An error that names another video, or none, is no end of this one.
    return job if job is not None and job.id == remote_id and job.state == "failed" else None


def to_status(job: Job, *, poll_after: float | None = None, links: bool = True) -> RenderStatus:
    """Return the status that `poll` reports for a job.

    Without `links`, its details leave out the job's own links and when they expire.
    """
    details: dict[str, JsonValue] = {}
    if job.urls and links:
        details["urls"] = list(job.urls)
    if job.inline:
        details["inline"] = True
    if job.expires_at is not None and links:
        details["expires_at"] = job.expires_at
    return RenderStatus(
        remote_id=job.id, state=job.state, word=job.word, progress=job.progress,
        error_code=job.error_code, error_message=job.error_message,
        cost=job.cost, expires_at=time_of(job.expires_at), poll_after=poll_after, details=details,
    )  # fmt: skip


def inline_video(data: Any) -> str | None:
    """Return the base64 text of a video within an answer, bare or as a `data:` link."""
    if not isinstance(data, dict):
        return None
    for item in (data, *(one for key in _HOLDERS for one in _each(data.get(key)))):
        texts = [item.get(key) for key in ("b64_json", *_URL_KEYS)] if isinstance(item, dict) else [None, item]
        if isinstance(texts[0], str) and texts[0]:
            return texts[0]
        # Other `data:` links are previews: a picture must not be taken for the paid video.
        links = (text for text in texts if isinstance(text, str) and text.startswith("data:video/"))
        if (link := next(links, None)) is not None:
            return link
    return None


def _urls(data: Mapping[str, Any], base_url: str) -> tuple[str, ...]:
    if _MAY_HOLD_URLS.isdisjoint(data):
        return ()
    held = [one for key in _HOLDERS for one in _each(data.get(key))]
    found = [holder.get(key) for holder in (data, *held) if isinstance(holder, dict) for key in _URL_KEYS]
    # A bare text is a link where it says so; elsewhere it may be anything, such as a name.
    found += [text for text in held if isinstance(text, str) and text.startswith(("http://", "https://"))]
    found += _each(data.get("urls"))
    links = (_link(base_url, text) for text in found if isinstance(text, str) and text)
    return tuple(dict.fromkeys(link for link in links if link))[:_MOST_URLS]


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _link(base_url: str, text: str) -> str:
    """Return the address that a link means; empty for what is not an http(s) address."""
    # NVIDIA Dynamo (@09aa205) may give a `file://` link. Opened here, it would read any file of this machine.
    try:
        link = urljoin(f"{base_url}/", text)
        return link if urlsplit(link).scheme in ("http", "https") else ""
    except ValueError:
        return ""


def _word(value: Any) -> str:
    if type(value) is str:
        return value
    return "" if value is None or isinstance(value, bool | dict | list) else str(value)


def _progress(value: Any, state: State) -> float | None:
    """Return per cent. A number up to 1 with a decimal point is a fraction; a whole number is per cent."""
    if state == "completed":
        return 100.0
    number = number_of(value)
    if number is None:
        return None
    fraction = isinstance(value, float) and 0 < number <= 1
    return min(max(number * 100 if fraction else number, 0.0), 100.0)


def _epoch(value: Any) -> float | None:
    """Return seconds since 1970 from seconds, milliseconds or an ISO date, which is UTC without a zone."""
    number = number_of(value)
    if number is not None:
        # In milliseconds 1e11 was 1973; in seconds it is the year 5138.
        return number / 1000 if number > 1e11 else number
    try:
        moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        # Read in this machine's zone, a new video would look hours old, and the ledger would not take it for ours.
        return None if moment is None else (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds the server asked us to wait, in `retry-after-ms` or `Retry-After` (seconds or a date)."""
    asked = {name: headers[name] for name in ("retry-after-ms", "retry-after") if name in headers}
    # By the engine's clock, as the wait itself is counted.
    return Answer(0, None, {**asked, "date": format_datetime(now)}).retry_after


def poll_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds until the next poll that the server suggests.

    They are in `openai-poll-after-ms` or `Retry-After`.
    """
    asked = headers.get("openai-poll-after-ms", "")
    if number_of(asked) is None:
        return retry_after(headers, now)
    return retry_after({"retry-after-ms": asked}, now)
