"""Webhooks that are sent: who gets which events of jobs, and what is still to be delivered."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

# After that it is no server's webhook any more, and its events would only fill the store.
TARGET_SECONDS = 30 * 86_400.0
"""Seconds after which a webhook that no server has in its settings gets no more events."""
MOST_WAITING = 100_000
"""Events that wait for one webhook. The oldest go when there are more."""


ENDED_SECONDS = 30 * 86_400.0
"""Seconds for which a delivery that has ended can be looked at and sent again."""
MOST_ENDED = 10_000
"""The newest of them are kept."""


class Outcome(StrEnum):
    """What has become of a delivery."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given up"
    DROPPED = "dropped"
    """Its webhook was turned off."""


class DeliveryRow(NamedTuple):
    """A delivery as it stands."""

    id: str
    target: str
    job_id: str
    name: str
    """The event's."""
    at: float
    """When it happened."""
    attempts: int
    outcome: Outcome
    when: float
    """When it ended, or is due next."""
    reason: str
    """Why it did not arrive the last time."""


class TargetRow(NamedTuple):
    """A webhook that is sent, and how it stands."""

    name: str
    url: str
    events: tuple[str, ...]
    """The names of events that it gets; `*` for all."""
    seen_at: float
    """When a server last had it in its settings."""
    brand: str = ""
    """It gets the events of jobs of this brand alone; empty: of all jobs."""
    failing_since: float | None = None
    off_at: float | None = None
    """When it was turned off; it gets nothing then."""
    reason: str = ""
    """Why its last delivery failed, or why it is off."""
    waiting: int = 0
    """The events that wait for it."""


class Delivery(NamedTuple):
    """An event on its way to a webhook."""

    id: str
    """The same in every try: whoever gets it twice knows it by this."""
    target: str
    job_id: str
    run_id: str
    name: str
    details: str
    at: float
    attempt: int
    """The number of this try, from 1."""


class Outbox(Protocol):
    """Keeps events of jobs until they are delivered. They come in with the transaction that tells them."""

    async def keep_targets(self, targets: Sequence[TargetRow]) -> None:
        """Store the webhooks of a server's settings. One with another address is turned on again."""

    async def claim_deliveries(self, name: str, lease: float, count: int) -> list[Delivery]:
        """Take events that are due to a webhook for `lease` seconds, oldest first.

        They are due again after it, unless they are delivered or put off: so none is lost with its sender. To be
        taken is no try.
        """
        ...

    async def put_back(self, taken: Sequence[Delivery]) -> None:
        """Make events due at once that were taken and not sent."""

    async def delivered(self, delivery: Delivery) -> None:
        """Note that it arrived."""

    async def put_off(self, delivery: Delivery, pause: float | None, reason: str) -> float:
        """Note a failure: due again after `pause` seconds, or given up with None.

        Returns since when its webhook has been failing.
        """
        ...

    async def turn_off(self, name: str, reason: str) -> None:
        """Send nothing to a webhook any more, and drop what waits for it."""

    async def resend(self, id_: str) -> bool:
        """Send a delivery again, with the same id, or now if it waits; False if there is none of this id.

        False too where its webhook is off or unknown: nobody would send it.
        """
        ...

    async def turn_on(self, name: str) -> bool:
        """Send to a webhook again, from now on; False when there is none of that name that is off."""
        ...


class OutboxReader(Protocol):
    """Reads the outbox."""

    def webhook_targets(self) -> list[TargetRow]:
        """Return the webhooks that are sent, by name."""
        ...

    def deliveries(self, target: str | None, limit: int, *, id_: str | None = None) -> list[DeliveryRow]:
        """Return deliveries, the newest events first: to a webhook or to all, or those whose id ends so."""
        ...

    def next_delivery(self, name: str) -> float | None:
        """Return when the next event to a webhook is due; None if nothing waits."""
        ...
