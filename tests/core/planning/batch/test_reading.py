from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwork.cli.commands.run import WHAT
from reelwork.errors import WorkflowInvalid
from reelwork.planning.batch.reading import MOST_SHOWN, Row, Rows, read_batch
from reelwork.settings.paths import BATCHES, TABLES
from reelwork_hooks.models import Brief, Reference

Read = Callable[..., Rows]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a batch with this content from a file of this name."""

    def from_file(content: str | bytes, name: str = "rows.csv", **defaults: Any) -> Rows:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_batch(path, defaults)

    return from_file


def problem(read: Read, content: str | bytes, name: str = "rows.csv", **defaults: Any) -> WorkflowInvalid:
    with pytest.raises(WorkflowInvalid) as caught:
        read(content, name, **defaults)
    return caught.value


def lines(rows: Sequence[Row]) -> list[int]:
    return [int(row.where.rpartition(" line ")[2]) for row in rows]


def prompts(rows: Sequence[Row]) -> list[str]:
    return [row.brief.prompt for row in rows]


# --- what rows become -----------------------------------------------------------------------------------------


def test_a_csv_row_is_a_brief_with_typed_parameters(read: Read) -> None:
    (row,) = read(
        "id,prompt,duration,fps,seed,n,resolution,platforms,hashtags,metadata.campaign,input_reference,privacy,model\n"
        'r1,"a fox, sleeping", 8 ,24,7,2,720p,"tiktok, youtube",#fox #sleep,spring,fox.png,unlisted,sora-2\n'
    )
    assert (row.name, row.identity) == ("r1", "id:r1")
    assert row.where.endswith("rows.csv, line 2")
    assert row.brief == Brief(
        prompt="a fox, sleeping",
        duration=8.0,
        fps=24,
        seed=7,
        takes=2,
        resolution="720p",
        platforms=("tiktok", "youtube"),
        hashtags=("fox", "sleep"),
        metadata={"campaign": "spring"},
        references=(Reference(source="fox.png"),),
        privacy="unlisted",
        model="sora-2",
    )


def test_a_jsonl_row_is_a_brief(read: Read) -> None:
    rows = read(
        '{"id": 7, "prompt": "a fox", "duration": 8, "platforms": ["tiktok", "x"], "metadata": {"part": 2}}\n'
        "\n"
        '{"prompt": "an owl", "platform": "tiktok", "hashtags": "#owl #night", "n": 2, "webhook_url": "https://a.b"}\n',
        "rows.jsonl",
    )
    assert [(row.name, row.identity.split(":")[0]) for row in rows] == [("7", "id"), ("2", "row")]
    assert rows[0].brief.platforms == ("tiktok", "x")
    assert rows[0].brief.metadata == {"part": 2}
    second = rows[1].brief
    assert (second.platforms, second.hashtags, second.takes) == (("tiktok",), ("owl", "night"), 2)
    assert second.webhook == "https://a.b"
    assert lines(rows) == [1, 3]


def test_each_line_of_a_text_is_a_prompt(read: Read) -> None:
    rows = read("# ideas\na fox, sleeping\n\n  an owl # at night \n   # later\n", "ideas.TXT", duration=4)
    assert prompts(rows) == ["a fox, sleeping", "an owl # at night"]
    assert lines(rows) == [2, 4]
    assert rows[0].brief.duration == 4


def test_a_row_completes_and_overrides_the_workflows_brief(read: Read) -> None:
    rows = read(
        "prompt,duration,takes,metadata.part\n,5,,1\nan owl,,3,\n",
        prompt="a fox",
        takes=2,
        title="Animals",
        metadata={"campaign": "spring"},
    )
    assert prompts(rows) == ["a fox", "an owl"]
    assert [(row.brief.duration, row.brief.takes, row.brief.title) for row in rows] == [
        (5, 2, "Animals"),
        (10, 3, "Animals"),
    ]
    assert rows[0].brief.metadata == {"campaign": "spring", "part": "1"}
    assert rows[1].brief.metadata == {"campaign": "spring"}


def test_a_length_nobody_gave_stays_a_default(read: Read) -> None:
    assert "duration" not in read("prompt,duration\na fox,\n")[0].brief.model_fields_set


# --- what a row is known by -----------------------------------------------------------------------------------


def identities(read: Read, *rows: str) -> dict[str, str]:
    return {row.brief.prompt: row.identity for row in read("\n".join(["prompt,duration", *rows]) + "\n")}


def test_moving_and_inserting_rows_keeps_what_the_others_are_known_by(read: Read) -> None:
    before = identities(read, "a fox,4", "an owl,5", "a bear,6")
    after = identities(read, "a bear,6", "a wolf,7", "a fox,4", "an owl,5")
    assert {name: after[name] for name in before} == before
    assert len(set(after.values())) == 4


def test_changing_a_row_without_an_id_makes_a_new_one(read: Read) -> None:
    before, after = identities(read, "a fox,4", "an owl,5"), identities(read, "a fox,8", "an owl,5")
    assert before["a fox"] != after["a fox"]
    assert before["an owl"] == after["an owl"]


def test_changing_a_row_with_an_id_keeps_it(read: Read) -> None:
    (before,), (after,) = read("id,prompt\nr1,a fox\n"), read("prompt,id\nan owl,r1\n")
    assert before.identity == after.identity == "id:r1"


def test_equal_rows_are_told_apart_and_stay_themselves(read: Read) -> None:
    twice = [row.identity for row in read("prompt\na fox\nan owl\na fox\n")]
    assert len(set(twice)) == 3
    thrice = [row.identity for row in read("prompt\nan owl\na fox\na fox\na fox\n")]
    assert set(twice) < set(thrice)


def test_how_a_file_is_laid_out_does_not_matter(read: Read) -> None:
    (plain,) = read("prompt,duration,seed\na fox,4,\n")
    (moved,) = read("duration,prompt\n 4 ,  a fox\n")
    (named,) = read("prompt,duration,n\na fox,4,\n")
    assert plain.identity == moved.identity == named.identity


def test_the_workflows_brief_is_no_part_of_a_rows_identity(read: Read) -> None:
    (short,), (long,) = read("prompt\na fox\n", duration=4), read("prompt\na fox\n", duration=8)
    assert short.identity == long.identity


@given(st.lists(st.sampled_from(["a fox", "an owl", "a bear"]), min_size=1, max_size=8), st.randoms())
def test_any_order_gives_the_same_identities(tmp_path_factory: Any, some: list[str], chance: random.Random) -> None:
    path = tmp_path_factory.getbasetemp() / "order.txt"
    found = []
    for _ in range(2):
        path.write_text("\n".join(some))
        found.append({row.identity for row in read_batch(path, {})})
        chance.shuffle(some)
    assert found[0] == found[1]
    assert len(found[0]) == len(some)


# --- how files are written ------------------------------------------------------------------------------------


def test_marks_line_ends_and_empty_lines_do_no_harm(read: Read) -> None:
    rows = read(b"\xef\xbb\xbf\r\nprompt,duration\r\n\r\na fox,4\r\n,\r\nan owl,5")
    assert prompts(rows) == ["a fox", "an owl"]
    assert lines(rows) == [4, 6]
    assert prompts(read(b"\xef\xbb\xbf# ideas\r\na fox\r\n", "a.txt")) == ["a fox"]
    assert prompts(read(b'\xef\xbb\xbf{"prompt": "a fox"}\r\n', "a.jsonl")) == ["a fox"]
    assert prompts(read(b"prompt\ra fox\ran owl\r")) == ["a fox", "an owl"]


def test_cells_of_several_lines_keep_line_numbers_right(read: Read) -> None:
    text = 'prompt,duration\n"a fox\nin two lines\n and a third",4\nan owl,5\n"a\nbear",none\n'
    error = problem(read, text)
    assert ", line 6: duration = 'none' is not possible" in error.message
    rows = read(text.replace("none", "6"))
    assert lines(rows) == [2, 5, 6]
    assert rows[0].brief.prompt == "a fox\nin two lines\n and a third"


def test_empty_cells_at_the_end_of_lines_are_no_cells(read: Read) -> None:
    assert prompts(read("prompt,duration,,\na fox,4,,\nan owl,5,,,,\n")) == ["a fox", "an owl"]


def test_characters_that_look_like_line_ends_to_python_are_text(read: Read) -> None:
    odd = "a fox\u2028an owl\x0ba bear\x85end"
    assert prompts(read(odd, "a.txt")) == [odd]
    assert prompts(read(json.dumps({"prompt": odd.replace("\x0b", "")}, ensure_ascii=False), "a.jsonl")) == [
        odd.replace("\x0b", "")
    ]


# --- what is wrong, and where ---------------------------------------------------------------------------------


def test_one_bad_row_of_a_hundred_is_named_and_nothing_is_sent(read: Read, tmp_path: Path) -> None:
    rows = [f"a fox {number},{'none' if number == 37 else 4}" for number in range(1, 101)]
    error = problem(read, "\n".join(["prompt,duration", *rows]))
    assert error.message.startswith(f"{tmp_path / 'rows.csv'}, line 38: duration = 'none' is not possible")
    assert error.money == "None of the 100 rows was sent."


def test_all_bad_rows_are_listed(read: Read) -> None:
    error = problem(read, "prompt,duration,seed\na fox,0,\nan owl,5,\na bear,5,-1\n,,3\n")
    first, *listed = error.message.splitlines()
    assert first == "3 of 4 rows are wrong:"
    assert ["line 2" in listed[0], "line 4" in listed[1], "line 5: there is no prompt" in listed[2]] == [True] * 3
    many = problem(read, "prompt,duration\n" + "a fox,0\n" * 50)
    assert many.message.splitlines()[0] == "50 of 50 rows are wrong:"
    assert many.message.splitlines()[-1] == f"  … and {50 - MOST_SHOWN} more"


CSV = {
    "text,duration\na fox,4\n": "line 1: there is no column 'prompt'; the columns are 'text', 'duration'",
    "prompt,Prompt\na fox,b\n": "line 1: the columns 'prompt' and 'Prompt' are both there",
    "promt,duration\na fox,4\n": "line 1: There is no column named 'promt'. Did you mean 'prompt'?",
    "Prompt,duration\na fox,4\n": "line 1: There is no column named 'Prompt'. Did you mean 'prompt'?",
    "prompt,,seed\na fox,4,1\n": "line 2: cell 2 is in a column without a name",
    "prompt,durtion\na fox,4\n": "line 1: There is no column named 'durtion'. Did you mean 'duration'?",
    "prompt,metadata.\na fox,4\n": "line 1: There is no column named 'metadata.'",
    "prompt,seed,seed\na,1,2\n": "line 1: the column 'seed' appears twice",
    "prompt,n,takes\na,1,2\n": "line 1: the column 'takes' appears twice",
    "prompt,duration\na cat, sleeping,4\n": "line 2: 3 cells, but there are 2 columns",
    "prompt\na cat, sleeping\n": "line 2: 2 cells, but there is 1 column.",
    'prompt\n"a fox\n': "not valid CSV: unexpected end of data",
    'prompt\nok\n"a" fox\n': "line 3: not valid CSV",
    "id,prompt\nr1,a\nr2,b\nr1,c\n": "line 4: the id 'r1' is already used on line 2",
    "prompt\n\n\n": "holds no rows",
    "  \n \n": "is empty",
    "": "is empty",
}


@pytest.mark.parametrize("text", CSV)
def test_a_wrong_csv(read: Read, text: str) -> None:
    error = problem(read, text)
    assert CSV[text] in error.message
    assert "rows.csv" in error.message


def test_the_separator_is_seen_and_said(read: Read) -> None:
    rows = read("prompt;duration\na fox;4,5\n")
    assert (rows[0].brief.prompt, rows[0].brief.duration) == ("a fox", 4.5)
    assert [note.partition(": ")[2] for note in rows.notes] == ["its columns are separated by semicolons."]


JSONL = {
    '{"prompt": "a"}\n{"prompt": }\n': "line 2: not valid JSON: Expecting value",
    '["a fox"]\n': "line 1: a row must be an object",
    '{"promt": "a"}': "line 1: there is no prompt",
    '{"prompt": "a", "duratoin": 5}': "line 1: unknown key 'duratoin'",
    '{"prompt": ["a"]}': "line 1: prompt = ['a'] is not possible: it must be a text",
    '{"prompt": null}': "line 1: prompt = null is not possible: it must be a text",
    '{"prompt": "a", "n": 1, "takes": 2}': "line 1: 'takes' appears twice",
    '{"id": 1, "prompt": "a"}\n{"id": "1", "prompt": "b"}': "line 2: the id '1' is already used on line 1",
    '{"prompt": "a", "seed": ' + "1" * 5000 + "}": "line 1: not valid JSON: Exceeds the limit",
    "[" * 100_000: "line 1: not valid JSON: ",
}


@pytest.mark.parametrize("text", JSONL, ids=lambda text: str(text)[:30])
def test_a_wrong_jsonl(read: Read, text: str) -> None:
    assert JSONL[text] in problem(read, text, "rows.jsonl").message


def test_text_that_is_not_utf8_is_told_with_its_line(read: Read) -> None:
    error = problem(read, "prompt\na fox\ncaf\xe9\n".encode("latin-1"))
    assert "line 3: byte 0xe9 is not UTF-8 text" in error.message
    assert "Save the file as UTF-8" in error.hint


def test_every_kind_of_batch_file_is_read_and_named_in_the_help(read: Read) -> None:
    from openpyxl import Workbook

    sheet = BytesIO()
    book = Workbook()
    page = book.active
    assert page is not None
    for at, text in enumerate(("prompt", "a fox"), 1):
        page.cell(at, 1, text)
    book.save(sheet)
    contents = {
        ".csv": b"prompt\na fox\n",
        ".tsv": b"prompt\na fox\n",
        ".jsonl": b'{"prompt": "a fox"}\n',
        ".json": b'[{"prompt": "a fox"}]',
        ".xlsx": sheet.getvalue(),
        ".txt": b"a fox\n",
    }
    for ending in BATCHES:
        assert [row.brief.prompt for row in read(contents[ending], f"rows{ending}")] == ["a fox"]
        assert ending in WHAT
    assert set(TABLES) < set(BATCHES)


def test_other_files_are_no_batches(read: Read, tmp_path: Path) -> None:
    ends = "a batch is a .csv, .tsv, .jsonl, .json, .xlsx or .txt file."
    assert problem(read, "x", "rows.xls").message.endswith(ends)
    with pytest.raises(WorkflowInvalid, match="There is no file"):
        read_batch(tmp_path / "none.csv", {})
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(WorkflowInvalid, match="cannot be read: Is a directory"):
        read_batch(tmp_path / "folder.csv", {})


def test_ten_thousand_rows(read: Read) -> None:
    rows = read("prompt,duration,platforms\n" + "".join(f"a fox {n},4,tiktok\n" for n in range(10_000)))
    assert len({row.identity for row in rows}) == 10_000
    assert lines(rows)[-1] == 10_001
