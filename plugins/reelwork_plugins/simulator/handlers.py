"""The work of each route when nothing goes wrong."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from reelwork_plugins.simulator.asks import read_prompt
from reelwork_plugins.simulator.creates import read_ask
from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.faults import Fault
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.jobs import Job
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.shapes import (
    Links,
    backend_of,
    catalogue_json,
    deleted_json,
    failure_status,
    list_json,
    shown_as_completed,
    video_json,
)
from reelwork_plugins.simulator.simulation import Simulation

STORED_SECONDS = 3600
"""Seconds for which a stored copy and the link to it last."""
_VARIANTS = {"video": "video/mp4", "thumbnail": "image/webp", "spritesheet": "image/jpeg"}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: JSON or a file, and the job that was made, if one was."""

    payload: Any = field(default_factory=dict)
    status: int = 200
    file: FileResponse | None = None
    raw: Response | None = None
    """Instead of JSON, an answer as it is."""
    headers: Mapping[str, str] = field(default_factory=dict)
    job_id: str | None = None
    alter: Callable[[Fault, Any], Any] | None = None
    """Changes the payload as a fault says, in a protocol whose answers look otherwise."""
    id_headers: tuple[str, ...] = ()
    """The headers that name what was made."""


Handler = Callable[[Simulation, Dialect, Request, Form], Awaitable[Reply]]


