"""`reelwork serve`, killed again and again in a scheduled campaign, while the provider and the network go wrong.

To run:  python tests/faults/serve_storm.py [KILLS] [SEED]

Schedules fire every few seconds, each firing with a row of its own. However often the server dies, each firing
pays for one render and makes one post, by the logs of the simulator that plays both. It ends with 1 when that was
broken. The folder with the store and the servers' logs is kept then, and named.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from lab import PROVIDERS
from storm_plan import COST, NETWORK_FAULTS, PROVIDER_FAULTS
from storm_sides import Destination, NetworkThere

from reelwork.planning.job_state import JobData
from reelwork.schedules import keeping
from reelwork.schedules.spec import Agreed, Spec
from reelwork.store.records import ACTIVE, DONE, FAILED, HELD, JobRow
from reelwork.store.schedules import SlotState
from reelwork.store.sqlite.store import SqliteStore
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

KILLS = 100
SCHEDULES = 12
BETWEEN = 60.0 / SCHEDULES
"""Seconds between two firings: each schedule fires once a minute."""
LIVES = (0.05, 3.0)
"""Seconds of a server's life once it is ready."""
YOUNG = 0.15
"""The share of servers that are killed before they are ready."""
STARTS = 60.0
"""Seconds in which a server is ready, however busy the machine is."""
ROWS = 400
CALM = 240.0
"""Seconds in which everything must come to its end once all is well again, however busy the machine is."""
TRIES = 3
CONTROLS = ("first", "second")
"""What is made alone at the beginning."""
READY = "Serving http"


@dataclass
class Verdict:
    """What came of a campaign."""

    kills: int = 0
    firings: int = 0
    posts: int = 0
    renders: int = 0
    in_doubt: int = 0
    """Jobs that wait for a person, since nothing can tell whether what was sent for them happened."""
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.firings} firings, {self.renders} renders, {self.posts} posts, "
            f"{self.in_doubt} left in doubt: {'BROKEN' if self.wrong else 'ok'}"
        )


