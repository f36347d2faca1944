"""Those who may send webhooks, and how each is told from somebody who only pretends to be it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool

from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.ids import is_clean
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.guard import Callee, called, loading
from reelwork.plugins.pipeline import MakeContext
from reelwork.plugins.plugin_settings import checked_config
from reelwork.server.listening import NOT_STARTED
from reelwork.settings.webhooks import UNSIGNED, IncomingTable, WebhookSettings
from reelwork.settings.workflow import Loaded
from reelwork_hooks.webhooks import Genuine, Webhook, WebhookConfig, WebhookScheme

# A sender gives up after some seconds, and comes again.
CHECKING_SECONDS = 10.0
"""Seconds within which a scheme must say whether a webhook is genuine."""
# So that a secret is changed without a restart.
KNOWN_SECONDS = 5.0
"""Seconds for which secrets that were read are used."""
MOST_IDS = 100
"""Renders that one webhook may be about."""
LONGEST_ID = 500


class Forged(Exception):
    """A webhook is not genuine. Its text is the outcome that is counted."""


FORGED, STALE = "forged", "stale"


@dataclass
class _Known:
    """Secrets as they were read a moment ago."""

    secrets: tuple[str, ...] = ()
    read_at: float = float("-inf")


@dataclass(frozen=True)
class Receiver:
    """The receiver of one account's webhooks."""

    name: str
    scheme: WebhookScheme | None = None
    """None for those who sign nothing."""
    config: WebhookConfig = field(default_factory=WebhookConfig)
    callee: Callee = field(default_factory=lambda: Callee("plugin", UNSIGNED))
    clock: Callable[[], float] = time.time
    known: _Known = field(default_factory=_Known, repr=False)

    async def read(self, headers: Mapping[str, str], body: bytes) -> Genuine:
        """Return what a webhook says. Raises `Forged`, or `Unavailable` when that cannot be told now."""
        assert self.scheme is not None
        given = [Webhook(headers, body, await self._known_secrets())]
        told = await called(self.callee, "read", self.scheme.read, given, CHECKING_SECONDS, is_async=True)
        if told is None:
            raise Forged(FORGED)
        if not isinstance(told, Genuine) or not _is_text(told.id):
            raise self.callee.failed("read", "returned something else than a Genuine with an id")
        # Both ways: one from the future could be kept, and sent again when it is no longer known that it came in.
        if told.sent_at is not None and not abs(self.clock() - told.sent_at) <= self.config.tolerance:
            raise Forged(STALE)
        return told

    async def _known_secrets(self) -> tuple[str, ...]:
        # Read for each webhook, they would take longer than all the rest.
        if time.monotonic() - self.known.read_at >= KNOWN_SECONDS:
            self.known.secrets = await run_in_threadpool(self._secrets)
            self.known.read_at = time.monotonic()
        return self.known.secrets

    def _secrets(self) -> tuple[str, ...]:
        assert self.scheme is not None
        return tuple(self.scheme.context.secret(reference) for reference in self.config.secrets)

    def check(self) -> None:
        """Read the secrets once. Raises `SecretNotFound`."""
        if self.scheme is not None:
            self._secrets()


@dataclass(frozen=True)
class Receivers:
    """The receivers of webhooks, by the name in their address."""

    by_name: Mapping[str, Receiver] = field(default_factory=dict)
    # Read once: whoever only guesses a token must not make the store work.
    salt: str = field(default="", repr=False)
    """What the tokens in addresses are made with; empty: there are none."""


def _is_text(value: Any) -> bool:
    # A plugin's words about types are not believed.
    return isinstance(value, str) and value != ""


def render_ids_of(told: Genuine) -> tuple[str, ...]:
    """Return the ids that a webhook names, as far as they can be those of renders."""
    sound = (one for one in told.remote_ids if _is_text(one) and len(one) <= LONGEST_ID and is_clean(one))
    return tuple(dict.fromkeys(sound))[:MOST_IDS]


def receivers_of(
    settings: WebhookSettings, catalog: Catalog, make_context: MakeContext, salt: str = ""
) -> Receivers:
    """Return what takes webhooks. Raises `InvalidInput`."""
    made = {
        name: _receiver(name, table, settings.loaded, catalog, make_context)
        for name, table in settings.incoming.items()
    }
    for receiver in made.values():
        receiver.check()
    return Receivers(made, salt)


def _receiver(
    name: str, table: IncomingTable, loaded: Loaded, catalog: Catalog, make_context: MakeContext
) -> Receiver:
    section = f"webhooks_in.{name}"
    if table.scheme == UNSIGNED:
        if table.settings:
            raise WorkflowInvalid(
                f"{loaded.source}: {section}.{next(iter(table.settings))}: an unsigned webhook has no settings.",
                hint='Each job has an address of its own: webhook = "https://…/:token" in its brief.',
            )
        return Receiver(name)
    written = table.scheme
    is_file = written.endswith(".py")
    try:
        home, plain = catalog.home_of_webhooks(str(loaded.base_dir / written) if is_file else written)
    except NotFound as error:
        where = f"{loaded.source}: {section}.scheme"
        raise WorkflowInvalid(f"{where}: {error.message}", money=NOT_STARTED, hint=error.hint) from error
    kind, callee = home.webhooks[plain], Callee("webhook scheme", plain, home.origin)
    config: WebhookConfig = checked_config(callee, kind.Config, table.settings, loaded, section)
    if kind.needs_secrets and not config.secrets:
        raise WorkflowInvalid(
            f"{loaded.source}: {section} has no secrets, so anyone could send its webhooks.",
            money=NOT_STARTED,
            hint=f'Under [{section}]: secrets = ["env:NAME"]',
        )
    context = make_context(name, loaded)
    return Receiver(name, loading(callee, "could not be started", lambda: kind(config, context)), config, callee)
