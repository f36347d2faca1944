"""A mistyped file name is refused, and what will be made is seen before it is paid for."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import VideoServer

from reelwork.errors import WorkflowInvalid
from reelwork.studio.studio import Studio

PROMPT = "A red fox in the snow"


@pytest.fixture
def server(desk: Desk, serve: Callable[..., VideoServer]) -> VideoServer:
    server = serve()
    desk.workflow(server.origin, name="my-campaign.toml")
    desk.write("prompts.csv", "prompt\nA harbour at dawn with boats\n")
    desk.write("my films.csv", "prompt\nA harbour at dawn with boats\n")
    return server


MISTYPED = {
    "my-campaign.tml": "Did you mean 'my-campaign.toml'?",
    "my-campagin.toml": "Did you mean 'my-campaign.toml'?",
    "my-campaign": "Did you mean 'my-campaign.toml'?",
    "prompts.xlsx": "Did you mean 'prompts.csv'?",
    "promts.csv": "Did you mean 'prompts.csv'?",
    "my films.cvs": "Did you mean 'my films.csv'?",
    "./no/such/prompts.xlsx": "There is no file",
    "../prompts": "There is no file",
    "~/films/prompts": "There is no file",
    "C:\\films\\prompts": "There is no file",
    "prompts.ods": "There is no file",
}


@pytest.mark.parametrize("what", MISTYPED)
def test_what_looks_like_a_file_is_never_made_as_a_prompt(desk: Desk, server: VideoServer, what: str) -> None:
    ended = desk.reelwork("run", what, "--workflow", "my-campaign.toml", "--yes")
    assert ended.code == 2, ended.text
    assert MISTYPED[what] in ended.text
    assert server.creates == 0


@pytest.mark.parametrize("what", ["my-campaign.tml", "./no/such/prompts.xlsx", "prompts.ods"])
def test_nor_from_python(tmp_path: Path, what: str) -> None:
    with Studio(store=tmp_path / "store.db") as studio, pytest.raises(WorkflowInvalid, match="looks like a file"):
        studio.plan_sync(what)


@pytest.mark.parametrize(
    "prompt", ["a robot reading notes.txt aloud", "猫と/犬が雪の中を走りまわる映像", "Sunrise... slowly"]
)
def test_prompts_are_made(desk: Desk, server: VideoServer, prompt: str) -> None:
    ended = desk.reelwork("run", prompt, "--workflow", "my-campaign.toml", "--yes", "--no-sheet")
    assert ended.code == 0, ended.text
    assert [asked.fields["prompt"] for asked in server.requests if asked.method == "POST"] == [prompt]


def test_standard_input_is_a_prompt_whatever_it_looks_like(desk: Desk, server: VideoServer) -> None:
    shared = ("--workflow", "my-campaign.toml", "--yes", "--no-sheet")
    ended = desk.reelwork("run", "-", *shared, stdin="  my-campaign.tml in\nthe snow \n")
    assert ended.code == 0, ended.text
    made = [asked.fields["prompt"] for asked in server.requests if asked.method == "POST"]
    assert made == ["my-campaign.tml in\nthe snow"]
    for nothing in ("", " \n"):
        refused = desk.reelwork("run", "-", *shared, stdin=nothing)
        assert refused.code == 2
        assert "There is no prompt on standard input" in refused.text
    assert server.creates == 1


def test_the_question_before_spending_shows_the_prompt(desk: Desk, server: VideoServer) -> None:
    command = [sys.executable, "-m", "reelwork", "run", PROMPT, "--workflow", "my-campaign.toml", "--no-sheet"]
    env = {**os.environ, "HOME": str(desk.folder), "REELWORK_STORE": str(desk.store), "NO_COLOR": "1"}
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, cwd=desk.folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as started:
        os.close(theirs)
        shown = until(ours, "[y/N]")
        os.write(ours, b"n\n")
        until(ours, "")
        assert started.wait(60) != 0
    os.close(ours)
    assert f"“{PROMPT}”" in shown
    assert server.creates == 0


def until(terminal: int, text: str) -> str:
    """What is shown until this text, or until the end without one; for at most a minute."""
    shown, end = "", time.monotonic() + 60
    while time.monotonic() < end and (not text or text not in shown):
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            read = os.read(terminal, 4096)
        except OSError:
            break
        if not read:
            break
        shown += read.decode("utf-8", "replace")
    return shown


def test_what_is_wrong_in_an_option_is_blamed_on_the_option(desk: Desk, server: VideoServer) -> None:
    for what in ("my-campaign.toml", "prompts.csv"):
        workflow = () if what.endswith(".toml") else ("--workflow", "my-campaign.toml")
        ended = desk.reelwork("run", what, *workflow, "--duration", "0", "--yes")
        assert ended.code == 2
        assert "the options: duration = 0.0 is not possible: it must be more than 0" in ended.text
        assert "line" not in ended.text


def test_a_workflow_whose_prompts_are_in_a_batch_says_what_to_run(desk: Desk) -> None:
    assert desk.reelwork("init", "batch").code == 0
    ended = desk.reelwork("run", "batch.toml", "--yes")
    assert ended.code == 2
    assert "reelwork run prompts.csv --workflow batch.toml" in ended.text
