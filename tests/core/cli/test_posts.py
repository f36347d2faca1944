"""`reelwork posts`: a person stops posts while another process drives, and starts them again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.core.cli.conftest import SMALL, Cli

PATIENCE = 60.0
"""Seconds to wait for another process."""


def driving(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "reelwork", "run", "A lighthouse", "--out", "out", *SMALL, *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})


def wait_for_reason(cli: Cli, words: str) -> dict[str, object]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for job in cli("jobs", "list", "--json").json:
            if words in job["reason"]:
                return dict(job)
        time.sleep(0.1)
    raise AssertionError("no job waits")


def test_nothing_is_posted_while_posts_are_stopped(cli: Cli, folder: Path) -> None:
    stopped = cli("posts", "stop", "--by", "ana", "--note", "wrong logo")
    assert stopped.out == "All posts stopped. Start them again: reelwork posts start\n"
    process = driving()
    waits = wait_for_reason(cli, "posts are stopped by ana: wrong logo")
    assert waits["status"] == "active"
    assert not (folder / "out" / "gallery").exists()
    assert cli("posts", "start").out == "All posts started.\n"
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert "published  gallery" in out
    assert (folder / "out" / "gallery" / "index.html").exists()


def test_posts_to_one_destination_are_stopped_by_its_name(cli: Cli, folder: Path) -> None:
    assert cli("posts", "stop", "gallery").code == 0
    listed = cli("posts", "list", "--json").json
    assert [(one["name"], one["note"]) for one in listed] == [("gallery", "")]
    process = driving()
    wait_for_reason(cli, "posts to gallery are stopped")
    assert cli("posts", "stop").code == 0
    assert cli("posts", "start", "gallery").err == "Still stopped: all posts.\n"
    wait_for_reason(cli, "posts are stopped")
    assert not (folder / "out" / "gallery").exists()
    assert cli("posts", "start").code == 0
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert cli("posts", "list").out == "No posts are stopped.\n"


@pytest.mark.parametrize(("name", "guess"), [("galery", "gallery"), ("mastodont", "mastodon")])
def test_a_mistyped_name_stops_nothing_and_is_refused(cli: Cli, name: str, guess: str) -> None:
    refused = cli("posts", "stop", name)
    assert refused.code == 2
    assert f"Did you mean {guess!r}?" in refused.err
    assert cli("posts", "list", "--json").json == []


def test_what_is_not_stopped_cannot_be_started_by_name(cli: Cli) -> None:
    assert cli("posts", "start").out == "No posts were stopped.\n"
    assert "Posts to 'gallery' are not stopped" in cli("posts", "start", "gallery").err
    assert cli("posts", "stop").code == 0
    assert "All posts are: reelwork posts start" in cli("posts", "start", "gallery").err
