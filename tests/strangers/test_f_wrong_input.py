"""Wrong input of every kind: what is wrong, that nothing was sent, and what to do next."""

from __future__ import annotations

import os

import pytest
from tests.strangers.conftest import Desk

PROMPT = "A lighthouse in the fog"


@pytest.mark.parametrize(
    "option", ["--provider", "--model", "--platform", "--plugin", "--input-reference", "--webhook"]
)
@pytest.mark.parametrize("value", ["", " ", ","])
def test_an_option_left_empty_by_a_script_is_refused(desk: Desk, option: str, value: str) -> None:
    said = desk.reelwork("plan", PROMPT, option, value)
    assert said.code == 2
    assert f"{option} is empty" in said.err


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("plan", PROMPT, "--duration", "nan"), ["nan in it is no number"]),
        (("plan", PROMPT, "--workflow", "prompts.csv"), ["prompts.csv is a batch, not a workflow.",
                                                         "Run it: reelwork run prompts.csv."]),
        (("run", PROMPT, "--store", "."), ["is a folder, not a store.", "Name a file in it: --store"]),
        (("run", PROMPT, "--store", "/dev/null/x"), ["cannot be opened: File exists."]),
        (("store", "restore", "nofile.db"), ["There is no backup nofile.db.", "Nothing was changed."]),
        (("accounts", "remove", "nobody"), ["reelwork accounts list"]),
        (("resume", "nobody"), ["There is no job or run named 'nobody'."]),
    ],
)  # fmt: skip
def test_what_is_wrong_and_what_to_do(desk: Desk, arguments: tuple[str, ...], lines: list[str]) -> None:
    desk.write("prompts.csv", "id,prompt\n1,A fox in the snow\n")
    said = desk.reelwork(*arguments)
    assert said.code == 2, said.text
    for line in lines:
        assert line in said.err
    assert "[Errno" not in said.err


def test_a_workflow_for_a_batch_says_how_it_is_run(desk: Desk) -> None:
    assert desk.reelwork("init", "batch").code == 0
    said = desk.reelwork("run", "batch.toml")
    assert said.code == 2
    assert "reelwork run prompts.csv --workflow batch.toml" in said.err


def test_files_that_are_there_are_listed_as_people_list_them(desk: Desk) -> None:
    assert desk.reelwork("init").code == 0
    said = desk.reelwork("init")
    assert "workflow.toml, prompts.csv and my_plugin.py already exist." in said.err
    assert "Move them away" in said.err


def test_a_folder_whose_name_is_not_utf_8_is_named(desk: Desk) -> None:
    folder = desk.folder / os.fsdecode(b"f\xff")
    folder.mkdir()
    said = Desk(folder).reelwork("run", PROMPT, "--provider", "preview")
    assert said.code == 2
    assert "is not UTF-8" in said.err
    assert "Nothing was sent." in said.err
    assert "codec" not in said.err
