from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reelwork.errors import StoreUnwritable
from reelwork.store.sqlite.workers import Owner, is_dead

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="file locks as on POSIX")

PROGRAM = """
import sys, time
from pathlib import Path
from reelwork.store.sqlite.workers import Owner
owner = Owner(Path(sys.argv[1]))
print(owner.name, flush=True)
sys.stdin.readline()
owner.close()
"""


@contextmanager
def another_process(store: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that holds leases in the store until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_a_living_process_is_not_dead(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    with another_process(store) as (process, name):
        assert name.startswith(f"{process.pid}-")
        assert not is_dead(store, name)
        assert not is_dead(store, name)


def test_a_killed_process_is_dead(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    with another_process(store) as (process, name):
        process.kill()
        process.wait()
        assert is_dead(store, name)
        assert is_dead(store, name)


def test_a_stopped_process_is_alive(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    with another_process(store) as (process, name):
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        assert not is_dead(store, name)
        process.send_signal(signal.SIGCONT)
        assert not is_dead(store, name)


def test_a_process_that_ended_in_order_is_dead(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    with another_process(store) as (process, name):
        process.communicate("\n")
        assert process.returncode == 0
        assert is_dead(store, name)
        assert list((tmp_path / "store.db.files/owners").iterdir()) == []


def test_an_owner_is_not_dead_to_itself(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    owner, other = Owner(store), Owner(store)
    assert owner.name != other.name
    assert not is_dead(store, owner.name)
    owner.close()
    assert is_dead(store, owner.name)
    assert not is_dead(store, other.name)
    other.close()


def test_a_child_of_the_process_does_not_keep_its_leases_alive(tmp_path: Path) -> None:
    """A program the owner started, such as an encoder, must not make a dead owner look alive."""
    store = tmp_path / "store.db"
    start = "import subprocess; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    program = PROGRAM.replace(
        "sys.stdin.readline()", f"{start}\nprint('started', flush=True)\nsys.stdin.readline()"
    )
    with another_process_running(program, store) as (process, name):
        process.kill()
        process.wait()
        assert is_dead(store, name)


@contextmanager
def another_process_running(program: str, store: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Like `another_process`, in a process group of its own, which is ended as a whole."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(store)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        name = process.stdout.readline().strip()
        assert process.stdout.readline().strip() == "started"
        yield process, name
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "store.db.files").write_text("in the way")
    with pytest.raises(StoreUnwritable, match="owners cannot be written: ") as refused:
        Owner(tmp_path / "store.db")
    assert refused.value.hint.endswith("reelwork resume")
    assert "not sent" in refused.value.money
