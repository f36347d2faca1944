"""What is told of jobs that wait: why, until when, who holds them, and what they cost so far."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwork.cli.views.trouble import REMINDED_EVERY, Waits
from reelwork.engine.events import RenderSeen
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

PROMPT = "A lighthouse in the fog"
WORKFLOW = """
[provider]
use = "videos-api"
base_url = "{url}"
dialect = "sora"
poll_interval = 0.05
settle_seconds = 0.1
price_per_second = 0.10
"""


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(canned=True, render_seconds=1.0)) as running:
        yield running


@pytest.fixture
def workflow(simulator: RunningSimulator, folder: Path) -> str:
    (folder / "live.toml").write_text(WORKFLOW.format(url=simulator.url_of("sora")))
    return "live.toml"


def run(cli: Any, workflow: str, prompt: str = PROMPT) -> Any:
    return cli("run", prompt, "--workflow", workflow, "--duration", "4", "--yes")


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "reelwork", *arguments]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def await_line(process: subprocess.Popen[str], words: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    pytest.fail(f"{words!r} was never said")


def test_a_wait_is_told_once_with_the_time_of_the_next_look(cli, workflow: str, simulator) -> None:
    for prompt in ("A lighthouse in the fog at night", "A lighthouse in the fog at dawn"):
        assert run(cli, workflow, prompt).code == 0
    simulator.set_faults(["create:503*1", "list:503*9"])
    done = run(cli, workflow)
    unknown = [line for line in done.err.splitlines() if "is unknown" in line]
    failed = [line for line in done.err.splitlines() if "looking up the request" in line]
    assert len(unknown) == len(failed) == 1
    assert "waits: " in unknown[0]
    assert "; next lookup in " in unknown[0]
    assert "; next lookup in " in failed[0]
    assert done.code == 0


def test_a_refusal_tells_the_next_try(cli, workflow: str, simulator) -> None:
    simulator.set_faults(["create:429:retry-after=1*1"])
    done = run(cli, workflow)
    assert done.code == 0
    assert "; next try in 1 s" in next(line for line in done.err.splitlines() if "waits: " in line)


def test_trouble_that_lasts_is_summed_up_rarely() -> None:
    now = 0.0
    waits = Waits(lambda: now)
    seen = [RenderSeen(f"job-{n}", "queued", None, False, "answered 503", 5.0) for n in range(50)]
    reminders = []
    for _ in range(int(2 * REMINDED_EVERY / 10)):
        for render in seen:
            waits.seen(render)
            reminders.append(waits.reminder())
        now += 10.0
    told = [reminder for reminder in reminders if reminder]
    assert len(told) == 3
    assert told[0].startswith("50 jobs still wait after 30 s: answered 503")
    assert "Ctrl-C is safe" in told[0]
    waits.seen(RenderSeen("job-0", "queued", None, False))
    assert "answered 503" in waits.seen(seen[0])


def test_it_is_said_who_holds_a_job(cli, workflow: str, simulator, folder: Path) -> None:
    simulator.set_faults(["create:accept-then-slow=60"])
    first = start("run", PROMPT, "--workflow", workflow, "--duration", "4", "--yes")
    while not any(request["operation"] == "create" for request in simulator.requests()):
        assert first.poll() is None
    second = start("resume")
    assert f"is being worked on by process {first.pid}" in await_line(second, "this command waits for it")
    assert second.poll() is None
    for process in (second, first):
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT) if process is first else None
        process.communicate(timeout=40)


def test_money_is_this_commands_when_it_sent_the_request(cli, workflow: str, simulator) -> None:
    simulator.set_faults(["create:drop-before*1", "list:503"])
    first = start("run", PROMPT, "--workflow", workflow, "--duration", "4", "--yes")
    await_line(first, "looking up the request")
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    (job,) = cli("jobs", "list", "--json").json
    assert (job["charged"], job["reserved"]) == ("0", "0.4")
    assert "$0.40 reserved" in cli("jobs", "list").out
    simulator.set_faults([])
    done = cli("jobs", "resolve", job["id"], "--did-not-happen")
    assert "Spent: $0.40." in done.out


def test_what_was_found_was_spent_before(cli, workflow: str, simulator) -> None:
    simulator.set_faults(["create:accept-then-drop*1", "list:503"])
    first = start("run", PROMPT, "--workflow", workflow, "--duration", "4", "--yes")
    await_line(first, "looking up the request")
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    simulator.set_faults([])
    assert "Spent: nothing (by earlier runs of the same jobs: $0.40)." in cli("resume").out


def test_what_was_never_sent_costs_nothing(cli, workflow: str) -> None:
    assert cli("run", "A cat", "--workflow", workflow, "--duration", "4", "--yes").code == 3
    assert "$" not in cli("jobs", "list").out
    (job,) = cli("jobs", "list", "--json").json
    assert (job["cost"], job["charged"], job["reserved"]) == ("0.4", "0", "0")


def test_what_cannot_be_tried_again_says_why(cli, workflow: str) -> None:
    assert run(cli, workflow).code == 0
    assert cli("run", "A cat", "--workflow", workflow, "--duration", "4", "--yes").code == 3
    for job in cli("jobs", "list", "--json").json:
        if job["status"] == "rejected":
            cli("jobs", "cancel", job["id"])
        again = cli("jobs", "retry", job["id"], "--yes")
        assert again.code == 2
        assert ("was cancelled" if job["status"] == "rejected" else "is done") in again.err
        assert "--again" in again.err


def test_every_broken_line_is_told(cli, folder: Path) -> None:
    good = '{"prompt": "A lighthouse in the fog"}'
    (folder / "rows.jsonl").write_text("\n".join(["{", good, "[]", *["{"] * 25, '{"prompt": ""}']))
    told = cli("plan", "rows.jsonl").err
    assert "28 of 29 rows are wrong" in told
    assert "line 1: " in told
    assert "line 3: " in told
    assert "… and 8 more" in told
    (folder / "rows.csv").write_text('prompt,fps\n"A dog"x,3\na,b,c\nA lighthouse,24\n')
    told = cli("plan", "rows.csv").err
    assert "line 2: not valid CSV" in told
    assert "line 3: 3 cells" in told
    (folder / "rows.csv").write_text("prompt,colour\na,b\n")
    told = cli("plan", "rows.csv").err
    assert all(f"{table}.NAME" in told for table in ("metadata", "vars", "options", "destination"))


def test_what_was_set_wrongly_is_named(cli, workflow: str) -> None:
    told = cli("plan", PROMPT, "--workflow", workflow, "--set", "provider.poll_interval=-1").err
    assert "--set provider.poll_interval=…: " in told
    assert "line" not in told
    (Path.cwd() / "own.toml").write_text(
        '[provider]\nuse = "videos-api"\nbase_url = "http://127.0.0.1:9"\nfps = -1\n'
    )
    assert "own.toml, line 4" in cli("plan", PROMPT, "--workflow", "own.toml").err
