"""A context for a plugin instance in a test: the engine's own, below a folder of the test's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwork.credentials.accounts import Accounts
from reelwork.plugins.context import PluginContext
from reelwork.plugins.state import InMemory
from reelwork.redaction.redactor import Redactor
from reelwork.store.commands import Payment
from reelwork_hooks.http import HttpClient, HttpResponse, HttpStream
from reelwork_hooks.models import Asset, Job

if TYPE_CHECKING:
    from reelwork.net.client import Http
    from reelwork.plugins.definition import Definition
    from reelwork_hooks.accounts import Credentials

# A server on this machine has recovered by then; a test need not wait as a real network asks for.
FIRST_WAIT = 0.01
"""Seconds before a read is repeated."""


class SampleContext(PluginContext):
    """The engine's `Context` with its folders below `folder`; `progressed` keeps the calls of `progress`,
    `payments_made` those of `spent`.

    Secrets, the cache, the log and the rules on addresses are the real ones; accounts are those kept in
    `folder/accounts.json`, never the person's own. Its HTTP client opens a connection for each request and closes
    it, so that it can be used from any event loop and leaves nothing open. `state` lasts as long as the context.
    `keep` stores accounts for a plugin. Public addresses are below `https://files.example/` and lead nowhere;
    `give_address` may be set to another `async` function.
    """

    def __init__(self, folder: Path, name: str = "sample") -> None:
        self.progressed: list[tuple[str, float, str]] = []
        self.payments_made: list[Payment] = []
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
            values=InMemory(),
            purse=_Purse(self.payments_made),
            kind_of=self._plugin_of,
        )
        self._plugins: dict[str, Definition] = {}
        self.give_address = _address

    def keep(self, accounts: Mapping[str, Credentials], plugin: Definition) -> None:
        """Store accounts by their names, as `reelwork accounts add` stores those of this plugin."""
        for name, credentials in accounts.items():
            self._accounts.add(name, plugin.name, credentials, replace=True, another=True)
        self.refreshes_with(plugin)

    def refreshes_with(self, plugin: Definition) -> None:
        """Let a plugin under test refresh the tokens of its accounts, installed or not."""
        self._plugins[plugin.name] = plugin

    def has_account(self, name: str) -> bool:
        """Return whether there is an account of that name."""
        return name in self._accounts.entries()

    def _plugin_of(self, kind: str) -> Definition:
        # Of an account that a test has stored itself, `kind` is the plugin's name in a workflow.
        if kind not in self._plugins and len(self._plugins) == 1:
            return next(iter(self._plugins.values()))
        from reelwork.plugins.account_kinds import kind_named

        return self._plugins.get(kind) or kind_named(kind)

    def _keep(self, job: Job, percent: float, text: str) -> None:
        self.progressed.append((job.id, percent, text))


class _Purse:
    """Keeps payments for a test."""

    def __init__(self, made: list[Payment]) -> None:
        self._made = made

    async def paid(self, payment: Payment) -> bool:
        """Record a payment, once for its key. Return False if it was there."""
        known = any((one.job_id, one.key) == (payment.job_id, payment.key) for one in self._made)
        if not known:
            self._made.append(payment)
        return not known


async def _address(asset: Asset, seconds: float) -> str:
    return f"https://files.example/{asset.sha256}{asset.path.suffix}"


class _HttpForTests:
    """The contract's `HttpClient`: each call with a client of its own."""

    def __init__(self, trust: Sequence[str], redactor: Redactor) -> None:
        self._trust, self._redactor = trust, redactor

    async def request(self, method: str, url: str, **given: Any) -> HttpResponse:
        """Send a request: a read is retried, a write is sent once unless it is repeatable."""
        async with self._client() as client:
            return await client.request(method, url, **given)

    @asynccontextmanager
    async def stream(self, method: str, url: str, **given: Any) -> AsyncIterator[HttpStream]:
        """Send a request, and return its answer with the body still to come."""
        async with self._client() as client, client.stream(method, url, **given) as answer:
            yield answer

    async def get(self, url: str, **given: Any) -> HttpResponse:
        """Read. Retried."""
        return await self.request("GET", url, **given)

    async def post(self, url: str, **given: Any) -> HttpResponse:
        """Write, once."""
        return await self.request("POST", url, **given)

    async def put(self, url: str, **given: Any) -> HttpResponse:
        """Write, once."""
        return await self.request("PUT", url, **given)

    async def delete(self, url: str, **given: Any) -> HttpResponse:
        """Delete, once."""
        return await self.request("DELETE", url, **given)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Http]:
        from reelwork.net.client import Http

        # Connections belong to the event loop that opened them, and a test may run several.
        client = Http(trust=self._trust, redactor=self._redactor, first_wait=FIRST_WAIT)
        try:
            yield client
        finally:
            await client.aclose()
