"""Webhooks that are sent: events of jobs, signed (Standard Webhooks), until they arrive or are given up."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool

from reelwork.errors import in_a_line
from reelwork.plugins.pipeline import MakeContext
from reelwork.settings.webhooks import OutgoingTable, WebhookSettings
from reelwork.store.outbox import Delivery, TargetRow
from reelwork.store.protocol import Store
from reelwork_hooks.errors import ReelworkError
from reelwork_hooks.http import HttpClient
from reelwork_hooks.plugin import Context
from reelwork_hooks.webhooks import signature_headers, signing_key

# By the recommendation of standardwebhooks.com: three days and some hours together.
PAUSES = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Seconds before each further try."""
OFF_AFTER = 5 * 86_400.0
"""Seconds of nothing but failures after which a webhook is turned off."""
SENDING_SECONDS = 15.0
"""Seconds within which a receiver must answer."""
LEASE = 120.0
"""Seconds after which another server sends what this one has taken."""
AT_ONCE = 20
"""Events of a webhook that are taken together, and sent one after the other."""
GRACE = 2.0
"""Seconds for which deliveries under way may finish when the server ends."""
SHORTEST_LOOK, LONGEST_LOOK = 0.05, 1.0
"""Seconds between two looks at the outbox: other processes on the store tell nobody of their events."""
SEEN_EVERY = 3600.0
GONE = 410
"""The status by which a receiver says that it wants nothing any more."""

log = logging.getLogger("reelwork.webhooks")
Counted = Callable[[str, str], None]
"""Gets the name of a webhook, and what became of a try: `delivered`, `failed`, `given-up` or `off`."""


@dataclass(frozen=True)
class Target:
    """A webhook as the settings have it."""

    name: str
    table: OutgoingTable
    context: Context
    http: HttpClient = field(repr=False)

    def row(self, now: float) -> TargetRow:
        """Return it as the store keeps it."""
        return TargetRow(self.name, self.table.url, self.table.events, now, self.table.brand or "")

    def secrets(self) -> tuple[str, ...]:
        """Return the secrets that it is signed with. Raises `SecretNotFound`."""
        given = (self.table.secret, self.table.old_secret)
        return tuple(self.context.secret(one) for one in given if one is not None)


def targets_of(settings: WebhookSettings, make_context: MakeContext) -> dict[str, Target]:
    """Return the webhooks to send, each with its secret read once. Raises `InvalidInput`."""
    found: dict[str, Target] = {}
    for name, table in settings.outgoing.items():
        context = make_context(f"webhook-{name}", settings.loaded)
        # An address of the settings may be anybody's idea, such as a person's who only wanted a notice: this
        # network is reached only where they say so.
        found[name] = Target(name, table, context, context.http(trust=[table.url] if table.private else []))
        for secret in found[name].secrets():
            signing_key(secret)
    return found


