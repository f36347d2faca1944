"""The parts that the classes of the SQLite store share: the writer, the readers, the clock and the listeners."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from reelwork.clock import Timeline
from reelwork.store.sqlite import clock_steps

if TYPE_CHECKING:
    from reelwork.store.records import JobRow
    from reelwork.store.sqlite.read_connections import ReadConnections
    from reelwork.store.sqlite.writer import Change, Database

T = TypeVar("T")
C = TypeVar("C")


def by_seconds(timed: Sequence[C], seconds: float) -> Sequence[C]:
    """Return what is to be stored, with its times by a clock that was set by so many seconds."""
    return [clock_steps.shifted(one, seconds) for one in timed] if seconds else timed


def _never() -> float:
    return 0.0


class SqliteParts:
    """Hands changes to the one writer, and questions to the readers.

    A question that decides about money or posts goes to the writer too, though it changes nothing: there it is
    answered in order with all that was handed over before, and no other process writes meanwhile.
    """

    path: Path
    _clock: Callable[[], float]
    _db: Database
    _reads: ReadConnections
    _only: str = ""
    """The one brand whose jobs, schedules and stops it may change; empty for all."""
    _listeners: tuple[Callable[[], None], ...]
    """Replaced as a whole: it may be read in one thread while another one adds to it."""

    def _by(self) -> Callable[[Sequence[C]], Sequence[C]]:
        """Return a function that corrects times which were set by the clock of this work and are stored later."""
        # A clock that is set between a step and its commit would leave times by the old one in the store.
        since = self._set_since()
        return lambda timed: by_seconds(timed, since())

    def _set_since(self) -> Callable[[], float]:
        """Return a function for the writer: the seconds by which the clock was set since that of this work."""
        time = self._clock
        if not isinstance(time, Timeline):
            return _never
        moved = time.moved
        return lambda: time.moved - moved

    def _by_clock(self, row: JobRow) -> JobRow:
        """Note by which clock a job's times are. Called by the writer."""
        moved = self._clock.moved if isinstance(self._clock, Timeline) else 0.0
        return replace(row, clock_moved=moved) if moved else row

    async def _run_and_tell(self, change: Change[T]) -> T:
        value = await self._db.run(change)
        for listener in self._listeners:
            listener()
        return value
