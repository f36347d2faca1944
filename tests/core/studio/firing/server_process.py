"""A server in a process of its own, whose clock is handed in: it looks once at each time.

Prints the keys that it has fired. With a statement, it is killed just before the store runs one that begins so.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from reelwork.plugins.catalog import Catalog
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.firing.firer import Firer
from reelwork.studio.session import Session


async def main(path: Path, begin: float, step: float, count: int, kill_at: str) -> None:
    now = begin
    store = SqliteStore(path, clock=lambda: now)

    armed = False

    def statement(text: str) -> None:
        if armed and kill_at and text.lstrip().startswith(kill_at):
            os.kill(os.getpid(), signal.SIGKILL)

    store._db.run_now(lambda db: db.set_trace_callback(statement))
    print("ready", flush=True)
    sys.stdin.readline()
    armed = True
    async with Session(store, Catalog(), clock=lambda: now) as session:
        firer = Firer(session)
        for number in range(count):
            now = begin + number * step
            for slot in await firer.look("hourly", now):
                if slot.state == "fired":
                    print(slot.key, flush=True)
    store.close()


if __name__ == "__main__":
    path, begin, step, count, *kill_at = sys.argv[1:]
    asyncio.run(main(Path(path), float(begin), float(step), int(count), "".join(kill_at)))
