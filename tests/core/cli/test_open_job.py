from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.core.cli.conftest import SMALL, Cli

from reelwork.store.records import JobRow

PROMPT = "A lighthouse in the fog"
Kept = Callable[[], list[JobRow]]


@pytest.fixture(autouse=True)
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="there is always a display")
def test_without_a_display_the_path_is_printed_whole(cli: Cli, kept: Kept) -> None:
    assert cli("run", PROMPT, *SMALL).code == 0
    [job] = kept()
    shown = cli("jobs", "open", job.id)
    assert (shown.code, shown.err) == (0, "")
    assert Path(shown.out.removesuffix("\n")).is_file()
    assert "by-name" in shown.out


def test_printing_opens_nothing(cli: Cli, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":99")
    assert cli("run", PROMPT, *SMALL).code == 0
    [job] = kept()
    shown = cli("jobs", "open", job.id[-8:], "--print", "--json").json
    assert shown["opened"] is False
    page = cli("jobs", "open", job.id, "--print", "--post").out.strip()
    assert page.endswith("gallery/index.html")
    assert Path(page).is_file()


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="they have openers of their own")
def test_the_system_s_opener_is_given_the_file(cli: Cli, kept: Kept, tmp_path: Path) -> None:
    opener = tmp_path / "bin" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/part && mv {tmp_path}/part {tmp_path}/given\n')
    opener.chmod(0o755)
    assert cli("run", PROMPT, *SMALL).code == 0
    [job] = kept()
    environ = {**os.environ, "PATH": f"{opener.parent}:{os.environ['PATH']}", "DISPLAY": ":99"}
    command = [sys.executable, "-m", "reelwork", "jobs", "open", job.id]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    for _ in range(200):
        if (tmp_path / "given").exists():
            break
        subprocess.run(["sleep", "0.05"], check=True)
    given = (tmp_path / "given").read_text()
    assert Path(given).is_file()
    assert f"Opened: {given}" in done.stderr


def test_a_job_without_a_video_says_why_and_what_to_do(cli: Cli, kept: Kept) -> None:
    assert cli("run", "too short").code == 3
    [job] = kept()
    said = cli("jobs", "open", job.id)
    assert said.code == 2
    assert f"Job {job.id[-8:]} has no video: it is rejected." in said.err
    assert "change what it names" in said.err
    assert "is not published: it is rejected." in cli("jobs", "open", job.id, "--post").err


def test_a_video_that_was_moved_away_is_named(cli: Cli, kept: Kept, folder: Path, tmp_path: Path) -> None:
    assert cli("run", PROMPT, *SMALL).code == 0
    [job] = kept()
    for path in (*folder.rglob("*.mp4"), *tmp_path.rglob("*.mp4")):
        path.unlink(missing_ok=True)
    said = cli("jobs", "open", job.id)
    assert said.code == 2
    assert "no longer at" in said.err


def test_an_id_that_is_not_there_is_refused(cli: Cli) -> None:
    assert cli("jobs", "open", "nobody").code == 2
