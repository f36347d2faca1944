"""What is said of jobs that ended, or cannot go on, with an act in doubt: it is true, and it helps."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

PROMPT = "A lighthouse in the fog"
WORKFLOW = """
[provider]
use = "videos-api"
base_url = "{url}"
dialect = "{dialect}"
model = "sora-2"
price_per_second = 0.1
poll_interval = 0.05
settle_seconds = 0.1

[brief]
duration = 4
"""


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(canned=True, render_seconds=0.05)) as running:
        yield running


@pytest.fixture
def write(folder: Path) -> Callable[[RunningSimulator, str], None]:
    def workflow(simulator: RunningSimulator, dialect: str = "sora") -> None:
        (folder / "live.toml").write_text(WORKFLOW.format(url=simulator.url_of(dialect), dialect=dialect))

    return workflow


@pytest.fixture
def begun() -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """A run in a process of its own, which is surely ended afterwards."""
    started: list[subprocess.Popen[bytes]] = []

    def run() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "reelwork", "run", PROMPT, "--workflow", "live.toml", "--yes"]
        quiet = subprocess.DEVNULL
        started.append(subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet))
        return started[-1]

    yield run
    for process in started:
        killed(process)


def killed(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()


def creates(simulator: RunningSimulator) -> int:
    return len([request for request in simulator.requests() if request["operation"] == "create"])


def test_a_video_that_was_paid_for_and_cancelled_is_kept_and_told(cli, simulator, write, begun) -> None:
    write(simulator)
    simulator.set_faults(["create:accept-then-slow=60"])
    process = begun()
    while not creates(simulator):
        assert process.poll() is None
    (job,) = cli("jobs", "list", "--json").json
    cancelled = cli("jobs", "cancel", job["id"])
    assert "$0.40 stays counted as in doubt" in cancelled.out
    assert "reelwork reconcile" in cancelled.out
    killed(process)
    simulator.set_faults([])
    found = cli("reconcile", "--json")
    assert found.code == 0, found.out
    (act,) = found.json["acts"]
    assert act["decided"] == "happened"
    checked = cli("store", "check")
    assert (checked.code, "not kept" in checked.out) == (0, False)
    shown = " ".join(cli("jobs", "show", job["id"]).out.split())
    assert f"a video was paid for ($0.40): {act['remote_id']} at videos-api. Cancelling the job did not" in shown
    assert cli("jobs", "show", job["id"], "--json").json["render"]["remote_id"] == act["remote_id"]
    assert creates(simulator) == 1


@pytest.mark.parametrize("ended", [("cancel",), ("resolve", "--reject")])
def test_where_nothing_can_be_looked_up_a_person_decides(cli, simulator, write, ended) -> None:
    write(simulator, "litellm")
    simulator.set_faults(["create:accept-then-500"])
    (job,) = cli("run", PROMPT, "--workflow", "live.toml", "--yes", "--json").json["jobs"]
    short = job["id"][-8:]
    assert (job["status"], job["next"]) == ("held", f"reelwork jobs resolve {short}  (you decide)")
    told = cli("jobs", *ended, short).out
    assert "$0.40 stays counted as in doubt" in told
    assert f"reelwork jobs resolve {short} --happened ID-THERE" in told
    assert f"reelwork jobs resolve {short} --did-not-happen" in told
    assert f"reelwork jobs resolve {short} --did-not-happen" in cli("jobs", "show", short).out
    decided = cli("jobs", "resolve", short, "--did-not-happen").out
    assert "in doubt" not in decided
    assert "next " not in decided or "--happened" not in decided
    assert cli("store", "check").code == 0
    assert creates(simulator) == 1


def test_to_cancel_again_tells_what_is_still_in_doubt(cli, simulator, write) -> None:
    write(simulator, "litellm")
    simulator.set_faults(["create:accept-then-500"])
    (job,) = cli("run", PROMPT, "--workflow", "live.toml", "--yes", "--json").json["jobs"]
    assert cli("jobs", "cancel", job["id"]).code == 0
    again = cli("jobs", "cancel", job["id"])
    assert again.code == 2
    for words in (
        "is cancelled already",
        "$0.40 stays counted as in doubt",
        "--happened ID-THERE",
        "--did-not-happen",
    ):
        assert words in again.err
    assert cli("jobs", "resolve", job["id"], "--did-not-happen").code == 1
    assert "in doubt" not in cli("jobs", "cancel", job["id"]).err


def test_what_a_budget_holds_goes_on_with_a_higher_one_alone(cli, simulator, write, folder: Path) -> None:
    write(simulator)
    (folder / "rows.txt").write_text("".join(f"{PROMPT}, view {number}\n" for number in range(9)))
    told = cli("run", "rows.txt", "--workflow", "live.toml", "--yes", "--set", "budget.per_day=0.5").out
    assert "reelwork resume  (continues" not in told
    run = cli("jobs", "list", "--json").json[0]["run"]
    advised = (
        f"next  reelwork resume {run} --set budget.per_day=AMOUNT  (with a higher amount): 8 jobs over the budget"
    )
    assert advised in told
    assert cli("resume", run, "--set", "budget.per_day=9").code == 0
    assert creates(simulator) == 9


def test_what_another_process_sees_through_is_not_left(cli, write, begun) -> None:
    over = ("--workflow", "live.toml", "--yes", "--set", "budget.per_day=0.1")
    with run_simulator(SimulatorSettings(canned=True, render_seconds=600)) as slow:
        write(slow)
        process = begun()
        # It waits for its render, so that nobody holds it.
        while [job["step"] for job in cli("jobs", "list", "--json").json] != ["render"]:
            assert process.poll() is None
        beside = cli("run", "A cat on a warm roof", *over)
        assert (beside.code, "left unfinished" in beside.out) == (3, False)
        killed(process)
        after = " ".join(cli("run", "A dog on a cold beach", *over).out.split())
        assert "2 jobs of earlier runs of live.toml were left unfinished" in after
