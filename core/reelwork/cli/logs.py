"""The log on a person's terminal, and in the files they named."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from reelwork.cli.shared import shared
from reelwork.errors import WorkflowInvalid
from reelwork.ids import short_id
from reelwork.logs import JsonLines, TextLines, facts, log_file
from reelwork.process_output import protect
from reelwork.redaction import redactor
from reelwork.redaction.redactor import Redactor

LOGGER = "reelwork"
# It lives as long as the process: a log line is masked by the redactors that are alive.
_redactor = Redactor()


def show_log(*, verbose: bool, write: Callable[[str], None] | None = None, service: bool = False) -> None:
    """Show Reelwork's log: warnings through `write` (standard error when not given), everything with `verbose`.

    A `service` shows a line with its time for each event, as a log has them. What `--log-file` and `--error-log`
    name gets it as well. Raises `WorkflowInvalid` when one cannot be written.
    """
    # Before the first line is written: what a plugin logs while it is loaded may hold a key.
    protect(_redactor)
    said = shared()
    logger = logging.getLogger(LOGGER)
    # Called again when a display ends. Two handlers would print each line twice.
    _hide_log()
    _hide_at_the_end()
    detail = logging.DEBUG if verbose else logging.INFO
    if said.log_to_stderr or service:
        lines = JsonLines() if said.log_to_stderr else TextLines()
        handlers: list[logging.Handler] = [_LinesOnStderr(detail, lines)]
    else:
        handlers = [_Handler(verbose, write or _to_stderr)]
    handlers += [_file(path, detail, said.log_json) for path in (said.log_file,) if path]
    handlers += [_file(path, logging.ERROR, said.log_json) for path in (said.error_log,) if path]
    for handler in handlers:
        handler.of_the_cli = True  # type: ignore[attr-defined]
        logger.addHandler(handler)
    more = bool(said.log_file) or said.log_to_stderr or service
    logger.setLevel(logging.DEBUG if verbose else logging.INFO if more else logging.WARNING)
    # A plugin that sets up logging for itself would print each line once more.
    logger.propagate = False


def _hide_log() -> None:
    logger = logging.getLogger(LOGGER)
    for handler in [handler for handler in logger.handlers if getattr(handler, "of_the_cli", False)]:
        logger.removeHandler(handler)
        handler.close()


def _hide_at_the_end() -> None:
    root = click.get_current_context().find_root()
    if not root.meta.get(__name__):
        root.meta[__name__] = True
        logger = logging.getLogger(LOGGER)
        root.call_on_close(partial(_leave_as_found, logger.level, logger.propagate))


def _leave_as_found(level: int, propagate: bool) -> None:
    # Whoever calls commands from Python has a log of their own.
    _hide_log()
    logger = logging.getLogger(LOGGER)
    logger.setLevel(level)
    logger.propagate = propagate


def mask(text: str) -> str:
    """Return the text without what is known to be or looks like a secret."""
    protect(_redactor)
    return redactor.mask(text)


def _file(path: str, level: int, as_json: bool) -> logging.Handler:
    try:
        return log_file(
            Path(path).expanduser(), level, as_json=as_json, on_failure=partial(_tell_lost, path, _lost())
        )
    except OSError as error:
        raise WorkflowInvalid(
            f"The log file {path} cannot be written: {error.strerror}.", hint="Name another file."
        ) from error


def _lost() -> set[str]:
    """Return the log files that this command has said to be lost."""
    lost: set[str] = click.get_current_context().find_root().meta.setdefault(f"{__name__}.lost", set())
    return lost


def _tell_lost(path: str, lost: set[str], error: Exception) -> None:
    if path in lost:
        return
    lost.add(path)
    why = (isinstance(error, OSError) and error.strerror) or str(error)
    _to_stderr(f"The log file {path} can no longer be written: {why}. The run continues without it.")


def _to_stderr(text: str) -> None:
    click.echo(text, err=True)


class _LinesOnStderr(logging.Handler):
    def __init__(self, level: int, lines: logging.Formatter) -> None:
        super().__init__(level)
        self.setFormatter(lines)

    def emit(self, record: logging.LogRecord) -> None:
        _to_stderr(self.format(record))


class _Handler(logging.Handler):
    def __init__(self, verbose: bool, write: Callable[[str], None]) -> None:
        super().__init__()
        self._verbose = verbose
        self._write = write
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        details = record.exc_text or ""
        if self._verbose:
            job = facts(record).get("job")
            name = f"{record.name} {short_id(job)}" if job else record.name
            text = f"{record.levelname.lower()} {name}: {record.getMessage()}"
            self._write(mask(f"{text}\n{details}" if details else text))
            return
        # Without -v the same trouble is told once, and what a job's own line tells is not told twice.
        text = f"warning: {record.getMessage()}"
        if record.levelno >= logging.WARNING and not _told_elsewhere(record) and text not in self._said:
            self._said.add(text)
            self._write(mask(text))


def _told_elsewhere(record: logging.LogRecord) -> bool:
    return bool(record.exc_text) or getattr(record, "job", None) is not None or record.name == "reelwork.cli"
