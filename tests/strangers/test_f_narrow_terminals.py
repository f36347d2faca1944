"""At every width: what runs stands above what waits, names keep their ends, and paths can be copied."""

from __future__ import annotations

import io
import os
import re
import time
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from tests.core.cli.test_terminal import SMALL, Terminal

from reelwork.cli.views.board import Board
from reelwork.cli.views.live import LiveDisplay
from reelwork.cli.views.text import columns, shortened, squeezed
from reelwork.engine.events import WAITS, Happening, RenderSeen
from reelwork.planning.job_state import JobData
from reelwork.store.records import ACTIVE, JobRow
from reelwork.studio.wording import label
from reelwork_hooks.models import Brief, Spec

NAMES = [f"a-rather-long-campaign-identifier-{number:02}" for number in range(12)]
WIDTHS = [60, 80, 100, 120]


def jobs() -> list[tuple[JobRow, JobData]]:
    spec = Spec(width=1280, height=720, aspect_ratio="16:9", resolution="720p", duration=4)
    found = []
    for name in NAMES:
        brief = Brief(prompt="A lighthouse in the fog")
        data = JobData(workflow="w", provider="p", brief=brief, spec=spec, row=name)
        row = JobRow(
            f"job-of-{name}", "run", name, ACTIVE, "submit", None, 0, 0, data.model_dump_json(), "", None, 0, 0
        )
        found.append((row, data))
    return found


def display() -> LiveDisplay:
    """Two wait for a limit, then two run, then one that ran waits."""
    shown, known = LiveDisplay(), jobs()
    shown._board = board = Board()
    board.begin([row for row, _ in known])
    later = time.time() + 5
    for row, data in known[:2]:
        board.happened(Happening(row, data, WAITS, {"reason": "2 renders are under way"}, later))
    for row, _ in known[2:5]:
        board.seen(RenderSeen(row.id, "rendering", 40.0, overdue=False))
    row, data = known[4]
    board.happened(Happening(row, data, WAITS, {"reason": "2 renders are under way"}, later))
    return shown


@pytest.mark.parametrize("width", WIDTHS)
def test_what_runs_stands_above_what_waits_and_names_keep_their_ends(width: int) -> None:
    screen = io.StringIO()
    Console(file=screen, width=width, force_terminal=False).print(display())
    lines = screen.getvalue().splitlines()
    assert all(cell_len(line) <= width for line in lines)
    numbers = [int(found[1]) for line in lines if (found := re.search(r"-(\d\d) ", line))]
    assert numbers[:2] == [2, 3]
    assert set(numbers[2:5]) == {0, 1, 4}
    assert "40%" in lines[0]
    assert "next try in" in lines[2]


def test_a_name_that_is_too_long_is_cut_in_its_middle() -> None:
    assert squeezed("row a-rather-long-identifier-07, tiktok", 20) == "row a-r…r-07, tiktok"
    assert squeezed("short", 20) == "short"
    assert cell_len(squeezed("日本語の長い名前です、tiktok", 15)) <= 15


@pytest.mark.parametrize("sign", ["❤️", "👍🏽", "🇩🇪", "雨"])
def test_what_stands_behind_a_wide_sign_is_aligned(sign: str) -> None:
    assert columns([[sign, "done"], ["ab", "done"]], flexible=1, width=40) == [f"{sign}  done", "ab  done"]
    assert shortened(f"{sign}{sign} is too long", 5) == f"{sign}{sign}…"


def test_a_row_that_is_called_row_is_not_called_so_twice() -> None:
    assert label("12345678", row="row07", platform="tiktok") == "row07, tiktok"
    assert label("12345678", row="7") == "row 7"


@pytest.mark.parametrize(("width", "rows"), [(60, 2), (60, 9), (120, 9)])
def test_every_path_stands_whole_on_the_screen(tmp_path: Path, width: int, rows: int) -> None:
    folder = tmp_path / "my videos of this autumn"
    folder.mkdir()
    lines = "".join(f"{name},A lighthouse in the fog\n" for name in NAMES[:rows])
    (folder / "batch.csv").write_text(f"id,prompt\n{lines}")
    environ = {"HOME": str(tmp_path), "REELWORK_STORE": str(tmp_path / "store.db")}
    terminal = Terminal("run", str(folder / "batch.csv"), *SMALL, "--out", str(folder), columns=width, **environ)
    assert terminal.finish(seconds=120) == 0, terminal.text
    made = sorted(str(path) for path in folder.rglob("by-name/*.mp4"))
    assert len(made) == rows
    for path in (*made, str(folder / "gallery" / "index.html"), str(folder / "contact-sheet.jpg")):
        assert any(path in line or os.path.relpath(path) in line for line in terminal.text.splitlines()), path
