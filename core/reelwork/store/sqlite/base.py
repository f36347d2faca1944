"""The parts that the classes of the SQLite store share: the writer, the readers, the clock and the listeners."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from reelwork.clock import Timeline
from reelwork.store.sqlite import clock_steps
from reelwork.store.sqlite.read_connections import ReadConnections
from reelwork.store.sqlite.writer import Change, Database

T = TypeVar("T")
C = TypeVar("C")


class SqliteParts:
    """Hands changes to the one writer, and questions to the readers.

    A question that decides about money or posts goes to the writer too, though it changes nothing: there it is
    answered in order with all that was handed over before, and no other process writes meanwhile.
    """

    path: Path
    _clock: Callable[[], float]
    _db: Database
    _reads: ReadConnections
    _listeners: tuple[Callable[[], None], ...]
    """Replaced as a whole: it may be read in one thread while another one adds to it."""

    def _by(self) -> Callable[[Sequence[C]], Sequence[C]]:
        """Return a function that corrects times which were set by the clock as it is now and are stored later."""
        # A clock that is set between a step and its commit would leave times by the old one in the store.
        time = self._clock
        if not isinstance(time, Timeline):
            return lambda timed: timed
        moved = time.moved

        def by(timed: Sequence[C]) -> Sequence[C]:
            since = time.moved - moved
            return [clock_steps.shifted(one, since) for one in timed] if since else timed

        return by

    async def _run_and_tell(self, change: Change[T]) -> T:
        value = await self._db.run(change)
        for listener in self._listeners:
            listener()
        return value
