"""The examples do what they say."""

from __future__ import annotations

import shutil
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


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not there")
def test_the_unit_of_the_server_is_one_that_systemd_takes(tmp_path: Path) -> None:
    text = (ROOT / "examples/serve/reelwork.service").read_text(encoding="utf-8")
    command = "/usr/local/bin/reelwork"
    assert f"ExecStart={command} --store" in text
    there = shutil.which("reelwork", path=str(Path(sys.executable).parent))
    assert there is not None
    unit = tmp_path / "reelwork.service"
    unit.write_text(text.replace(command, there), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_starters_run_as_init_says(away: Path) -> None:
    subprocess.run(["reelwork", "init"], check=True, capture_output=True)
    with Studio("workflow.toml") as studio:
        assert {job.outcome for job in studio.rehearse_sync().jobs} == {"ready"}
        assert len(studio.plan_sync(Path("prompts.csv")).jobs) == 3
