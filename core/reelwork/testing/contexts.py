"""A context for a plugin instance in a test: the engine's own, below a folder of the test's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reelwork.credentials.accounts import Accounts
from reelwork.plugins.context import PluginContext
from reelwork.redaction.redactor import Redactor
from reelwork_hooks.http import HttpClient, HttpResponse
from reelwork_hooks.models import Job

# A server on this machine has recovered by then; a test need not wait as a real network asks for.
FIRST_WAIT = 0.01
"""Seconds before a read is repeated."""


class SampleContext(PluginContext):
    """The engine's `Context` with its folders below `folder`; `progressed` keeps the calls of `progress`.

    Secrets, the cache, the log and the rules on addresses are the real ones; accounts are those kept in
    `folder/accounts.json`, never the person's own. Its HTTP client opens a connection
    for each request and closes it, so that it can be used from any event loop and leaves nothing open.
    """

    def __init__(self, folder: Path, name: str = "sample") -> None:
        self.progressed: list[tuple[str, float, str]] = []
        redactor = Redactor()

        def client(trust: Sequence[str]) -> HttpClient:
            return _HttpForTests(trust, redactor)

        super().__init__(
            name,
            work_dir=folder / "work" / name,
            output_dir=folder / "out",
            base_dir=folder,
            http_factory=client,
            redactor=redactor,
            on_progress=self._keep,
            # Never the person's own: a test that refreshes a token would use up theirs.
            accounts=Accounts(folder / "accounts.json", redactor),
        )

    def _keep(self, job: Job, percent: float, text: str) -> None:
        self.progressed.append((job.id, percent, text))


class _HttpForTests:
    """The contract's `HttpClient`: each call with a client of its own."""

    def __init__(self, trust: Sequence[str], redactor: Redactor) -> None:
        self._trust, self._redactor = trust, redactor

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> HttpResponse:
        """Read. Retried."""
        return await self._ask("get", url, params=params, headers=headers, timeout=timeout)

    async def post(
        self,
        url: str,
        *,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str | None, bytes | str, str | None]] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> HttpResponse:
        """Write, once."""
        body = {"json": json, "data": data, "files": files, "content": content}
        return await self._ask("post", url, **body, headers=headers, timeout=timeout)

    async def put(
        self,
        url: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> HttpResponse:
        """Write, once."""
        return await self._ask("put", url, json=json, content=content, headers=headers, timeout=timeout)

    async def delete(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> HttpResponse:
        """Delete, once."""
        return await self._ask("delete", url, headers=headers, timeout=timeout)

    async def _ask(self, method: str, url: str, **options: Any) -> HttpResponse:
        from reelwork.net.client import Http

        # Connections belong to the event loop that opened them, and a test may run several.
        client = Http(trust=self._trust, redactor=self._redactor, first_wait=FIRST_WAIT)
        try:
            answer: HttpResponse = await getattr(client, method)(url, **options)
            return answer
        finally:
            await client.aclose()
