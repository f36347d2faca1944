"""Every command on terminals of 60 and 200 columns, with and without colours, and with its output piped."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.cells import cell_len

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SMALL = ("--duration", "0.5", "--resolution", "480p")
WORKFLOW = """
[brief]
prompt = "A lighthouse in the fog, seen from a boat that rolls slowly in the swell of the evening tide"
platforms = ["youtube", "tiktok"]
caption = "The light that never goes out, however thick the fog: a short film about patience"
"""

COMMANDS = {
    "help": ["--help"],
    "run-help": ["run", "--help"],
    "doctor-help": ["doctor", "--help"],
    "run": ["run", "flow.toml", *SMALL],
    "plan": ["plan", "flow.toml"],
    "resume": ["resume"],
    "list": ["jobs", "list"],
    "show": ["jobs", "show", "{job}"],
    "history": ["jobs", "history", "{job}"],
    "watch": ["jobs", "watch", "{job}"],
    "resolve": ["jobs", "resolve", "{held}"],
    "reconcile": ["reconcile"],
    "retry": ["jobs", "retry", "{job}"],
    "cancel": ["jobs", "cancel", "{held}"],
    "store-check": ["store", "check"],
    "store-vacuum": ["store", "vacuum", "--older-than", "90d", "--dry-run"],
    "store-backup": ["store", "backup", "nowhere/backup.db"],
    "store-restore": ["store", "restore", "nothing.db"],
    "spend": ["spend", "--by", "workflow"],
    "plugins": ["plugins", "list"],
    "plugin": ["plugins", "show", "rules"],
    "providers": ["providers", "list"],
    "provider": ["providers", "show", "videos-api"],
    "doctor": ["doctor", "--offline", "flow.toml"],
    "init-list": ["init", "--list"],
    "schedules": ["schedule", "list"],
    "schedule": ["schedule", "show", "weekly-lighthouse"],
    "error": ["run", "nothing.toml"],
    "usage": ["jobs", "lst"],
}


@dataclass(frozen=True)
class Place:
    """A folder with a short name, a workflow, and a store with a done and a held job."""

    folder: Path
    job: str
    held: str

    def command(self, name: str) -> list[str]:
        words = [word.format(job=self.job, held=self.held) for word in COMMANDS[name]]
        return [sys.executable, "-m", "reelwork", *words]

    def environ(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
        return {**kept, "HOME": str(self.folder), "REELWORK_STORE": "s.db", "TERM": "xterm-256color", **more}


@pytest.fixture(scope="module")
def made() -> Iterator[Place]:
    folder = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
    (folder / "flow.toml").write_text(WORKFLOW)
    (folder / "hold.py").write_text(HOLD)
    environ = {**os.environ, "HOME": str(folder), "REELWORK_STORE": "s.db"}
    ids = []
    for arguments in (["flow.toml"], ["A boat at dawn, waiting", "--plugin", "hold.py"]):
        command = [sys.executable, "-m", "reelwork", "run", *arguments, *SMALL, "--json"]
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, check=False, timeout=120)
        ids.append(json.loads(done.stdout)["jobs"][0]["id"])
    schedule = [
        "schedule",
        "add",
        "weekly-lighthouse",
        "flow.toml",
        "--cron",
        "0 9 * * 1",
        "--tz",
        "America/New_York",
    ]
    subprocess.run([sys.executable, "-m", "reelwork", *schedule], cwd=folder, env=environ, check=True, timeout=120)
    yield Place(folder, *ids)
    shutil.rmtree(folder)


@pytest.fixture
def place(made: Place, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(made.folder)
    return made


HOLD = """
from reelwork_hooks import Plugin, Verdict, hookimpl

class Hold(Plugin):
    @hookimpl
    def pre_moderate(self, content):
        return Verdict.hold("a person should look at it: it speaks of boats and of waiting for the tide", "sea")
"""


def on_terminal(place: Place, name: str, columns: int, **environ: str) -> str:
    """What a command writes on a pseudo-terminal of so many columns."""
    own, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        place.command(name), stdin=subprocess.DEVNULL, stdout=other, stderr=other, env=place.environ(**environ)
    )
    os.close(other)
    read = b""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        ready, _, _ = select.select([own], [], [], 0.2)
        if ready:
            try:
                read += os.read(own, 65536)
            except OSError:
                break
        elif process.poll() is not None:
            break
    os.close(own)
    process.wait(10)
    return read.decode()


def too_long(text: str, columns: int) -> list[str]:
    """Lines wider than the terminal, but for those a single long word, such as a path, makes so."""
    plain = ANSI.sub("", text)
    lines = [part for line in plain.splitlines() for part in line.split("\r")]
    return [line for line in lines if cell_len(line) > columns and len(line.split()) > 2]


@pytest.mark.parametrize("name", COMMANDS)
def test_it_fits_a_narrow_terminal_and_no_color_means_none(place: Place, name: str) -> None:
    text = on_terminal(place, name, 60, NO_COLOR="1")
    assert text.strip()
    assert "Traceback" not in text
    assert too_long(text, 60) == []
    assert not re.search(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;\d+)*m", text)
    if name not in LIVE:
        assert "\x1b" not in text


LIVE = ("run", "resume", "retry")
"""Their progress is redrawn in place on a terminal."""


@pytest.mark.parametrize("name", COMMANDS)
def test_it_fits_a_wide_terminal(place: Place, name: str) -> None:
    text = on_terminal(place, name, 200)
    assert text.strip()
    assert "Traceback" not in text
    assert too_long(text, 200) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_pipe_gets_plain_text(place: Place, name: str) -> None:
    done = subprocess.run(
        place.command(name),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=place.environ(),
        check=False,
        timeout=60,
    )
    assert (done.stdout + done.stderr).strip()
    assert "\x1b" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
