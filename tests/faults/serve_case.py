"""Runs a case of the fault matrix at `reelwork serve`: rows are sent over its API, and the server drives them.

`worker.py` says how a case comes in and how it is answered. Server and caller are one process here, which can be
killed at a commit or within a request.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from serve_calls import WAIT_SECONDS, caller, let_go_on, send, token_of, until_idle
from worker import FragileRequests, FragileStore, main, own_plugins, prepared, seen

from reelwork.net.addresses import Origin
from reelwork.plugins.catalog import Catalog
from reelwork.server import serving
from reelwork.store.sqlite.store import SqliteStore


def run_case(case: Mapping[str, Any]) -> int:
    """Serve until nothing is left to do that goes on by itself."""
    prepared(case)
    folder, act = Path(case["folder"]), case.get("act", "kill")
    token = token_of(folder)
    opened: list[FragileStore] = []

    def open_fragile(path: Path, clock: Callable[[], float]) -> FragileStore:
        opened.append(FragileStore(path, case.get("at", 0), case.get("when", ""), act, clock))
        return opened[-1]

    serving.open_store = open_fragile  # type: ignore[assignment]
    serving.Catalog = _Catalog  # type: ignore[misc]
    requests = FragileRequests(case.get("request", 0), case.get("moment", ""), act)
    requests.install()
    asyncio.run(_served(case, folder, token))
    with closing(SqliteStore(folder / "store.db")) as look:
        jobs = [seen(look, job.id, job.status) for job in look.jobs()]
    end = {"commits": sum(store.count for store in opened), "requests": requests.count, "jobs": jobs}
    batch = "" if case.get("resume") else case["batch"]
    (folder / f"{Path(batch).stem or 'resumed'}-{os.getpid()}.json").write_text(json.dumps(end))
    return int(any(job["status"] != "done" for job in jobs))


async def _served(case: Mapping[str, Any], folder: Path, token: str) -> None:
    ready: asyncio.Future[Origin] = asyncio.get_running_loop().create_future()
    settings = serving.Settings("127.0.0.1", 0, folder / "store.db", workflows=folder)
    server = serving.Server(settings, ready.set_result)
    serve = asyncio.create_task(server.serve())
    await asyncio.wait({serve, ready}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if not serve.done():
            async with asyncio.timeout(WAIT_SECONDS), caller(str(ready.result()), token) as http:
                if not case.get("resume"):
                    await send(http, _rows(folder / case["batch"]), case["workflow"], case["batch"])
                await let_go_on(http)
                await until_idle(http)
    finally:
        server.stop()
        await serve


def _rows(batch: Path) -> list[dict[str, str]]:
    with batch.open() as file:
        return list(csv.DictReader(file)) if batch.suffix == ".csv" else [{"prompt": one.strip()} for one in file]


class _Catalog(Catalog):
    """The installed plugins, and the matrix's own."""

    def __init__(self) -> None:
        super().__init__()
        for name, plugin in own_plugins().items():
            self.add(name, plugin)


if __name__ == "__main__":
    main(run_case)
