"""From a request to its answer: log, key, limit, fault, handler, answer."""

from __future__ import annotations

import asyncio
import hmac
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.types import Message, Receive, Scope, Send

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.faults import Fault
from reelwork_plugins.simulator.forms import Form, read_form
from reelwork_plugins.simulator.handlers import Handler, Reply, expired, not_found, stored_content
from reelwork_plugins.simulator.json_answer import Json
from reelwork_plugins.simulator.log import RequestLog, safe_headers, safe_path
from reelwork_plugins.simulator.moderation import bare
from reelwork_plugins.simulator.refusals import (
    Refused,
    error_body,
    graph_refusal,
    kling_refusal,
    linkedin_refusal,
    phrase,
    tiktok_refusal,
    x_refusal,
    youtube_refusal,
)
from reelwork_plugins.simulator.responses import Dropped, Late, Truncated, endless, web_page
from reelwork_plugins.simulator.simulation import Simulation

_REFUSALS: Mapping[str, Callable[[str], Refused]] = {"tiktok": tiktok_refusal, "linkedin": linkedin_refusal}
"""The refusals with a network's own codes; Meta's are those of several."""


async def answer(
    sim: Simulation,
    dialect: Dialect,
    named: str | Callable[[Request], str],
    handler: Handler,
    request: Request,
) -> Response:
    """Answer one request to the simulated service, and write everything down."""
    form = await read_form(request, dialect.largest_body)
    request.state.form = form
    operation = named if isinstance(named, str) else named(request)
    request_id = f"req_{uuid.uuid4().hex}"
    # Before anything is decided: the log is what judges the client, and has the requests that get no answer, too.
    entry = sim.log.received(
        request_id=request_id, method=request.method, path=safe_path(request), query=dict(request.query_params),
        operation=operation, dialect=dialect.name, headers=safe_headers(request.headers), fields=form.shown(),
        body=form.kind, problem=form.problem or None, idempotency_key=request.headers.get("idempotency-key"),
    )  # fmt: skip
    fault, reply = None, None
    request.state.skew = _skew(sim.switchboard.pick("clock"))
    try:
        _admit(sim, dialect, operation, handler, request)
        fault = sim.switchboard.pick(operation)
        response, reply = await _carry_out(sim, dialect, handler, request, form, fault)
    except Refused as refused:
        response = _error(dialect, refused)
    dropped = isinstance(response, Dropped | Truncated)
    sim.log.note(
        entry, fault=fault.spec if fault else None, job_id=reply.job_id if reply else None, dropped=dropped
    )  # fmt: skip
    # fal names a request by the id it has in the queue.
    own_id = reply.job_id if dialect.errors == "fal" and reply is not None and fault is None else None
    _add_headers(response, sim, dialect, own_id or request_id)
    return Noted(response, sim.log, entry, request.state.skew)


def _skew(fault: Fault | None) -> float:
    """Return the seconds by which the service's clock is ahead."""
    return 0.0 if fault is None else fault.seconds if fault.kind == "ahead" else -fault.seconds


class Noted(Response):
    """An answer that gets the service's time, and whose status is logged just before it leaves."""

    def __init__(self, response: Response, log: RequestLog, entry: dict[str, Any], skew: float) -> None:
        self._skew = skew
        self._response = response
        self._log = log
        self._entry = entry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._log.note(self._entry, status=message["status"])
                date = formatdate(time.time() + self._skew, usegmt=True)
                message = {**message, "headers": [*message.get("headers", ()), (b"date", date.encode())]}
            await send(message)

        await self._response(scope, receive, send_noted)


def authorized(sim: Simulation, request: Request, scheme: str = "Bearer") -> bool:
    """Return whether the request carries the key, if one is required."""
    key = sim.settings.api_key
    # As bytes: `compare_digest` raises for texts that are not ASCII, and the header may hold anything.
    given = request.headers.get("authorization", "").encode("utf-8", "replace")
    return key is None or hmac.compare_digest(given, f"{scheme} {key}".encode())


def _admit(sim: Simulation, dialect: Dialect, operation: str, handler: Handler, request: Request) -> None:
    # A signed link carries its own proof, and is followed without the key.
    # An address to upload to was given to this client only, and is the proof of its right.
    sends = operation == "upload" and request.method == "PUT"
    public = dialect.public_content and (operation == "content" or sends)
    open_to_all = not dialect.keys or handler is stored_content or public
    if not open_to_all and not authorized(sim, request, dialect.scheme):
        message = f"Incorrect API key provided. Give the simulator's --api-key as: {dialect.scheme} KEY"
        raise Refused(401, message, code="invalid_api_key")
    wait = sim.limiter.wait(time.time())
    if wait:
        limit = sim.settings.requests_per_minute
        message = f"Rate limit reached: {limit} requests per minute. Try again in {wait}s."
        raise Refused(429, message, code="rate_limit_exceeded", headers={"retry-after": str(wait)})


async def _carry_out(
    sim: Simulation, dialect: Dialect, handler: Handler, request: Request, form: Form, fault: Fault | None
) -> tuple[Response, Reply | None]:
    if fault is None:
        reply = await handler(sim, dialect, request, form)
        return _plain(reply), reply
    if fault.kind == "accept-late":
        sim.do_later(fault.seconds, lambda: handler(sim, dialect, request, form))
        raise Refused(502, f"Bad Gateway (simulated: {fault.spec})")
    instead = await _before(fault, dialect, request)
    if instead is not None:
        return instead, None
    reply = await handler(sim, dialect, request, form)
    return _after(fault, dialect, reply), reply


