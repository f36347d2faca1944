"""Keeps secrets out of what a process prints: logs of any logger, warnings, and uncaught errors.

While a redactor is protected, the hooks of Python through which such texts leave are ours. They pass on what holds
no secret exactly as it came, and are given back when the last one is released.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from typing import Any, TextIO
from weakref import WeakSet

from reelwork.redaction.redactor import MASK, Redactor, forget, job_at_hand, mask, remember, without_credentials
from reelwork.text import LONGEST_DETAILS, cleaned, cut

_OWN_LOGGERS = ("reelwork", "httpx", "httpcore", "stamina")
# Sessions in several threads open and close at once. Two installations of the hooks would each take the other's for
# what was there before.
_lock = threading.Lock()
_protected: WeakSet[Redactor] = WeakSet()
_undo_hooks: list[Callable[[], None]] = []


def protect(redactor: Redactor) -> None:
    """Mask its secrets on every way out of this process, until `release`."""
    with _lock:
        remember(redactor)
        _protected.add(redactor)
        if not _undo_hooks:
            _undo_hooks.extend(_install())


def release(redactor: Redactor) -> None:
    """Undo `protect`. With the last one, Python's hooks are what they were before."""
    with _lock:
        forget(redactor)
        _protected.discard(redactor)
        if not _protected:
            for undo in _undo_hooks:
                undo()
            _undo_hooks.clear()


def _install() -> list[Callable[[], None]]:
    return [
        # Not a filter: one on the logger `reelwork` is not asked about records of `reelwork.plugin.x`, and an
        # embedding program has loggers and handlers that are not known here. The factory makes every record.
        _replaced_factory(),
        _replaced(sys, "excepthook", _excepthook),
        _replaced(sys, "unraisablehook", _unraisablehook),
        _replaced(threading, "excepthook", _thread_hook),
        _replaced(warnings, "showwarning", _showwarning),
    ]


def _replaced(where: Any, name: str, make: Callable[[Any], Any]) -> Callable[[], None]:
    before = getattr(where, name)
    ours = make(before)
    setattr(where, name, ours)

    def undo() -> None:
        # A hook that was put over ours still calls it, and ours then passes everything on.
        if getattr(where, name) is ours:
            setattr(where, name, before)

    return undo


def _replaced_factory() -> Callable[[], None]:
    before = logging.getLogRecordFactory()
    ours = _RedactingFactory(before)
    logging.setLogRecordFactory(ours)

    def undo() -> None:
        if logging.getLogRecordFactory() is ours:
            logging.setLogRecordFactory(before)

    return undo


class _RedactingFactory:
    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._make(*args, **kwargs)
        if record.name.split(".", 1)[0] in _OWN_LOGGERS:
            record.job_at_hand = job_at_hand()
            _redact(record, mask)
        else:
            _redact_foreign(record)
        return record


class RedactingFilter(logging.Filter):
    """Rewrites records so that no handler can see a secret. Fits a logger or a handler."""

    def __init__(self, *redactors: Redactor) -> None:
        super().__init__()
        # A logger lives as long as the process, and the secrets of a session only as long as that.
        self._redactors = WeakSet(redactors)

    def add(self, redactor: Redactor) -> None:
        """Mask its secrets, too, for as long as it is alive."""
        self._redactors.add(redactor)

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record's text and traceback in place, and let it through."""
        _redact(record, self._masked)
        return True

    def _masked(self, text: str) -> str:
        for redactor in tuple(self._redactors):
            text = redactor.without_known(text)
        return without_credentials(text)


def _redact(record: logging.LogRecord, masked: Callable[[str], str]) -> None:
    # Formatted here, and the arguments dropped: each handler would format them again, with the secret.
    record.msg, record.args = cut(cleaned(masked(_text_of(record))), LONGEST_DETAILS), None
    if record.exc_info and record.exc_info[0] is not None:
        record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        # The live exception would be formatted again, unmasked, by a handler with a format of its own.
        record.exc_info = None
    if record.exc_text:
        record.exc_text = _bounded(cleaned(masked(record.exc_text)))


def _bounded(details: str) -> str:
    """Return a traceback's beginning and end."""
    # The middle goes: the first lines say where it began, the last ones what was wrong.
    half = LONGEST_DETAILS // 2
    return details if len(details) <= LONGEST_DETAILS else f"{details[:half]}\n…\n{details[-half:]}"


def _redact_foreign(record: logging.LogRecord) -> None:
    """Change nothing of other libraries' records but secrets."""
    text = _text_of(record)
    masked = mask(text)
    if masked != text:
        record.msg, record.args = masked, None
    if record.exc_info and record.exc_info[0] is not None:
        details = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        if (masked := mask(details)) != details:
            record.exc_text, record.exc_info = masked, None
    if record.stack_info:
        record.stack_info = mask(record.stack_info)


def _text_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # A log call whose arguments do not fit its format must not hide what it wanted to say.
        return f"{record.msg} {record.args}"


def _printed_masked(text: str, file: TextIO | None = None) -> bool:
    """Print the text without its secrets; False, and nothing printed, when it holds none."""
    masked = mask(text)
    if masked == text:
        return False
    stream = file or sys.stderr
    # None where a program has no console: then nobody would read it either.
    if stream is not None:
        stream.write(masked)
    return True


def _excepthook(before: Any) -> Any:
    def hook(kind: Any, error: Any, trace: Any) -> None:
        if not _printed_masked("".join(traceback.format_exception(kind, error, trace))):
            before(kind, error, trace)

    return hook


def _unraisablehook(before: Any) -> Any:
    def hook(failure: Any) -> None:
        details = "".join(traceback.format_exception(failure.exc_type, failure.exc_value, failure.exc_traceback))
        if not _printed_masked(f"{failure.err_msg or 'Exception ignored'}:\n{details}"):
            before(failure)

    return hook


def _thread_hook(before: Any) -> Any:
    def hook(failure: Any) -> None:
        details = "".join(traceback.format_exception(failure.exc_type, failure.exc_value, failure.exc_traceback))
        name = failure.thread.name if failure.thread is not None else MASK
        if not _printed_masked(f"Exception in thread {name}:\n{details}"):
            before(failure)

    return hook


def _showwarning(before: Any) -> Any:
    def hook(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None) -> None:
        if not _printed_masked(warnings.formatwarning(message, category, filename, lineno, line), file):
            before(message, category, filename, lineno, file, line)

    return hook
