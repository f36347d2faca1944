"""Signals and a real pseudo-terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROMPT = "A lighthouse in the fog"
SMALL = ("--duration", "0.5", "--resolution", "480p")
LONG = ("--duration", "60", "--resolution", "1080p")


class Terminal:
    """A command on a pseudo-terminal of its own."""

    def __init__(self, *arguments: str, columns: int = 80, **environ: str) -> None:
        own, other = pty.openpty()
        self.text = ""
        self._own = own
        self.process = subprocess.Popen(
            [sys.executable, "-m", "reelwork", *arguments],
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), **environ},
        )
        os.close(other)

    def until(self, pattern: str, seconds: float = 30) -> None:
        """Read until the pattern is seen."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, f"{pattern!r} was not seen in:\n{self.text}"
            self._read(0.1)

    def type(self, keys: bytes) -> None:
        os.write(self._own, keys)

    def finish(self, seconds: float = 200) -> int:
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, self.text
            self._read(0.1)
        while self._read(0.1):
            pass
        os.close(self._own)
        return int(self.process.returncode)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._own], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self._own, 65536)
        except OSError:
            return False
        self.text += data.decode(errors="replace")
        return bool(data)


def test_a_terminal_is_asked_before_the_world_sees_a_rehearsal(kept, tmp_path: Path) -> None:
    (tmp_path / "wall.py").write_text(
        "from reelwork_hooks import Plugin, Receipt, hookimpl\n\n\n"
        "class Wall(Plugin):\n"
        '    """Posts where everybody sees it."""\n\n'
        "    @hookimpl\n"
        "    def publish(self):\n"
        '        return Receipt(id="1")\n'
    )
    terminal = Terminal("run", PROMPT, *SMALL, "--plugin", str(tmp_path / "wall.py"))
    terminal.until(r"Continue\? \[y/N\]")
    terminal.type(b"n\n")
    assert terminal.finish() == 2
    assert "wall" in terminal.text
    assert kept() == []


def test_a_terminal_is_asked_before_money_is_spent(kept) -> None:
    paid = ("run", PROMPT, *SMALL, "--set", "provider.price_per_second=0.5")
    terminal = Terminal(*paid, "--set", "review.always=true")
    terminal.until(r"Continue\? \[y/N\]")
    assert "$0.25" in terminal.text
    assert "then published to: gallery (after a person's review)" in terminal.text
    terminal.type(b"n\n")
    assert terminal.finish() == 2
    assert kept() == []
    terminal = Terminal(*paid)
    terminal.until(r"Continue\?")
    terminal.type(b"y\n")
    assert terminal.finish() == 0
    assert [row.status for row in kept()] == ["done"]


def test_ctrl_c_at_the_question_sends_nothing(kept) -> None:
    terminal = Terminal("run", PROMPT, *SMALL, "--set", "provider.price_per_second=0.5")
    terminal.until(r"Continue\?")
    os.killpg(terminal.process.pid, signal.SIGINT)
    assert terminal.finish() == 130
    assert "Traceback" not in terminal.text
    assert kept() == []


@pytest.mark.parametrize("columns", [60, 200])
def test_live_progress_fits_the_terminal(columns: int, folder: Path) -> None:
    rows = [f"A lighthouse number {number} in fog and rain with a very long description" for number in range(25)]
    (folder / "b.csv").write_text("\n".join(["prompt", *rows]))
    terminal = Terminal("run", "b.csv", *SMALL, columns=columns)
    terminal.until(r"more")
    assert terminal.finish() == 0
    assert "25 done" in terminal.text


def test_no_color_means_none() -> None:
    terminal = Terminal("run", "short", NO_COLOR="1")
    assert terminal.finish() == 3
    assert not re.search(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38)(?:;\d+)*m", terminal.text)


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "reelwork", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def await_line(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    pytest.fail(f"{words!r} was never said")


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_in_good_order_and_the_render_is_found_again(cli, sent: signal.Signals, code: int) -> None:
    process = start("run", PROMPT, *SMALL, "--set", "provider.poll_interval=1.5")
    await_line(process, "accepted it")
    process.send_signal(sent)
    out, err = process.communicate(timeout=40)
    assert process.returncode == code, err
    assert "stopping; everything can be resumed with: reelwork resume" in err
    assert "reelwork resume" in out
    assert "Traceback" not in err
    outcome = cli("resume", "--json")
    assert outcome.code == 0
    [job] = outcome.json["jobs"]
    effects = cli("jobs", "show", job["id"], "--json").json["effects"]
    assert [(effect["kind"], effect["attempt"]) for effect in effects] == [("submit", 1), ("publish", 1)]


def test_the_second_signal_leaves_at_once(plugin) -> None:
    name = plugin("@hookimpl\ndef pre_moderate(self, content):\n    import time\n    time.sleep(30)")
    process = start("run", PROMPT, *SMALL, "--takes", "2", "--plugin", name)
    await_line(process, "2 jobs")
    process.send_signal(signal.SIGINT)
    await_line(process, "stopping")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=15)
    assert process.returncode == 130


LOSES = """
from reelwork_hooks import OutcomeUnknown, Plugin, Receipt, hookimpl

class Loses(Plugin):
    public = False

    @hookimpl
    def publish(self, post, job, effect):
        raise OutcomeUnknown("no answer came")
"""


def test_a_person_decides_what_happened(kept, folder: Path) -> None:
    (folder / "loses.py").write_text(LOSES)
    assert Terminal("run", PROMPT, *SMALL, "--plugin", "loses.py").finish() == 3
    [job] = kept()
    terminal = Terminal("jobs", "resolve", job.id)
    terminal.until(r"Did it happen\?")
    terminal.until(r"\[h\] it happened")
    terminal.type(b"h\n")
    terminal.until(r"Its id there")
    terminal.type(b"Post-9\n")
    assert terminal.finish() == 0
    [job] = kept()
    assert job.status == "done"
    assert '"Post-9"' in job.data


def test_deciding_nothing_changes_nothing(kept, folder: Path) -> None:
    (folder / "loses.py").write_text(LOSES)
    Terminal("run", PROMPT, *SMALL, "--plugin", "loses.py").finish()
    terminal = Terminal("jobs", "resolve", kept()[0].id)
    terminal.until(r"\[enter\] not now")
    terminal.type(b"\n")
    assert terminal.finish() == 3
    assert "Nothing was decided" in terminal.text
    assert kept()[0].status == "held"


INTERRUPTED = '''
from reelwork_hooks import Plugin, hookimpl


class Odd(Plugin):
    """Something in it is interrupted."""

    @hookimpl
    async def prompt_transform(self):
        raise KeyboardInterrupt
'''


def test_an_interrupt_within_an_async_hook_ends_as_ctrl_c_does(folder: Path) -> None:
    (folder / "odd.py").write_text(INTERRUPTED)
    terminal = Terminal("run", PROMPT, *SMALL, "--plugin", "odd.py")
    assert terminal.finish() == 130
    assert "Traceback" not in terminal.text
    assert "everything can be resumed" in terminal.text
    assert "KeyboardInterrupt" in terminal.text
    again = Terminal("jobs", "list")
    assert again.finish() == 0
    assert "failed" in again.text
