"""Rows are known by what their cells mean: no other spelling of a file is paid for again."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.strangers.conftest import Desk, Ended
from tests.strangers.server import VideoServer

ROWS = (
    ("id", "prompt", "duration", "platforms", "caption"),
    ("café-1", "Ein Käfer übt Flöte im Sand", "4", "x", "one\ntwo"),
    ("", "A harbour at dawn with boats", "4", "youtube", ""),
    ("", "An owl over a quiet forest", "4", "", "seen at night"),
)


def written(rows: tuple[tuple[str, ...], ...] = ROWS, separator: str = ",", end: str = "\n") -> str:
    quoted = (separator.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    return end.join(quoted) + end


def changed(column: str, was: str, now: str) -> tuple[tuple[str, ...], ...]:
    at = ROWS[0].index(column)
    return tuple(tuple(now if n == at and cell == was else cell for n, cell in enumerate(row)) for row in ROWS)


RESPELLED = {
    "4.0": written(changed("duration", "4", "4.0")),
    "NFD": unicodedata.normalize("NFD", written()),
    "CRLF in a cell": written(changed("caption", "one\ntwo", "one\r\ntwo")),
    "twitter": written(changed("platforms", "x", "twitter")),
    "a trailing space": written(changed("caption", "seen at night", "seen at night  ")),
    "an empty column": written(tuple((*row[:2], "", *row[2:]) for row in ROWS)),
    "an empty row": written((*ROWS, ("",) * 5)),
    "semicolons": written(separator=";"),
    "tabs": written(separator="\t"),
    "an order of columns": written(tuple(tuple(reversed(row)) for row in ROWS)),
    "an order of rows": written((ROWS[0], *reversed(ROWS[1:]))),
    "another name of a parameter": written(
        (tuple("platform" if c == "platforms" else c for c in ROWS[0]), *ROWS[1:])
    ),
    "a byte order mark": "\ufeff" + written(end="\r\n"),
}


def run(desk: Desk, what: str | Path, *more: str) -> Ended:
    return desk.reelwork("run", what, "--workflow", "workflow.toml", "--no-sheet", *more, KEY="a-key-of-this-test")


@pytest.fixture
def made(desk: Desk, serve: Callable[..., VideoServer]) -> VideoServer:
    """A server at which the rows were made."""
    server = serve()
    desk.workflow(server.origin)
    desk.write("rows.csv", written())
    ended = run(desk, "rows.csv", "--yes")
    assert ended.code == 0, ended.text
    assert server.creates == 3
    return server


def test_no_other_spelling_is_paid_again(desk: Desk, made: VideoServer) -> None:
    for spelling, text in RESPELLED.items():
        (desk.folder / "rows.csv").write_bytes(text.encode())
        ended = run(desk, "rows.csv", "--yes")
        assert ended.code == 0, f"{spelling}: {ended.text}"
        assert made.creates == 3, spelling
        assert "changed" not in ended.text, spelling


def test_utf_16_is_read(desk: Desk, made: VideoServer) -> None:
    (desk.folder / "rows.csv").write_bytes(written(separator="\t").encode("utf-16"))
    assert run(desk, "rows.csv", "--yes").code == 0
    assert made.creates == 3


def test_neither_the_workflows_defaults_nor_the_host_nor_the_keys_name_make_a_new_batch(
    desk: Desk, made: VideoServer
) -> None:
    origin = made.origin.replace("http://127.0.0.1", "HTTP://LocalHost") + "/v1/"
    desk.workflow(origin, brief='title = "New"', provider='api_key = "env:KEY"')
    ended = run(desk, "rows.csv", "--yes")
    assert ended.code == 0, ended.text
    assert made.creates == 3


def test_another_name_of_the_file_is_asked_about(desk: Desk, made: VideoServer) -> None:
    (desk.folder / "rows.csv").rename(desk.folder / "films.csv")
    refused = run(desk, "films.csv", "--yes")
    assert refused.code == 2, refused.text
    assert "films.csv was run before under another name, rows.csv: 3 of its 3 rows were made then" in refused.text
    assert "--copies keep" in refused.text
    planned = desk.reelwork("plan", "films.csv", "--workflow", "workflow.toml")
    assert planned.code == 0
    assert "was run before under another name" in planned.text
    kept = run(desk, "films.csv", "--yes", "--copies", "keep")
    assert kept.code == 0, kept.text
    assert made.creates == 3
    assert run(desk, "films.csv", "--yes", "--again").code == 0
    assert made.creates == 6


def test_a_moved_file_goes_on_with_what_is_missing(desk: Desk, made: VideoServer) -> None:
    desk.write("films.csv", written((*ROWS, ("", "A tram in the morning rain", "4", "", ""))))
    kept = run(desk, "films.csv", "--yes", "--copies", "keep")
    assert kept.code == 0, kept.text
    assert made.creates == 4


EDITED = {
    "a typo": (changed("prompt", "A harbour at dawn with boats", "A harbor at dawn with boats"), 1),
    "another length": (changed("duration", "4", "8"), 2),
    "another caption": (changed("caption", "seen at night", "heard at night"), 1),
}
"""With how many new renders it means."""


@pytest.mark.parametrize("edit", EDITED)
def test_an_edited_copy_is_asked_about(desk: Desk, made: VideoServer, edit: str) -> None:
    rows, new = EDITED[edit]
    desk.write("rows.csv", written(rows))
    refused = run(desk, "rows.csv", "--yes")
    assert refused.code == 2, refused.text
    assert "edited cop" in refused.text
    assert made.creates == 3
    ended = run(desk, "rows.csv", "--yes", "--copies", "make")
    # The server's film is of 4 s whatever is asked for: another length is held, not posted.
    assert ended.code == (3 if edit == "another length" else 0), ended.text
    assert made.creates == 3 + new


def test_rows_that_are_simply_new_are_made_unasked(desk: Desk, made: VideoServer) -> None:
    more = ("", "A tram in the morning rain", "4", "", ""), ("", "A harbour at dawn with boats", "4", "x", "")
    desk.write("rows.csv", written((*ROWS, *more)))
    ended = run(desk, "rows.csv", "--yes")
    assert ended.code == 0, ended.text
    assert made.creates == 5


def test_a_rehearsal_elsewhere_is_no_copy(desk: Desk, made: VideoServer) -> None:
    ended = run(desk, "rows.csv", "--yes", "--provider", "preview")
    assert ended.code == 0, ended.text
    assert len(desk.jobs()) == 6


def test_a_row_that_was_rejected_unsent_is_corrected_in_place(
    desk: Desk, serve: Callable[..., VideoServer]
) -> None:
    server = serve()
    desk.workflow(server.origin)
    desk.write("rows.jsonl", json.dumps({"id": "a", "prompt": "Short"}))
    assert run(desk, "rows.jsonl", "--yes").code == 3
    assert server.creates == 0
    desk.write("rows.jsonl", json.dumps({"id": "a", "prompt": "Short no more, as it was told"}))
    planned = desk.reelwork("plan", "rows.jsonl", "--workflow", "workflow.toml")
    assert "row a was changed before anything was sent. It is made with the new contents." in planned.text
    ended = run(desk, "rows.jsonl", "--yes")
    assert ended.code == 0, ended.text
    assert server.creates == 1
    assert [(job["status"], job["row"]) for job in desk.jobs()] == [("done", "a")]


def test_a_row_that_was_paid_for_is_not_corrected_in_place(desk: Desk, made: VideoServer) -> None:
    desk.write("rows.csv", written(changed("prompt", "Ein Käfer übt Flöte im Sand", "Ein Käfer übt Geige im Sand")))
    ended = run(desk, "rows.csv", "--yes")
    assert ended.code == 0, ended.text
    assert "row café-1 was changed since the first run" in ended.text
    assert made.creates == 3
