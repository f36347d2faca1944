"""What the fault matrix needs: faults, a provider and a destination with logs of their own, worker processes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

sys.path.insert(0, str(Path(__file__).parent))

from deaf import DeafPort
from sides import SIDES, NetworkSide, Side, WallSide
from worker import MOMENTS, WORDS

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

# `fal` lists a render only once it has ended: what is not there is held, never sent again.
PROTOCOL = os.environ.get("REELWORK_FAULTS_PROTOCOL", "videos")
"""The protocol that the provider of the cases speaks: `videos`, `fal` or `kling`."""
NETWORK = os.environ.get("REELWORK_FAULTS_NETWORK", "")
"""The network that the jobs post to: one of `sides.SIDES`, or a wall where none is named."""
PROVIDERS = {
    "videos": {"use": "videos-api", "model": "sora-2"},
    "fal": {"use": "fal", "model": "fal-ai/veo3.1/lite"},
    # It lists no prompt: a render is known by its own id alone.
    "kling": {
        "use": "kling",
        "model": "kling-v3",
        "access_key": "env:PATH",
        "secret_key": "env:PATH",
    },
}
DRIVER = "serve_case.py" if os.environ.get("REELWORK_FAULTS_SERVE") else "worker.py"
"""What the processes of the cases are: a server that is asked over its API, or a run."""
ROWS = 2
RENDER_SECONDS = 1.0
"""Long enough for a list to be seen to show what is still being made."""
KNOWN = (
    "A red fox walks through deep snow, and leaves its long tracks behind it",
    "An old tram climbs a steep street in the rain, its windows lit and empty",
)
"""What was made before a scene begins: a list that does not show these as well is not believed."""
# Two, since one may get the fault that a killed process left behind: what is only found later is no control. None
# is longer than what was made before, or nothing older would show that it is missing.
LATER = (
    "A field of sunflowers turns under a summer sky, and a child runs by",
    "A tram climbs a steep street in the evening, and lights the wet stones",
)
"""What is made once the scene is over, where something is still in doubt: it shows that a list is new enough."""
LAST = ("The same street late at night, the last tram gone, and one lamp left alight",)
"""What is made where one of those is in doubt: only what is sent later, and is no shorter, shows that of it."""
AFTERWARDS = {"later": LATER, "last": LAST}
SUBMIT_FAULTS = {
    "answered": "",
    "answer lost": "create:accept-then-drop*1",
    "5xx after acceptance": "create:accept-then-500*1",
    "429": "create:429:retry-after=0.05*1",
    "dropped before acceptance": "create:drop-before*1",
    "time-out after sending": "create:accept-then-slow=1.8*1",
    "late success": "create:slow=1.5*1",
    "no id in the answer": "create:no-id*1",
    "time-out before sending": "create:silent=1.8*1",
    "connection refused": "",
}
PUBLISH_FAULTS = {
    "answered": "",
    "answer lost": "accept-then-drop",
    "5xx after acceptance": "accept-then-500",
    "429": "429",
    "dropped before acceptance": "drop-before",
    "time-out after sending": "accept-then-slow",
    "late success": "late",
    "time-out before sending": "silent",
    "connection refused": "",
}
REFUSED = "connection refused"
# A busy machine answers within it; what is to come late takes half as long again.
HASTE = 1.0
"""Seconds for an answer in a scene."""
PATIENCE = 30.0
"""Seconds for an answer where nothing is to go wrong, however busy the machine is."""
SIGN_IN_SECONDS = 20.0
"""Seconds after which a person looks after a run that has not ended, and signs in."""
DEAF_SECONDS = 0.4
"""How long nobody listens, from when a case's folder is made."""


@dataclass(frozen=True)
class Scene:
    """One combination of faults."""

    submit: str = "answered"
    publish: str = "answered"
    warm: bool = True
    """Whether the store knows of renders and posts there when it begins."""


