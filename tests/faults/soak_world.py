"""The other side of the soak: providers and destinations that keep a log of their own.

What is paid for and what is posted is judged by this log and by nothing else. Nothing here knows the engine: it is
reached through the contract, as a network service is, by processes that may die or stop on the way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Protocol

from reelwork_hooks import (
    Absent,
    Capabilities,
    Effect,
    FileSource,
    Found,
    Idempotency,
    NotSent,
    OutcomeUnknown,
    Plugin,
    Post,
    Price,
    Provider,
    ProviderConfig,
    Receipt,
    Rejected,
    RenderRef,
    RenderRequest,
    RenderStatus,
    Source,
    Submitted,
    Unavailable,
    Unsure,
    hookimpl,
)

SETTLE = 30.0
"""Seconds a listing is given, as its owner declares. Everything the world delays, it delays for less."""
LATE = 9.0
"""Seconds after which a late request arrives, and as many again until a listing shows it."""
SHORT = 2
"""Entries of a short list, which looks like a complete one."""
PRICE = 1_000_000
"""Millionths of a dollar for a render of one second."""
START = datetime(2026, 11, 30, 23, 40, tzinfo=UTC).timestamp()
"""Just before a day, and a month, ends."""


class Clock:
    """Time that passes when the soak says so."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        # Strictly rising, as real time is between two statements.
        self.now += 0.000_1
        return self.now


class Caller(Protocol):
    """The process that a request comes from. Every await of it may be its last, or last very long."""

    async def reach(self, point: str) -> None: ...


CALLER: ContextVar[Caller] = ContextVar("caller")


class StillRunning(Exception):
    """A plugin's thread ran over its time and goes on."""


@dataclass
class Accepted:
    """One act the other side carried out."""

    id: str
    key: str
    group: str
    """Equal for acts that a listing cannot tell apart."""
    at: float
    visible_at: float
    charged: int = 0
    outcome: str = "completed"
    looks: int = 0


@dataclass
class Late:
    """A request on its way. With a `caller` it arrives only while that process lives: a thread holds it."""

    key: str
    group: str
    due_at: float | None
    caller: Caller


