"""The protocol `kling`: Kling's video API, with its signed tokens and its own ids.

A failed render is not charged. `render:fail=charged` makes one that is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.routing import Route

from reelwork_plugins.simulator import handlers
from reelwork_plugins.simulator.dialects import OTHERS, Dialect
from reelwork_plugins.simulator.faults import Fault
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import STORED_SECONDS, Handler, Reply
from reelwork_plugins.simulator.jobs import Job
from reelwork_plugins.simulator.kling.asks import PATHS, read_ask
from reelwork_plugins.simulator.kling.tokens import check_token
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.routes import service_route
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

_WORDS = {"queued": "submitted", "in_progress": "processing", "completed": "succeed", "failed": "failed"}
_ROW = OTHERS["kling"]
MOST_PAGES, LARGEST_PAGE = 1000, 500


def routes(sim: Simulation) -> list[Route]:
    """Return the routes of both kinds of video, and of the stored clips."""
    found: list[Route] = []
    for path in PATHS:
        base = f"/v1/videos/{path}"
        table: tuple[tuple[str, str, str, Handler], ...] = (
            (base, "POST", "create", partial(create, path)),
            (base, "GET", "list", partial(list_tasks, path)),
            (f"{base}/{{task_id}}", "GET", "poll", partial(retrieve, path)),
        )
        found += [service_route(sim, _ROW, where, [method], name, handle) for where, method, name, handle in table]
    return [*found, service_route(sim, _ROW, "/stored/{video_id}", ["GET"], "content", handlers.stored_content)]


def row(settings: SimulatorSettings) -> Dialect:
    """Return the facts by which unknown addresses are answered."""
    return _ROW


def welcome(settings: SimulatorSettings, address: str, *, fresh_secret: bool) -> list[str]:
    """Return what to tell the person who started it."""
    keys = (
        "to the two parts of --api-key" if settings.api_key else "to anything: only a token's form and times count"
    )
    return [
        f"The simulator is ready at {address}, and plays Kling. It costs nothing; Ctrl-C stops it.",
        f"Set KLING_ACCESS_KEY and KLING_SECRET_KEY {keys}.",
        "Point a workflow at it with these lines:",
        "",
        "[provider]",
        'use = "kling"',
        f'base_url = "{address}"',
        'access_key = "env:KLING_ACCESS_KEY"',
        'secret_key = "env:KLING_SECRET_KEY"',
        "",
    ]


async def create(path: str, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """POST /v1/videos/PATH."""
    _admit(sim, request)
    ask = read_ask(form, path)
    # Unique within the account, whatever the path.
    if ask.ref and not sim.switchboard.pick("ids") and _find(sim, ask.ref) is not None:
        raise Refused(400, f"external_task_id {ask.ref} already exists", code="1201")
    if sim.is_full():
        raise Refused(429, "parallel task over resource pack limit", code="1303")
    if wait := sim.creates.wait(time.time()):
        raise Refused(429, "API request over rate limit", code="1302", headers={"retry-after": str(wait)})
    job = sim.create(dialect, ask)
    return _reply(_short(job, "submitted"), job)


async def list_tasks(path: str, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """GET /v1/videos/PATH."""
    _admit(sim, request)
    number, size = _count(request, "pageNum", 1, MOST_PAGES), _count(request, "pageSize", 30, LARGEST_PAGE)
    jobs, _ = sim.store.page(dialect.name, time.time(), after=None, limit=None, newest_first=True)
    mine = [job for job in jobs if job.ask.path == path]
    return _reply([_task(sim, job, request) for job in mine[(number - 1) * size : number * size]])


async def retrieve(path: str, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
    """GET /v1/videos/PATH/ID, by the task's id or our own."""
    _admit(sim, request)
    job = _find(sim, request.path_params["task_id"])
    if job is None or job.ask.path != path:
        raise Refused(404, f"task not found: {request.path_params['task_id']}", code="1203")
    return _reply(_task(sim, job, request))


def _admit(sim: Simulation, request: Request) -> None:
    check_token(request.headers.get("authorization", ""), sim.settings.api_key, time.time() + request.state.skew)


def _find(sim: Simulation, name: str) -> Job | None:
    now = time.time()
    jobs, _ = sim.store.page(_ROW.name, now, after=None, limit=None, newest_first=True)
    return next((job for job in jobs if name in (job.id, job.ask.ref)), None)


def _count(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text) or int(text) > most:
        raise Refused(400, f"Request parameters are invalid: {name} must be 1 to {most}", code="1201")
    return int(text)


def _short(job: Job, word: str) -> dict[str, Any]:
    made = int(job.created_at * 1000)
    info = {"external_task_id": job.ask.ref} if job.ask.ref else {}
    return {"task_id": job.id, "task_info": info, "task_status": word, "created_at": made, "updated_at": made}


def _task(sim: Simulation, job: Job, request: Request) -> dict[str, Any]:
    state = job.state(time.time())
    shown = {**_short(job, _WORDS[state]), "task_status_msg": ""}
    if job.ended_at is not None:
        shown["updated_at"] = int(job.ended_at * 1000)
        failed = state == "failed"
        shown["final_unit_deduction"] = "0" if failed and job.fate.failure != "charged" else job.ask.seconds
        if failed:
            shown["task_status_msg"] = f"The video could not be made ({job.fate.failure})"
    if state == "completed":
        expires = int(job.ended_at or job.created_at) + STORED_SECONDS
        here = str(request.base_url).rstrip("/")
        link = f"{here}/stored/{job.id}?expires={expires}&signature={sim.sign_link(job, expires)}"
        video = {"id": uuid4().hex, "url": link, "watermark_url": link, "duration": job.ask.seconds}
        shown["task_result"] = {"videos": [video]}
    return shown


def _reply(data: Any, job: Job | None = None) -> Reply:
    payload = {"code": 0, "message": "SUCCEED", "request_id": uuid4().hex, "data": data}
    return Reply(payload, job_id=job.id if job else None, alter=_altered)


def _altered(fault: Fault, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer as a fault changes it."""
    data = payload["data"]
    if fault.kind == "no-id":
        data = {name: value for name, value in data.items() if name != "task_id"}
    elif fault.kind == "empty":
        data = []
    elif fault.kind == "unknown-status":
        word = {"task_status": fault.value}
        data = [{**one, **word} for one in data] if isinstance(data, list) else {**data, **word}
    return {**payload, "data": data}
