"""Operations: all that a server can be asked, each with its address and the scope it needs."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reelwork.errors import NotFound
from reelwork.server.access import TOKEN, Exposure, admit
from reelwork.server.meters import Meters
from reelwork.server.offered import Offered
from reelwork.server.problems import Problem, answer_of, fault
from reelwork.server.pulse import Pulse
from reelwork.server.receivers import Receivers
from reelwork.server.tokens import Scope
from reelwork.settings.paths import brands_of_settings, here
from reelwork.store.protocol import Store
from reelwork.store.tokens import TokenRow
from reelwork.studio.session import Session
from reelwork_hooks.errors import ReelworkError

# Each asks the store once a second, in one of few threads. Beyond these, others would wait for an answer.
MOST_STREAMS = 64
"""Readers that follow events at once."""


@dataclass(frozen=True)
class Served:
    """The store, the clock and the rest that operations work with."""

    store: Store
    exposure: Exposure
    pulse: Pulse
    meters: Meters
    offered: Offered = field(default_factory=lambda: Offered(here()))
    """The workflows that can be started by name."""
    session: Session | None = None
    """What builds pipelines here; None where nothing acts."""
    owner: str = ""
    """This process, as a holder of leases in the store."""
    now: Callable[[], float] = time.time
    """Seconds since the epoch."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server ends: what has no end of its own ends then."""
    streams: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_STREAMS))
    """A place for each reader that follows events."""
    receivers: Receivers = field(default_factory=Receivers)
    """What takes webhooks of providers."""
    brand: str = ""
    """The one brand that store and workflows are limited to; empty for all."""

    unlimited: Served | None = None
    """What was limited; None if nothing was."""

    def of_brand(self, brand: str) -> Served:
        """Return the same, limited to one brand."""
        store, offered = self.store.of_brand(brand), replace(self.offered, brand=brand)
        return replace(self, store=store, offered=offered, brand=brand, unlimited=self)


JSON = "application/json"
Fails = Callable[[Request, ReelworkError], Response]
Answer = Callable[[Served, Request], Response] | Callable[[Served, Request], Awaitable[Response]]


@dataclass(frozen=True)
class Header:
    """A header that a request may have."""

    name: str
    text: str
    pattern: str
    required: bool = False


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One thing that can be asked for. `answer` runs in a thread unless it is a coroutine function."""

    path: str
    scope: Scope | None
    """None: open to everyone who may knock."""
    answer: Answer
    method: str = "GET"
    fails: Fails = lambda _, error: answer_of(error)
    """Make the answer for an error: a problem document, or a page."""
    page: bool = False
    """True for a page, which `?brand=` limits to one brand."""
    whole: bool = False
    """True if it tells of the whole server: whoever is limited to one brand is refused."""
    # What follows is what its description in OpenAPI is made from.
    query: type[BaseModel] | None = None
    """The parameters in the address that `answer` reads."""
    body: type[BaseModel] | None = None
    """The document that `answer` reads."""
    returns: type[BaseModel] | None = None
    """The document that is answered."""
    status: HTTPStatus = HTTPStatus.OK
    """The status of an answer that is no error."""
    media: str = JSON
    """The media type of such an answer."""
    also: tuple[HTTPStatus, ...] = ()
    """Other statuses of such an answer."""
    headers: tuple[Header, ...] = ()
    """The headers that `answer` reads."""

    @property
    def by_brand(self) -> bool:
        """True if `?brand=` limits it to one brand."""
        filters = self.query is not None and "brand" in self.query.model_fields
        return filters or (self.page and not self.whole)

    @property
    def name(self) -> str:
        """A name that no other operation has."""
        return self.answer.__name__

    @property
    def described(self) -> str:
        """Its purpose, as its answer's docstring says it."""
        return inspect.getdoc(self.answer) or ""

    def route(self, served: Served) -> Route:
        """Return it as a route of an application."""
        return Route(self.path, _endpoint(self, served), methods=[self.method])


def _limited(operation: Operation, served: Served, request: Request) -> Served:
    """Return what is served, limited to the brand of the caller, or to that which a page is asked for."""
    token: TokenRow | None = request.scope[TOKEN]
    own = "" if token is None else token.brand
    if own and operation.whole:
        raise Problem(
            HTTPStatus.FORBIDDEN, f"This token is for the brand {own} alone, and this is about all of the server."
        )
    asked = request.query_params.get("brand", "") if operation.by_brand else ""
    if asked and asked not in (known := [own] if own else brands_of(served)):
        raise NotFound("brand", asked, known)
    brand = own or asked
    return served.of_brand(brand) if brand else served


def brands_of(served: Served) -> list[str]:
    """Return the brands that there are: those of runs, and of the settings file."""
    # A settings file that cannot be read keeps no page from being shown.
    with suppress(ReelworkError):
        return sorted({*served.store.brands(), *brands_of_settings()})
    return served.store.brands()


def _endpoint(operation: Operation, served: Served) -> Callable[[Request], Awaitable[Response]]:
    answer: Callable[..., Any] = operation.answer

    async def endpoint(request: Request) -> Response:
        try:
            limited = served
            if operation.scope is not None:
                admit(served.exposure, operation.scope, request)
                limited = await run_in_threadpool(_limited, operation, served, request)
            if inspect.iscoroutinefunction(answer):
                found: Response = await answer(limited, request)
                return found
            # In a thread: the loop that drives jobs must not wait for the disk.
            return await run_in_threadpool(answer, limited, request)
        except ReelworkError as error:
            return operation.fails(request, error)
        except Exception as error:
            return operation.fails(request, fault(error))

    return endpoint
