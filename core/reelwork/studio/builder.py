"""Builds pipelines whose plugins share connections, accounts and what is masked."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from reelwork.credentials.accounts import Accounts
from reelwork.plugins.account_kinds import kind_named
from reelwork.plugins.context import PluginContext
from reelwork.plugins.guard import developing
from reelwork.plugins.pipeline import Pipeline, build
from reelwork.plugins.state import Overlaid
from reelwork.plugins.trace import Tracer
from reelwork.process_output import protect, release
from reelwork.redaction.redactor import Redactor
from reelwork.studio.telemetry.environment import secrets_in, wanted

if TYPE_CHECKING:
    from reelwork.net.client import Http
    from reelwork.plugins.catalog import Catalog
    from reelwork.plugins.observing import HookCall
    from reelwork.plugins.payments import Purse
    from reelwork.plugins.state import Kept, Values
    from reelwork.settings.workflow import Loaded
    from reelwork_hooks.http import HttpClient
    from reelwork_hooks.models import Job

Progress = Callable[["Job", float, str], None]
Answered = Callable[[str, int], None]
"""Gets a plugin's instance and the status of each answer it was given over HTTP; 0 where none came."""


def _unharming(progress: Progress) -> Progress:
    from reelwork.engine.events import unharmed

    def show(job: Job, percent: float, text: str) -> None:
        with unharmed(progress):
            progress(job, percent, text)

    return show


class Builder:
    """Builds pipelines, to plan with or to check; `Session` drives jobs too. Close it in its event loop.

    `files` is the folder for what belongs to the jobs, `values` keeps what plugins keep, `purse` what they paid:
    nothing does if they are not given.
    """

    def __init__(
        self,
        catalog: Catalog,
        files: Path,
        *,
        values: Values | None = None,
        purse: Purse | None = None,
        on_progress: Progress | None = None,
        on_trace: Callable[[str], None] | None = None,
        on_answer: Answered | None = None,
    ) -> None:
        self._catalog = catalog
        self._files = files
        self._values, self._purse = values, purse
        self._on_progress = on_progress and _unharming(on_progress)
        self._on_answer = on_answer
        self._redactor = Redactor()
        # Before any pipeline: its plugins read secrets.
        protect(self._redactor)
        for secret in secrets_in(os.environ) if wanted(os.environ) else ():
            self._redactor.add(secret)
        self._tracer = None if on_trace is None else Tracer(on_trace, self._redactor)
        if on_trace is not None:
            developing()
        self._accounts = Accounts(redactor=self._redactor)
        self._http: Http | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.aclose()
        release(self._redactor)

    def build(self, loaded: Loaded) -> Pipeline:
        """Build the pipeline of a workflow. Raises `InvalidInput`."""
        return build(loaded, self._catalog, self._context, *self._observers())

    def _observers(self) -> tuple[Callable[[HookCall], None] | None, Callable[[HookCall], None] | None]:
        """Return who is told of calls of hooks, and of calls of the provider."""
        return self._tracer, None

    @property
    def catalog(self) -> Catalog:
        """The plugins that are installed."""
        return self._catalog

    def context(self, name: str, loaded: Loaded) -> PluginContext:
        """Return the context of something that is named in settings, with the connections of this."""
        return self._context(name, loaded)

    def _context(self, name: str, loaded: Loaded) -> PluginContext:
        return PluginContext(
            name,
            work_dir=self._files / "work" / name,
            output_dir=loaded.out,
            base_dir=loaded.base_dir,
            http_factory=partial(self._client, name),
            redactor=self._redactor,
            on_progress=self._on_progress,
            accounts=self._accounts,
            values=self._values,
            purse=self._purse,
            kind_of=partial(kind_named, catalog=self._catalog),
        )

    def _client(self, name: str, trust: Sequence[str]) -> HttpClient:
        client = self._connections().trusting(trust)
        return client if self._on_answer is None else client.telling(partial(self._on_answer, name))

    def _connections(self) -> Http:
        if self._http is None:
            from reelwork.net.client import Http

            self._http = Http(redactor=self._redactor)
        return self._http


@asynccontextmanager
async def apart(
    catalog: Catalog,
    reading: Callable[[], AbstractContextManager[Kept | None]],
    *,
    on_progress: Progress | None = None,
    on_trace: Callable[[str], None] | None = None,
) -> AsyncIterator[Builder]:
    """Return a builder that only reads the store, which may not even exist, when a plugin asks what it keeps."""
    with tempfile.TemporaryDirectory(prefix="reelwork-") as folder, ExitStack() as opened:
        below = cache(lambda: opened.enter_context(reading()))
        # What plugins have kept is read: what was paid for before is shown, and is not paid for again.
        async with Builder(
            catalog, Path(folder), values=Overlaid(below), on_progress=on_progress, on_trace=on_trace
        ) as builder:
            yield builder
