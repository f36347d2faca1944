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
from reelwork.planning.batch.raw import Raw
from reelwork.planning.batch.tables import Header
from reelwork.planning.batch.text import bytes_of

LARGEST = 500_000_000
"""Bytes of a workbook when it is unpacked."""
ERRORS = ("#N/A", "#VALUE!", "#REF!", "#DIV/0!", "#NUM!", "#NAME?", "#NULL!")


def read_sheet(
    path: Path, extra: Collection[str], *, prompts: bool, say: Callable[[str], None]
) -> Iterator[Raw | WorkflowInvalid]:
    """The rows of the first sheet, by its header line. `say` is told when there are more sheets."""
    bytes_of(path)
    _check_size(path)
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
    """A cell as it is seen."""
    value = None if seen is None else seen.value
    formula = None if written is None else written.value
    if value is None and written is not None and isinstance(formula, str) and formula.startswith("="):
        raise WorkflowInvalid(
            f"{where}: the formula in {written.coordinate} has no value yet.",
            hint="Open the file in the spreadsheet program, save it there, and run again.",
        )
    if seen is not None and value in ERRORS and seen.data_type == "e":
        raise WorkflowInvalid(f"{where}: {seen.coordinate} shows {value}.", hint="Mend its formula.")
    return as_seen(value, "" if seen is None else seen.number_format or "")


def as_seen(value: Any, number_format: str = "") -> str:
    """A value as the spreadsheet shows it: numbers without a needless .0, dates as 2026-11-28, ratios as 16:9."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return f"{value.hour}:{value.minute:02}" + (f":{value.second:02}" if value.second else "")
    if isinstance(value, int | float):
        whole = isinstance(value, int) or value.is_integer()
        text = str(int(value)) if whole else repr(value)
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
            f"{path}: to read .xlsx files, the package openpyxl is needed.",
            hint="Install it with: pip install 'reelwork[xlsx]'. Or save the sheet as CSV.",
        ) from None
    try:
        with warnings.catch_warnings():
            # Of styles and other things that rows do not need.
            warnings.simplefilter("ignore")
            return load_workbook(path, read_only=True, data_only=values)
    except Exception as error:
        raise _no_workbook(path, error) from error


def _no_workbook(path: Path, error: Exception) -> WorkflowInvalid:
    return WorkflowInvalid(
        f"{path} is no .xlsx workbook that can be read: {error}.", hint="Save it anew as .xlsx, or as CSV."
    )
