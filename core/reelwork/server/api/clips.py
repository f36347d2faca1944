"""The videos of jobs, whole or in parts, and their thumbnails."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Message, Receive, Scope, Send

from reelwork.server import tokens
from reelwork.server.api.asking import Asked, query_of
from reelwork.server.api.jobs import job_named
from reelwork.server.operations import Header, Operation, Served
from reelwork.server.problems import Problem, answer_of
from reelwork.studio.job_view import JobView, view_of


class Shaped(Asked):
    """Which of a job's videos."""

    shape: Annotated[int, Field(ge=0, le=1000)] | None = None
    """The place of one in `shapes`, from 0; the job's own video when it is not given."""


class _File(FileResponse):
    """A file whose refusals are problem documents."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, or the part that is asked for."""
        refused: HTTPStatus | None = None

        async def passing(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] >= HTTPStatus.BAD_REQUEST:
                refused = HTTPStatus(message["status"])
            if refused is None:
                await send(message)

        await super().__call__(scope, receive, passing)
        if refused is not None:
            assert self.stat_result is not None
            size = {"Content-Range": f"bytes */{self.stat_result.st_size}"}
            problem = Problem(
                refused, "There is no such part of the file.", hint="See Content-Range.", headers=size
            )
            await answer_of(problem)(scope, receive, send)


def show_clip(served: Served, request: Request) -> Response:
    """Return the video of a job, or the part that `Range` asks for."""
    return _file(served, request, "video")


def show_thumbnail(served: Served, request: Request) -> Response:
    """Return the thumbnail of a job."""
    return _file(served, request, "thumbnail")


def _file(served: Served, request: Request, what: str) -> Response:
    asked = query_of(request, Shaped)
    view = view_of(job_named(served.store, request.path_params["job"]))
    told = _of(view, asked.shape).get(what)
    if not told:
        raise Problem(HTTPStatus.NOT_FOUND, f"The job {view.id} has no {what}.", hint=f"It is {view.status}.")
    path = Path(told)
    try:
        facts = path.stat()
    except OSError as error:
        raise Problem(
            HTTPStatus.NOT_FOUND, f"The {what} of the job {view.id} is not on this machine any more.",
            hint="What was stored elsewhere is under stored_at.",
        ) from error  # fmt: skip
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    name = f"{view.id}{path.suffix}"
    return _File(path, media_type=kind, stat_result=facts, filename=name, content_disposition_type="inline")


def _of(view: JobView, shape: int | None) -> Mapping[str, Any]:
    if shape is None:
        return {"video": view.video, "thumbnail": view.thumbnail}
    return view.shapes[shape] if shape < len(view.shapes) else {}


RANGE = (Header("Range", "The part that is asked for, such as `bytes=0-1023`.", r"^bytes=[0-9]+-[0-9]*$"),)
OPERATIONS = (
    Operation(
        path="/api/v1/jobs/{job}/clip",
        scope=tokens.Scope.READ,
        answer=show_clip,
        query=Shaped,
        media="video/*",
        also=(HTTPStatus.PARTIAL_CONTENT,),
        headers=RANGE,
    ),
    Operation(
        path="/api/v1/jobs/{job}/thumbnail",
        scope=tokens.Scope.READ,
        answer=show_thumbnail,
        query=Shaped,
        media="image/*",
        also=(HTTPStatus.PARTIAL_CONTENT,),
        headers=RANGE,
    ),
)
