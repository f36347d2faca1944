"""A process that has imported everything and starts the processes of cases by forking.

It takes a line of JSON on its input for each order, and answers with a line when a plugin was loaded, a child was
started and when it ended. Forking from here spares each case the time to import the engine.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import select
import signal
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from reelwork.errors import in_a_line
from reelwork.net.connections import tls_context
from reelwork.plugins.catalog import Catalog
from reelwork.testing.conformance.finishing.process import run_finishing
from reelwork.testing.conformance.storage.process import run_storing
from reelwork.testing.conformance.worker_process import run_case
from reelwork_hooks.provider import Provider
from reelwork_hooks.specs import hookimpl

LOADED_LATE = (
    "anyio._backends._asyncio",
    "av",
    "packaging.requirements",
    "reelwork.media.download",
    "reelwork.media.probe",
)
"""Modules the engine loads when they are first needed, which in a child is every time."""
RUNNERS = {"storage": run_storing, "finishing": run_finishing}
"""What plays the cases of a kind of plugin; of the others, `run_case`."""
CRASHED = 70
"""The exit code of a child that failed by itself, before or beside the engine."""


def target_of(request: dict[str, str]) -> Any:
    """Return the plugin's class or module. Raises `ImportError`, or `AttributeError` when it is not there."""
    found: Any = _module(request["module"], request["file"])
    for name in filter(None, request["qualname"].split(".")):
        found = getattr(found, name)
    if isinstance(found, type) and issubclass(found, Provider):
        return _plugin_of(found, request["name"])
    return found


def _module(name: str, file: str) -> ModuleType:
    """Import a module by its name where that leads to the same file, else from the file."""
    try:
        module = importlib.import_module(name)
        if not file or Path(getattr(module, "__file__", None) or "").resolve() == Path(file).resolve():
            return module
    except ImportError:
        if not file:
            raise
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not Python source")
    module = importlib.util.module_from_spec(spec)
    # Pydantic looks annotations up in sys.modules while the file's classes are being made.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _plugin_of(provider: type[Provider], name: str) -> Any:
    class Bringing:
        """Brings a provider that was given without its plugin."""

        @staticmethod
        @hookimpl
        def register_providers() -> dict[str, type[Provider]]:
            return {name: provider}

    return Bringing


def _child(case: dict[str, Any], catalog: Catalog) -> None:
    """Run a case and end, whatever happens. Never returns."""
    code = CRASHED
    try:
        # The parent's pipe: a signal of this child would wake the parent.
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # The streams carry the protocol.
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        # In the child only: the variables of one suite must not reach another.
        os.environ.update(case["environment"])
        RUNNERS.get(case["kind"], run_case)(case, catalog)
        code = 0
    except BaseException:
        path = Path(case["folder"]) / f"crash-{os.getpid()}.txt"
        path.write_text(traceback.format_exc(), encoding="utf-8")
    finally:
        # Not `sys.exit`: it would run the parent's exit handlers, and flush its buffers a second time.
        os._exit(code)


def warm_up() -> None:
    """Load what every child needs, so that none has to, and let the memory be shared."""
    for name in LOADED_LATE:
        importlib.import_module(name)
    tls_context()
    # A collection in a child writes to every object it looks at, and so copies the memory that is shared. What is
    # frozen is not looked at.
    gc.collect()
    gc.freeze()


def _send(**words: Any) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def _reap() -> None:
    # Several children that end at once make one signal.
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _send(ended=pid, code=os.waitstatus_to_exitcode(status))


def main() -> None:
    """Answer until the input ends."""
    warm_up()
    reading, writing = os.pipe()
    # `select` is resumed after a signal (PEP 475). The byte that Python writes into this pipe is what ends it.
    # `set_wakeup_fd` takes no pipe that blocks.
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    # Without a handler of Python's, nothing is written to the pipe.
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _serve(reading)


def _serve(reading: int) -> None:
    waiting = b""
    catalogs: dict[str, Catalog] = {}
    while True:
        readable, _, _ = select.select([0, reading], [], [])
        if reading in readable:
            os.read(reading, 1024)
            _reap()
        if 0 not in readable:
            continue
        more = os.read(0, 65536)
        if not more:
            return
        *lines, waiting = (waiting + more).split(b"\n")
        for line in lines:
            _handle(json.loads(line), catalogs)


def _handle(request: dict[str, Any], catalogs: dict[str, Catalog]) -> None:
    """Load a plugin, or start a process of a case."""
    if "load" in request:
        problem = _load(request, catalogs)
        _send(loaded=request["load"], problem=problem)
        return
    # No thread runs in this process: a lock that one held would stay locked in the child.
    pid = os.fork()
    if pid == 0:
        _child(request, catalogs[request["plugin"]])
    _send(started=request["ticket"], pid=pid)


def _load(request: dict[str, Any], catalogs: dict[str, Catalog]) -> str:
    """Load a plugin into a catalog, and return the error that prevented it; empty if it is loaded."""
    # The author's: the test may be run from a folder that this process does not know.
    sys.path[:] = request["path"]
    catalog = Catalog()
    try:
        if request["module"]:
            catalog.add(request["name"], target_of(request))
    except Exception as error:
        return in_a_line(error).rstrip(".")
    catalogs[request["load"]] = catalog
    gc.freeze()
    return ""


if __name__ == "__main__":
    main()