@dataclass
class Side:
    """One provider or destination."""

    name: str
    idempotency: Idempotency
    clock: Clock
    price: int = 0
    accepted: list[Accepted] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Used up one for each request, in order; then all is well."""
    outcomes: list[str] = field(default_factory=list)
    """The same, for what becomes of accepted renders."""
    late: list[Late] = field(default_factory=list)
    listing: str = "complete"
    """Or `down`, or `unsure`, or a lie: `short` shows the newest only, `stale` what was there before."""
    frozen_at: float = 0.0
    outage: bool = False
    lag: float = 0.0
    received: int = 0

    def accept(self, key: str, group: str, at: float | None = None) -> Accepted:
        """Carry the act out. The same key is the same act, where keys are honoured."""
        same = next((one for one in self.accepted if one.key == key), None)
        if same is not None and self.idempotency is Idempotency.KEY:
            return same
        outcome = self.outcomes.pop(0) if self.outcomes else "completed"
        at = self.clock() if at is None else at
        one = Accepted(f"{self.name}-{len(self.accepted) + 1}", key, group, at, at + self.lag, self.price, outcome)
        self.accepted.append(one)
        return one

    async def receive(self, key: str, group: str) -> str:
        """Take a request in as the next fault says; returns the id of what was made."""
        caller = CALLER.get()
        await caller.reach("leaving")
        self.received += 1
        fault = "refused" if self.outage else self.faults.pop(0) if self.faults else ""
        match fault:
            case "refused":
                raise NotSent("connection refused")
            case "429":
                raise NotSent("too many requests", retry_after=2.0)
            case "rejected":
                raise Rejected("refused without work")
            case "lost before":
                raise OutcomeUnknown("the connection was closed before an answer came")
            case "late":
                self.late.append(Late(key, group, self.clock() + LATE, caller))
                raise OutcomeUnknown("no answer came in time")
            case "stuck thread":
                self.late.append(Late(key, group, None, caller))
                raise StillRunning
        one = self.accept(key, group)
        await caller.reach("accepted")
        match fault:
            case "lost after" | "500":
                raise OutcomeUnknown(fault)
            case "bug":
                raise ZeroDivisionError("a bug in the plugin")
        return one.id

    def arrive(self, *, thread_ends: Caller | None = None) -> None:
        """Let what is due arrive, and what a stuck thread of this process held."""
        now = self.clock()
        for late in [*self.late]:
            if late.caller is thread_ends if late.due_at is None else late.due_at <= now:
                self.late.remove(late)
                self.accept(late.key, late.group, late.due_at)

    def forget(self, caller: Caller) -> None:
        """A process is gone, and its threads with it."""
        self.late = [late for late in self.late if late.due_at is not None or late.caller is not caller]

    async def look(self, group: str) -> list[Accepted] | Unsure:
        """The listing, oldest first."""
        await CALLER.get().reach("looking")
        if self.listing == "down":
            raise Unavailable("the listing is down")
        if self.listing == "unsure":
            return Unsure("the listing is not complete")
        return [one for one in self._listed() if one.group == group]

    def _listed(self) -> list[Accepted]:
        now = self.clock()
        if self.listing == "stale":
            return [one for one in self.accepted if one.at <= self.frozen_at]
        shown = [one for one in self.accepted if one.visible_at <= now]
        return sorted(shown, key=lambda one: one.at)[-SHORT:] if self.listing == "short" else shown

    def per_key(self) -> Counter[str]:
        return Counter(one.key for one in self.accepted)

    def per_group(self) -> Counter[str]:
        return Counter(one.group for one in self.accepted)

    def heal(self) -> None:
        """From now on all is well."""
        self.faults.clear()
        self.outcomes.clear()
        self.listing, self.outage, self.lag = "complete", False, 0.0


class World:
    """All sides, with what they were asked for and made."""

    def __init__(self) -> None:
        self.clock = Clock()
        kinds = (Idempotency.KEY, Idempotency.LOOKUP, Idempotency.NONE)
        self.providers = {kind.value: Side(f"make-{kind.value}", kind, self.clock, PRICE) for kind in kinds}
        self.walls = {kind.value: Side(f"wall-{kind.value}", kind, self.clock) for kind in kinds}

    @property
    def sides(self) -> list[Side]:
        return [*self.providers.values(), *self.walls.values()]

    def time_passes(self, seconds: float) -> None:
        """What is late and due arrives meanwhile."""
        self.clock.now += seconds
        for each in self.sides:
            each.arrive()

    def side(self, kind: str, subject: str) -> Side:
        """The side an effect is about."""
        return next(side for side in self.sides if side.name == subject and (kind == "submit") == bool(side.price))


class Here:
    """The world the plugins reach: pipelines are built once, worlds are many."""

    world: ClassVar[World]


def provider_class(kind: str) -> type[Provider]:
    class SoakProvider(Provider):
        """Talks to a side of the world."""

        Config = ProviderConfig

        @property
        def side(self) -> Side:
            return Here.world.providers[kind]

        def capabilities(self, model: str | None) -> Capabilities:
            price = Price(per_second=Decimal(PRICE) / 1_000_000, as_of=date(2026, 11, 1))
            return Capabilities(idempotency=Idempotency(kind), price=price, settle_seconds=SETTLE)

        async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
            return Submitted(remote_id=await self.side.receive(effect.key, request.prompt))

        async def find(self, request: RenderRequest, effect: Effect) -> Found[Submitted] | Absent | Unsure:
            if self.side.idempotency is not Idempotency.LOOKUP:
                return Unsure("there is no listing")
            seen = await self.side.look(request.prompt)
            if isinstance(seen, Unsure):
                return seen
            return Found(tuple(Submitted(remote_id=one.id) for one in seen)) if seen else Absent()

        async def poll(self, renders: Sequence[RenderRef]) -> Sequence[RenderStatus]:
            await CALLER.get().reach("polling")
            if self.side.listing == "down":
                raise Unavailable("the listing is down")
            return [self._status(render.remote_id) for render in renders]

        def _status(self, remote_id: str) -> RenderStatus:
            one = next(one for one in self.side.accepted if one.id == remote_id)
            one.looks += 1
            state: Any = one.outcome.split()[0] if one.looks > 1 else "running"
            facts: dict[str, Any] = {}
            if one.outcome == "failed free" and state == "failed":
                facts, one.charged = {"charged": False}, 0
            if one.outcome == "completed cheap" and state == "completed":
                one.charged = PRICE // 2
                facts = {"cost": Decimal(one.charged) / 1_000_000, "charged": True}
            return RenderStatus(remote_id=remote_id, state=state, **facts)

        async def fetch(self, render: RenderRef) -> Source:
            await CALLER.get().reach("fetching")
            return FileSource(path=self.context.work_dir / "clip.mp4")

    return SoakProvider


def wall_class(kind: str) -> type[Plugin]:
    class SoakWall(Plugin):
        """Posts to a side of the world."""

        public = False
        idempotency = Idempotency(kind)
        settle_seconds = SETTLE

        @hookimpl
        async def publish(self, post: Post, effect: Effect) -> Receipt:
            return Receipt(id=await Here.world.walls[kind].receive(effect.key, post.caption))

    class SoakWallWithLook(SoakWall):
        """The same, and can look there."""

        @hookimpl
        async def find_post(self, post: Post) -> Found[Receipt] | Absent | Unsure:
            seen = await Here.world.walls[kind].look(post.caption)
            if isinstance(seen, Unsure):
                return seen
            return Found(tuple(Receipt(id=one.id) for one in seen)) if seen else Absent()

    return SoakWallWithLook if kind == Idempotency.LOOKUP else SoakWall
