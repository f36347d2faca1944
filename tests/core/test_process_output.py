from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator

import pytest

from reelwork.process_output import RedactingFilter, protect, release
from reelwork.redaction.redactor import Redactor
from reelwork.text import LONGEST_DETAILS

HOOKS: dict[str, Callable[[], object]] = {
    "records": logging.getLogRecordFactory,
    "errors": lambda: sys.excepthook,
    "unraisable": lambda: sys.unraisablehook,
    "threads": lambda: threading.excepthook,
    "warnings": lambda: warnings.showwarning,
}


@pytest.fixture
def known() -> Iterator[Redactor]:
    redactor = Redactor()
    redactor.add("hunter22")
    protect(redactor)
    yield redactor
    release(redactor)


def written(logger: logging.Logger, say: str, *args: object, exc_info: bool = False) -> str:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    logger.addHandler(handler)
    try:
        logger.error(say, *args, exc_info=exc_info)
    finally:
        logger.removeHandler(handler)
    return out.getvalue()


def test_the_filter_masks_arguments_and_tracebacks(known: Redactor) -> None:
    logger = logging.getLogger("elsewhere.with.filter")
    masking = RedactingFilter(known)
    logger.addFilter(masking)
    try:
        try:
            raise ValueError("bad password hunter22")
        except ValueError:
            text = written(logger, "login %s", "hunter22", exc_info=True)
    finally:
        logger.removeFilter(masking)
    assert "login ***" in text
    assert "ValueError: bad password ***" in text
    assert "hunter22" not in text


def test_the_filter_keeps_a_log_call_whose_arguments_do_not_fit(known: Redactor) -> None:
    record = logging.LogRecord("reelwork", logging.INFO, "f.py", 1, "%d of hunter22", ("three",), None)
    assert RedactingFilter(known).filter(record)
    assert record.getMessage() == "%d of *** ('three',)"


@pytest.mark.parametrize("name", ["reelwork", "reelwork.engine", "httpx", "reelworks", "anything", "py.warnings"])
def test_records_of_every_logger_are_masked(known: Redactor, name: str) -> None:
    assert written(logging.getLogger(name), "key %s", "hunter22") == "key ***\n"
    try:
        raise KeyError("HUNTER22")
    except KeyError:
        text = written(logging.getLogger(name), "failed", exc_info=True)
    assert text.endswith("KeyError: '***'\n")
    assert "Traceback" in text


def test_records_without_a_secret_are_passed_on_as_they_are(known: Redactor) -> None:
    make = logging.getLogRecordFactory()
    error = ValueError("nothing secret")
    record = make("theirs", logging.INFO, "f.py", 1, "%s %d", ("a", 3), (ValueError, error, None))
    assert (record.msg, record.args, record.exc_info) == ("%s %d", ("a", 3), (ValueError, error, None))


def test_our_own_records_are_bounded(known: Redactor) -> None:
    try:
        raise ValueError("\x1b]52;c;aGk=\x07" + "x" * 5_000_000)
    except ValueError:
        text = written(logging.getLogger("reelwork.engine"), "w" * 10_000_000, exc_info=True)
    assert len(text) < 3 * LONGEST_DETAILS
    assert "\x1b" not in text


UNCAUGHT = """
import threading, warnings
from reelwork.redaction.redactor import Redactor
from reelwork.process_output import protect

known = Redactor()
known.add("hunter22")
protect(known)

def fails():
    raise ValueError("in a thread: hunter22")

class Ending:
    def __del__(self):
        raise ValueError("at its end: hunter22")

warnings.warn("the key is hunter22", stacklevel=1)
thread = threading.Thread(target=fails)
thread.start()
thread.join()
Ending()
raise ValueError("nobody caught hunter22")
"""


def test_warnings_and_errors_that_nobody_caught_are_masked() -> None:
    """In a process of its own: the tests' runner puts hooks of its own in their place."""
    done = subprocess.run([sys.executable, "-c", UNCAUGHT], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    for said in ("the key is ***", "in a thread: ***", "at its end: ***", "nobody caught ***"):
        assert said in done.stderr
    assert "hunter22" not in done.stderr.replace('("the key is hunter22"', "")


def test_a_task_whose_error_nobody_asked_for_is_masked(known: Redactor) -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    logging.getLogger("asyncio").addHandler(handler)

    async def fails() -> None:
        raise ValueError("hunter22")

    async def main() -> None:
        task = asyncio.create_task(fails())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task
        gc.collect()

    try:
        asyncio.run(main())
    finally:
        logging.getLogger("asyncio").removeHandler(handler)
    assert "never retrieved" in out.getvalue()
    assert "ValueError: ***" in out.getvalue()


def test_pythons_hooks_are_given_back_with_the_last_one() -> None:
    # A session that an earlier test left open could be collected half way.
    gc.collect()
    release(Redactor())
    before = {name: hook() for name, hook in HOOKS.items()}
    first, second = Redactor(), Redactor()
    protect(first)
    during = {name: hook() for name, hook in HOOKS.items()}
    protect(second)
    protect(first)
    assert {name: hook() for name, hook in HOOKS.items()} == during
    release(first)
    assert logging.getLogRecordFactory() is during["records"]
    release(second)
    release(second)
    assert {name: hook() for name, hook in HOOKS.items()} == before


def test_a_factory_that_was_put_over_ours_stays() -> None:
    first = Redactor()
    before = logging.getLogRecordFactory()
    protect(first)
    ours = logging.getLogRecordFactory()

    def theirs(*args: object, **kwargs: object) -> logging.LogRecord:
        return ours(*args, **kwargs)

    logging.setLogRecordFactory(theirs)
    try:
        release(first)
        assert logging.getLogRecordFactory() is theirs
        assert written(logging.getLogger("theirs"), "x %s", "y") == "x y\n"
    finally:
        with contextlib.suppress(Exception):
            logging.setLogRecordFactory(before)
