"""A backup from the middle of a batch is put in use after the batch has gone on: no row is paid or posted again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from test_kill_batch import creates, write_rows, write_workflow

ROWS = 24


def statuses(terminal: Any) -> dict[str, int]:
    _, output = terminal.run("store", "check", "--json")
    found: dict[str, int] = json.loads(output)["jobs"]
    return found


def test_what_went_on_after_the_backup_is_not_paid_again(simulator: Any, terminal: Any) -> None:
    server = simulator(render_seconds=0.5)
    write_workflow(terminal.folder, server.url_of("sora") + "/v1", "sora")
    write_rows(terminal.folder, ROWS)
    command = ("run", "rows.csv", "--workflow", "live.toml", "--yes", "--out", "out")
    limited = (*command, "--set", "limits.concurrent=4")
    terminal.run_killed(*limited, until=lambda: sum(creates(server).values()) >= ROWS // 2)
    assert terminal.run("store", "backup", "b.db")[0] == 0
    assert terminal.run(*command)[0] == 0
    assert statuses(terminal) == {"done": ROWS}
    entries = terminal.folder / "out" / "gallery" / "entries"
    assert len(list(entries.glob("*.json"))) == ROWS

    code, output = terminal.run("store", "restore", "b.db", "--yes")
    assert code == 0, output
    code, output = terminal.run(*command)
    assert code in (0, 3), output
    terminal.run("resume")
    assert set(creates(server).values()) == {1}
    assert len(creates(server)) == ROWS
    assert len(list(entries.glob("*.json"))) == ROWS
    left = statuses(terminal)
    assert sum(left.values()) == ROWS
    assert left.keys() <= {"done", "held"}
    assert left["done"] >= ROWS // 2
