"""What spreadsheets and other programs export is read rightly, or refused in one sentence."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from reelwork.errors import WorkflowInvalid
from reelwork.planning.batch.reading import Rows, read_batch
from reelwork.planning.batch.sheets import as_seen


def read(path: Path, data: bytes | str, **defaults: Any) -> Rows:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_batch(path, defaults)


def workbook(path: Path, *rows: list[Any], more: str = "") -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    if more:
        book.create_sheet(more).append(["prompt"])
    book.save(path)
    return path


# --- workbooks ------------------------------------------------------------------------------------------------


def test_a_workbook_is_read_as_it_is_seen(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "rows.xlsx",
        [None],
        ["id", "prompt", "duration", "aspect_ratio", "metadata.due", "metadata.new", None],
        [7, " A fox ", 4.0, datetime.time(9, 16), datetime.datetime(2026, 11, 28), True, None],
        [None, None, None],
        ["b", "An owl", 2.5, "16:9", datetime.date(2026, 1, 2), "no", None],
        more="notes",
    )
    rows = read_batch(path, {})
    assert [row.name for row in rows] == ["7", "b"]
    assert [row.brief.prompt for row in rows] == ["A fox", "An owl"]
    assert [(row.brief.duration, row.brief.aspect_ratio) for row in rows] == [(4, "9:16"), (2.5, "16:9")]
    assert [dict(row.brief.metadata) for row in rows] == [
        {"due": "2026-11-28", "new": "true"},
        {"due": "2026-01-02", "new": "no"},
    ]
    assert [row.where.rpartition(", ")[2] for row in rows] == ["line 3", "line 5"]
    assert [note.partition(": ")[2] for note in rows.notes] == ["only its first sheet is read, 'Sheet'."]


def test_a_workbook_and_the_csv_of_it_are_one_batch(tmp_path: Path) -> None:
    book = workbook(tmp_path / "rows.xlsx", ["prompt", "seed", "takes"], ["A fox", 7, 2.0], ["An owl", None, 1])
    text = read(tmp_path / "rows.csv", "prompt;seed;takes\nA fox;7;2\nAn owl;;1\n")
    assert read_batch(book, {}).identities == text.identities


def test_the_values_of_formulas_are_read_and_a_missing_one_is_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "rows.xlsx", ["prompt"], ["A fox"], ['="An " & "owl"'])
    with pytest.raises(WorkflowInvalid, match=r"line 3: the formula in A3 has no value yet"):
        read_batch(path, {})
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    name = "xl/worksheets/sheet1.xml"
    calculated = parts[name].replace(b"<v></v>", b"<v>An owl</v>").replace(b"<v />", b"<v>An owl</v>")
    assert calculated != parts[name]
    with zipfile.ZipFile(path, "w") as packed:
        for part, data in (parts | {name: calculated.replace(b'<c r="A3">', b'<c r="A3" t="str">')}).items():
            packed.writestr(part, data)
    assert [row.brief.prompt for row in read_batch(path, {})] == ["A fox", "An owl"]


def test_an_error_in_a_cell_is_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "rows.xlsx", ["prompt", "caption"], ["A fox", "#N/A"])
    with pytest.raises(WorkflowInvalid, match=r"line 2: B2 shows #N/A"):
        read_batch(path, {})


@pytest.mark.parametrize("data", [b"PK", b"no workbook", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_workbook_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(WorkflowInvalid, match=r"is not a readable \.xlsx workbook"):
        read(tmp_path / "rows.xlsx", data)


def test_without_the_extra_it_is_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "rows.xlsx", ["prompt"], ["A fox"])
    program = (
        "import sys; sys.modules['openpyxl'] = None\n"
        "from pathlib import Path; from reelwork.planning.batch.reading import read_batch\n"
        "from reelwork.errors import WorkflowInvalid\n"
        "try: read_batch(Path(sys.argv[1]), {})\n"
        "except WorkflowInvalid as error: print(error.message, error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert "needs the package openpyxl" in done.stdout
    assert "pip install 'reelwork[xlsx]'" in done.stdout


@pytest.mark.parametrize(
    ("value", "form", "seen"),
    [
        (4.0, "General", "4"),
        (4.5, "General", "4.5"),
        (7, "0000", "0007"),
        (True, "General", "true"),
        (None, "", ""),
        (datetime.datetime(2026, 11, 28, 9, 5), "", "2026-11-28 09:05:00"),
        (datetime.time(16, 9, 30), "", "16:09:30"),
        (9007199254740993, "General", "9007199254740993"),
    ],
)
def test_values_as_they_are_seen(value: Any, form: str, seen: str) -> None:
    assert as_seen(value, form) == seen


# --- text -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
def test_other_unicode_is_read(tmp_path: Path, encoding: str) -> None:
    rows = read(tmp_path / "rows.csv", "prompt\tduration\nEin Käfer übt\t4\n".encode(encoding))
    assert [(row.brief.prompt, row.brief.duration) for row in rows] == [("Ein Käfer übt", 4)]


BAD_TEXT = {
    "prompt\nA fox\nEin Käfer\n".encode(
        "cp1252"
    ): "line 3: byte 0xe4 is not UTF-8 text. It looks like Windows-1252",
    b"prompt\nA fox\0\n": "line 2: it holds a NUL character",
    "prompt\nA fox\n".encode("utf-16")[:-1]: "begins as utf-16-le and is cut or damaged",
    b"\xff\xfe": "is empty",
}


@pytest.mark.parametrize("data", BAD_TEXT, ids=lambda data: repr(data)[:20])
def test_what_is_no_text_is_one_clear_error(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(WorkflowInvalid) as caught:
        read(tmp_path / "rows.csv", data)
    assert BAD_TEXT[data] in caught.value.message


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators(tmp_path: Path, separator: str) -> None:
    text = separator.join(["prompt", "duration", "caption"]) + "\n" + separator.join(["A fox, red", "4,5", "1,5"])
    rows = read(tmp_path / "rows.csv", text)
    assert (rows[0].brief.prompt, rows[0].brief.duration, rows[0].brief.caption) == ("A fox, red", 4.5, "1,5")
    assert len(rows.notes) == 1


def test_the_line_that_names_the_separator_is_no_row(tmp_path: Path) -> None:
    rows = read(tmp_path / "rows.csv", "sep=;\r\nprompt;seed\r\nA fox;4\r\n")
    assert [(row.brief.prompt, row.brief.seed) for row in rows] == [("A fox", 4)]
    assert rows[0].where.endswith("line 3")


def test_tabs_need_no_word_in_a_tsv(tmp_path: Path) -> None:
    assert read(tmp_path / "rows.tsv", "prompt\tseed\nA fox\t4\n").notes == ()


# --- lists ----------------------------------------------------------------------------------------------------


def test_a_list_of_objects(tmp_path: Path) -> None:
    rows = read(
        tmp_path / "rows.json", '[\n{"prompt": "A fox", "hashtags": ["#a", "b"]},\n\n{"prompt": "An owl"}]\n'
    )
    assert [row.brief.prompt for row in rows] == ["A fox", "An owl"]
    assert rows[0].brief.hashtags == ("a", "b")
    assert [row.where.rpartition(" ")[2] for row in rows] == ["2", "4"]


BAD_LISTS = {
    '{"prompt": "A fox"}': "a .json batch is a list of rows",
    '[{"prompt": "A fox"} {"prompt": "b"}]': "line 1: not valid JSON: a comma or ] must follow",
    '[\n{"prompt": "A fox"},\n{"prompt": }]': "line 3: not valid JSON",
    '[{"prompt": "A fox"}': "a comma or ] must follow",
    '[{"prompt": "A fox"}] x': "something follows the list",
    "[1]": "line 1: a row must be an object",
    "[]": "holds no rows",
    "[": "not valid JSON",
}


@pytest.mark.parametrize("text", BAD_LISTS)
def test_a_wrong_list(tmp_path: Path, text: str) -> None:
    with pytest.raises(WorkflowInvalid) as caught:
        read(tmp_path / "rows.json", text)
    assert BAD_LISTS[text] in caught.value.message


# --- templates ------------------------------------------------------------------------------------------------

TEMPLATES = {
    "prompt": '{animal} at {time}, {metadata.shelf} {{animal}} {"a": {}}',
    "caption": "{animal} for {duration} s",
    "hashtags": ["{animal}"],
    "metadata": {"of": "{time}"},
}


def test_columns_fill_the_places_of_a_workflow(tmp_path: Path) -> None:
    text = "animal,time,duration,metadata.shelf\nFox,dawn,4.0,A4\n"
    (row,) = read(tmp_path / "rows.csv", text, **TEMPLATES)
    assert row.brief.prompt == 'Fox at dawn, A4 {animal} {"a": {}}'
    assert (row.brief.caption, row.brief.hashtags) == ("Fox for 4 s", ("Fox",))
    assert row.brief.metadata == {"of": "dawn", "shelf": "A4"}
    [listed] = read(tmp_path / "rows.jsonl", json.dumps({"animal": "Fox", "time": "dawn", "duration": 4,
                                                        "metadata": {"shelf": "A4"}}), **TEMPLATES)  # fmt: skip
    assert listed.brief == row.brief
    assert listed.identity == row.identity


def test_a_row_is_known_by_its_cells_and_not_by_the_template(tmp_path: Path) -> None:
    text = "animal\nFox\n"
    one, two = (
        read(tmp_path / "rows.csv", text, prompt=prompt) for prompt in ("{animal} at dawn", "A red {animal}")
    )
    assert one.identities == two.identities
    assert one.identities != read(tmp_path / "rows.csv", "animal\nOwl\n", prompt="{animal} at dawn").identities


def test_a_cell_of_its_own_goes_before_the_template(tmp_path: Path) -> None:
    rows = read(tmp_path / "rows.csv", "animal,prompt\n,A tram\nFox,\n", prompt="A {animal} in the snow")
    assert [row.brief.prompt for row in rows] == ["A tram", "A Fox in the snow"]


def test_a_missing_cell_names_row_and_column(tmp_path: Path) -> None:
    with pytest.raises(
        WorkflowInvalid, match=r"line 3: the cell 'animal' is empty or missing; the workflow's prompt"
    ):
        read(tmp_path / "rows.csv", "animal,seed\nFox,1\n,2\n", prompt="A {animal} in the snow")
    with pytest.raises(WorkflowInvalid, match=r"There is no column named 'anmal'. Did you mean 'animal'\?"):
        read(tmp_path / "rows.csv", "anmal,seed\nFox,1\n", prompt="A {animal} in the snow")


def test_a_template_is_not_made_as_it_is(tmp_path: Path) -> None:
    from reelwork.studio.studio import Studio

    with Studio({"brief": {"prompt": "A {animal} in the snow"}}, store=tmp_path / "s.db") as studio:
        with pytest.raises(WorkflowInvalid, match=r"prompt has the place \{animal\}, which a row of a batch file"):
            studio.plan_sync()
        assert studio.plan_sync("A {braced} prompt, typed").plans[0].brief.prompt == "A {braced} prompt, typed"
    with Studio({"brief": {"prompt": 'A {{animal}} {"a": {"b": {}}}'}}, store=tmp_path / "s.db") as studio:
        assert studio.plan_sync().plans[0].brief.prompt == 'A {animal} {"a": {"b": {}}}'
    with Studio({"brief": {"prompt": "A fox", "hashtags": ["#a", "b"]}}, store=tmp_path / "s.db") as studio:
        assert studio.plan_sync().plans[0].brief.hashtags == ("a", "b")
