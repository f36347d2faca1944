"""The examples do what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reelwork import Studio

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted(ROOT.glob("examples/*.toml"))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_would_go(workflow: Path, away: Path) -> None:
    with Studio(workflow) as studio:
        rehearsal = studio.rehearse_sync()
    assert {job.outcome for job in rehearsal.jobs} == {"ready"}
    assert not list(away.iterdir())


def test_quickstart_makes_and_publishes_a_video(away: Path) -> None:
    script = ROOT / "examples/quickstart.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    status, video = done.stdout.splitlines()[0].split(" ", 1)
    assert status == "done"
    assert Path(video).is_file()
    assert (away / "reelwork-out/gallery/index.html").is_file()


def test_the_starters_run_as_init_says(away: Path) -> None:
    subprocess.run(["reelwork", "init"], check=True, capture_output=True)
    with Studio("workflow.toml") as studio:
        assert {job.outcome for job in studio.rehearse_sync().jobs} == {"ready"}
        assert len(studio.plan_sync(Path("prompts.csv")).jobs) == 3
