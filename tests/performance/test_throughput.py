"""The throughput benchmark runs, and believes no engine that did not do all of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks import bare_sqlite, throughput
from benchmarks.peers.measured import STEPS, Task

ROOT = Path(__file__).parents[2]

LIAR = """
import json, sys
jobs = json.loads(sys.argv[1])["jobs"]
print("a word before")
print(json.dumps({"seconds": 0.1, "jobs": jobs, "steps": jobs * 6 - 1}))
"""


def test_it_runs_and_shows_own_and_bare() -> None:
    command = [sys.executable, "-m", "benchmarks.throughput", "--jobs", "30", "--singles", "3", "--rounds", "1"]
    ended = subprocess.run([*command, "--only", "bare"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("30 jobs of 6 steps, 50 at once")
    assert [line.split("  ")[0] for line in lines[3:5]] == [throughput.OWN, throughput.BARE]
    assert "a single job is 8.0" in ended.stdout


def test_a_run_that_is_not_complete_has_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "liar.py").write_text(LIAR)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    liar = throughput.Engine("liar", "liar", server=False, peer=False)
    with pytest.raises(throughput.Broken, match="10 jobs and 59 steps in its store"):
        throughput.run_once(liar, Task(str(tmp_path), jobs=10))


def test_bare_makes_exactly_what_the_engine_made(tmp_path: Path) -> None:
    task = Task(str(tmp_path), jobs=20, at_once=10, singles=2)
    report = asyncio.run(bare_sqlite.measure(task))
    assert (report.jobs, report.steps) == (20, 20 * STEPS)
    assert report.details["commits"] >= 2 + 2 * STEPS