def _plain(reply: Reply) -> Response:
    return reply.file or reply.raw or Json(reply.payload, reply.status, headers=dict(reply.headers))


async def _before(fault: Fault, dialect: Dialect, request: Request) -> Response | None:
    """Apply a fault before anything is done, and return its answer if it gives one. Raises `Refused`."""
    if fault.kind == "status":
        raise _status_fault(fault, dialect, request)
    if fault.kind == "no-funds":
        status, code, message = dialect.no_funds
        raise Refused(status, message, code=code)
    if fault.kind == "code":
        raise kling_refusal(fault.value)
    if fault.kind == "reason":
        raise youtube_refusal(fault.value)
    if fault.kind == "refusal":
        raise _REFUSALS.get(dialect.errors, graph_refusal)(fault.value)
    if fault.kind == "problem":
        raise x_refusal(fault.value)
    if fault.kind in ("slow", "silent"):
        await asyncio.sleep(fault.seconds)
    if fault.kind in ("drop", "drop-before", "silent"):
        return Dropped()
    if fault.kind == "html":
        return web_page()
    if fault.kind == "redirect":
        return RedirectResponse(fault.value, 302)
    if fault.kind == "expired":
        raise expired()
    if fault.kind == "empty" and fault.operation == "content":
        return Response(b"", media_type="video/mp4")
    return None


def _status_fault(fault: Fault, dialect: Dialect, request: Request) -> Refused:
    if fault.status == 404 and "video_id" in request.path_params:
        return not_found(dialect, request.path_params["video_id"])
    headers = {"retry-after": fault.retry_after} if fault.retry_after else None
    code = "rate_limit_exceeded" if fault.status == 429 else "simulated_fault"
    return Refused(fault.status, f"{phrase(fault.status)} (simulated: {fault.spec})", code=code, headers=headers)


def _after(fault: Fault, dialect: Dialect, reply: Reply) -> Response:
    """Return the answer as the fault changes it once the work is done."""
    if fault.kind == "accept-then-drop":
        return Dropped()
    if fault.kind == "accept-then-500":
        message = f"Internal Server Error (simulated: {fault.spec})"
        return _error(dialect, Refused(500, message, code="server_error"))
    if fault.kind == "accept-then-slow":
        return Late(_plain(reply), fault.seconds)
    if fault.kind == "accept-then-html":
        return web_page()
    if reply.file is not None:
        return _changed_file(fault, reply.file)
    if reply.raw is not None:
        return reply.raw
    if reply.alter is not None:
        hidden = reply.id_headers if fault.kind == "no-id" else ()
        headers = {name: value for name, value in reply.headers.items() if name not in hidden}
        return Json(reply.alter(fault, reply.payload), reply.status, headers=headers)
    return Json(_changed(fault, dialect, reply.payload), reply.status)


def _changed_file(fault: Fault, file: FileResponse) -> Response:
    if fault.kind == "truncate":
        return Truncated(file)
    if fault.kind == "endless":
        return endless(Path(file.path))
    if fault.kind == "filename":
        name = fault.value.replace("\\", "\\\\").replace('"', '\\"').encode("latin-1", "replace").decode("latin-1")
        file.headers["content-disposition"] = f'attachment; filename="{name}"'
    return file


def _changed(fault: Fault, dialect: Dialect, payload: Mapping[str, Any]) -> dict[str, Any]:
    changed, items = dict(payload), dialect.items_key
    if fault.kind == "no-id":
        del changed[dialect.id_key]
    elif fault.kind == "bare":
        changed["results"] = [bare(result) for result in changed["results"]]
    elif fault.kind == "empty":
        changed.update({name: None for name in ("first_id", "last_id", "next_cursor") if name in changed})
        changed.update({items: [], "has_more": False})
    elif fault.kind == "late":
        since = time.time() - fault.seconds
        changed[items] = [video for video in changed[items] if _listed_at(video) <= since]
    elif fault.operation == "list":
        changed[items] = [_changed_video(fault, video) for video in changed[items]]
    else:
        changed = _changed_video(fault, changed)
    return changed


def _changed_video(fault: Fault, video: Mapping[str, Any]) -> dict[str, Any]:
    changed = dict(video)
    if fault.kind == "unknown-status":
        changed["status"] = fault.value
    elif fault.kind == "no-prompt" and "prompt" in changed:
        changed["prompt"] = None
    elif fault.kind == "no-prompt" and isinstance(changed.get("json_input"), dict):
        changed["json_input"] = {**changed["json_input"], "prompt": None}
    return changed


def _listed_at(video: Mapping[str, Any]) -> float:
    """Return the time by which a list is ordered: the end of a render, or its beginning."""
    at = video.get("ended_at", video.get("created_at"))
    return datetime.fromisoformat(at).timestamp() if isinstance(at, str) else float(at or 0)


def _error(dialect: Dialect, refused: Refused) -> Response:
    return Json(error_body(dialect, refused), refused.status, headers=refused.headers)


def _add_headers(response: Response, sim: Simulation, dialect: Dialect, request_id: str) -> None:
    if dialect.request_id:
        response.headers[dialect.request_id] = request_id
    if dialect.poll_hint and isinstance(response, Json):
        # A quarter of a render: a client that listens polls neither too often nor too late.
        hint = min(max(sim.settings.render_seconds * 250, 20), 5000)
        response.headers["openai-poll-after-ms"] = str(round(hint))