@dataclass(frozen=True)
class Point:
    """Where a process is stopped."""

    kind: Literal["commit", "request"]
    at: int
    when: str

    def __str__(self) -> str:
        return f"{self.kind} {self.at}, {self.when}"

    def options(self) -> dict[str, Any]:
        if self.kind == "commit":
            return {"at": self.at, "when": self.when}
        return {"request": self.at, "moment": self.when}


SCENES = [
    *(Scene(submit=name) for name in SUBMIT_FAULTS),
    *(Scene(publish=name) for name in PUBLISH_FAULTS if name != "answered"),
    Scene("answer lost", "answer lost"),
    Scene("5xx after acceptance", "5xx after acceptance"),
]
COLD_SCENES = [
    Scene("answer lost", warm=False),
    Scene("dropped before acceptance", warm=False),
    Scene(publish="dropped before acceptance", warm=False),
]
"""Nothing is known there: what cannot be told is held, and nothing is sent twice."""


@dataclass
class Count:
    """What came of all cases."""

    points: int = 0
    creates: int = 0
    posts: int = 0
    duplicate_creates: int = 0
    duplicate_posts: int = 0
    lost_jobs: int = 0
    unexplained: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.duplicate_creates or self.duplicate_posts or self.lost_jobs or self.unexplained)

    def add(self, other: Count) -> None:
        """Count what came of other cases as well."""
        self.points += other.points
        self.creates += other.creates
        self.posts += other.posts
        self.duplicate_creates += other.duplicate_creates
        self.duplicate_posts += other.duplicate_posts
        self.lost_jobs += other.lost_jobs
        self.unexplained += other.unexplained

    def __str__(self) -> str:
        return (
            f"{self.points} kill points, {self.creates} renders paid for, {self.posts} posts: "
            f"{self.duplicate_creates} duplicate "
            f"creates, {self.duplicate_posts} duplicate posts, {self.lost_jobs} lost jobs, "
            f"{len(self.unexplained)} unexplained"
        )


class Workers:
    """Starts worker processes by forking one that has imported everything."""

    def __init__(self, script: str = DRIVER) -> None:
        self._zygote = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name(script))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def start(self, case: dict[str, Any]) -> int:
        return int(self._ask(case)["pid"])

    def wait(self, pid: int) -> int:
        return int(self._ask({"wait": pid})["code"])

    def ended(self, pid: int) -> int | None:
        """How a process has ended, which is told once; None while it lives."""
        code = self._ask({"wait": pid, "patient": False})["code"]
        return None if code is None else int(code)

    def close(self) -> None:
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.close()
        self._zygote.wait(30)
        self._zygote.stdout.close()

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.write(json.dumps(message) + "\n")
        self._zygote.stdin.flush()
        return dict(json.loads(self._zygote.stdout.readline()))