class Deliveries:
    """Sends what is in the outbox of a store, until it is stopped. Several servers share the work."""

    def __init__(
        self, store: Store, targets: Mapping[str, Target], counted: Counted, clock: Callable[[], float] = time.time
    ) -> None:
        self._store, self._targets, self._counted, self._clock = store, targets, counted, clock
        self._seen: dict[str, float] = {}
        self._failing: set[str] = set()
        """The webhooks whose failure was said: once, and not for each try."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until `stopping` is set."""
        # Each has its own task: a receiver that hangs keeps nobody else waiting.
        async with asyncio.TaskGroup() as tasks:
            for target in self._targets.values():
                tasks.create_task(self._run(target, stopping))
            # Without webhooks, too: the server ends when one of its tasks does.
            await stopping.wait()

    async def _run(self, target: Target, stopping: asyncio.Event) -> None:
        stopped = asyncio.create_task(stopping.wait())
        pause = 0.0
        while not stopping.is_set():
            await asyncio.wait([stopped], timeout=pause)
            pause = LONGEST_LOOK
            if stopping.is_set():
                continue
            turn = asyncio.create_task(self._turn(target))
            await asyncio.wait([turn, stopped], return_when=asyncio.FIRST_COMPLETED)
            if not turn.done():
                # What is on its way may arrive. What is broken off is sent again later, with the same id.
                await asyncio.wait([turn], timeout=GRACE)
                turn.cancel()
            with suppress(asyncio.CancelledError):
                pause = await turn

    async def _turn(self, target: Target) -> float:
        """Send what is due to a webhook; returns the seconds until the next look."""
        now, seen = self._clock(), self._seen.get(target.name, float("-inf"))
        if now - seen >= SEEN_EVERY or now < seen:
            self._seen[target.name] = now
            await self._store.keep_targets([target.row(now)])
        due = await asyncio.to_thread(self._store.next_delivery, target.name)
        if due is None or due > now:
            return LONGEST_LOOK if due is None else min(max(due - now, SHORTEST_LOOK), LONGEST_LOOK)
        await self._send_all(target, await self._store.claim_deliveries(target.name, LEASE, AT_ONCE))
        return SHORTEST_LOOK

    async def _send_all(self, target: Target, taken: Sequence[Delivery]) -> None:
        ends = self._clock() + LEASE - SENDING_SECONDS
        for at, delivery in enumerate(taken):
            # Another server may send the rest from then on.
            if self._clock() > ends:
                await self._store.put_back(taken[at:])
                return
            if not await self._send(target, delivery):
                return

    async def _send(self, target: Target, delivery: Delivery) -> bool:
        """Try once; False when nothing more is to be sent there."""
        status, wait, problem = await self._tried(target, delivery)
        if 200 <= status < 300:
            await self._store.delivered(delivery)
            self._counted(target.name, "delivered")
            if target.name in self._failing:
                self._failing.discard(target.name)
                log.info("webhook %s: what is sent arrives again", target.name)
        elif status == GONE:
            await self._store.put_off(delivery, 0.0, problem)
            await self._turn_off(target.name, "it answered 410 Gone")
            return False
        else:
            return await self._failed(target.name, delivery, wait, problem)
        return True

    async def _tried(self, target: Target, delivery: Delivery) -> tuple[int, float | None, str]:
        """Return the status of one try, 0 where none came; the seconds to wait that it asks for; what is wrong."""
        body = body_of(delivery)
        try:
            secrets = await run_in_threadpool(target.secrets)
            signature = signature_headers(secrets, delivery.id, int(time.time()), body)
            headers = {**signature, "Content-Type": "application/json"}
            answer = await target.http.post(
                target.table.url, content=body, headers=headers, timeout=SENDING_SECONDS
            )
        except ReelworkError as error:
            return 0, None, in_a_line(error)
        # A redirect is no success: it could lead anywhere, and the body would go there too.
        told = answer.headers.get("retry-after", "")
        wait = float(told) if told.isascii() and told.isdecimal() and len(told) < 6 else None
        return answer.status_code, wait, f"it answered {answer.status_code}"

    async def _failed(self, name: str, delivery: Delivery, wait: float | None, problem: str) -> bool:
        last = delivery.attempt > len(PAUSES)
        pause = None if last else max(PAUSES[delivery.attempt - 1] * (1 + 0.1 * random.random()), wait or 0.0)
        since = await self._store.put_off(delivery, pause, problem)
        self._counted(name, "given-up" if last else "failed")
        if name not in self._failing:
            self._failing.add(name)
            log.warning("webhook %s: %s; it is tried again for three days", name, problem)
        if self._clock() - since > OFF_AFTER:
            day = datetime.fromtimestamp(since, UTC).date()
            await self._turn_off(name, f"nothing has arrived since {day}; the last time {problem}")
            return False
        return True

    async def _turn_off(self, name: str, reason: str) -> None:
        await self._store.turn_off(name, reason)
        self._failing.discard(name)
        self._counted(name, "off")
        log.error("webhook %s is off: %s. Turn it on: reelwork webhooks on %s", name, reason, name)


def body_of(delivery: Delivery) -> bytes:
    """Return the body of an event: the same bytes in every try."""
    told = {
        "type": f"job.{delivery.name}",
        "timestamp": datetime.fromtimestamp(delivery.at, UTC).isoformat().replace("+00:00", "Z"),
        "data": {"job": delivery.job_id, "run": delivery.run_id, "details": json.loads(delivery.details)},
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
