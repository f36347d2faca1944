"""A video service on the other side of the network, as tests need one.

`FakeRemote` remembers every request it was sent, can be told to misbehave, and outlives any number of engines.
`fake_provider` makes a `Provider` class that talks to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from reelwork.plugins.catalog import Catalog
from reelwork_hooks.effects import Absent, Effect, Found, Idempotency, Unsure
from reelwork_hooks.errors import NotSent, OutcomeUnknown, Rejected, Unavailable
from reelwork_hooks.provider import (
    Capabilities,
    FileSource,
    Price,
    Provider,
    ProviderConfig,
    RenderRef,
    RenderRequest,
    RenderStatus,
    Source,
    Submitted,
)
from reelwork_hooks.specs import hookimpl

Fault = Callable[["FakeRemote", RenderRequest, str], None]
"""A fault of a request: called with the remote, the request and the effect's key; raises."""


@dataclass
class FakeRemote:
    """A video service, with the requests it received and its answers."""

    video: Path
    """The file every completed render has."""
    idempotency: Idempotency = Idempotency.LOOKUP
    polls_needed: int = 0
    """The polls for which a render is `running` before it is completed."""
    price: Decimal | None = Decimal("0.10")
    settle_seconds: float = 0.0
    outcome: str = "completed"
    creates: list[tuple[str, str]] = field(default_factory=list)
    """Every accepted request: the id it was given and its prompt."""
    keys: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    """Every request that reached it, accepted or not."""
    faults: list[Fault] = field(default_factory=list)
    """Used up one for each request, in order; then all is well."""
    looks: dict[str, int] = field(default_factory=dict)
    listing: str = "complete"
    """The answer of `find`: `complete`, `unsure` or `down`."""

    def accept(self, request: RenderRequest, key: str) -> str:
        """Take a request in, and with it the money."""
        # A server with keys answers a repeated one with what it made before, and charges nothing.
        if self.idempotency is Idempotency.KEY and key in self.keys:
            return self.keys[key]
        remote_id = f"fake_{len(self.creates) + 1}"
        self.creates.append((remote_id, request.prompt))
        self.keys[key] = remote_id
        return remote_id


def accepted_then_lost(remote: FakeRemote, request: RenderRequest, key: str) -> None:
    """Accept the request, and lose the answer."""
    remote.accept(request, key)
    raise OutcomeUnknown("the connection was closed before an answer came")


def lost_on_the_way(remote: FakeRemote, request: RenderRequest, key: str) -> None:
    """Lose the request on its way, which nobody can know."""
    raise OutcomeUnknown("no answer came in time")


def refused_connection(remote: FakeRemote, request: RenderRequest, key: str) -> None:
    """Refuse the connection: nothing left this machine."""
    raise NotSent("connection refused")


def too_many(remote: FakeRemote, request: RenderRequest, key: str) -> None:
    """Answer 429, and ask for a short pause."""
    raise NotSent("too many requests", retry_after=0.05)


def rejected(remote: FakeRemote, request: RenderRequest, key: str) -> None:
    """Refuse for good."""
    raise Rejected("the prompt was refused", code="moderation_blocked")


def accepted_then_crash(remote: FakeRemote, request: RenderRequest, key: str) -> None:
    """Accept the request, and let the client fail by a bug of its own."""
    remote.accept(request, key)
    raise ZeroDivisionError("a bug in the provider plugin")


def fake_provider(remote: FakeRemote) -> type[Provider]:
    """Return a provider class that talks to this remote."""

    class FakeProvider(Provider):
        """Talks to a `FakeRemote`."""

        Config = ProviderConfig

        def capabilities(self, model: str | None) -> Capabilities:
            price = remote.price
            return Capabilities(
                idempotency=remote.idempotency,
                seed=True,
                settle_seconds=remote.settle_seconds,
                price=None if price is None else Price(per_second=price, as_of=datetime.now(UTC).date()),
            )

        async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
            # Before the fault: what fails on the way has been called, too.
            remote.calls += 1
            if remote.faults:
                remote.faults.pop(0)(remote, request, effect.key)
            return Submitted(remote_id=remote.accept(request, effect.key), poll_after=0.0)

        async def find(self, request: RenderRequest, effect: Effect) -> Found[Submitted] | Absent | Unsure:
            if remote.listing == "down":
                raise Unavailable("the listing is down")
            if remote.listing == "unsure":
                return Unsure("the listing is not complete")
            # By the prompt, as a service without keys of ours can be searched: two equal requests are both found.
            matches = [id_ for id_, prompt in remote.creates if prompt == request.prompt]
            return Found(tuple(Submitted(remote_id=id_) for id_ in matches)) if matches else Absent()

        async def poll(self, renders: Sequence[RenderRef]) -> Sequence[RenderStatus]:
            return [self._status(render.remote_id) for render in renders]

        def _status(self, remote_id: str) -> RenderStatus:
            seen = remote.looks.get(remote_id, 0)
            remote.looks[remote_id] = seen + 1
            # As a server does that has forgotten a render: its id is unknown there.
            if remote_id not in {id_ for id_, _ in remote.creates}:
                return RenderStatus(remote_id=remote_id, state="lost")
            state: Any = "running" if seen < remote.polls_needed else remote.outcome
            return RenderStatus(remote_id=remote_id, state=state, progress=50.0 if state == "running" else None)

        async def fetch(self, render: RenderRef) -> Source:
            return FileSource(path=remote.video)

    return FakeProvider


def register(catalog: Catalog, remote: FakeRemote, name: str = "fake") -> None:
    """Make the remote's provider known under a name."""

    class FakePlugin:
        """Brings the fake provider."""

        @staticmethod
        @hookimpl
        def register_providers() -> dict[str, type[Provider]]:
            return {name: fake_provider(remote)}

    catalog.add(name, FakePlugin)


def entry_point(name: str, value: str, group: str = "reelwork.plugins") -> EntryPoint:
    """Return an entry point as an installed distribution would have it."""
    return EntryPoint(name=name, value=value, group=group)