class Lab:
    """A simulator, a destination and a folder for each case."""

    def __init__(self, workers: Workers, simulator: RunningSimulator, side: Side) -> None:
        self.workers, self.simulator, self.side = workers, simulator, side
        self.protocol = simulator.settings.protocol
        self._urls = {"submit": simulator.base_url, "publish": side.url}
        self._destination: Mapping[str, Any] = {}

    def scenes(self) -> list[Scene]:
        """All scenes; with a network those about the post, and what only a network does."""
        if not isinstance(self.side, NetworkSide):
            return [*SCENES, *COLD_SCENES]
        own = [Scene(publish=name) for name in self.side.faults if name not in PUBLISH_FAULTS]
        return [*(one for one in (*SCENES, *COLD_SCENES) if one.publish != "answered"), Scene(), *own]

    @contextlib.contextmanager
    def folder(self, scene: Scene) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="reelwork-faults-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            known = {f"known-{number}": (prompt,) for number, prompt in enumerate(KNOWN)}
            for batch, prompts in (*known.items(), ("rows", (WORDS,) * ROWS), *AFTERWARDS.items()):
                lines = "".join(f"{self.side.row(prompt)}\n" for prompt in prompts)
                (folder / f"{batch}.{self.side.ending}").write_text(self.side.head() + lines)
            self.simulator.set_faults([])
            self.simulator.restart()
            self.simulator.simulation.log.clear()
            with self._ports(scene) as ports:
                self._destination = self.side.begin(folder, self._urls["publish"])
                if scene.warm:
                    # One after another: what one reading shows of both tells only once that the list is fresh.
                    for batch in known:
                        self._run(folder, batch=batch, patient=True)
                self.simulator.set_faults([SUBMIT_FAULTS[scene.submit]] if SUBMIT_FAULTS[scene.submit] else [])
                self.side.fail(self.side.faults[scene.publish])
                for port in ports:
                    port.deafen()
                    port.hear_after(DEAF_SECONDS)
                yield folder

    @contextlib.contextmanager
    def _ports(self, scene: Scene) -> Iterator[list[DeafPort]]:
        """The ports where nobody will listen for a while, if the scene says so. They listen at first."""
        plain = dict(self._urls)
        ports = []
        for act, fault in (("submit", scene.submit), ("publish", scene.publish)):
            if fault == REFUSED:
                port = DeafPort(int(plain[act].rpartition(":")[2]))
                # What is known there must be known at this address: another one is another server.
                port.hear()
                self._urls[act] = port.url
                ports.append(port)
        try:
            yield ports
        finally:
            self._urls = plain
            for port in ports:
                port.close()

    def case(self, folder: Path, *, patient: bool = False, **options: Any) -> dict[str, Any]:
        workflow: dict[str, Any] = {
            "brief": {"duration": 4, "resolution": "720p"},
            "provider": {
                **PROVIDERS[self.protocol],
                "base_url": self._urls["submit"],
                "poll_interval": 0.05,
                "settle_seconds": 0.8,
                "submit_timeout": HASTE,
            },
            "plugins": {
                "pre_moderate": ["rules"],
                "prompt_transform": [],
                "post_download": self._destination.get("before", []),
                "publish": self._destination["plugins"],
            },
            "plugin": self._destination["plugin"],
        }
        options["batch"] = f"{options.get('batch', 'rows')}.{self.side.ending}"
        options["environment"] = dict(self.side.environment(folder))
        if patient:
            workflow["provider"]["submit_timeout"] = options["patience"] = PATIENCE
        return {"folder": str(folder), "workflow": workflow, **options}

    def judge(self, folder: Path, scene: Scene, label: str, count: Count) -> None:
        """Count what the other sides saw."""
        asked = Counter((*(KNOWN if scene.warm else ()), *(WORDS,) * ROWS))
        for batch, prompts in AFTERWARDS.items():
            asked += Counter(prompts) if list(folder.glob(f"{batch}-*.json")) else Counter()
        made = Counter(render["prompt"] for render in self.simulator.jobs())
        posts = self.side.count()
        count.creates += made.total()
        count.duplicate_creates += (made - asked).total()
        count.posts += posts
        count.duplicate_posts += self.side.posted_twice(asked)
        jobs = _jobs(folder)
        count.lost_jobs += max(asked.total() - len(jobs), 0)
        done = sum(job["status"] == "done" for job in jobs)
        late = self.protocol == "fal" or not self.side.can_be_asked
        ended = self.side.ends_without(self.side.faults[scene.publish])
        explained = all(
            job["status"] == "done" or _is_explained(job, scene, late=late, ended=ended) for job in jobs
        )
        # Nothing that is done is missing at the other sides, and where all is done nothing else is there.
        there = min(made.total(), posts) >= done and (done < len(jobs) or made == asked)
        # Whatever was killed in between: what was posted has its captions.
        bare = self.side.bare(self.side.faults[scene.publish]) if done == len(jobs) else 0
        if not explained or not there or bare:
            count.unexplained.append(f"{label}: {made.total()} renders, {posts} posts, {bare} bare, {jobs}")

    def finish(self, folder: Path, **options: Any) -> None:
        """Run the same command again until it has ended by itself; make another one if something is held."""
        self._run(folder, **options)
        struck: Mapping[str, int] | None = None
        # Its token was refused, or the next one was lost with its answer or its process: a person signs in. Or its
        # video is gone, and nothing helps.
        while self._has_failed(folder) and self.side.struck() != struck:
            struck = dict(self.side.struck())
            self.side.sign_in_again(folder)
            self._run(folder)
        if any(job["status"] == "held" for job in _jobs(folder)):
            self._run(folder, batch="later", patient=True)
            self._run(folder, resume=True)
        if any(set(LATER) & set(job["in_doubt"]) for job in _jobs(folder)):
            self._run(folder, batch="last", patient=True)
            self._run(folder, resume=True)

    def _has_failed(self, folder: Path) -> bool:
        """Whether a job at a network has failed. At the wall, each does what it can by itself."""
        at_network = isinstance(self.side, NetworkSide)
        return at_network and any(job["status"] == "failed" for job in _jobs(folder))

    def _run(self, folder: Path, **options: Any) -> int:
        pid, due = self.workers.start(self.case(folder, **options)), time.monotonic() + SIGN_IN_SECONDS
        while (code := self.workers.ended(pid)) is None:
            # A post in doubt waits for its lookup, and that for a person, if the sign-in was lost with a process.
            if time.monotonic() > due:
                self.side.sign_in_again(folder)
                due += SIGN_IN_SECONDS
            time.sleep(0.02)
        return code

    def idle(self) -> list[str]:
        """The faults of the latest run that have struck nothing: their scene shows nothing."""
        return [fault for fault, times in self.side.struck().items() if not times]

    def points(self, scene: Scene) -> list[Point]:
        """Where a process can be stopped: around each commit and within each request of an undisturbed run."""
        with self.folder(scene) as folder:
            self.finish(folder)
            # The first one: another follows where something is tried again that failed.
            path = min(folder.glob("rows-*.json"), key=lambda path: path.stat().st_mtime_ns)
            end = json.loads(path.read_text())
        commits = [Point("commit", at, when) for at in range(1, end["commits"] + 1) for when in ("before", "after")]
        requests = [Point("request", at, when) for at in range(1, end["requests"] + 1) for when in MOMENTS.values()]
        return [*commits, *requests]


