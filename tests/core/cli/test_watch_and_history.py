"""`jobs watch` beside a process that works, and the whole story of a job."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROMPT = "A lighthouse in the fog"
SMALL = ("--duration", "0.5", "--resolution", "480p")


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


def test_it_follows_another_process_to_the_end(cli) -> None:
    working = start("run", PROMPT, *SMALL, "--set", "provider.poll_interval=2")
    await_line(working, "accepted it")
    watched = cli("jobs", "watch")
    assert watched.code == 0
    assert "active: " in watched.err
    assert watched.err.rstrip().endswith(": done")
    assert "1 job: 1 done." in watched.out
    assert working.wait(30) == 0
    working.communicate()


def test_it_drives_nothing_itself_and_says_so(cli, folder: Path) -> None:
    # Long enough that it cannot be drawn to its end before the signal comes, however busy the machine is.
    working = start(
        "run", PROMPT, "--duration", "60", "--resolution", "1080p", "--set", "provider.poll_interval=30"
    )
    await_line(working, "accepted it")
    working.send_signal(signal.SIGINT)
    working.communicate(timeout=40)
    watching = start("jobs", "watch")
    assert "reelwork resume" in await_line(watching, "No process works on these jobs")
    out, _ = watching.communicate(timeout=20)
    assert watching.returncode == 3
    assert "1 job: 1 active." in out
    assert cli("jobs", "list", "--json").json[0]["status"] == "active"


def test_what_has_ended_is_told_at_once(cli) -> None:
    cli("run", PROMPT, *SMALL)
    [job] = cli("jobs", "list", "--json").json
    watched = cli("jobs", "watch", job["id"], "--json")
    assert watched.code == 0
    assert watched.json["counts"] == {"done": 1}
    cli("run", "short")
    held = cli("jobs", "list", "--json").json[0]
    assert cli("jobs", "watch", held["id"], job["id"]).code == 3


def test_nothing_to_watch(cli, tmp_path: Path) -> None:
    assert "nothing to watch" in cli("jobs", "watch").out
    assert cli("jobs", "watch", "nobody").code == 2
    assert not (tmp_path / "data").exists()


def test_the_history_is_everything_in_its_order(cli) -> None:
    cli("run", PROMPT, *SMALL, "--yes", "--set", "provider.price_per_second=0.5")
    [job] = cli("jobs", "list", "--json").json
    document = cli("jobs", "history", job["id"], "--json").json
    happened = [moment["what"] for moment in document["history"]]
    assert happened[0] == "created"
    order = ["intended submit", "sent submit", "submitted", "render ended", "downloaded", "sent publish", "done"]
    assert [what for what in happened if what in order] == order
    assert [moment["at"] for moment in document["history"]] == sorted(
        moment["at"] for moment in document["history"]
    )
    assert document["effects"][0]["attempt"] == 1
    assert document["posts"]["gallery"]["state"] == "published"
    told = cli("jobs", "history", job["id"]).out
    assert "submit   preview  confirmed  1×" in told
    assert "$0.25 reserved" in told


def test_the_history_of_nobody(cli) -> None:
    outcome = cli("jobs", "history", "nobody")
    assert outcome.code == 2
    assert "There is no job named 'nobody'" in outcome.err
