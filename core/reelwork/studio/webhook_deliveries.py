"""What is delivered to webhooks, as a person looks at it and sends it again."""

from __future__ import annotations

from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.store.outbox import DeliveryRow
from reelwork.store.protocol import Store

SHORTEST_ID = 8
"""Characters of the end of an id that name a delivery."""


async def send_again(store: Store, id_: str) -> DeliveryRow:
    """Send a delivery again, named by its id or the end of it, and return it. Raises `InvalidInput`."""
    found = store.deliveries(None, 2, id_=id_) if len(id_) >= SHORTEST_ID else []
    if len(found) != 1:
        raise NotFound("delivery", id_, (), hint="List them with: reelwork webhooks deliveries")
    row = found[0]
    if not await store.resend(row.id):
        raise WorkflowInvalid(
            f"The webhook {row.target} is off, or no server has it.",
            money="Nothing was sent.",
            hint=f"Turn it on first: reelwork webhooks on {row.target}",
        )
    return row
