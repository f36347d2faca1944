"""Starts the processes of cases, from any thread."""

from __future__ import annotations

import inspect
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from types import ModuleType
from typing import Any

# The processes end by themselves long before: this is for one that hangs.
PATIENCE = 120.0
"""Seconds a process may take at most."""


def reference_to(plugin: Any, name: str) -> dict[str, str]:
    """Return how another process finds a plugin's class or module. Raises `TypeError` if it cannot."""
    if plugin is None:
        return {"module": "", "qualname": "", "file": "", "name": name}
    qualname = "" if isinstance(plugin, ModuleType) else str(plugin.__qualname__)
    if "<locals>" in qualname:
        raise TypeError(
            f"{qualname} is made within a function; put it at the top of a module, since the suite runs it in "
            f"processes of their own, which it kills."
        )
    module = plugin.__name__ if isinstance(plugin, ModuleType) else plugin.__module__
    return {"module": module, "qualname": qualname, "file": inspect.getfile(plugin), "name": name}


class Process:
    """A process of a case."""

    def __init__(self) -> None:
        self.pid: Future[int] = Future()
        self.code: Future[int] = Future()

    def kill(self) -> None:
        """End it with SIGKILL, and wait until it has ended."""
        pid = self.pid.result(PATIENCE)
        # One that has ended is known by its code, before its number can belong to somebody else.
        if not self.code.done():
            os.kill(pid, signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Wait for the end, and return the exit code; negative for a signal."""
        return self.code.result(PATIENCE)


class Workers:
    """The process that forks the others, and its answers."""

    def __init__(self, home: Path) -> None:
        """Start the process that forks. `home` is the folder that the others take for the person's own."""
        # A setting of the author's own, such as REELWORK_STORE, must not reach the cases, nor the cases the
        # author's accounts and jobs.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("REELWORK_")}
        own = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "XDG_DATA_HOME": str(home / "data")}
        self._tickets = itertools.count(1)
        self._lock = threading.Lock()
        self._loading: dict[str, Future[str]] = {}
        self._starting: dict[int, Process] = {}
        self._running: dict[int, Process] = {}
        self._server = subprocess.Popen(
            [sys.executable, "-m", "reelwork.testing.conformance.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**kept, **own},
            text=True,
        )
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def load(self, plugin: Mapping[str, str]) -> str:
        """Load a plugin there. Returns its ticket; raises `RuntimeError` when it cannot be loaded."""
        answer: Future[str] = Future()
        with self._lock:
            ticket = str(next(self._tickets))
            # Registered before it is asked for: the answer may come at once, on the other thread.
            self._loading[ticket] = answer
            self._write({**plugin, "load": ticket, "path": [str(Path(entry).resolve()) for entry in sys.path]})
        problem = answer.result(PATIENCE)
        if problem:
            raise RuntimeError(f"The plugin could not be loaded in a process of its own: {problem}.")
        return ticket

    def start(self, case: Mapping[str, Any]) -> Process:
        """Start a process with a plugin that was loaded."""
        process = Process()
        with self._lock:
            ticket = next(self._tickets)
            self._starting[ticket] = process
            self._write({**case, "ticket": ticket})
        return process

    def close(self) -> None:
        """End the process that forks. Their starters wait for the others."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        # The end of its input is what ends it, and the end of its output ends the reader. Only then is that closed.
        self._server.stdin.close()
        self._server.wait(30)
        self._reader.join()
        self._server.stdout.close()

    def _listen(self) -> None:
        while line := self._read():
            message = json.loads(line)
            with self._lock:
                if "loaded" in message:
                    self._loading.pop(message["loaded"]).set_result(message["problem"])
                elif "started" in message:
                    process = self._starting.pop(message["started"])
                    self._running[message["pid"]] = process
                    process.pid.set_result(message["pid"])
                else:
                    self._running.pop(message["ended"]).code.set_result(message["code"])
        self._give_up()

    def _give_up(self) -> None:
        """End all waits: no answer will come any more."""
        with self._lock:
            for answer in self._loading.values():
                answer.set_result("the process that loads it ended")
            for process in self._starting.values():
                process.pid.set_exception(RuntimeError("the process that starts others ended"))
            for process in [*self._starting.values(), *self._running.values()]:
                process.code.set_exception(RuntimeError("the process that starts others ended"))

    def _read(self) -> str:
        assert self._server.stdout is not None
        return self._server.stdout.readline()

    def _write(self, words: Mapping[str, Any]) -> None:
        assert self._server.stdin is not None
        # Under the caller's lock: cases start from several threads, and a line must stay whole.
        self._server.stdin.write(json.dumps(words) + "\n")
        self._server.stdin.flush()
