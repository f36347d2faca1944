"""Leases: renewed while this process lives, and taken over from processes that are dead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from reelwork.engine import timing
from reelwork.store.protocol import LeaseHolder, Store


async def take_over(store: Store, owner: LeaseHolder) -> bool:
    """End at once the leases of dead processes, instead of waiting until they run out. True if there were any.

    A paused process keeps its leases, since it is not dead; when it wakes up too late, its fence is too old.
    """
    dead = [name for name in await store.owners() if name != owner.name and await store.worker_is_dead(name)]
    for name in dead:
        await store.expire(name)
    return bool(dead)


async def renew_for_ever(store: Store, owner: LeaseHolder, freed: Callable[[], None] = lambda: None) -> None:
    """Renew this process's leases until cancelled, and take over what dead ones held; `freed` hears of that."""
    while True:
        await asyncio.sleep(timing.LEASE / timing.HEARTBEATS)
        await store.renew(owner.name, timing.LEASE)
        if await take_over(store, owner):
            freed()


@asynccontextmanager
async def renewed(store: Store, owner: LeaseHolder) -> AsyncIterator[None]:
    """Renew this process's leases meanwhile."""
    heartbeat = asyncio.create_task(renew_for_ever(store, owner))
    try:
        yield
    finally:
        heartbeat.cancel()
        # A store that cannot be written ends whoever writes to it; the heartbeat need not say so as well.
        await asyncio.gather(heartbeat, return_exceptions=True)
