"""A process killed around each commit of a job whose one render is finished for two shapes and posted in both.

What was committed is not done again, each shape is stored once and posted once, and nothing is lost.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from lab import Workers

from reelwork.media.probe import probe
from reelwork.planning.job_state import JobData
from reelwork.store.records import DONE
from reelwork.store.sqlite.maintenance.check import check
from reelwork.store.sqlite.store import SqliteStore
from reelwork.testing import write_video
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

KILLED = -9
TALL = "9x16"
STEPS = [("crop", ""), ("sign", ""), ("crop", TALL), ("sign", TALL)]
SHAPES = {"wide": "1280x720", "tall": "270x480"}


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(canned=True, render_seconds=0.05)) as running:
        yield running


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with closing(Workers("targets_worker.py")) as started:
        yield started


class Shop:
    """One job at a time, each in a folder of its own."""

    def __init__(self, folder: Path, workers: Workers, simulator: RunningSimulator) -> None:
        self.folder, self.workers, self.url = folder, workers, simulator.base_url
        self.tall = write_video(folder.parent / "tall.mp4", width=270, height=480)

    def fresh(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        (self.folder / "rows.txt").write_text("A lighthouse in the rain at night\n")

    def run(self, at: int = 0, when: str = "") -> int:
        case = {"folder": str(self.folder), "url": self.url, "at": at, "when": when, "tall": str(self.tall)}
        return self.workers.wait(self.workers.start(case))

    def lines(self) -> list[list[str]]:
        log = self.folder / "log"
        return [line.split(" ") for line in log.read_text().splitlines()] if log.exists() else []

    def done(self) -> Counter[tuple[str, str]]:
        """How often each plugin ran for each target."""
        return Counter((line[0], line[1]) for line in self.lines() if line[0] != "post")

    def committed(self) -> set[tuple[str, str]]:
        """The plugins of which the store knows, each with its target."""
        with closing(SqliteStore(self.folder / "store.db")) as store:
            (row,) = store.jobs()
        data = JobData.model_validate_json(row.data)
        now = {(done.by, data.target.label if data.target else "") for done in data.ran}
        return now | {(done.by, shape.target.label) for shape in data.shapes for done in shape.ran}

    def check(self) -> None:
        """Compare the store, the files and the posts with each other."""
        with closing(SqliteStore(self.folder / "store.db")) as store:
            (row,) = store.jobs()
            posts = [one for one in store.effects_of(row.id) if one.kind == "publish"]
        assert row.status == DONE, row.reason
        assert sorted(one.subject for one in posts) == sorted(SHAPES)
        assert all((one.state, one.remote_id) == ("confirmed", one.key) for one in posts)
        sent = {(line[1], line[2], line[3]) for line in self.lines() if line[0] == "post"}
        assert sent == {(one.subject, one.key, SHAPES[one.subject]) for one in posts}
        self._check_files()

    def _check_files(self) -> None:
        stored = [path for path in (self.folder / "out/videos").glob("??/*.mp4") if not path.is_symlink()]
        assert sorted(f"{probe(path).width}x{probe(path).height}" for path in stored) == sorted(SHAPES.values())
        assert len(list((self.folder / "out/videos/by-name").iterdir())) == len(SHAPES)
        assert not [
            found for found in check(self.folder / "store.db", time.time()).findings if found.level != "note"
        ]


def test_a_kill_repeats_nothing_of_a_target_that_was_committed(
    tmp_path: Path, workers: Workers, simulator: RunningSimulator
) -> None:
    shop = Shop(tmp_path / "shop", workers, simulator)
    shop.fresh()
    assert shop.run() == 0
    assert shop.done() == dict.fromkeys(STEPS, 1)
    shop.check()
    commits = json.loads((shop.folder / "commits.json").read_text())
    assert commits >= len(STEPS) + len(SHAPES), "a commit for each step, and more for each post"
    simulator.simulation.log.clear()
    for at in range(1, commits + 1):
        for when in ("before", "after"):
            shop.fresh()
            assert shop.run(at, when) == KILLED
            before, committed = shop.done(), shop.committed()
            assert shop.run() == 0
            done = shop.done()
            for step in STEPS:
                assert done[step] == before[step] + (step not in committed), (at, when, shop.lines())
            shop.check()
    creates = [one for one in simulator.requests(method="POST") if one["operation"] == "create"]
    assert len(creates) == 2 * commits
