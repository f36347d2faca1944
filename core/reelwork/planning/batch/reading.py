"""Reads a batch file: its rows, their identities, and all that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

from reelwork.errors import WorkflowInvalid
from reelwork.planning.batch.cells import (
    COPIES,
    TABLES,
    PlatformName,
    contents_of,
    id_of,
    texts_of,
    tidied,
    vars_of,
)
from reelwork.planning.batch.decoding import WRITE_PROMPTS
from reelwork.planning.batch.objects import read_json_array, read_json_lines, read_lines
from reelwork.planning.batch.raw import Raw
from reelwork.planning.batch.sheets import read_sheet
from reelwork.planning.batch.tables import read_table
from reelwork.planning.batch.templates import columns_in, filled
from reelwork.planning.plan import shape_of
from reelwork.settings.layers import with_one_name
from reelwork.settings.paths import BATCHES
from reelwork.settings.workflow import brief_from
from reelwork.text import name_problem
from reelwork_hooks.errors import ReelworkError
from reelwork_hooks.models import Brief

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a batch."""

    name: str
    """Its `id`, or its number among the rows."""
    identity: str
    """The part of its jobs' keys: its `id`, or a hash of its contents and its number among equal rows."""
    where: str
    brief: Brief


@dataclass(frozen=True, slots=True)
class _Kept:
    """A row in little room: its cells without a dictionary of their own."""

    line: int
    names: tuple[str, ...]
    cells: tuple[Any, ...]
    columns: tuple[tuple[str, Any], ...]
    number: int
    id: str | None
    contents: str
    """A hash of what its cells mean; empty where it has an `id`."""
    shape: int
    fields: tuple[str, ...]
    """The fields its brief was given, by the row and the workflow."""
    values: tuple[Any, ...]
    """Their values, checked."""

    @property
    def raw(self) -> Raw:
        """The row as its file has it."""
        return Raw(self.line, dict(zip(self.names, self.cells, strict=True)), dict(self.columns))


class Rows(Sequence[Row]):
    """The rows of a batch. Each brief is made when it is taken: fifty thousand at once would fill the memory."""

    def __init__(self, path: Path, kept: Sequence[_Kept], notes: Sequence[str]) -> None:
        self.path = path
        self.notes = tuple(notes)
        """Notes for a person on how the file was read."""
        self._kept = kept
        self.identities = list(_identities(kept))
        """The identity of each row."""
        self.shapes = [row.shape for row in kept]
        """The same number for rows whose plans differ in nothing but the brief."""

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, at: int) -> Row: ...

    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...

    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        """Return one of them, or some."""
        if isinstance(at, slice):
            return [self[number] for number in range(*at.indices(len(self)))]
        kept = self._kept[at]
        # Each value was checked when the file was read.
        brief = _unset(kept.fields).model_copy(update=dict(zip(kept.fields, kept.values, strict=True)))
        name = str(kept.number) if kept.id is None else kept.id
        return Row(name, self.identities[at], _where(self.path, kept), brief)

    def __iter__(self) -> Iterator[Row]:
        return map(self.__getitem__, range(len(self)))

    def raw(self, at: int) -> Mapping[str, Any]:
        """Return a row's cells as its file has them."""
        return self._kept[at].raw.values

    def only(self, at: int) -> Rows:
        """Return one of the rows, known by the same identity as among all."""
        rows = Rows(self.path, self._kept[at : at + 1], self.notes)
        rows.identities = self.identities[at : at + 1]
        return rows

    def known_without(self, claimed: Collection[int]) -> Rows:
        """Return the same rows, where those that are known otherwise do not count among equals."""
        rest = iter(_identities([kept for at, kept in enumerate(self._kept) if at not in claimed]))
        rows = Rows(self.path, self._kept, self.notes)
        rows.identities = [was if at in claimed else next(rest) for at, was in enumerate(self.identities)]
        return rows