def _jobs(folder: Path) -> list[dict[str, Any]]:
    """The jobs of the store, as the latest process that ended by itself saw them."""
    ends = sorted(folder.glob("*-*.json"), key=lambda path: path.stat().st_mtime_ns)
    return list(json.loads(ends[-1].read_text())["jobs"]) if ends else []


def _is_explained(job: dict[str, Any], scene: Scene, *, late: bool, ended: bool) -> bool:
    """Whether a job that is not done is held in doubt, and no proof was possible.

    With nothing known there is none, and none in a list of what has ended, or without a list (`late`). What was
    sent a second time on the word of a list is not sent a third time. Where nobody listens, a busy machine may use
    up all attempts: nothing was sent then. A network that cannot use a video has `ended` the job.
    """
    if job["status"] in ("failed", "rejected") and not job["in_doubt"] and ended:
        return True
    if job["status"] == "failed" and not job["in_doubt"]:
        return REFUSED in (scene.submit, scene.publish)
    return job["status"] == "held" and job["in_doubt"] and (late or not scene.warm or job["resent"] > 0)


@contextlib.contextmanager
def open_lab(protocol: str = PROTOCOL, network: str = NETWORK, driver: str = DRIVER) -> Iterator[Lab]:
    workers, side = Workers(driver), SIDES[network]() if network else WallSide(PUBLISH_FAULTS)
    # Beyond the settle time nothing ended would be listed yet, and each lost answer would be held.
    seconds = 0.2 if protocol == "fal" else RENDER_SECONDS
    settings = SimulatorSettings(protocol=protocol, canned=True, render_seconds=seconds)
    try:
        with run_simulator(settings) as simulator:
            yield Lab(workers, simulator, side)
    finally:
        side.close()
        workers.close()
