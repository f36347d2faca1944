"""A PostgreSQL server for one run, with its durable defaults, on 127.0.0.1 and a free port."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MISSING = (
    "PostgreSQL is not installed, so only the engines on SQLite are run. Install it (Debian, Ubuntu: "
    "apt-get install postgresql; macOS: brew install postgresql) and run this again."
)
PROGRAMS = ("initdb", "postgres", "pg_isready", "createdb", "dropdb")
USER = "bench"


class Server:
    """A running server."""

    def __init__(self, binaries: Path, port: int) -> None:
        self._binaries = binaries
        self._port = port

    def version(self) -> str:
        """Return the version, such as 15.18."""
        told = subprocess.run(
            [self._binaries / "postgres", "--version"], check=True, capture_output=True, text=True
        )
        return told.stdout.split()[2]

    def database(self, name: str) -> str:
        """Make a new, empty database. Return its URL."""
        where = ["-h", "127.0.0.1", "-p", str(self._port), "-U", USER]
        subprocess.run([self._binaries / "dropdb", "--if-exists", *where, name], check=True, capture_output=True)
        subprocess.run([self._binaries / "createdb", *where, name], check=True)
        return f"postgresql://{USER}@127.0.0.1:{self._port}/{name}"


def binaries() -> Path | None:
    """Return the folder of PostgreSQL's programs; None when they are not installed."""
    found = shutil.which("initdb")
    on_path = [Path(found).resolve().parent] if found else []
    # Debian keeps them off the path: https://wiki.debian.org/PostgreSql
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parts[-2]), reverse=True)
    complete = (folder for folder in (*on_path, *debian) if all((folder / name).exists() for name in PROGRAMS))
    return next(complete, None)


@contextmanager
def server() -> Iterator[Server | None]:
    """Start a server and end it; None when PostgreSQL is not installed."""
    programs = binaries()
    if programs is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="reelwork-bench-postgres-"))
    try:
        someone = _someone(folder)
        data = folder / "data"
        # fsync is left out for making the empty cluster only; the server runs with its defaults.
        init = [str(programs / "initdb"), "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(init, check=True, capture_output=True, cwd=folder, **someone)
        port = _free_port()
        with (folder / "log").open("wb") as log:
            started = _start(programs, data, port, log, someone)
        try:
            _wait_for(programs, port, started, folder / "log")
            yield Server(programs, port)
        finally:
            started.send_signal(signal.SIGINT)
            started.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _someone(folder: Path) -> dict[str, Any]:
    """Return the user to run PostgreSQL as, in the form of `subprocess`; empty for this user."""
    # PostgreSQL refuses to run as root.
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _start(programs: Path, data: Path, port: int, log: Any, someone: dict[str, Any]) -> subprocess.Popen[bytes]:
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200"]
    command = [programs / "postgres", "-D", data, "-p", str(port), *options]
    return subprocess.Popen(command, stdout=log, stderr=log, cwd=data, **someone)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(programs: Path, port: int, started: subprocess.Popen[bytes], log: Path) -> None:
    ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    for _ in range(300):
        if subprocess.run(ready, check=False).returncode == 0:
            return
        if started.poll() is not None:
            break
        time.sleep(0.1)
    raise SystemExit(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}")
