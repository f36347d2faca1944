"""The words a shell is offered, asked the way the shells' scripts ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Complete = Callable[..., list[str]]


@pytest.fixture
def complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Complete:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def ask(line: str) -> list[str]:
        words = ["reelwork", *line.split(" ")]
        environ = {"_REELWORK_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words)}
        done = subprocess.run(
            [sys.executable, "-c", "from reelwork.cli import main; main()"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env={**os.environ, **environ, "COMP_CWORD": str(len(words) - 1)},
        )
        assert done.stderr == ""
        return [row.partition(",")[2] for row in done.stdout.splitlines() if row]

    return ask


def test_commands_and_options(complete: Complete) -> None:
    assert complete("re") == ["resume", "review", "reconcile"]
    assert {"list", "show", "watch", "retry", "cancel", "resolve", "history"} <= set(complete("jobs "))
    assert "--log-file" in complete("run --log")
    assert complete("run --resolution 7") == ["720p"]


def test_ids_of_jobs(complete: Complete, cli) -> None:
    assert complete("jobs show ") == []
    cli("run", "A lighthouse in the fog", "--duration", "0.5", "--resolution", "480p")
    [job] = cli("jobs", "list", "--json").json
    short = job["id"][-8:]
    assert complete("jobs show ") == [short]
    assert complete(f"jobs history {short[:3]}") == [short]
    assert complete(f"resume {job['id'][:5]}") == [job["id"]]
    assert complete("jobs show zzzz") == []


def test_names_that_plugins_bring(complete: Complete, tmp_path: Path) -> None:
    for _ in range(2):  # The second time from what was remembered.
        assert "thumbnail" in complete("plugins show th")
        assert complete("run --provider videos") == ["videos-api"]
        assert complete("run --platform you") == ["youtube"]
    assert (tmp_path / "cache/reelwork/completion.json").exists()


def test_starters(complete: Complete) -> None:
    assert complete("init c") == ["campaign"]


def test_a_broken_store_is_no_noise(complete: Complete, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s.db").write_text("not a store, whatever it is called")
    monkeypatch.setenv("REELWORK_STORE", str(tmp_path / "s.db"))
    assert complete("jobs show ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_the_shell_can_read(cli, shell: str) -> None:
    script = cli("completion", shell)
    assert script.code == 0
    assert "_REELWORK_COMPLETE" in script.out
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=script.out, text=True, capture_output=True, check=False)
        assert checked.returncode == 0, checked.stderr
