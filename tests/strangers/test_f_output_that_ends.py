"""A reader that goes, a full disk, a closed stream: the text is lost, never the work that was paid for."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.strangers.conftest import Desk, Ended
from tests.strangers.server import Answer, Asked, VideoServer, create

from reelwork.cli.terminal.streams import Outlet

Serve = Callable[..., VideoServer]
FULL = Path("/dev/full")
needs_a_full_device = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def shell(desk: Desk, line: str, **environ: str) -> Ended:
    """A command line with redirections; `reelwork` in it is the command."""
    python = f"{sys.executable} -m reelwork"
    script = f'reelwork() {{ {python} "$@"; }}; {line}'
    env = {"PATH": "/usr/bin:/bin", "HOME": str(desk.folder), "REELWORK_STORE": str(desk.store), **environ}
    done = subprocess.run(
        ["bash", "-c", script], cwd=desk.folder, env=env, capture_output=True, timeout=90, check=False,
        stdin=subprocess.DEVNULL, encoding="utf-8",
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("redirection", "code", "said"),
    [
        ("2>&1 | head -1; exit ${PIPESTATUS[0]}", 0, ""),
        ("-v 2>&1 | head -1; exit ${PIPESTATUS[0]}", 0, ""),
        ("--json | true; exit ${PIPESTATUS[0]}", 0, ""),
        ("2>&-", 0, "1 done"),
        (">&-", 0, "done"),
        (">&- 2>&- <&-", 0, ""),
        pytest.param(">/dev/full", 1, "standard output cannot be written", marks=needs_a_full_device),
        pytest.param("--json >/dev/full", 1, "standard output cannot be written", marks=needs_a_full_device),
        pytest.param("2>/dev/full", 0, "standard error cannot be written", marks=needs_a_full_device),
        pytest.param("--log-file /dev/full", 0, "/dev/full can no longer be written", marks=needs_a_full_device),
        ("--log-file >(head -1)", 0, "1 done"),
    ],
)
def test_a_paid_render_is_seen_through(desk: Desk, serve: Serve, redirection: str, code: int, said: str) -> None:
    server = serve()
    ended = shell(desk, f"reelwork run {desk.workflow(server.origin)} --yes {redirection}")
    assert ended.code == code, ended.text
    assert said in ended.text
    assert "fault in Reelwork" not in ended.text
    assert "Traceback" not in ended.text
    assert server.creates == 1
    assert [job["status"] for job in desk.jobs()] == ["done"]


@needs_a_full_device
def test_what_is_lost_is_said_once(desk: Desk, serve: Serve) -> None:
    ended = shell(desk, f"reelwork run {desk.workflow(serve().origin)} --yes --log-file /dev/full -v")
    assert ended.text.count("can no longer be written") == 1
    assert "No space left on device. The run continues without it." in ended.err


@needs_a_full_device
def test_a_document_stays_whole_when_messages_cannot_be_written(desk: Desk, serve: Serve) -> None:
    ended = shell(desk, f"reelwork run {desk.workflow(serve().origin)} --yes --json 2>/dev/full")
    assert json.loads(ended.out)["counts"] == {"done": 1}


def test_a_named_pipe_without_a_reader_is_an_error_and_not_waited_for(desk: Desk, serve: Serve) -> None:
    server = serve()
    ended = shell(desk, f"mkfifo pipe; reelwork run {desk.workflow(server.origin)} --yes --log-file pipe")
    assert ended.code == 2
    assert "The log file pipe cannot be written" in ended.err
    assert server.creates == 0


def test_a_folder_that_was_deleted_is_named_before_anything_is_sent(desk: Desk, serve: Serve) -> None:
    server = serve()
    workflow = desk.workflow(server.origin)
    ended = shell(desk, f"mkdir gone && cd gone && rmdir ../gone && reelwork run {workflow} --yes")
    assert ended.code == 2
    assert "The folder you are in has been deleted" in ended.err
    assert server.creates == 0


def test_a_folder_that_is_deleted_while_a_run_goes_on_does_not_end_it(desk: Desk, serve: Serve) -> None:
    server = serve(create=lambda server, asked: _and_delete(desk.folder / "here", server, asked))
    (desk.folder / "here").mkdir()
    ended = shell(desk, f"cd here && reelwork run {desk.workflow(server.origin)} --yes")
    assert ended.code == 0, ended.text
    assert "1 done" in ended.out


def _and_delete(folder: Path, server: VideoServer, asked: Asked) -> Answer:
    shutil.rmtree(folder)
    return create(server, asked)


@pytest.mark.parametrize(
    "environ",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii"},
    ],
)
def test_umlauts_and_emoji_in_every_locale(desk: Desk, environ: dict[str, str]) -> None:
    made = 'reelwork run "Ein Füchslein im Schnee 🦊" --duration 0.5 --resolution 480p'
    ended = shell(desk, f"{made} --json", **environ)
    assert ended.code == 0, ended.text
    assert ended.json["jobs"][0]["prompt"] == "Ein Füchslein im Schnee 🦊"
    shown = shell(desk, "reelwork jobs list", **environ)
    assert shown.code == 0, shown.text
    assert "chslein im Schnee" in shown.out


def test_a_reader_that_stops_holds_nothing_up() -> None:
    """A pager that is not scrolled: whatever it has no room for is left out, and later lines come again."""
    reading, writing = os.pipe()
    outlet = Outlet(writing)
    outlet.patience = 0.05
    try:
        assert outlet.write(b"x" * 1_000_000) == 1_000_000
        assert outlet.left_out
        taken = os.read(reading, 1_000_000)
        assert 0 < len(taken) < 1_000_000
        while select.select([reading], [], [], 0)[0]:
            os.read(reading, 1_000_000)
        assert outlet.write(b"later") == 5
        assert os.read(reading, 10) == b"later"
    finally:
        os.close(reading)
        os.close(writing)


def test_a_reader_that_takes_its_time_gets_everything_where_that_is_the_result() -> None:
    reading, writing = os.pipe()
    outlet = Outlet(writing)
    taken: list[bytes] = []

    def read() -> None:
        while piece := os.read(reading, 100_000):
            taken.append(piece)

    reader = threading.Thread(target=read)
    reader.start()
    assert outlet.write(b"x" * 1_000_000) == 1_000_000
    os.close(writing)
    reader.join(30)
    os.close(reading)
    assert sum(map(len, taken)) == 1_000_000


def test_a_stream_that_somebody_closes_costs_its_text_alone() -> None:
    reading, writing = os.pipe()
    outlet = Outlet(writing)
    outlet.patience = 0.05
    os.close(reading)
    os.close(writing)
    assert outlet.write(b"lost") == 4
    assert outlet.failure is not None
