"""Runs a workflow in a process that can be killed, or paused, exactly before or after the n-th commit or within
the n-th request that creates something.

Reads a case as JSON from each line of its input, forks, and lets the child run it; answers with how the child
ended. Forking from here saves every case the time to import the engine.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import packaging.requirements  # noqa: F401  the engine loads it when it needs it, which in a child is every time

sys.path.insert(0, str(Path(__file__).parent))

from side_files import Dresser, Shelf

import reelwork.engine.job_log
import reelwork.engine.timing
import reelwork.net.client
import reelwork.studio.batch_launch
import reelwork.studio.driver
from reelwork.plugins.catalog import Catalog
from reelwork.store.commands import Command, RenderUpdate, StillWaiting
from reelwork.store.records import EffectRow, Lease
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.studio import Studio
from reelwork.testing.conformance.fork_server import warm_up
from reelwork_hooks import (
    Absent,
    Config,
    Effect,
    Found,
    Idempotency,
    NotSent,
    OutcomeUnknown,
    Plugin,
    Post,
    Receipt,
    hookimpl,
)
from reelwork_plugins.publishers import facebook, linkedin, mastodon, tiktok, x, youtube
from reelwork_plugins.publishers.linkedin import checks as linkedin_checks
from reelwork_plugins.publishers.meta import publisher as meta
from reelwork_plugins.publishers.tiktok import checks as tiktok_checks

WORDS = "A quiet harbour at dawn, boats and gulls"
MOMENTS = {
    "http11.send_request_headers.complete": "half sent",
    "http11.send_request_body.complete": "sent",
    "http11.receive_response_headers.complete": "answered",
}
"""What httpcore calls the moments within a request."""
PLUGINS = ("videos-api", "fal", "kling", "rules")


def own_plugins() -> Mapping[str, type[Plugin]]:
    """Return the plugins of the matrix itself."""
    return {"wall": WallPublisher, "dresser": Dresser, "shelf": Shelf}


def strike(act: str) -> None:
    """Kill or pause this process."""
    os.kill(os.getpid(), signal.SIGSTOP if act == "pause" else signal.SIGKILL)


class FragileRequests:
    """Counts the requests of this process that may change something, and acts on it within one of them."""

    def __init__(self, at: int, moment: str, act: str) -> None:
        self.count = 0
        self._at, self._moment, self._act = at, moment, act

    def install(self) -> None:
        """Watch every request that httpx sends from now on."""
        plain = httpx.AsyncHTTPTransport.handle_async_request

        async def watched(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
            if request.method in ("POST", "PUT"):
                self.count += 1
                if self.count == self._at:
                    request.extensions = {**request.extensions, "trace": self._trace}
            return await plain(transport, request)

        httpx.AsyncHTTPTransport.handle_async_request = watched  # type: ignore[method-assign]

    async def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if MOMENTS.get(event) == self._moment:
            strike(self._act)


class WallConfig(Config):
    url: str


class WallPublisher(Plugin):
    """Posts to the wall, and can look there."""

    Config = WallConfig
    public = False
    idempotency = Idempotency.LOOKUP
    settle_seconds = 0.7
    patience = 1.0
    """Seconds for an answer. No setting, as other settings are another destination, where nothing is known."""

    @hookimpl
    async def publish(self, post: Post, effect: Effect) -> Receipt:
        http = self.context.http(trust=[self.config.url])
        answer = await http.post(self.config.url + "/posts", json={"key": effect.key}, timeout=self.patience)
        if answer.status_code == 429:
            raise NotSent("too many", retry_after=0.02)
        if answer.status_code != 200:
            raise OutcomeUnknown(f"answered {answer.status_code}")
        return Receipt(id=answer.json()["id"])

    @hookimpl
    async def find_post(self, effect: Effect) -> Found[Receipt] | Absent:
        http = self.context.http(trust=[self.config.url])
        posts = (await http.get(self.config.url + "/posts")).json()["posts"]
        ids = [f"post_{at}" for at, key in enumerate(posts, 1) if key == effect.key]
        return Found(tuple(Receipt(id=id_) for id_ in ids)) if ids else Absent()


class FragileStore(SqliteStore):
    """Counts commits and acts on this process at one of them."""

    def __init__(self, path: Path, at: int, when: str, act: str, clock: Callable[[], float] = time.time) -> None:
        super().__init__(path, clock=clock)
        self.count = 0
        self._at, self._when, self._act = at, when, act

    async def apply(self, lease: Lease, commands: Sequence[Command]) -> EffectRow | None:
        number = self._number("before")
        result = await super().apply(lease, commands)
        self._strike(number, "after")
        return result

    async def update_renders(
        self, owner: str, changes: Sequence[RenderUpdate], same: Sequence[StillWaiting] = ()
    ) -> list[str]:
        number = self._number("before")
        result = await super().update_renders(owner, changes, same)
        self._strike(number, "after")
        return result

    def _number(self, when: str) -> int:
        self.count += 1
        self._strike(self.count, when)
        return self.count

    def _strike(self, number: int, when: str) -> None:
        if (number, when) == (self._at, self._when):
            strike(self._act)


def seen(store: SqliteStore, job_id: str, status: str) -> dict[str, Any]:
    """How a job stands, and what is in doubt of it."""
    open_ = [act for act in store.effects_of(job_id) if act.state == "unknown"]
    asked = [json.loads(act.asked) for act in open_]
    return {
        "status": status,
        "in_doubt": [one.get("prompt", one.get("title", "")) for one in asked],
        "resent": max((act.resent for act in open_), default=0),
    }


def hurry() -> None:
    """Let the plugins of networks wait as briefly as the matrix's own publisher does."""
    mastodon.Mastodon.settle_seconds = WallPublisher.settle_seconds
    youtube.Youtube.settle_seconds = WallPublisher.settle_seconds
    meta.ContainerPublisher.settle_seconds = WallPublisher.settle_seconds
    facebook.Facebook.settle_seconds = WallPublisher.settle_seconds
    tiktok.Tiktok.settle_seconds = WallPublisher.settle_seconds
    x.X.settle_seconds = WallPublisher.settle_seconds
    linkedin.Linkedin.settle_seconds = WallPublisher.settle_seconds
    meta.FIRST_POLL = meta.LONGEST_POLL = facebook.FIRST_POLL = facebook.LONGEST_POLL = 0.05
    # The provider's clips are smaller than these networks take them.
    tiktok_checks.LEAST_SIDE, tiktok_checks.SLOWEST = 0, 0.0
    linkedin_checks.LEAST_BYTES, linkedin_checks.SHORTEST = 0, 0.0
    tiktok.FIRST_POLL = tiktok.LONGEST_POLL = linkedin.FIRST_POLL = linkedin.LONGEST_POLL = 0.05
    mastodon.FIRST_LOOK = youtube.POLL_SECONDS = 0.05


