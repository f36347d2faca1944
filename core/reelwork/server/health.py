"""The health of the process, and its figures."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from reelwork.errors import StoreUnwritable
from reelwork.server.operations import Operation, Served
from reelwork.server.tokens import Scope

WRITING_SECONDS = 5.0
"""Seconds within which the store must take a row."""
UNWRITABLE = "the store cannot be written, so nothing is sent. Make room on its disk, or check the file's rights"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def healthz(served: Served, request: Request) -> Response:
    """Answer as long as the process does."""
    return PlainTextResponse("ok\n")


async def readyz(served: Served, request: Request) -> Response:
    """Answer whether jobs can be driven: the loop turns, and the store can be written."""
    # No path and no name: everyone may ask this.
    if not await _can_write(served):
        return PlainTextResponse(f"not ready: {UNWRITABLE}\n", HTTPStatus.SERVICE_UNAVAILABLE)
    if not served.pulse.is_alive:
        return PlainTextResponse("not ready: jobs are not driven\n", HTTPStatus.SERVICE_UNAVAILABLE)
    return PlainTextResponse("ready\n")


async def _can_write(served: Served) -> bool:
    try:
        async with asyncio.timeout(WRITING_SECONDS):
            await served.store.try_writing()
    except (StoreUnwritable, TimeoutError):
        return False
    return True


def metrics(served: Served, request: Request) -> Response:
    """Return the figures in Prometheus' text format."""
    return Response(served.meters.text(), headers={"Content-Type": METRICS_TYPE})


OPERATIONS = (
    Operation(path="/healthz", scope=None, answer=healthz),
    Operation(path="/readyz", scope=None, answer=readyz),
    Operation(path="/metrics", scope=Scope.READ, answer=metrics, whole=True),
)
