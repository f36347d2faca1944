"""What a server can be asked, as a table: each operation with its address and the scope it needs."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reelwork.server.doors import House, admit
from reelwork.server.meters import Meters
from reelwork.server.problems import answer_of, answer_of_fault
from reelwork.server.pulse import Pulse
from reelwork.server.tokens import Scope
from reelwork.store.protocol import Store
from reelwork_hooks.errors import ReelworkError


@dataclass(frozen=True)
class Served:
    """What operations work with."""

    store: Store
    house: House
    pulse: Pulse
    meters: Meters


Answer = Callable[[Served, Request], Response] | Callable[[Served, Request], Awaitable[Response]]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One thing that can be asked for. `answer` runs in a thread unless it is a coroutine function."""

    path: str
    scope: Scope | None
    """None: open to everyone who may knock."""
    answer: Answer
    method: str = "GET"

    def route(self, served: Served) -> Route:
        """Return it as a route of an application."""
        return Route(self.path, _endpoint(self, served), methods=[self.method])


def _endpoint(operation: Operation, served: Served) -> Callable[[Request], Awaitable[Response]]:
    answer: Callable[..., Any] = operation.answer

    async def endpoint(request: Request) -> Response:
        try:
            if operation.scope is not None:
                admit(served.house, operation.scope, request)
            if inspect.iscoroutinefunction(answer):
                found: Response = await answer(served, request)
                return found
            # In a thread: the loop that drives jobs must not wait for the disk.
            return await run_in_threadpool(answer, served, request)
        except ReelworkError as error:
            return answer_of(error)
        except Exception as error:
            return answer_of_fault(error)

    return endpoint
