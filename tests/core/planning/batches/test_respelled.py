"""Any respelling of a file is the same batch; any change of what a cell means is another row."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reelwork.planning.batch.reading import Rows, read_batch

WORDS = ["Käfer", "a fox", "Ångström", "snow; deep", 'the "owl"', "one, two", "한국", "é", "#1", "4.0", "TRUE"]
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
lines = st.lists(texts, min_size=1, max_size=3).map("\n".join)
cells = st.fixed_dictionaries(
    {"prompt": lines},
    optional={
        "id": st.sampled_from(["a", "07", "7", "Ä1", "b c", "12"]),
        "duration": st.sampled_from(["4", "2.5", "10"]),
        "seed": st.sampled_from(["0", "17"]),
        "takes": st.sampled_from(["1", "2"]),
        "aspect_ratio": st.sampled_from(["16:9", "9:16"]),
        "platforms": st.lists(st.sampled_from(["twitter", "youtube"]), min_size=1, unique=True).map(" ".join),
        "hashtags": st.lists(st.sampled_from(["fox", "snow", "é"]), min_size=1, unique=True).map(" ".join),
        "caption": texts,
        "metadata.shelf": st.sampled_from(["A4", "4", "true", "1.10"]),
    },
)
batches = st.lists(cells, min_size=1, max_size=5, unique_by=lambda row: row.get("id", id(row)))
SPELLINGS = {
    "duration": {"4": ["4.0", "4.00", " 4", "4e0"], "2.5": ["2.50", "02.5"], "10": ["10.0", "1e1"]},
    "seed": {"0": ["0.0"], "17": ["17.0", " 17 "]},
    "takes": {"1": ["1.0"], "2": ["2.0"]},
    "aspect_ratio": {"16:9": ["16:09", "16:09:00"], "9:16": ["09:16", "9:16:00"]},
    "id": {"7": ["7.0", " 7"], "12": ["12.00"]},
    "metadata.shelf": {"4": ["4.0"], "true": ["TRUE", "True"]},
}
OTHER_NAMES = {"platforms": "platform", "takes": "n"}


def names(given: str) -> str:
    return {"x": "twitter"}.get(given, given)


def read(folder: Path, data: bytes, name: str = "rows.csv") -> Rows:
    path = folder / name
    path.write_bytes(data)
    return read_batch(path, {}, names)


def table(rows: list[dict[str, str]], columns: list[str], **form: Any) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=form.pop("lineterminator", "\n"), **form)
    writer.writerow(columns)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return out.getvalue()


def plain(rows: list[dict[str, str]]) -> bytes:
    return table(rows, list(dict.fromkeys(column for row in rows for column in row))).encode()


@st.composite
def respelled(draw: st.DrawFn, rows: list[dict[str, str]]) -> tuple[str, bytes]:
    """The same rows in a file that is written in another way: its ending and its bytes."""
    mixed = draw(st.permutations(rows))
    rows = [{column: _cell(draw, column, cell) for column, cell in row.items()} for row in mixed]
    kind = draw(st.sampled_from(["csv", "csv", "csv", "tsv", "jsonl", "json"]))
    if kind.startswith("json"):
        return kind, _objects(draw, rows, kind)
    columns = draw(st.permutations(list(dict.fromkeys(column for row in rows for column in row))))
    ends = draw(st.sampled_from([[], ["", ""]]))
    # A table of one column has no separator to find: it is the one that the file's ending promises.
    marks = ",;\t|" if len(columns) + len(ends) > 1 else ","
    mark = "\t" if kind == "tsv" else draw(st.sampled_from(marks))
    text = table(
        rows,
        [*columns, *ends],
        delimiter=mark,
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
    )
    head, _, rest = text.partition("\n")
    for old, new in OTHER_NAMES.items():
        head = head.replace(old, draw(st.sampled_from([old, new])))
    text = f"{head}\n{rest}" + draw(st.sampled_from(["", "\n", f"{mark}{mark}\n\n"]))
    return kind, text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))


def _cell(draw: st.DrawFn, column: str, cell: str) -> str:
    cell = draw(st.sampled_from([cell, *SPELLINGS.get(column, {}).get(cell, [])]))
    if column == "platforms":
        twitter = draw(st.sampled_from(["x", "twitter"]))
        cell = draw(st.sampled_from([" ", ", ", ";", "|"])).join(draw(st.permutations(cell.split())))
        cell = cell.replace("twitter", twitter)
    if column == "hashtags":
        cell = draw(st.sampled_from([cell, " ".join(f"#{tag}" for tag in cell.split())]))
    cell = draw(st.sampled_from([cell, unicodedata.normalize("NFD", cell), unicodedata.normalize("NFC", cell)]))
    cell = draw(st.sampled_from([cell, cell.replace("\n", "\r\n"), cell.replace("\n", "  \n")]))
    return draw(st.sampled_from(["", " ", "  "])) + cell + draw(st.sampled_from(["", " ", "\n"]))


def _objects(draw: st.DrawFn, rows: list[dict[str, str]], kind: str) -> bytes:
    objects = []
    for row in rows:
        one: dict[str, Any] = {column: cell for column, cell in row.items() if not column.startswith("metadata.")}
        if "metadata.shelf" in row:
            one["metadata"] = {"shelf": row["metadata.shelf"]}
        for number in ("duration", "seed", "takes"):
            if number in one and draw(st.booleans()):
                one[number] = float(one[number])
        objects.append(one | draw(st.sampled_from([{}, {"title": ""}, {"fps": None}])))
    ascii_only = draw(st.booleans())
    if kind == "json":
        return json.dumps(objects, ensure_ascii=ascii_only, indent=draw(st.sampled_from([None, 1]))).encode()
    return "\n".join(json.dumps(one, ensure_ascii=ascii_only) for one in objects).encode()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_table_of_one_column_with_empty_ones_behind_it_is_read(tmp_path: Path, separator: str) -> None:
    end = 2 * separator
    path = tmp_path / "rows.csv"
    path.write_text(f'prompt{end}\n"A fox,\nin the snow"{end}\n')
    assert [row.brief.prompt for row in read_batch(path, {})] == ["A fox,\nin the snow"]


@settings(max_examples=300)
@given(st.data())
def test_any_respelling_is_the_same_batch(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.getbasetemp()
    rows = data.draw(batches)
    kind, spelled = data.draw(respelled(rows))
    before = sorted(read(folder, plain(rows)).identities)
    assert sorted(read(folder, spelled, f"rows.{kind}").identities) == before


CHANGES = {
    "prompt": lambda cell: cell + " and more",
    "duration": lambda cell: {"4": "5"}.get(cell, "4"),
    "seed": lambda cell: cell + "1",
    "takes": lambda cell: {"1": "2", "2": "3"}[cell],
    "aspect_ratio": lambda cell: {"16:9": "9:16", "9:16": "1:1"}[cell],
    "platforms": lambda cell: cell + " tiktok",
    "hashtags": lambda cell: cell + " more",
    "caption": lambda cell: cell.swapcase() if cell.swapcase() != cell else cell + "!",
    "metadata.shelf": lambda cell: cell + "x",
    "id": lambda cell: cell + "x",
}


@settings(max_examples=300)
@given(st.data())
def test_any_change_of_what_a_cell_means_is_another_row(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp()
    rows = data.draw(batches)
    at = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(sorted(rows[at])))
    assume(column == "id" or "id" not in rows[at])
    changed = [{**row, column: CHANGES[column](row[column])} if n == at else row for n, row in enumerate(rows)]
    before, after = read(folder, plain(rows)).identities, read(folder, plain(changed)).identities
    assert sorted(after) != sorted(before)
    assert sorted(after[:at] + after[at + 1 :]) == sorted(before[:at] + before[at + 1 :]) or "id" not in rows[at]
