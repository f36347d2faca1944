"""Whatever is wrong is told in one message that names it, with exit code 2 and nothing sent."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

PROMPT = "A lighthouse in the fog"
SERVER = ("--provider", "videos-api", "--set", "provider.base_url=http://127.0.0.1:9")

BAD_OPTIONS = {
    "empty prompt": (("run", "  "), "there is no prompt"),
    "no prompt at all": (("run",), "there is no prompt"),
    "prompt too long": (("run", "x" * 50_000), "prompt"),
    "too long for the provider": (("run", PROMPT, "--duration", "61"), "duration: 61 s; at most 60 s"),
    "no length": (("run", PROMPT, "--duration", "0"), "duration"),
    "not a number": (("run", PROMPT, "--duration", "long"), "--duration"),
    "five takes": (("run", PROMPT, "--takes", "5"), "takes"),
    "metadata without a value": (("run", PROMPT, "--metadata", "owner"), "KEY=VALUE"),
    "unknown provider": (("run", PROMPT, "--provider", "previw"), "Did you mean 'preview'?"),
    "unknown platform": (("run", PROMPT, "--platform", "yutube"), "Did you mean 'youtube'?"),
    "unknown plugin": (("run", PROMPT, "--plugin", "rulez"), "Did you mean 'rules'?"),
    "unknown plugin file": (("run", PROMPT, "--plugin", "gone.py"), "gone.py"),
    "unknown key": (("run", PROMPT, "--set", "limits.concurent=5"), "Did you mean 'concurrent'?"),
    "unknown section": (("run", PROMPT, "--set", "limts.concurrent=5"), "Did you mean 'limits'?"),
    "no assignment": (("run", PROMPT, "--set", "limits"), "section.key=value"),
    "wrong type": (("run", PROMPT, "--set", "limits.concurrent=many"), "limits.concurrent"),
    "missing batch": (("run", "gone.csv"), "There is no file gone.csv"),
    "missing workflow": (("run", "gone.toml"), "There is no file gone.toml"),
    "missing settings": (("run", PROMPT, "--workflow", "gone.toml"), "There is no file gone.toml"),
    "secret that is not there": (
        ("run", PROMPT, "--yes", *SERVER, "--set", "provider.api_key=env:NOT_THERE"),
        "NOT_THERE",
    ),
    "secret itself": (
        ("run", PROMPT, *SERVER, "--set", "provider.api_key=sk-secret-thing"),
        "give a reference",
    ),
    "unknown job": (("resume", "nosuchjob"), "There is no job or run named 'nosuchjob'"),
    "unknown job to show": (("jobs", "show", "nosuchjob"), "There is no job named 'nosuchjob'"),
    "unknown job to retry": (("jobs", "retry", "nosuchjob"), "There is no job or run named 'nosuchjob'"),
    "unknown plugin to show": (("plugins", "show", "rulez"), "Did you mean 'rules'?"),
}


@pytest.mark.parametrize(("arguments", "told"), BAD_OPTIONS.values(), ids=BAD_OPTIONS.keys())
def test_bad_options(cli, kept, arguments: tuple[str, ...], told: str) -> None:
    outcome = cli(*arguments)
    assert outcome.code == 2, outcome.err
    assert told in outcome.err
    assert outcome.err.count("Error:") == 1
    assert "Traceback" not in outcome.err
    assert "sk-secret-thing" not in outcome.err
    assert kept() == []


BAD_FILES = {
    "empty.csv": (b"", "empty.csv is empty"),
    "header.csv": (b"id,prompt\n", "no rows"),
    "latin.csv": (b"prompt\nA quiet sea at night\nCaf\xe9 in the morning rain\n", "latin.csv, line 3: byte 0xe9"),
    "twice.csv": (
        b"id,prompt\na,A quiet sea at night\na,A loud sea at noon\n",
        "line 3: the id 'a'",
    ),
    "column.csv": (
        b"promt\nA quiet sea at night\n",
        "line 1: There is no column named 'promt'. Did you mean 'prompt'?",
    ),
    "extra.csv": (b"prompt,durations\nA quiet sea at night,3\n", "Did you mean 'duration'?"),
    "cells.csv": (b"prompt,duration\nA cat, asleep on a chair,3\n", "line 2: 3 cells, but there are 2 columns"),
    "broken.jsonl": (b'{"prompt": "A quiet sea at night"}\n{"prompt": \n', "line 2: not valid JSON"),
    "list.jsonl": (b"[1, 2]\n", "line 1: a row must be an object"),
    "blank.txt": (b"\n\n", "blank.txt is empty"),
    "broken.toml": (b'[brief]\nprompt = "A quiet sea\n', "broken.toml is not valid TOML"),
    "key.toml": (b'[brief]\nprompt = "A quiet sea at night"\n[limits]\nconcurent = 5\n', "key.toml, line 4"),
    "brief.toml": (b'[brief]\nprompt = "A quiet sea at night"\ndurtion = 5\n', "brief.toml, line 3"),
    "type.toml": (b'[brief]\nprompt = "A quiet sea at night"\nduration = "long"\n', "type.toml, line 3"),
    "misspelt.toml": (
        b'[brief]\npromt = "A quiet sea at night"\n',
        "misspelt.toml, line 2: unknown key 'brief.promt'",
    ),
    "none.toml": (b'name = "nothing"\n', "there is no prompt"),
    "other.xls": (b"PK", "other.xls: a batch is a .csv, .tsv, .jsonl, .json, .xlsx or .txt file"),
    "other.xlsx": (b"PK", "other.xlsx is not a readable .xlsx workbook"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files(cli, kept, folder: Path, name: str) -> None:
    content, told = BAD_FILES[name]
    (folder / name).write_bytes(content)
    outcome = cli("run", name)
    assert outcome.code == 2, outcome.err
    assert told in outcome.err
    assert "Traceback" not in outcome.err
    assert kept() == []


def test_a_bad_row_of_many_is_named_and_no_row_is_sent(cli, kept, folder: Path) -> None:
    rows = [f"A lighthouse seen from boat {number},3" for number in range(1, 101)]
    rows[36] = "A lighthouse seen from boat 37,soon"
    (folder / "boats.csv").write_text("\n".join(["prompt,duration", *rows]))
    outcome = cli("run", "boats.csv")
    assert outcome.code == 2
    assert "boats.csv, line 38" in outcome.err
    assert "duration" in outcome.err
    assert "'soon'" in outcome.err
    assert "None of the 100 rows was sent." in outcome.err
    assert kept() == []


def test_an_output_folder_that_is_a_file(cli, kept, folder: Path) -> None:
    (folder / "taken").write_text("here already")
    outcome = cli("run", PROMPT, "--out", "taken")
    assert outcome.code == 2
    assert "taken is a file" in outcome.err
    assert "--out" in outcome.err
    assert kept() == []


@pytest.mark.parametrize("arguments", [("run", PROMPT), ("jobs", "list"), ("resume",)])
def test_a_store_of_a_newer_version_is_left_alone(cli, folder: Path, arguments: tuple[str, ...]) -> None:
    cli("run", "short", "--store", "newer.db")
    with closing(sqlite3.connect(folder / "newer.db")) as connection, connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    outcome = cli(*arguments, "--store", "newer.db")
    assert outcome.code == 2
    assert "written by a newer Reelwork" in outcome.err
    assert "999" in outcome.err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("raise RuntimeError('half-written')\n", "RuntimeError: half-written"),
        ("import nothing_like_this\n", "nothing_like_this"),
        (
            "from reelwork_hooks import Plugin, hookimpl\nclass P(Plugin):\n"
            "    @hookimpl\n    def promt_transform(self, prompt): return None\n",
            "Did you mean 'prompt_transform'?",
        ),
        (
            "from reelwork_hooks import Plugin\nclass P(Plugin):\n"
            "    def prompt_transform(self, prompt): return None\n",
            "@hookimpl",
        ),
        ("value = 1\n", "holds no plugin"),
        ("def broken(:\n", "SyntaxError"),
    ],
)
def test_a_plugin_file_that_is_wrong(cli, kept, folder: Path, content: str, told: str) -> None:
    (folder / "mine.py").write_text(content)
    outcome = cli("run", PROMPT, "--plugin", "mine.py")
    assert outcome.code == 2
    assert "mine" in outcome.err
    assert told in outcome.err
    assert "Traceback" not in outcome.err
    assert kept() == []


def test_a_missing_file_is_never_taken_for_a_prompt(cli, kept) -> None:
    assert cli("run", "my-lighthouse-prompts.txt").code == 2
    assert kept() == []


def test_a_sentence_that_ends_like_a_file_is_a_prompt(cli) -> None:
    outcome = cli("plan", "A robot that writes its diary into diary.txt", "--json")
    assert outcome.code == 0
    assert outcome.json["jobs"][0]["prompt"]["text"] == "A robot that writes its diary into diary.txt"


def test_errors_as_json(cli) -> None:
    outcome = cli("run", PROMPT, "--duration", "61", "--json")
    assert outcome.code == 2
    error = outcome.json["error"]
    assert error["exit_code"] == 2
    assert "61 s" in error["message"]
    assert error["money"] == "Nothing was sent, nothing was spent."


def test_a_folder_is_not_a_prompt(cli, tmp_path: Path) -> None:
    (tmp_path / "briefs").mkdir()
    done = cli("plan", str(tmp_path / "briefs"))
    assert done.code == 2
    assert "is a folder" in done.err


@pytest.mark.parametrize(
    ("line", "told", "hint"),
    [
        (("run", PROMPT, "--durration", "5", "--json"), "No such option '--durration'", "reelwork run --help"),
        (("run", PROMPT, "--privacy", "4k", "--json"), "'4k' is not one of 'public'", "reelwork run --help"),
        (("run", PROMPT, "--fps", "many", "--json"), "'many' is not a valid integer", "reelwork run --help"),
        (("run", PROMPT, "--json", "--duration"), "requires an argument", "reelwork --help"),
        (("jobs", "show", "--json"), "Missing argument 'ID'", "reelwork jobs show --help"),
        (("jobs", "lst", "--json"), "Did you mean 'list'?", "reelwork jobs --help"),
        (("rnu", PROMPT, "--json"), "There is no command 'rnu'", "reelwork --help"),
        (("--json", "run", PROMPT), "No such option '--json'", "reelwork --help"),
        (("--stor", "run", "--json"), "No such option '--stor'", "reelwork --help"),
        (("run", "--workflow", "b.toml", "a.toml", "--json"), "a.toml is a workflow itself", "reelwork run --help"),
        (("plan", PROMPT, "--metadata", "x", "--json"), "KEY=VALUE", "reelwork plan --help"),
    ],
)
def test_a_mistyped_command_line_is_told_as_json_too(
    cli, kept, line: tuple[str, ...], told: str, hint: str
) -> None:
    outcome = cli(*line)
    assert outcome.code == 2
    error = outcome.json["error"]
    assert error["type"] == "UsageError"
    assert told in error["message"].replace("No such option: ", "No such option ")
    assert told.replace("'", "") in outcome.err.replace("'", "").replace("No such option: ", "No such option ")
    assert error["hint"] == f"See: {hint}"
    assert error["money"] == "Nothing was sent, nothing was spent."
    assert error["exit_code"] == 2
    assert kept() == []


def test_no_json_unless_it_is_asked_for(cli) -> None:
    assert cli("run", PROMPT, "--durration", "5").out == ""
    assert cli("run", "--durration", "--", "--json").out == ""


@pytest.mark.parametrize(
    "words",
    [
        ("review", "reject", "abc", "--reason", "bad \udcff"),
        ("review", "edit", "abc", "--caption=bad \udcff"),
        ("schedule", "pause", "nightly", "--note", "bad \udcff"),
        ("schedule", "add", "w\udcff", "w.toml", "--every", "1d"),
        ("posts", "stop", "--note", "bad \udcff"),
        ("tokens", "add", "ana\udcff", "--scope", "read"),
        ("jobs", "cancel", "abc", "--reason", "bad \udcff"),
        ("run", "A fox", "--metadata", "a=\udcff"),
    ],
)
def test_words_that_are_no_text_are_refused_in_one_way(cli: Any, words: tuple[str, ...]) -> None:
    ended = cli(*words)
    assert ended.code == 2
    assert "\ufffd' cannot be used: it is not text in UTF-8." in ended.err.replace("\ufffd=", "").replace("\n", " ")
    document = cli(*words, "--json").json
    assert "not text in UTF-8" in document["error"]["message"]