async def create(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """POST /v1/videos."""
    ask = read_ask(form, dialect, sim.settings.models)
    key = request.headers.get("idempotency-key")
    job = sim.made_for(dialect, key)
    # A repeat with a known key makes nothing, so it does not count against the limits.
    if job is None:
        check_limits(sim)
        job = sim.create(dialect, ask)
        sim.keep_key(key, job)
    elif job.ask != ask:
        message = "This Idempotency-Key was used for another request."
        raise Refused(400, message, param="Idempotency-Key", code="idempotency_key_reused")
    return _accepted(job, dialect, request)


async def remix(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """POST /v1/videos/{id}/remix."""
    return _derive(sim, dialect, request.path_params["video_id"], form, request)


async def edit(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """POST /v1/videos/edits. Only videos that were made here can be edited."""
    video = form.fields.get("video")
    video_id = video.get("id") if isinstance(video, dict) else form.fields.get("video[id]")
    if not isinstance(video_id, str):
        message = "Give the id of a video that was made here: the simulator takes no video files."
        raise Refused(400, message, param="video", code="invalid_value")
    return _derive(sim, dialect, video_id, form, request)


def _derive(sim: Simulation, dialect: Dialect, source_id: str, form: Form, request: Request) -> Reply:
    if form.problem:
        raise Refused(400, f"Could not read the request: {form.problem}.", code="invalid_body")
    source = find(sim, dialect, source_id)
    if source.state(time.time()) != "completed":
        raise Refused(400, f"Video '{source_id}' is not completed.", param="video_id", code="video_not_ready")
    ask = replace(source.ask, prompt=read_prompt(form), picture=None)
    check_limits(sim)
    return _accepted(sim.create(dialect, ask, source.id), dialect, request)


def check_limits(sim: Simulation) -> None:
    """Raise `Refused` when there are too many renders, or too many requests for one, at the moment."""
    if sim.is_full():
        message = f"Too many videos at once: {sim.settings.refuse_above} are not done yet."
        raise Refused(429, message, code="rate_limit_exceeded")
    wait = sim.creates.wait(time.time())
    if wait:
        message = f"Rate limit reached: {sim.settings.creates_per_minute} videos per minute. Try again in {wait}s."
        raise Refused(429, message, code="rate_limit_exceeded", headers={"retry-after": str(wait)})


def _accepted(job: Job, dialect: Dialect, request: Request) -> Reply:
    payload = video_json(job, dialect, job.created_at, Links(_here(request)), fresh=True)
    return Reply(payload, dialect.accepted, job_id=job.id)


def _here(request: Request) -> str:
    """Return the address of a dialect as the request named it, without `/v1`."""
    return str(request.url).partition("/v1/")[0]


def _links(sim: Simulation, job: Job, request: Request) -> Links:
    """Return a job's links. Those to a stored copy last as long as the copy: an hour, by assumption."""
    here = _here(request)
    expires = int((job.ended_at or job.created_at) + STORED_SECONDS)
    signature = sim.sign_link(job, expires)
    stored = f"{here}/stored/{quote(job.id, safe='')}?expires={expires}&signature={signature}"
    return Links(here, stored, expires)


async def retrieve(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """GET /v1/videos/{id}."""
    job, now = find(sim, dialect, request.path_params["video_id"]), time.time()
    failed = dialect.failed_answer and job.state(now) == "failed"
    payload = video_json(job, dialect, now, _links(sim, job, request))
    return Reply(payload, failure_status(job) if failed else 200)


async def list_models(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """GET /v1/videos/models."""
    return Reply(catalogue_json(sim.settings.models))


async def list_videos(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """GET /v1/videos."""
    query, now = request.query_params, time.time()
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise _bad_query(dialect, "order", "'asc' or 'desc'")
    try:
        jobs, more = sim.store.page(
            dialect.name, now, after=query.get("after"), limit=_limit(dialect, query.get("limit")),
            newest_first=order == "desc",
        )  # fmt: skip
    except KeyError:
        # vLLM-Omni 0.30.0 answers an empty page for a cursor that it does not know (any more).
        if dialect.errors == "fastapi":
            return Reply(list_json([], False))
        raise Refused(400, "Invalid 'after': no such video.", param="after", code="invalid_value") from None
    shown = [video_json(job, dialect, now, _links(sim, job, request)) for job in jobs]
    return Reply(list_json(shown, more))


def _limit(dialect: Dialect, text: str | None) -> int | None:
    if text is None:
        return dialect.page
    least = dialect.shortest_page
    if not (text.isascii() and text.isdecimal()) or not least <= int(text[:9]) <= 100:
        raise _bad_query(dialect, "limit", f"a number from {least} to 100")
    return int(text)


def _bad_query(dialect: Dialect, name: str, expected: str) -> Refused:
    status = 422 if dialect.errors == "fastapi" else 400
    return Refused(status, f"Invalid '{name}': give {expected}.", param=name, code="invalid_value", where="query")


async def delete(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """DELETE /v1/videos/{id}."""
    job = find(sim, dialect, request.path_params["video_id"])
    if dialect.name == "litellm" and not backend_of(job).deletes:
        raise Refused(500, "video delete is not supported for this model's provider")
    if job.ended_at is None and dialect.deletes == "finished":
        message = f"Video '{job.id}' is not completed or failed; only then can it be deleted."
        raise Refused(400, message, param="video_id", code="video_not_ready")
    if dialect.deletes == "forgets":
        shown = {**video_json(job, dialect, time.time(), _links(sim, job, request)), "status": "deleted"}
        sim.delete(job)
        return Reply(shown)
    sim.delete(job)
    return Reply(deleted_json(job))


async def content(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """GET /v1/videos/{id}/content."""
    variant = request.query_params.get("variant", "video") if dialect.variants else "video"
    if variant not in _VARIANTS:
        message = f"Invalid value: '{variant}'. Supported values are: 'video', 'thumbnail', and 'spritesheet'."
        raise Refused(400, message, param="variant", code="invalid_value")
    job, now = find(sim, dialect, request.path_params["video_id"]), time.time()
    if job.fate.cloud and job.state(now) == "completed":
        link = _links(sim, job, request).stored
        raise Refused(400, f"Video has been uploaded to cloud storage. Please use the cloud URL: {link}")
    _check_ready(job, dialect, now)
    number = request.query_params.get(dialect.output, "0") if dialect.output else "0"
    if number != "0":
        raise Refused(404, f"Video {dialect.output} {number} not found")
    return await clip_file(sim, job, variant)


async def stored_content(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """GET a stored copy by its signed link, without a key."""
    job, query = find(sim, dialect, request.path_params["video_id"]), request.query_params
    expires = query.get("expires", "")
    # Cut, since `int()` raises from 4,300 digits on. A longer number was not signed here anyway.
    until = int(expires[:12]) if expires.isascii() and expires.isdecimal() else 0
    genuine = hmac.compare_digest(sim.sign_link(job, until).encode(), query.get("signature", "").encode())
    if not genuine or time.time() > until:
        raise Refused(403, "This link is not valid, or no longer.")
    _check_ready(job, dialect, time.time())
    return await clip_file(sim, job, "video")


async def clip_file(sim: Simulation, job: Job, variant: str) -> Reply:
    """Return the file of a finished job."""
    try:
        path = await (sim.clips.video(job) if variant == "video" else sim.clips.still(job, variant))
    except OSError as error:
        raise Refused(500, f"The simulator could not write the clip: {error.strerror or error}") from error
    name = f"{job.id}{path.suffix}"
    return Reply(file=FileResponse(path, media_type=_VARIANTS[variant], filename=name))


def _check_ready(job: Job, dialect: Dialect, now: float) -> None:
    state = job.state(now)
    if state == "failed":
        # LiteLLM calls some failed jobs completed, and finds out when their video is asked for.
        if shown_as_completed(job):
            raise Refused(500, "No video in the provider's response.")
        message = "Video generation failed. Check job status for error details."
        raise Refused(dialect.failed_content, message, code="video_generation_failed")
    if state != "completed":
        message = "Generation is still in-progress" if dialect.errors == "fastapi" else "Video is not ready yet."
        raise Refused(404, message, param="video_id", code="video_not_ready")
    if dialect.expires_after and job.ended_at is not None and now > job.ended_at + dialect.expires_after:
        raise expired()


def expired() -> Refused:
    """Return the refusal of a late download, in OpenAI's words (openchatui/openchat#107); the status is assumed."""
    message = "The video is no longer available. Downloads expire after 1 hours."
    return Refused(404, message, param="video_id", code="video_expired")


def find(sim: Simulation, dialect: Dialect, video_id: str) -> Job:
    """Return the job. Raises `Refused` with 404."""
    job = sim.store.get(dialect.name, video_id, time.time())
    if job is None:
        raise not_found(dialect, video_id)
    return job


def not_found(dialect: Dialect, video_id: str) -> Refused:
    """Return the refusal of an unknown id."""
    message = "Video not found" if dialect.errors == "fastapi" else f"Video with id '{video_id}' not found."
    return Refused(404, message, param="video_id", code="video_not_found")


async def unknown_url(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """Refuse every other address."""
    raise Refused(404, f"Invalid URL ({request.method} {request.url.path})", code="unknown_url")
