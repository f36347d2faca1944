"""The application: every operation, behind the checks of access."""

from __future__ import annotations

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from reelwork.server import health, webhooks
from reelwork.server.access import AccessControl, Exposure
from reelwork.server.api.operations import OPERATIONS as API
from reelwork.server.operations import Served
from reelwork.server.pages.operations import OPERATIONS as PAGES
from reelwork.server.problems import Problem, answer_of, phrase_of

OPERATIONS = (*health.OPERATIONS, *API, *webhooks.OPERATIONS, *PAGES)


def create_app(served: Served) -> Starlette:
    """Return the application of a server."""
    return Starlette(
        routes=[operation.route(served) for operation in OPERATIONS],
        middleware=[Middleware(AccessControl, exposure=served.exposure, lookup=served.store.token_with)],
        exception_handlers={HTTPException: _no_such_thing},
    )


def create_webhooks_app(served: Served) -> Starlette:
    """Return an application that takes webhooks and answers nothing else."""
    # By any name: a proxy may call it by one of its own, and nothing can be read there.
    exposure = Exposure(reaches_others=True, any_name=True)
    return Starlette(
        routes=[operation.route(served) for operation in webhooks.OPERATIONS],
        middleware=[Middleware(AccessControl, exposure=exposure, lookup=served.store.token_with)],
        exception_handlers={HTTPException: _no_such_thing},
    )


async def _no_such_thing(request: Request, error: Exception) -> Response:
    """Answer for what Starlette itself refuses: an address or a method that there is not."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    words = {
        HTTPStatus.NOT_FOUND: "There is nothing at this address.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible at this address.",
    }
    return answer_of(Problem(status, words.get(status, phrase_of(status)), headers=error.headers))
