"""Batch files of a spreadsheet program: the first sheet of an `.xlsx`, as a person sees it."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime, time
from itertools import zip_longest
from pathlib import Path
from typing import Any

from reelwork.errors import WorkflowInvalid
from reelwork.planning.batch.decoding import bytes_of
from reelwork.planning.batch.raw import Raw
from reelwork.planning.batch.tables import Header

# A workbook is a zip file: a few kilobytes may unpack to more than the memory holds.
LARGEST = 500_000_000
"""Bytes of a workbook when it is unpacked."""
ERRORS = ("#N/A", "#VALUE!", "#REF!", "#DIV/0!", "#NUM!", "#NAME?", "#NULL!")


def read_sheet(
    path: Path, extra: Collection[str], *, prompts: bool, say: Callable[[str], None]
) -> Iterator[Raw | WorkflowInvalid]:
    """Yield the rows of the first sheet, by its header line. `say` is told when there are more sheets."""
    bytes_of(path)
    _check_size(path)
    # openpyxl gives a formula's last value or its text, never both. An empty value is an empty cell, or a formula
    # that no spreadsheet has calculated: only its text tells them apart.
    values, formulas = _book(path, values=True), _book(path, values=False)
    try:
        sheet = values.worksheets[0]
        if len(values.worksheets) > 1:
            say(f"{path}: only its first sheet is read, {sheet.title!r}.")
        yield from _rows(path, zip_longest(sheet.iter_rows(), formulas.worksheets[0].iter_rows()), extra, prompts)
    finally:
        values.close()
        formulas.close()


def _rows(
    path: Path, lines: Iterator[Any], extra: Collection[str], prompts: bool
) -> Iterator[Raw | WorkflowInvalid]:
    header: Header | None = None
    for number, (seen, written) in enumerate(lines, 1):
        where = f"{path}, line {number}"
        try:
            cells = [_text(where, *both) for both in zip_longest(seen or (), written or ())]
            if not any(cells):
                continue
            if header is None:
                header = Header.read(where, cells, extra, prompts=prompts)
            else:
                yield header.row(path, number, cells)
        except WorkflowInvalid as problem:
            if header is None:
                raise
            yield problem


def _text(where: str, seen: Any, written: Any) -> str:
    """Return a cell's text as a person sees it."""
    value = None if seen is None else seen.value
    formula = None if written is None else written.value
    if value is None and written is not None and isinstance(formula, str) and formula.startswith("="):
        raise WorkflowInvalid(
            f"{where}: the formula in {written.coordinate} has no value yet.",
            hint="Open the file in the spreadsheet program, save it there, and run again.",
        )
    if seen is not None and value in ERRORS and seen.data_type == "e":
        raise WorkflowInvalid(f"{where}: {seen.coordinate} shows {value}.", hint="Correct its formula.")
    return as_seen(value, "" if seen is None else seen.number_format or "")


def as_seen(value: Any, number_format: str = "") -> str:
    """Return a value as the spreadsheet shows it: 4 and not 4.0, dates as 2026-11-28, ratios as 16:9."""
    if value is None:
        return ""
    # Before the numbers: True is an int to `isinstance`.
    if isinstance(value, bool):
        return str(value).lower()
    # A datetime is a date to `isinstance`. Spreadsheets have no plain dates: midnight is one.
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    # 16:9 typed into a cell becomes a time of day. It is given back as it was typed.
    if isinstance(value, time):
        return f"{value.hour}:{value.minute:02}" + (f":{value.second:02}" if value.second else "")
    if isinstance(value, int | float):
        whole = isinstance(value, int) or value.is_integer()
        text = str(int(value)) if whole else repr(value)
        # A format of zeros shows 7 as 007, and a person takes that for the id.
        return text.zfill(len(number_format)) if whole and re.fullmatch("0+", number_format) else text
    return str(value)


def _check_size(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(part.file_size for part in packed.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise _no_workbook(path, error) from error
    if size > LARGEST:
        raise WorkflowInvalid(f"{path} is {size // 1_000_000} MB when it is unpacked, which is more than is read.")


def _book(path: Path, *, values: bool) -> Any:
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise WorkflowInvalid(
            f"{path}: reading .xlsx files needs the package openpyxl.",
            hint="Install it with: pip install 'reelwork[xlsx]'. Or save the sheet as CSV.",
        ) from None
    try:
        with warnings.catch_warnings():
            # openpyxl warns of styles and validations that it drops, and rows need neither.
            warnings.simplefilter("ignore")
            return load_workbook(path, read_only=True, data_only=values)
    # openpyxl raises KeyError, ValueError, BadZipFile and others for a damaged file, and documents none of them.
    except Exception as error:
        raise _no_workbook(path, error) from error


def _no_workbook(path: Path, error: Exception) -> WorkflowInvalid:
    return WorkflowInvalid(
        f"{path} is not a readable .xlsx workbook: {error}.", hint="Save it again as .xlsx, or as CSV."
    )
