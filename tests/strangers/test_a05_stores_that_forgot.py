from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import LOST, Answer, Asked, VideoServer

Serve = Callable[..., VideoServer]


def kill_once_sent(desk: Desk, server: VideoServer, *what: str | Path) -> None:
    """Run a command and kill it with SIGKILL when the server has accepted something."""
    env = {**os.environ, "REELWORK_STORE": str(desk.store), "HOME": str(desk.folder)}
    command = [sys.executable, "-m", "reelwork", "run", *map(str, what), "--yes"]
    process = subprocess.Popen(
        command, cwd=desk.folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    ends = time.monotonic() + 60
    while not server.jobs and process.poll() is None and time.monotonic() < ends:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert server.jobs


def still_rendering(server: VideoServer, asked: Asked) -> Answer:
    return Answer(server.accept(asked, status="queued", progress=0))


def test_a_journal_that_is_gone_stops_everything_before_it_is_sent(desk: Desk, serve: Serve) -> None:
    server = serve(create=still_rendering)
    workflow = desk.workflow(server.origin)
    batch = desk.write("rows.csv", "id,prompt\na,A red fox in the snow\n")
    kill_once_sent(desk, server, batch, "--workflow", workflow)
    Path(f"{desk.store}-wal").unlink()
    again = desk.reelwork("run", batch, "--workflow", workflow, "--yes")
    assert (again.code, server.creates) == (2, 1), again.text
    assert "has forgotten 1 request or post" in again.err
    assert "reelwork store recover" in again.err


def test_an_older_copy_in_the_store_s_place_stops_everything(desk: Desk, serve: Serve) -> None:
    server = serve()
    batch = desk.write("rows.csv", "id,prompt\na,A red fox in the snow\n")
    workflow = desk.workflow(server.origin)
    assert desk.reelwork("run", batch, "--workflow", workflow, "--yes").code == 0
    shutil.copyfile(desk.store, desk.folder / "older.db")
    more = desk.write("more.csv", "id,prompt\nb,A blue whale at dusk\n")
    assert desk.reelwork("run", more, "--workflow", workflow, "--yes").code == 0
    shutil.copyfile(desk.folder / "older.db", desk.store)
    again = desk.reelwork("run", more, "--workflow", workflow, "--yes")
    assert (again.code, server.creates) == (2, 2), again.text
    assert "has forgotten 2 requests and posts" in again.err


@pytest.mark.parametrize("with_files", [False, True])
def test_a_copy_is_not_the_store(desk: Desk, serve: Serve, with_files: bool) -> None:
    server = serve(create=lambda server, asked: LOST)
    workflow = desk.workflow(server.origin, provider='dialect = "litellm"')
    assert desk.reelwork("run", workflow, "--yes").code == 3
    copy = desk.folder / "copy.db"
    shutil.copyfile(desk.store, copy)
    if with_files:
        shutil.copytree(f"{desk.store}.files", f"{copy}.files")
    resumed = desk.reelwork("resume", REELWORK_STORE=str(copy))
    assert (resumed.code, server.creates) == (2, 1), resumed.text
    assert "is a copy" in resumed.err
    moved = desk.reelwork("store", "recover", "--moved", "--yes", REELWORK_STORE=str(copy))
    assert moved.code == 0, moved.text
    desk.reelwork("resume", REELWORK_STORE=str(copy))
    assert server.creates == 1


def test_a_store_that_was_renamed_is_the_same(desk: Desk, serve: Serve) -> None:
    server = serve()
    assert desk.reelwork("run", desk.workflow(server.origin), "--yes").code == 0
    new = desk.folder / "renamed.db"
    desk.store.rename(new)
    Path(f"{desk.store}.files").rename(f"{new}.files")
    again = desk.reelwork(
        "run", desk.workflow(server.origin, prompt="A blue whale at dusk"), "--yes", REELWORK_STORE=str(new)
    )
    assert again.code == 0, again.text


def test_recovered_what_may_have_been_sent_is_held(desk: Desk, serve: Serve) -> None:
    server = serve(create=still_rendering)
    batch = desk.write("rows.csv", "id,prompt\na,A red fox in the snow\nb,A blue whale at dusk\n")
    workflow = desk.workflow(server.origin, provider='dialect = "litellm"', rest="[limits]\nconcurrent = 1")
    kill_once_sent(desk, server, batch, "--workflow", workflow)
    desk.reelwork("jobs", "list")
    shutil.copyfile(desk.store, desk.folder / "copy.db")
    recovered = desk.reelwork("store", "recover", "--yes", "--json", REELWORK_STORE=str(desk.folder / "copy.db"))
    assert recovered.code == 0, recovered.text
    before = server.creates
    desk.reelwork("resume", REELWORK_STORE=str(desk.folder / "copy.db"), timeout=20)
    assert server.creates == before


def test_a_backup_is_not_used_as_a_store(desk: Desk, serve: Serve) -> None:
    server = serve()
    assert desk.reelwork("run", desk.workflow(server.origin), "--yes").code == 0
    backup = desk.folder / "backup.db"
    assert desk.reelwork("store", "backup", backup).code == 0
    used = desk.reelwork("run", desk.workflow(server.origin), "--yes", REELWORK_STORE=str(backup))
    assert (used.code, server.creates) == (2, 1), used.text
    assert "is a backup" in used.err
    restored = desk.folder / "restored.db"
    assert desk.reelwork("store", "restore", backup, "--store", restored).code == 0
    assert desk.reelwork("run", desk.workflow(server.origin), "--yes", REELWORK_STORE=str(restored)).code == 0


def test_two_names_of_one_store_have_one_folder_of_locks(desk: Desk, serve: Serve) -> None:
    server = serve(create=lambda server, asked: LOST)
    real = desk.folder / "data"
    real.mkdir()
    (desk.folder / "link").symlink_to(real)
    workflow = desk.workflow(server.origin, provider='dialect = "litellm"')
    assert desk.reelwork("run", workflow, "--yes", XDG_DATA_HOME=str(real), REELWORK_STORE="").code == 3
    again = desk.reelwork("resume", XDG_DATA_HOME=str(desk.folder / "link"), REELWORK_STORE="")
    assert again.code == 3, again.text
    folders = {path.resolve() for path in desk.folder.rglob("owners")}
    assert folders == {(real / "reelwork" / "store.db.files" / "owners").resolve()}


def test_a_second_hard_link_is_refused(desk: Desk, serve: Serve) -> None:
    server = serve()
    assert desk.reelwork("run", desk.workflow(server.origin), "--yes").code == 0
    os.link(desk.store, desk.folder / "other.db")
    again = desk.reelwork("run", desk.workflow(server.origin), "--yes")
    assert (again.code, server.creates) == (2, 1), again.text
    assert "has a second name" in again.err