class Campaign:
    """One store with schedules, a server that is killed, and both other sides."""

    def __init__(self, folder: Path, simulator: RunningSimulator, there: Destination, seed: int) -> None:
        self.folder, self.simulator, self.there = folder, simulator, there
        self.random = random.Random(seed)
        self.store = SqliteStore(folder / "store.db")
        self.log = folder / "serve.log"
        self.verdict = Verdict()
        self._write_workflow()

    def play(self, kills: int) -> Verdict:
        """Let the campaign run, the server being killed, then come to its end, and judge."""
        for name in CONTROLS:
            self.fire_alone(name)
        for number in range(SCHEDULES):
            self._add(f"boat-{number}", number * BETWEEN)
        for _ in range(kills):
            self._go_wrong()
            with self._server() as server:
                if self.random.random() > YOUNG:
                    self._wait_until_ready(server)
                time.sleep(self.random.uniform(*LIVES))
                server.kill()
            self.verdict.kills += 1
        self._end()
        self._judge()
        return self.verdict

    def fire_alone(self, name: str) -> None:
        """Make one video while all is well: a list is believed that shows a render which is known to be there."""
        # Long enough that the list is seen to show it while it is in the making.
        self.simulator.set_faults(["render:slow=1.5"])
        there = len(self.store.jobs(statuses=(DONE,)))
        self._add(name, 0.0)
        if not self._serve_until(lambda: len(self.store.jobs(statuses=(DONE,))) > there):
            self.verdict.wrong.append(f"{name}, fired while all is well, was not done")
        self._remove(name)
        self.simulator.set_faults([])

    # --- the campaign -----------------------------------------------------------------------------------------

    def _write_workflow(self) -> None:
        posts = self.there.begin(self.folder)
        self.publishers = tuple(posts["plugins"])
        address = f"{self.simulator.url_of('sora')}/v1"
        provider = {
            **PROVIDERS["videos"],
            "dialect": "sora",
            "base_url": address,
            "price_per_second": COST / 4,
            "poll_interval": 0.1,
            "settle_seconds": 2.0,
            "submit_timeout": 1.0,
        }
        tables: Mapping[str, Mapping[str, Any]] = {
            "brief": {"duration": 4, "resolution": "720p"},
            "provider": provider,
            "plugins": {
                "pre_moderate": [],
                "prompt_transform": [],
                "post_download": [],
                "publish": posts["plugins"],
            },
            **{f"plugin.{name}": table for name, table in posts["plugin"].items()},
        }
        lines = [
            f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
            for name, table in tables.items()
        ]
        (self.folder / "flow.toml").write_text("\n".join(lines))

    def _add(self, name: str, ahead: float) -> None:
        """Add a schedule whose first firing is `ahead` seconds from now."""
        rows = self.folder / f"{name}.csv"
        titles = [f"{name} and the tide {number}" for number in range(ROWS)]
        rows.write_text("\n".join(["prompt,title", *(f'"{title}","{title}"' for title in titles)]))
        now = time.time()
        spec = Spec(
            str(rows), str(self.folder / "flow.toml"), str(self.folder), every="1m", anchor=now - 60.0 + ahead,
            overlap="allow", agreed=Agreed(None, self.publishers),
        )  # fmt: skip
        asyncio.run(keeping.add(self.store, name, spec, now - 1.0))

    def _remove(self, name: str) -> None:
        asyncio.run(keeping.remove(self.store, name, time.time()))

    def _go_wrong(self) -> None:
        self.simulator.set_faults(self.random.sample(PROVIDER_FAULTS, self.random.randint(0, 2)))
        self.there.fail(self.random.sample(NETWORK_FAULTS, self.random.randint(0, 2)))

    def _server(self) -> _Server:
        environment = {**os.environ, "VIDEOS_API_KEY": "any", **self.there.environment(self.folder)}
        return _Server(self.folder, self.log, environment)

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        begun, ends = self.log.read_text().count(READY), time.monotonic() + STARTS
        while self.log.read_text().count(READY) == begun:
            assert server.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < ends, "a server is not ready"
            time.sleep(0.02)

    def _serve_until(self, reached: Any) -> bool:
        """Let a server live until something is so; False if it does not come to that in time."""
        ends = time.monotonic() + CALM
        with self._server() as server:
            while not (so := reached()) and time.monotonic() < ends:
                assert server.poll() is None, self.log.read_text()[-2000:]
                time.sleep(0.1)
        return bool(so)

    def _end(self) -> None:
        """Let nothing fire and nothing go wrong any more, and everything come to its end."""
        self.simulator.set_faults([])
        self.there.heal()
        for row in self.store.schedules():
            if row.removed_at is None:
                self._remove(row.name)
        self._settle()
        # What was sent before the newest control is judged by one more that comes after it.
        self.fire_alone("last")
        self._settle()

    def _settle(self) -> None:
        for _ in range(TRIES):
            # As a person does who looks in: what failed goes on where it stopped.
            stopped = [row.id for row in self.store.jobs(statuses=(FAILED, HELD))]
            asyncio.run(self.store.wake(stopped, (FAILED, HELD)))
            if not self._serve_until(lambda: not self.store.jobs(statuses=(ACTIVE,))):
                self.verdict.wrong.append("jobs are active although all is well")
            if not self.store.jobs(statuses=(FAILED, HELD)):
                return

    # --- the judgement ----------------------------------------------------------------------------------------

    def _judge(self) -> None:
        fired = [
            slot
            for row in self.store.schedules()
            for slot in self.store.slots(row.name)
            if slot.state == SlotState.FIRED
        ]
        jobs = self.store.jobs()
        renders = Counter(render["prompt"] for render in self.simulator.jobs())
        posts = Counter(map(_title, self.there.posts()))
        verdict = self.verdict
        verdict.firings, verdict.renders, verdict.posts = len(fired), renders.total(), posts.total()
        if len(jobs) != len(fired) or len({slot.row for slot in fired}) != len(fired):
            verdict.wrong.append(f"{len(fired)} firings have {len(jobs)} jobs")
        verdict.wrong += self.there.twice()
        for job in jobs:
            verdict.wrong += self.wrong_with(job, renders, posts)

    def wrong_with(self, job: JobRow, renders: Counter[str], posts: Counter[str]) -> Iterator[str]:
        """Say what is wrong with a job, by what the other sides have of each prompt."""
        prompt = JobData.model_validate_json(job.data).brief.prompt
        doubtful = any(effect.state == "unknown" for effect in self.store.effects_of(job.id))
        self.verdict.in_doubt += doubtful
        if renders[prompt] > 1:
            yield f"paid twice: {prompt!r}, {renders[prompt]} renders"
        if posts[prompt] != 1 and not (doubtful and posts[prompt] == 0):
            yield f"{prompt!r} has {posts[prompt]} posts; its job is {job.status}: {job.reason[:300]}"


class _Server:
    """A server in a process of its own; it is killed at the end, if it lives."""

    def __init__(self, folder: Path, log: Path, environment: Mapping[str, str]) -> None:
        worker = Path(__file__).with_name("serve_worker.py")
        command = [sys.executable, str(worker), "--store", "store.db", "serve", "--port", "0"]
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()


def _title(post: Mapping[str, Any]) -> str:
    return str(post.get("title") or str(post.get("text", "")).partition("\n")[0])


def play(kills: int, seed: int, network: str = "mastodon") -> tuple[Verdict, Path | None]:
    """Play a campaign; returns what came of it, and the folder that is kept if it was broken."""
    folder = Path(tempfile.mkdtemp(prefix="reelwork-serve-storm-"))
    settings = SimulatorSettings(render_seconds=0.3, canned=True)
    with run_simulator(settings) as simulator, closing(NetworkThere(network)) as there:
        campaign = Campaign(folder, simulator, there, seed)
        with closing(campaign.store):
            verdict = campaign.play(kills)
    if verdict.wrong:
        return verdict, folder
    shutil.rmtree(folder)
    return verdict, None


def main(arguments: list[str]) -> int:
    """Play the long form, and tell what came of it."""
    kills, seed = [*map(int, arguments), *(KILLS, 1)[len(arguments) :]]
    verdict, kept = play(kills, seed)
    print(verdict, *verdict.wrong, *([f"kept: {kept}"] if kept else []), sep="\n")
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
