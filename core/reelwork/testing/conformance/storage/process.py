"""One process of a case: stores a clip with the plugin once, as the engine does, and reports the outcome."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelwork.plugins.catalog import Catalog
from reelwork.testing.contexts import SampleContext
from reelwork.testing.hooks import call_hook_async
from reelwork.testing.samples import sample_brief, sample_job, sample_prompt
from reelwork_hooks.errors import NotSent, ReelworkError, Unavailable
from reelwork_hooks.models import Asset, Clip, Job

TIME_LIMIT = 120.0
"""Seconds that the hook may take."""
# What a file system does: each is one event of Python's (https://docs.python.org/3/library/audit_events.html).
_CHANGES = frozenset({"os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.truncate"})
_SECOND = frozenset({"os.rename", "os.link", "os.symlink"})
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class _Changes:
    """Counts the changes that this process makes to files outside the plugin's work folder."""

    def __init__(self, kill_at: int, *, refused: bool, work: str) -> None:
        self.count, self._kill_at, self._refused, self._work = 0, kill_at, refused, work
        self.armed = True
        # A hook cannot be taken back, but this process ends soon.
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        path = _changed(event, arguments) if self.armed else None
        if path is None or path.startswith(self._work):
            return
        self.count += 1
        if self.count == self._kill_at:
            # As in a power cut: no handler runs.
            os.kill(os.getpid(), signal.SIGKILL)
        if self._refused:
            # Not by the mode of a folder, which the superuser may pass over.
            raise PermissionError(13, "Permission denied", path)


def _changed(event: str, arguments: tuple[Any, ...]) -> str | None:
    """Return the path that an event changes; None for any other event."""
    if event == "open":
        path, mode, flags = arguments[:3]
        # With `mode` None it is `os.open`. Devices and handles that are open already are no files.
        writes = bool(flags & _WRITES) or (isinstance(mode, str) and set(mode) & set("wxa+"))
        own = isinstance(path, str | bytes | os.PathLike) and not os.fsdecode(path).startswith("/dev/")
        return os.fsdecode(path) if own and writes else None
    if event not in _CHANGES:
        return None
    # Of two names the second is the new one.
    path = arguments[1] if event in _SECOND else arguments[0]
    return None if isinstance(path, int) else os.fsdecode(path)


class _Lines(logging.Handler):
    """Keeps what is logged, unmasked."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def run_storing(order: Mapping[str, Any], catalog: Catalog) -> None:
    """Store the order's clip, and write down the outcome beside it."""
    folder = Path(order["folder"])
    sys.dont_write_bytecode = True
    lines = _Lines()
    logging.getLogger("reelwork").addHandler(lines)
    logging.getLogger("reelwork").setLevel(logging.DEBUG)
    context = SampleContext(folder, order["name"])
    # What is passing is no part of the storage.
    tempfile.tempdir = str(context.work_dir)
    target = catalog.get(order["name"]).target
    _limit_files(order["half"], order["half_at"])
    before = _forget_peak()
    changes = _Changes(order["at_change"], refused=order["refused"], work=str(context.work_dir))
    try:
        answer = _outcome(asyncio.run(_stored(order, target, context)))
    except Exception as error:
        answer = _error(error)
    finally:
        changes.armed = False
    _limit_files("", 0)
    report = {**answer, "log": lines.lines, "changes": changes.count, "growth": _peak() - before}
    _write(folder / f"stored-{order['number']}.json", report)


async def _stored(order: Mapping[str, Any], target: Any, context: SampleContext) -> Any:
    settings, clip, job = order["settings"], clip_of(order), job_of(order)
    return await call_hook_async(
        target, "post_download", settings=settings, context=context, time_limit=TIME_LIMIT, clip=clip, job=job
    )


def clip_of(order: Mapping[str, Any]) -> Clip:
    """Return the clip to store."""
    assets = [Asset.model_validate(asset) for asset in order["assets"]]
    return Clip(video=assets[0], assets=tuple(assets[1:]))


def job_of(order: Mapping[str, Any]) -> Job:
    """Return the job it belongs to."""
    words, row = order["words"], order["row"]
    return sample_job(brief=sample_brief(prompt=words), prompt=sample_prompt(text=words, title=words), row=row)


def _outcome(clip: Any) -> dict[str, Any]:
    if not isinstance(clip, Clip):
        return {"problem": f"returned {clip!r}, and not the clip with its addresses"}
    return {"assets": [asset.model_dump(mode="json") for asset in (clip.video, *clip.assets)]}


def _error(error: Exception) -> dict[str, Any]:
    # What the plugin raised: the engine adds its own words, and masks secrets that it knows.
    said = error.__cause__ if error.__cause__ is not None else error
    ours = isinstance(said, ReelworkError)
    told = said.explained() if isinstance(said, ReelworkError) else f"{type(said).__name__}: {said}"
    passes = isinstance(said, NotSent | Unavailable) and not getattr(said, "lasting", False)
    return {"error": told, "contract": ours, "passes": passes, "late": isinstance(error, TimeoutError)}


def _limit_files(half: str, size: int) -> None:
    """Let a file of this process grow to `size` bytes only. Then the process is killed, or the write fails."""
    # The kernel does it within the write that crosses the border, as a full disk and a power cut would.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if half == "kill" else signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size if half else hard, hard))


def _forget_peak() -> int:
    """Let the kernel measure the peak of memory from now on, and return the bytes in use now."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        # Without it the peak counts from the start of the process, which is a little more.
        return _peak()
    return _peak()


def _peak() -> int:
    """Return the most bytes of memory that were in use."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(found[0].split()[1]) * 1024


def _write(path: Path, report: Mapping[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(report), encoding="utf-8")
    part.replace(path)
