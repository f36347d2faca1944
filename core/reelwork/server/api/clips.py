"""The addresses of the videos of jobs and of their thumbnails."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from reelwork.server import tokens
from reelwork.server.api.asking import Asked, query_of
from reelwork.server.api.jobs import job_named
from reelwork.server.job_files import file_of
from reelwork.server.operations import Header, Operation, Served
from reelwork.studio.job_view import JobView, view_of


class Shaped(Asked):
    """Which of a job's videos."""

    shape: Annotated[int, Field(ge=0, le=1000)] | None = None
    """The place of one in `shapes`, from 0; the job's own video when it is not given."""


def show_clip(served: Served, request: Request) -> Response:
    """Return the video of a job, or the part that `Range` asks for."""
    return file_of(_view(served, request), "video", query_of(request, Shaped).shape)


def show_thumbnail(served: Served, request: Request) -> Response:
    """Return the thumbnail of a job."""
    return file_of(_view(served, request), "thumbnail", query_of(request, Shaped).shape)


def _view(served: Served, request: Request) -> JobView:
    return view_of(job_named(served.store, request.path_params["job"]))


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
