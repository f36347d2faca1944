"""A process killed around each commit from the downloaded video to its post, while paid moderators look at it.

An answer that was recorded is not asked for again, and nothing is signed, stored or posted before the last one.
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

from clip_worker import LOOKING, PAID
from lab import Workers

from reelwork.money import to_micros
from reelwork.planning.job_state import JobData
from reelwork.store.records import DONE, PAYMENT
from reelwork.store.sqlite.maintenance.check import check
from reelwork.store.sqlite.store import SqliteStore
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

KILLED = -9


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(canned=True, render_seconds=0.05)) as running:
        yield running


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with closing(Workers("clip_worker.py")) as started:
        yield started


class Shop:
    """One job at a time, each in a folder of its own."""

    def __init__(self, folder: Path, workers: Workers, simulator: RunningSimulator) -> None:
        self.folder, self.workers, self.url = folder, workers, simulator.base_url

    def fresh(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        (self.folder / "rows.txt").write_text("A lighthouse in the rain at night\n")

    def run(self, at: int = 0, when: str = "") -> int:
        case = {"folder": str(self.folder), "url": self.url, "at": at, "when": when}
        return self.workers.wait(self.workers.start(case))

    def done(self) -> list[str]:
        """What the plugins did, in order."""
        log = self.folder / "log"
        return log.read_text().split() if log.exists() else []

    def answered(self) -> set[str]:
        """The moderators whose answer is in the store."""
        with closing(SqliteStore(self.folder / "store.db")) as store:
            (row,) = store.jobs()
            return set(JobData.model_validate_json(row.data).looked)

    def check(self) -> None:
        """Compare the store with what the plugins did."""
        with closing(SqliteStore(self.folder / "store.db")) as store:
            (row,) = store.jobs()
            effects = store.effects_of(row.id)
        assert row.status == DONE, row.reason
        paid = Counter({one.subject: one.charged for one in effects if one.kind == PAYMENT})
        assert paid == dict.fromkeys(LOOKING, to_micros(PAID))
        assert not [
            found for found in check(self.folder / "store.db", time.time()).findings if found.level != "note"
        ]


def test_a_kill_while_the_video_is_looked_at_asks_for_no_recorded_answer_again(
    tmp_path: Path, workers: Workers, simulator: RunningSimulator
) -> None:
    shop = Shop(tmp_path / "shop", workers, simulator)
    shop.fresh()
    assert shop.run() == 0
    assert shop.done() == ["edit", *LOOKING, "sign", "store", "post"]
    commits = json.loads((shop.folder / "commits.json").read_text())
    assert commits >= len(shop.done()) - 1, "a commit for each, but the post"
    simulator.simulation.log.clear()
    for at in range(1, commits + 1):
        for when in ("before", "after"):
            shop.fresh()
            assert shop.run(at, when) == KILLED
            before, answered = Counter(shop.done()), shop.answered()
            assert shop.run() == 0
            done = shop.done()
            calls = Counter(done)
            for name in LOOKING:
                assert calls[name] == before[name] + (name not in answered), (at, when, done)
            # The last answer was given before any of these.
            last = max(done.index(name) for name in LOOKING)
            assert min(done.index(name) for name in ("sign", "store", "post")) > last, (at, when, done)
            shop.check()
    creates = [one for one in simulator.requests(method="POST") if one["operation"] == "create"]
    assert len(creates) == 2 * commits
