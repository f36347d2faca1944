"""The work of each of fal's routes when nothing goes wrong."""

from __future__ import annotations

import base64
import binascii
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.fal.asks import read_input
from reelwork_plugins.simulator.forms import Form, Upload
from reelwork_plugins.simulator.handlers import Reply, check_limits, clip_file
from reelwork_plugins.simulator.jobs import Job
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.simulation import Simulation

_WORDS = {"queued": "IN_QUEUE", "in_progress": "IN_PROGRESS", "completed": "COMPLETED", "failed": "COMPLETED"}
# Those a model answers with when it refuses its input (fal.ai/docs/documentation/model-apis/errors).
_OF_INPUT = ("value_error", "missing", "literal_error", "url_scheme", "string_too_long", "file_download_error")
_POLICY = "content_policy_violation"
_PAGE, _LONGEST_PAGE = 50, 100


async def submit(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """POST /{model}: the queue takes any input; whether it is right the model says."""
    model = request.path_params["model"].strip("/")
    if model.count("/") < 1 or (sim.settings.models and model not in sim.settings.models):
        raise Refused(404, f"Application '{model}' not found")
    if form.kind not in dialect.bodies or form.problem:
        raise Refused(400, f"Could not read the request: {form.problem or 'give JSON'}")
    check_limits(sim)
    ask, wrong = read_input(model, form.fields, sim.uploads)
    failure = "" if wrong is None else f"{wrong.code}: {wrong.field}: {wrong.message}"
    job = sim.create(dialect, ask, failure=failure)
    return Reply(
        {**_urls(request, job), "status": "IN_QUEUE", "queue_position": _position(sim, job)}, job_id=job.id
    )


async def status(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """GET .../requests/{id}/status."""
    job, now = _find(sim, dialect, request), time.time()
    word = _WORDS[job.state(now)]
    shown: dict[str, Any] = {"status": word, **_urls(request, job)}
    if word == "IN_QUEUE":
        return Reply({**shown, "queue_position": _position(sim, job)}, 202)
    shown["logs"] = [] if request.query_params.get("logs") == "1" else None
    if word == "IN_PROGRESS":
        return Reply(shown, 202)
    shown["metrics"] = {"inference_time": (job.ended_at or now) - (job.started_at or now)}
    http, code, _, message = _failure(job)
    # Only trouble of its own is told here. What the model says of its input is its result.
    if http >= 500:
        shown |= {"error": message, "error_type": code}
    return Reply(shown)


async def result(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """GET .../requests/{id}: the model's own answer, with its status."""
    job, now = _find(sim, dialect, request), time.time()
    if job.ended_at is None:
        raise Refused(400, "Request is still in progress")
    if dialect.expires_after and now > job.ended_at + dialect.expires_after:
        raise _gone(job.id)
    http, code, field, message = _failure(job)
    if http:
        raise Refused(http, message, param=field, code=code, headers={"x-fal-error-type": code})
    return Reply(_output(job, _here(request)))


async def cancel(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """PUT .../requests/{id}/cancel."""
    job, now = _find(sim, dialect, request), time.time()
    state = job.state(now)
    if state in ("completed", "failed"):
        return Reply({"success": False, "status": "ALREADY_COMPLETED"}, 400)
    if state == "queued":
        sim.delete(job)
        return Reply({"success": True, "status": "OK"})
    return Reply({"success": True, "status": "CANCELLATION_REQUESTED"}, 202)


async def list_requests(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """GET /v1/models/requests/by-endpoint: what has ended, the newest end first."""
    query, now = request.query_params, time.time()
    endpoints = {one for text in query.getlist("endpoint_id") for one in text.split(",")}
    if not endpoints:
        raise Refused(422, "field required", param="endpoint_id", code="missing", where="query")
    one, start, end = (
        query.get("request_id"),
        _moment(query.get("start"), "start"),
        _moment(query.get("end"), "end"),
    )
    start = (now - 86_400 * (90 if one else 1)) if start is None else start
    ended = [
        job for job in sim.store.everything(now)
        if job.dialect == dialect.name and job.ended_at is not None and job.ask.model in endpoints
        and start <= job.ended_at < (now + 1 if end is None else end) and (one is None or job.id == one)
    ]  # fmt: skip
    ended.sort(key=lambda job: (job.ended_at or 0.0, job.seq), reverse=True)
    limit, page = _limit(query.get("limit")), _page(query.get("cursor"))
    shown = ended[page * limit : (page + 1) * limit]
    more = len(ended) > (page + 1) * limit
    payloads = query.get("expand") == "payloads"
    items = [_item(job, payloads=payloads, here=_here(request)) for job in shown]
    cursor = base64.b64encode(str(page + 1).encode()).decode() if more else None
    return Reply({"items": items, "next_cursor": cursor, "has_more": more})


async def begin_upload(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """POST /storage/upload/initiate."""
    name, kind = form.fields.get("file_name"), form.fields.get("content_type")
    if not isinstance(name, str) or not isinstance(kind, str):
        raise Refused(422, "field required", param="file_name", code="missing")
    # The address itself is the proof that it came from here, as a signed one is at fal.
    kept = f"{uuid.uuid4().hex}_{quote(name.rpartition('/')[2], safe='')}"
    sim.uploads[kept] = Upload(kept, kind, b"")
    place = f"{_here(request)}/uploads/{kept}"
    return Reply({"upload_url": place, "file_url": place})


async def upload(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """PUT the bytes of a file to the address that `begin_upload` gave."""
    kept = sim.uploads.get(request.path_params["name"])
    if kept is None or form.cut or not form.content:
        raise Refused(403 if kept is None else 400, "The signature does not match, or there are no bytes.")
    sim.uploads[kept.name] = Upload(kept.name, kept.content_type, form.content)
    return Reply({})


async def uploaded(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """GET an uploaded file."""
    kept = sim.uploads.get(request.path_params["name"])
    if kept is None or not kept.content:
        raise Refused(404, "Not Found")
    return Reply(raw=Response(kept.content, media_type=kept.content_type))


async def video(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """GET the video of a finished request."""
    job = _find(sim, dialect, request)
    if job.state(time.time()) != "completed":
        raise Refused(404, "Not Found")
    return await clip_file(sim, job, "video")


def _find(sim: Simulation, dialect: Dialect, request: Request) -> Job:
    request_id = request.path_params["request_id"]
    job = sim.store.get(dialect.name, request_id, time.time())
    app = request.path_params.get("app", "")
    # The path names owner and app only: `fal-ai/veo3.1/lite` is asked for below `fal-ai/veo3.1`.
    if job is None or not f"{job.ask.model}/".startswith(f"{app}/" if app else ""):
        raise _gone(request_id)
    return job


def _gone(request_id: str) -> Refused:
    return Refused(404, f"Request {request_id} not found")


def _here(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _urls(request: Request, job: Job) -> dict[str, str]:
    one = f"{_here(request)}/{'/'.join(job.ask.model.split('/')[:2])}/requests/{job.id}"
    return {"request_id": job.id, "response_url": one, "status_url": f"{one}/status", "cancel_url": f"{one}/cancel"}


def _position(sim: Simulation, job: Job) -> int:
    return sim.store.ahead_of(job, time.time())


def _failure(job: Job) -> tuple[int, str, str | None, str]:
    """Return status, code, field and words of a failed request; the status 0 for one that did not fail."""
    if not job.fate.failure:
        return 0, "", None, ""
    code, _, rest = job.fate.failure.partition(": ")
    field, _, message = rest.partition(": ")
    if code == _POLICY:
        return 422, code, "prompt", "The content was flagged by a content checker."
    if code in _OF_INPUT:
        return 422, code, field or "input", message or code
    return 504 if "timeout" in code else 500, code, None, f"The request failed ({code})"


def _output(job: Job, here: str) -> Mapping[str, Any]:
    url = f"{here}/files/{job.id}/video.mp4"
    made = {"video": {"url": url, "content_type": "video/mp4", "file_name": "video.mp4"}}
    return made if job.ask.seed is None else {**made, "seed": job.ask.seed}


def _item(job: Job, *, payloads: bool, here: str) -> dict[str, Any]:
    http, code, field, message = _failure(job)
    shown: dict[str, Any] = {
        "request_id": job.id, "endpoint_id": job.ask.model, "sent_at": _text(job.created_at),
        "started_at": _text(job.started_at), "ended_at": _text(job.ended_at), "status_code": http or 200,
        "duration": (job.ended_at or 0.0) - (job.started_at or 0.0),
    }  # fmt: skip
    if payloads:
        shown["json_input"] = dict(job.ask.given)
        failed = {"detail": [{"loc": ["body", field or "input"], "msg": message, "type": code}]}
        shown["json_output"] = failed if http else _output(job, here)
    return shown


def _text(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def _moment(text: str | None, name: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise Refused(422, "invalid datetime format", param=name, code="value_error", where="query") from None
    return None if moment is None else (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _limit(text: str | None) -> int:
    if text is None:
        return _PAGE
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= _LONGEST_PAGE:
        message = f"ensure this value is from 1 to {_LONGEST_PAGE}"
        raise Refused(422, message, param="limit", code="value_error", where="query")
    return int(text)


def _page(cursor: str | None) -> int:
    try:
        text = base64.b64decode(cursor, validate=True).decode() if cursor else "0"
        return min(int(text[:6]), 100_000)
    except (binascii.Error, ValueError):
        raise Refused(422, "invalid cursor", param="cursor", code="value_error", where="query") from None