def prepared(case: Mapping[str, Any]) -> None:
    """Make this process's surroundings those of the case."""
    os.environ.update(case.get("environment", {}))
    hurry()
    reelwork.engine.timing.LEASE = case.get("lease", 60.0)
    WallPublisher.patience = case.get("patience", WallPublisher.patience)


def run_case(case: Mapping[str, Any]) -> int:
    prepared(case)
    folder = Path(case["folder"])
    catalog = Catalog()
    for name, plugin in own_plugins().items():
        catalog.add(name, plugin)
    act = case.get("act", "kill")
    store = FragileStore(folder / "store.db", case.get("at", 0), case.get("when", ""), act)
    requests = FragileRequests(case.get("request", 0), case.get("moment", ""), act)
    requests.install()
    with Studio(case["workflow"], store=store.path, out=folder / "out", catalog=catalog) as studio:
        studio._store = store
        batch = "" if case.get("resume") else case["batch"]
        exit_code = studio.run_sync(folder / batch).exit_code if batch else studio.resume_sync().exit_code
        jobs = [seen(store, job.id, job.status) for job in studio.jobs()]
        end = {"commits": store.count, "requests": requests.count, "jobs": jobs}
        name = f"{Path(batch).stem or 'resumed'}-{os.getpid()}.json"
        (folder / name).write_text(json.dumps(end))
        return exit_code


def ended(pid: int, *, patient: bool) -> int | None:
    """How a child has ended, once it has; None when it is not waited for and lives."""
    found, status = os.waitpid(pid, 0 if patient else os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def main(run: Callable[[Mapping[str, Any]], int] = run_case) -> None:
    """Fork for each case, and let the child `run` it."""
    warm_up()
    # A plugin is loaded when it is first needed, which in a child is every time.
    catalog = Catalog()
    for name in PLUGINS:
        catalog.get(name)
    for line in sys.stdin:
        case = json.loads(line)
        if "wait" in case:
            print(json.dumps({"code": ended(case["wait"], patient=case.get("patient", True))}), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            code = 99
            try:
                # The zygote's own streams carry the protocol.
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, 1)
                code = run(case)
            finally:
                os._exit(code)
        print(json.dumps({"pid": pid}), flush=True)


if __name__ == "__main__":
    main()
