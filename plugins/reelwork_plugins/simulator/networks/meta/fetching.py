"""The video of a container: its bytes, fetched from an address or sent, and a look at them."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import suppress

from reelwork_plugins.simulator.networks.downloads import download
from reelwork_plugins.simulator.networks.films import Film, look_at
from reelwork_plugins.simulator.networks.meta.store import Accounts, Container
from reelwork_plugins.simulator.simulation import Simulation

AGENT = "facebookexternalua"


async def take(sim: Simulation, accounts: Accounts, container: Container, unusable: str, shortest: float) -> None:
    """Look at a video that has arrived: it is usable, or its container fails."""
    fault = sim.switchboard.pick("video")
    kind, seconds = fault.kind if fault else "", sim.settings.render_seconds
    if fault is not None and kind in ("slow", "stuck"):
        seconds = fault.seconds if kind == "slow" else math.inf
    film: Film | None = None
    with suppress(ValueError):
        film = await asyncio.to_thread(look_at, container.path)
    failure = ""
    if film is None or film.seconds < shortest:
        failure = unusable
    if fault is not None and kind == "fail":
        failure = f"{unusable} ({fault.value})"
    accounts.change(container.id, film=film, failure=failure, ready_at=time.time() + seconds)


async def fetch(accounts: Accounts, container: Container, address: str) -> bool:
    """Fetch a video, as Meta does; return whether it came."""
    return await asyncio.to_thread(download, address, container.path, AGENT)
