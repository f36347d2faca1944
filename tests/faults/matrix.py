"""The fault matrix: workers killed and paused everywhere, under every fault of the provider and the destination.

Counted are the simulator's and the wall's own logs, never Reelwork's. `make faults` runs all of it;
`python tests/faults/matrix.py "FAULT NAME" …` only the scenes with these faults. With
`REELWORK_FAULTS_PROTOCOL=fal` the provider is `fal`, whose list has only what has ended; with `kling` it is one
that lists no prompt. With `REELWORK_FAULTS_NETWORK` and a name of `sides.SIDES`, such as `mastodon` or
`webhook-keys`, the jobs post to that network, as the simulator plays it, and every request to it may lose its
answer or its token. `REELWORK_FAULTS_MOST=8` takes so many kill points of each scene at most. With
`REELWORK_FAULTS_SERVE=1` the processes are servers, each asked over its API.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from lab import Count, Lab, Point, Scene, open_lab

LEASE = 0.5
PAUSE = 2.5
"""Seconds a process is paused: beyond its lease, and long enough for another one to take its jobs over."""
MOST = int(os.environ["REELWORK_FAULTS_MOST"]) if os.environ.get("REELWORK_FAULTS_MOST") else None
"""Of each scene, so many kill points at most, and a quarter as many with several processes, and paused."""
SAMPLES = 8
"""At how many of a scene's points a process among several is killed, and at how many it is paused."""


@dataclass
class Tally:
    """What came of a scene, by what was done to the processes."""

    killed: Count = field(default_factory=Count)
    killed_among_2: Count = field(default_factory=Count)
    killed_among_4: Count = field(default_factory=Count)
    paused: Count = field(default_factory=Count)

    def add(self, other: Tally) -> None:
        for name, count in vars(other).items():
            getattr(self, name).add(count)

    def total(self) -> Count:
        total = Count()
        for count in vars(self).values():
            total.add(count)
        return total


def kill_at(lab: Lab, scene: Scene, count: Count, point: Point) -> None:
    """Kill a process at a point, then run the same command until it ends by itself."""
    with lab.folder(scene) as folder:
        lab.workers.wait(lab.workers.start(lab.case(folder, **point.options())))
        lab.finish(folder)
        count.points += 1
        lab.judge(folder, scene, f"{scene}, killed at {point}", count)


def kill_among(lab: Lab, scene: Scene, count: Count, point: Point, processes: int) -> None:
    """Several processes drive one store; one of them is killed."""
    with lab.folder(scene) as folder:
        first = lab.workers.start(lab.case(folder, **point.options()))
        wait_for_store(folder)
        others = [lab.workers.start(lab.case(folder, resume=True)) for _ in range(processes - 1)]
        for pid in (first, *others):
            lab.workers.wait(pid)
        lab.finish(folder)
        count.points += 1
        lab.judge(folder, scene, f"{scene}, {processes} processes, one killed at {point}", count)


def pause_at(lab: Lab, scene: Scene, count: Count, point: Point) -> None:
    """A process is paused beyond its lease, another one takes its jobs over, then it wakes."""
    with lab.folder(scene) as folder:
        paused = lab.workers.start(lab.case(folder, act="pause", lease=LEASE, **point.options()))
        if not wait_for_stop(paused):
            lab.workers.wait(paused)
            return
        other = lab.workers.start(lab.case(folder, lease=LEASE))
        time.sleep(PAUSE)
        os.kill(paused, signal.SIGCONT)
        lab.workers.wait(paused)
        lab.workers.wait(other)
        lab.finish(folder)
        count.points += 1
        lab.judge(folder, scene, f"{scene}, paused at {point}", count)


def wait_for_store(folder: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not (folder / "store.db").exists() and time.monotonic() < deadline:
        time.sleep(0.01)


def wait_for_stop(pid: int, seconds: float = 120) -> bool:
    """Whether the process has stopped itself; False when it ended instead."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return False
        if state == "T":
            return True
        if state == "Z":
            return False
        time.sleep(0.01)
    return False


def spread(points: Sequence[Point], samples: int, offset: int = 0) -> Sequence[Point]:
    """Some of the points, evenly; another offset gives others."""
    every = max(len(points) // samples, 1)
    return points[offset % every :: every][:samples]


def run_scene(scene: Scene) -> Tally:
    """Kill at each point of a scene, and kill among several processes and pause at some of them."""
    tally = Tally()
    with open_lab() as lab:
        number = lab.scenes().index(scene)
        points = lab.points(scene)
        tally.killed.unexplained += [f"{scene}: {fault} struck nothing" for fault in lab.idle()]
        for point in points if MOST is None else spread(points, MOST, number):
            kill_at(lab, scene, tally.killed, point)
        samples = SAMPLES if MOST is None else min(SAMPLES, max(MOST // 4, 1))
        for at, point in enumerate(spread(points, samples, number)):
            kill_among(
                lab, scene, *((tally.killed_among_4, point, 4) if at % 2 else (tally.killed_among_2, point, 2))
            )
        for point in spread(points, samples, number + 1):
            pause_at(lab, scene, tally.paused, point)
    return tally


def chosen(faults: set[str]) -> list[Scene]:
    """The scenes with one of these faults; all when none is named. Ends the program for one that there is not."""
    with open_lab() as lab:
        scenes = lab.scenes()
    known = {fault for scene in scenes for fault in (scene.submit, scene.publish)}
    if unknown := faults - known:
        # Else it would play nothing, and find nothing.
        sys.exit(f"No such fault: {', '.join(sorted(unknown))}. There are: {', '.join(sorted(known))}.")
    return [scene for scene in scenes if not faults or faults & {scene.submit, scene.publish}]


def main() -> None:
    tally = Tally()
    start = time.monotonic()
    # The cases mostly wait. Each scene has a provider, a destination and workers of its own.
    labs = 2 * (os.cpu_count() or 1)
    with ProcessPoolExecutor(labs, mp_context=multiprocessing.get_context("spawn")) as pool:
        scenes = {pool.submit(run_scene, scene): scene for scene in chosen(set(sys.argv[1:]))}
        for done in as_completed(scenes):
            tally.add(done.result())
            print(f"{time.monotonic() - start:6.0f} s  {scenes[done]}: {done.result().total()}", flush=True)
            for line in done.result().total().unexplained:
                print(f"          {line}", flush=True)
    for name, count in vars(tally).items():
        print(f"{name.replace('_', ' '):>16}: {count}")
    total = tally.total()
    print(f"{'in all':>16}: {total}")
    sys.exit(not total.clean)


if __name__ == "__main__":
    main()
