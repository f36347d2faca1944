"""Leases: renewed while this process lives, and taken over from processes that are dead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from reelwork.engine import timing
from reelwork.store.protocol import LeaseHolder, Store


async def take_over(store: Store, owner: LeaseHolder) -> bool:
    """End the leases of dead processes at once. Return True if there were any."""
    # A paused process is not dead and keeps its leases. If it wakes up too late, its fence is too old to write.
    dead = [name for name in await store.owners() if name != owner.name and await store.worker_is_dead(name)]
    for name in dead:
        await store.expire(name)
    return bool(dead)


async def renew_for_ever(store: Store, owner: LeaseHolder, freed: Callable[[], None] = lambda: None) -> None:
    """Renew this process's leases until cancelled, and take over what dead ones held; `freed` hears of that."""
    while True:
        await asyncio.sleep(timing.LEASE / timing.HEARTBEATS)
        # First our own: taking over may have to look at many processes, and must not cost us our leases.
        await store.renew(owner.name, timing.LEASE)
        if await take_over(store, owner):
            freed()


@asynccontextmanager
async def renewed(store: Store, owner: LeaseHolder) -> AsyncIterator[None]:
    """Renew this process's leases meanwhile."""
    # A step may take longer than a lease. Without it, the job would be taken over in the middle of the step.
    heartbeat = asyncio.create_task(renew_for_ever(store, owner))
    try:
        yield
    finally:
        heartbeat.cancel()
        # A store that cannot be written ends whoever writes to it; the heartbeat need not say so as well.
        await asyncio.gather(heartbeat, return_exceptions=True)