def _identities(kept: Sequence[_Kept]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for row in kept:
        if row.id is not None:
            yield f"id:{row.id}"
            continue
        # Equal rows are films of their own. Told apart by a count, they stay themselves when other rows move.
        seen[row.contents] = seen.get(row.contents, 0) + 1
        yield f"row:{row.contents}:{seen[row.contents]}"


def read_batch(path: Path, defaults: Mapping[str, Any], platform: PlatformName = str) -> Rows:
    """Read and check a whole batch; `defaults` is the workflow's `[brief]`, `platform` gives a platform's one name.

    Raises `WorkflowInvalid` naming the file, the line and the column of everything that is wrong.
    """
    notes: list[str] = []
    extra = columns_in(defaults)
    kept: list[_Kept] = []
    problems: list[ReelworkError] = []
    lines: dict[str, int] = {}
    shapes: dict[tuple[object, ...], int] = {}
    number = 0
    for number, raw in enumerate(_read(path, defaults, extra, notes.append), 1):
        try:
            if isinstance(raw, WorkflowInvalid):
                raise raw
            kept.append(_kept(path, number, raw, defaults, extra, platform, lines, shapes))
        # All rows are read before anything is refused: a person corrects a file once, not once for each row.
        except ReelworkError as problem:
            problems.append(problem)
    if not number:
        raise WorkflowInvalid(f"{path} holds no rows.", hint=WRITE_PROMPTS)
    if problems:
        raise together(problems, number)
    return Rows(path, kept, notes)


def _read(
    path: Path, defaults: Mapping[str, Any], extra: Collection[str], say: Callable[[str], None]
) -> Iterator[Raw | WorkflowInvalid]:
    prompts = "prompt" in defaults
    match path.suffix.lower():
        case ".csv" | ".tsv":
            return read_table(path, extra, prompts=prompts, say=say)
        case ".xlsx":
            return read_sheet(path, extra, prompts=prompts, say=say)
        case ".jsonl":
            return read_json_lines(path, extra)
        case ".json":
            return read_json_array(path, extra)
        case ".txt":
            return read_lines(path)
        case _:
            raise WorkflowInvalid(f"{path}: a batch is a {', '.join(BATCHES[:-1])} or {BATCHES[-1]} file.")


def _kept(
    path: Path,
    number: int,
    raw: Raw,
    defaults: Mapping[str, Any],
    extra: Collection[str],
    platform: PlatformName,
    lines: dict[str, int],
    shapes: dict[tuple[object, ...], int],
) -> _Kept:
    given = id_of(raw.values["id"]) if raw.values.get("id") is not None else ""
    if given:
        _check_id(path, raw, given, lines)
    own = _own(raw)
    brief = brief_from(_whole(path, raw, own, defaults, extra), _where(path, raw), section="")
    contents = "" if given else contents_of(brief, own, raw.columns, platform)
    shape = shapes.setdefault(shape_of(brief), len(shapes))
    names = _shared(tuple(raw.values))
    cells, columns = tuple(raw.values.values()), tuple(raw.columns.items())
    fields = _shared(tuple(brief.model_fields_set))
    values = tuple(getattr(brief, name) for name in fields)
    return _Kept(raw.line, names, cells, columns, number, given or None, contents, shape, fields, values)


@lru_cache(maxsize=64)
def _unset(fields: tuple[str, ...]) -> Brief:
    """Return a brief in which all but these fields have their defaults."""
    return Brief(prompt="-").model_copy(update=dict.fromkeys(fields))


@lru_cache(maxsize=64)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return one object for equal names: most rows of a file have the same."""
    return names


def _own(raw: Raw) -> dict[str, Any]:
    """Return the row's own cells, tidied, each under its one name."""
    return with_one_name({name: value for name, value in tidied(raw.values).items() if name != "id"})


def _whole(
    path: Path, raw: Raw, own: Mapping[str, Any], defaults: Mapping[str, Any], extra: Collection[str]
) -> dict[str, Any]:
    """Lay a row over the workflow's `[brief]`, and fill in its places. Raises `WorkflowInvalid`."""
    if extra:
        where = _where(path, raw)
        # The row's own values stand over the workflow's.
        cells = {**vars_of(defaults), **texts_of(tidied(raw.values), raw.columns)}
        shared = {
            name: filled(name, value, cells, where)
            for name, value in defaults.items()
            if name not in own or name in (*TABLES, COPIES)
        }
    else:
        shared = dict(defaults)
    return _completed(own, shared)


def _where(path: Path, raw: Raw | _Kept) -> str:
    return f"{path}, line {raw.line}"


def _completed(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Lay a row over the workflow's `[brief]`, and complete its tables."""
    both = {**defaults, **values}
    for table in TABLES:
        shared, own = defaults.get(table), values.get(table)
        if isinstance(shared, Mapping) and isinstance(own, Mapping):
            both[table] = {**shared, **own}
    if isinstance(copies := values.get(COPIES), Mapping):
        shared = defaults.get(COPIES, {})
        both[COPIES] = {**shared, **{name: _laid_over(shared.get(name), copy) for name, copy in copies.items()}}
    return both


def _laid_over(shared: Any, own: Any) -> Any:
    return {**shared, **own} if isinstance(shared, Mapping) and isinstance(own, Mapping) else own


def _check_id(path: Path, raw: Raw, given: str, lines: dict[str, int]) -> None:
    if problem := name_problem(given):
        raise WorkflowInvalid(
            f"{path}, line {raw.line}: the id cannot be used: {problem}.",
            hint="Write another id. A row is known by it when the file is run again.",
        )
    if given in lines:
        raise WorkflowInvalid(
            f"{path}, line {raw.line}: the id {given!r} is already used on line {lines[given]}.",
            hint="Give each row an id of its own. A row is known by it when the file is run again.",
        )
    lines[given] = raw.line


def together(problems: Sequence[ReelworkError], rows: int) -> WorkflowInvalid:
    """Return one error for all that is wrong with the rows of a batch."""
    first = problems[0]
    if len(problems) == 1:
        return WorkflowInvalid(first.message, hint=first.hint, money=_unsent(rows))
    shown = "\n".join(f"  {problem.message}".replace("\n", "\n  ") for problem in problems[:MOST_SHOWN])
    more = f"\n  … and {len(problems) - MOST_SHOWN} more" if len(problems) > MOST_SHOWN else ""
    return WorkflowInvalid(
        f"{len(problems)} of {rows} rows are wrong:\n{shown}{more}",
        hint=first.hint,
        money=_unsent(rows),
    )


def _unsent(rows: int) -> str:
    return f"None of the {rows} rows was sent." if rows > 1 else "Its one row was not sent."
