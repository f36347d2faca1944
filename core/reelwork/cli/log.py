"""The log on a person's terminal: warnings, or everything with `-v`."""

from __future__ import annotations

import logging
from collections.abc import Callable

import click

from reelwork.logs import Redactor, protect

LOGGER = "reelwork"
# Kept for as long as the process lives: a log line is masked by the redactors that are alive.
_redactor = Redactor()


def show_log(*, verbose: bool, write: Callable[[str], None] | None = None) -> None:
    """Show Reelwork's log through `write` (standard error when not given), once for each different line."""
    protect(_redactor)
    logger = logging.getLogger(LOGGER)
    for handler in [handler for handler in logger.handlers if isinstance(handler, _Handler)]:
        logger.removeHandler(handler)
    logger.addHandler(_Handler(verbose, write or _to_stderr))
    logger.setLevel(logging.DEBUG if verbose else logging.WARNING)
    logger.propagate = False


def mask(text: str) -> str:
    """The text without what looks like a secret."""
    return _redactor.redact(text)


def _to_stderr(text: str) -> None:
    click.echo(text, err=True)


class _Handler(logging.Handler):
    def __init__(self, verbose: bool, write: Callable[[str], None]) -> None:
        super().__init__()
        self._verbose = verbose
        self._write = write
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        details = record.exc_text or ""
        if self._verbose:
            text = f"{record.levelname.lower()} {record.name}: {record.getMessage()}"
            self._write(f"{text}\n{details}" if details else text)
            return
        # Without -v the same trouble is told once, and what comes with a traceback is told by the job itself.
        text = f"warning: {record.getMessage()}"
        if not details and text not in self._said:
            self._said.add(text)
            self._write(text)
