"""Messages about rows that look like rows made before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reelwork.planning.job_state import JobData
from reelwork.studio.launch import Launch

if TYPE_CHECKING:
    from reelwork.planning.batch.copies import Copy

MOST_SHOWN = 5
LONGEST = 60


def told(launch: Launch) -> str:
    """Return the whole message, with a few rows by name."""
    same = [copy for copy in launch.copies if not copy.edited]
    edited = [copy for copy in launch.copies if copy.edited]
    return "\n".join([*_same(same, len({entry.plan for entry in launch.entries})), *_edited(edited)])


def _same(copies: Sequence[Copy], rows: int) -> Iterator[str]:
    if not copies:
        return
    named = list(dict.fromkeys(copy.row for copy in copies))
    files = list(dict.fromkeys(copy.other_file for copy in copies if copy.other_file))
    mine = copies[0].where.rpartition(", line ")[0]
    if len(files) == 1 and files[0] != mine:
        made = f"{len(named)} of its {rows} rows were made then"
        yield f"{mine} was run before under another name, {files[0]}: {made}."
    else:
        yield f"{_rows(len(named))} of {mine} {_were(len(named))} made before, under another name or id."
    yield from _lines(copies)


def _edited(copies: Sequence[Copy]) -> Iterator[str]:
    if not copies:
        return
    named = {copy.row for copy in copies}
    look = "looks like an edited copy of a row" if len(named) == 1 else "look like edited copies of rows"
    yield f"{_rows(len(named))} {look} made before."
    yield from _lines(copies)


def _lines(copies: Sequence[Copy]) -> Iterator[str]:
    for copy in copies[:MOST_SHOWN]:
        was = f", was {_short(copy.other_prompt)}" if copy.edited and copy.other_prompt != copy.prompt else ""
        yield f"  {copy.where}: {_short(copy.prompt)}{was} (job {copy.other_id[-8:]}, {copy.status})"
    if len(copies) > MOST_SHOWN:
        yield f"  … and {len(copies) - MOST_SHOWN} more"


def _short(text: str) -> str:
    shown = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return f"“{shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + '…'}”"


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def corrected_note(launch: Launch) -> Iterator[str]:
    """Yield a note about rows that are made with their new contents."""
    rows = list(dict.fromkeys(data.row or "" for data in _corrected(launch)))
    if not rows:
        return
    more = f" and {len(rows) - MOST_SHOWN} more" if len(rows) > MOST_SHOWN else ""
    noun, was, they = ("row", "was", "It is") if len(rows) == 1 else ("rows", "were", "They are")
    named = f"{noun} {', '.join(rows[:MOST_SHOWN])}{more}"
    yield f"{named} {was} changed before anything was sent. {they} made with the new contents."


def _corrected(launch: Launch) -> Iterator[JobData]:
    for at, entry in enumerate(launch.entries):
        if entry.key in launch.corrected:
            yield launch.datas[at]
