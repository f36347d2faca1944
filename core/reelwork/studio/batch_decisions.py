"""Decisions about a batch's rows that look like rows made before, and corrections of jobs whose rows changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, Protocol

from reelwork.errors import PlanRefused
from reelwork.store.commands import NewJob, SetJob, Tell
from reelwork.store.records import ACTIVE, JobRow
from reelwork.store.statuses import FIRST
from reelwork.studio.batch_wording import told
from reelwork.studio.launch import Launch

Copies = Literal["make", "keep"]
"""They are made, or stay what they were."""
AskCopies = Callable[[Launch], Copies]


class ByKey(Protocol):
    """The part of a store that finds jobs by their keys."""

    def jobs_with_keys(self, keys: Sequence[str]) -> Mapping[str, JobRow]:
        """Return the jobs that have these keys."""
        ...


def decided(launch: Launch, copies: Copies | AskCopies | None, store: ByKey) -> Launch:
    """Return the launch with its copies made or kept. Raises `PlanRefused` if nobody says which."""
    if not launch.copies:
        return launch
    choice = copies(launch) if callable(copies) else copies
    if choice is None:
        # Made without a word, an edited row would pay twice; kept without a word, a new row would never be made.
        raise PlanRefused(told(launch), hint=WAYS)
    return kept(launch, store) if choice == "keep" else launch


WAYS = (
    "To leave them as they were made: --copies keep. To make them as well: --copies make. "
    "To make the whole batch again: --again."
)


def kept(launch: Launch, store: ByKey) -> Launch:
    """Return the launch where each copy is the job it looks like, which continues where it stopped."""
    others = {copy.key: copy.other_key for copy in launch.copies}
    entries = [replace(entry, key=others.get(entry.key, entry.key)) for entry in launch.entries]
    known = {**launch.known, **store.jobs_with_keys(list(others.values()))}
    return replace(launch, entries=entries, known=known, copies=())


class Correcting(Protocol):
    """The part of a store that corrects jobs."""

    async def correct(self, row: JobRow, change: SetJob, line: Tell) -> bool:
        """Give a job other contents; False when it moved meanwhile."""
        ...


async def correct(store: Correcting, launch: Launch) -> None:
    """Give the jobs of corrected rows their new contents; one that moved meanwhile stays as it is."""
    for new in _corrected(launch):
        change = SetJob(ACTIVE, FIRST, None, data=new.data)
        # What this returns is not needed: a job that moved meanwhile keeps its contents, and goes on with them.
        await store.correct(launch.corrected[new.key], change, Tell("corrected"))


def _corrected(launch: Launch) -> list[NewJob]:
    return [launch.jobs[at] for at, entry in enumerate(launch.entries) if entry.key in launch.corrected]
