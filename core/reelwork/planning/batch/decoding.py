"""The text of a batch file, whatever a spreadsheet or an editor saved it as."""

from __future__ import annotations

import codecs
from pathlib import Path

from reelwork.errors import WorkflowInvalid

# UTF-32 before UTF-16: the mark of UTF-32-LE begins with that of UTF-16-LE.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
SAVE_AS_UTF8 = "Save the file as UTF-8 (in Excel: “CSV UTF-8”) and run again."
WRITE_PROMPTS = "Write a prompt into each row."


def text_of(path: Path) -> str:
    """Return the file's text. Raises `WorkflowInvalid` naming the line that is not text."""
    data = bytes_of(path)
    if not data.strip():
        raise empty(path)
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", _guessed(data)))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise _no_text(path, data[len(mark) :], encoding, error) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise WorkflowInvalid(
            f"{path}, line {line}: it holds a NUL character, which no text has.", hint=SAVE_AS_UTF8
        )
    if not text.strip():
        raise empty(path)
    return text


def bytes_of(path: Path) -> bytes:
    """Return the file's bytes. Raises `WorkflowInvalid`."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise WorkflowInvalid(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise WorkflowInvalid(f"{path} cannot be read: {why}.") from error


def empty(path: Path) -> WorkflowInvalid:
    """Return the error for a file without any text."""
    return WorkflowInvalid(f"{path} is empty.", hint=WRITE_PROMPTS)


def _guessed(data: bytes) -> str:
    """Return the encoding of a text without a mark: UTF-8, or UTF-16."""
    # UTF-16 without its mark: in Latin letters, every second byte is zero.
    head = data[:2000]
    for encoding, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[0::2])):
        if len(head) >= 4 and zeros.count(0) > 0.6 * len(zeros):
            return encoding
    return "utf-8"


def _no_text(path: Path, data: bytes, encoding: str, error: UnicodeDecodeError) -> WorkflowInvalid:
    if encoding != "utf-8":
        return WorkflowInvalid(f"{path}: it begins as {encoding} and is cut or damaged.", hint=SAVE_AS_UTF8)
    line = data.count(b"\n", 0, error.start) + 1
    bad = data[error.start : error.start + 1]
    # Excel's plain CSV is in the Windows code page. The letter shows a person where to look.
    windows = bad.decode("cp1252", "replace")
    looks = f" It looks like Windows-1252, where it is “{windows}”." if windows.isprintable() else ""
    return WorkflowInvalid(f"{path}, line {line}: byte {bad[0]:#04x} is not UTF-8 text.{looks}", hint=SAVE_AS_UTF8)
