"""Standard streams that cannot end the work: a reader that is gone, or a full disk, costs only the text."""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO, cast

from reelwork.cli.terminal.plugin_output import ByContext, set_apart

if TYPE_CHECKING:
    from typing_extensions import Buffer

from reelwork.cli.terminal.shown_stream import ShownStream
from reelwork.redaction.redactor import remember_for_good

ESCAPED = "reelwork-escaped"
# Longer than a busy reader pauses. A pager that nobody scrolls, or Ctrl-S, would stop paid jobs for good.
PATIENCE = 2.0
"""Seconds."""
# The reader has left on purpose, a program or a terminal, and need not be told.
NO_READER = (errno.EPIPE, errno.EIO)


class Outlet(io.RawIOBase):
    """One standard stream. From the first error on it takes everything and writes nothing."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.failure: OSError | None = None
        self.patience: float | None = None
        """Seconds to wait for a reader that has stopped reading; then what cannot be written is left out."""
        self.left_out = False
        self._stopped = False

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._number

    def isatty(self) -> bool:
        """Return whether a person sees what is written."""
        return os.isatty(self._number)

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Write everything, or nothing any more."""
        left = memoryview(data).cast("B")
        size = len(left)
        while left and self.failure is None:
            try:
                if not self._has_room():
                    break
                # At most what a pipe takes at once if it has any room. More would block until somebody reads.
                left = left[os.write(self._number, left[: select.PIPE_BUF]) :]
            except BlockingIOError:
                # Another program that shares the pipe may have made it non-blocking.
                with suppress(OSError):
                    select.select([], [self._number], [])
            except OSError as error:
                # Kept and not raised: a job must not fail because `| head` has read enough.
                self.failure = error
        return size

    def _has_room(self) -> bool:
        if self.patience is None:
            return True
        # Waited for once. With each line it would hold up the jobs again.
        wait = 0.0 if self._stopped else self.patience
        self._stopped = not select.select([], [self._number], [], wait)[1]
        self.left_out = self.left_out or self._stopped
        return not self._stopped


class Outlets:
    """Both streams a command writes to."""

    # No dataclass: every command would import what makes one.
    def __init__(self, out: Outlet, err: Outlet) -> None:
        self.out = out
        self.err = err

    def ending(self, code: int, *, as_json: bool = False) -> int:
        """Say once, where it can be, what could not be printed; return the exit code."""
        sys.stdout.flush()
        sys.stderr.flush()
        if lost := _lost(self.out):
            _say(sys.stderr, f"Error: standard output cannot be written: {lost}.")
            _say(sys.stderr, "The command did its work all the same. What it made: reelwork jobs list")
            # The work was done, but what it printed is lost. A script must not take that for a success.
            return code or 1
        if self.err.left_out:
            _say(sys.stderr, "Note: some messages are missing: nobody read them in time.")
        if (lost := _lost(self.err)) and not as_json:
            _say(sys.stdout, f"Note: standard error cannot be written, so messages are missing: {lost}.")
        return code


def keep_going() -> Outlets | None:
    """Replace the standard streams by ones that never raise; None where the system needs its own."""
    remember_for_good()
    for number, mode in enumerate(("r", "w", "w")):
        _reopen(number, mode)
    # On Windows `select` works on sockets alone, so an outlet could not wait for its reader.
    if sys.platform == "win32":
        return None
    try:
        out, err = Outlet(set_apart()), Outlet(sys.stderr.fileno())
    except (AttributeError, OSError):  # A program that calls us has put something else in their place.
        return None
    sys.stdout = cast("TextIO", ByContext(_text(out, sys.stdout)))
    sys.stderr = _text(err, sys.stderr)
    return Outlets(out, err)


@contextmanager
def never_waiting() -> Iterator[None]:
    """Leave messages out that nobody reads, such as those behind a stopped pager: jobs must not wait for one."""
    raw = getattr(getattr(sys.stderr, "buffer", None), "raw", None)
    if not isinstance(raw, Outlet):
        yield
        return
    raw.patience = PATIENCE
    try:
        yield
    finally:
        raw.patience = None


def _reopen(number: int, mode: str) -> None:
    """Stand in for a stream that was closed: the next file opened would take its number, and our lines with it."""
    name = ("stdin", "stdout", "stderr")[number]
    if getattr(sys, name) is None:
        nowhere = os.open(os.devnull, os.O_RDWR)
        setattr(sys, name, open(nowhere, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _text(outlet: Outlet, before: TextIO) -> TextIO:
    # A character that the terminal's encoding lacks must not end the work either.
    codecs.register_error(ESCAPED, _escaped)
    return ShownStream(
        io.BufferedWriter(outlet),
        encoding=before.encoding,
        errors=ESCAPED,
        line_buffering=bool(before.line_buffering),
    )


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Write characters as JSON does, so that a document stays one in every encoding."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    import json

    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _lost(outlet: Outlet) -> str:
    failure = outlet.failure
    if failure is None or failure.errno in NO_READER:
        return ""
    return failure.strerror or type(failure).__name__


def _say(stream: TextIO, text: str) -> None:
    stream.write(text + "\n")
    stream.flush()
