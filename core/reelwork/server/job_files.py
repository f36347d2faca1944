"""The videos of jobs and their thumbnails, whole or in parts, as the API and the dashboard send them."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.responses import FileResponse, Response
from starlette.types import Message, Receive, Scope, Send

from reelwork.server.problems import Problem, answer_of
from reelwork.studio.job_view import JobView


def file_of(view: JobView, what: str, shape: int | None, headers: Mapping[str, str] | None = None) -> Response:
    """Return the `video` or `thumbnail` of a job, or that of one of its shapes. Raises `Problem`."""
    # Only a path that the engine wrote into the store: nobody can name one in an address.
    told = _of(view, shape).get(what)
    if not told:
        raise Problem(HTTPStatus.NOT_FOUND, f"The job {view.id} has no {what}.", hint=f"It is {view.status}.")
    path = Path(told)
    try:
        facts = path.stat()
    except OSError as error:
        raise Problem(
            HTTPStatus.NOT_FOUND, f"The {what} of the job {view.id} is no longer on this machine.",
            hint="What was stored elsewhere is under stored_at.",
        ) from error  # fmt: skip
    return _File(
        path,
        headers=headers,
        media_type=mimetypes.guess_type(path.name)[0] or "application/octet-stream",
        stat_result=facts,
        filename=f"{view.id}{path.suffix}",
        content_disposition_type="inline",
    )


def _of(view: JobView, shape: int | None) -> Mapping[str, Any]:
    if shape is None:
        return {"video": view.video, "thumbnail": view.thumbnail}
    return view.shapes[shape] if shape < len(view.shapes) else {}


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
