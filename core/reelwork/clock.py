"""The one clock: the time people read, and a time that no correction moves.

The wall clock may be wrong, and may be set while a request is on its way. How long something took is therefore
measured by the boot clock, which also counts while the machine sleeps; it starts again with each boot, so a
reading is worth nothing beside one of another boot.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
LARGEST_DRIFT = 60.0
"""Seconds by which a clock that is set forward is doubted."""
UNTRUSTED = 600.0
"""Seconds for which nothing is done by a clock that was set forward: it is often set right soon."""
# More than slewing and slow reads make, less than anyone waits.
CLOCK_STEP = 2.0
"""Seconds by which the wall clock must be ahead or behind to count as set."""


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return the kernel's name for this boot; where it has none, a name that only this process knows."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        # Another process then has another name for the same boot. It waits in full for what this one had waited for
        # in part: late is safe, too early could pay twice.
        return f"process-{os.urandom(16).hex()}"


def _steady() -> float:
    if hasattr(time, "CLOCK_BOOTTIME"):
        # `time.monotonic` stands still on Linux while the machine sleeps. The other side goes on meanwhile, so the
        # sleep counts.
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Witness:
    """Remembers when a server's clock last agreed with the one of this machine."""

    def __init__(self) -> None:
        self._at: float | None = None

    def agrees(self) -> None:
        """Note that a server's clock agrees now."""
        self._at = _steady()

    def agreed_since(self, steady: float) -> bool:
        """Return whether one has agreed after a time of the boot clock."""
        return self._at is not None and self._at > steady


WITNESS = Witness()
"""What servers said of the machine's clock to this process."""


class Instant(NamedTuple):
    """One moment by the boot clock: seconds since the boot named `boot`."""

    boot: str
    seconds: float

    def until(self, later: Instant) -> float | None:
        """Return the seconds from here to a later instant; None when they cannot be compared."""
        return later.seconds - self.seconds if later.boot == self.boot else None


@dataclass(frozen=True)
class Clock:
    """The source of all times. Tests pass in functions of their own."""

    wall: Callable[[], float] = time.time
    """Seconds since the epoch (UTC), as the machine believes."""
    steady: Callable[[], float] = _steady
    """Seconds since the machine started, sleep included."""
    boot: Callable[[], str] = boot_id
    """The name of this boot."""

    def now(self) -> Instant:
        """Return this moment by the boot clock."""
        return Instant(self.boot(), self.steady())


@runtime_checkable
class Machine(Protocol):
    """A wall clock that is handed in together with the boot clock beside it."""

    def __call__(self) -> float:
        """Seconds since the epoch (UTC)."""
        ...

    def steady(self) -> float:
        """Return the seconds since the machine started."""
        ...

    def boot(self) -> str:
        """Return the name of this boot."""
        ...


class _Setting(NamedTuple):
    """The setting of a timeline. One value, since a thread may read it while another one sets it."""

    offset: float
    """Seconds by which the wall clock is ahead of the boot clock."""
    moved: float = 0.0
    """Seconds by which it was set in all."""


class Timeline:
    """The wall clock of one process: steady, and corrected only by `set`.

    Were every reading taken from the machine, a time written just before the clock is set and one written just
    after could not be told apart, and no correction would fit both.
    """

    def __init__(self, clock: Clock | None = None, witness: Witness = WITNESS) -> None:
        self.clock = clock or Clock()
        self._witness = witness
        # The wall clock is read here once. From then on time passes by the boot clock, so a correction shows as an
        # error that can be measured and taken out of what waits.
        self._setting = _Setting(self.clock.wall() - self.clock.steady())
        self._doubted: float | None = None

    def __call__(self) -> float:
        """Seconds since the epoch (UTC), by the clock as the present piece of work knows it."""
        return self.clock.steady() + self._here().offset

    @property
    def moved(self) -> float:
        """Seconds by which it was set in all, as far as the present piece of work knows."""
        return self._here().moved

    def error(self) -> float:
        """Return the seconds by which the machine's clock is ahead of this one: it was set meanwhile."""
        return self.clock.wall() - self.clock.steady() - self._setting.offset

    def set(self, error: float) -> None:
        """Go by the machine's clock as it was when it was ahead by `error`."""
        if error > LARGEST_DRIFT:
            self._doubted = self.clock.steady()
        elif error < -CLOCK_STEP:
            self._doubted = None
        before = self._setting
        self._setting = _Setting(before.offset + error, before.moved + error)

    @property
    def doubt(self) -> float:
        """Seconds for which it is not believed yet, since the machine's clock was set forward; 0 if it is."""
        if self._doubted is None or self._witness.agreed_since(self._doubted):
            return 0.0
        return max(self._doubted + UNTRUSTED - self.clock.steady(), 0.0)

    @contextmanager
    def kept(self, moved: float | None = None) -> Iterator[None]:
        """Give this piece of work one clock, however often it is set meanwhile in another thread.

        `moved`: the clock of the times that the work begins with, if that is not today's. Whoever stores a time of
        the work moves it by as much as the clock was set since.
        """
        now = self._setting
        known = now if moved is None else _Setting(now.offset - (now.moved - moved), moved)
        token = _kept.set((self, known))
        try:
            yield
        finally:
            _kept.reset(token)

    def _here(self) -> _Setting:
        kept = _kept.get()
        return kept[1] if kept is not None and kept[0] is self else self._setting


_kept: ContextVar[tuple[Timeline, _Setting] | None] = ContextVar("kept", default=None)


def one_clock(clock: Callable[[], float], moved: float | None = None) -> AbstractContextManager[None]:
    """Give a piece of work one clock, if it is one that can be set: see `Timeline.kept`."""
    return clock.kept(moved) if isinstance(clock, Timeline) else nullcontext()


def doubt_of(clock: Callable[[], float]) -> float:
    """Return the seconds for which a clock that was set forward is not believed yet; 0 if it is."""
    return clock.doubt if isinstance(clock, Timeline) else 0.0


def clock_of(wall: Callable[[], float]) -> Clock:
    """Return the clock that a wall clock belongs to."""
    if isinstance(wall, Timeline):
        return Clock(wall=wall, steady=wall.clock.steady, boot=wall.clock.boot)
    if isinstance(wall, Machine):
        return Clock(wall=wall, steady=wall.steady, boot=wall.boot)
    # A function that a test hands in is steady by its own account: without a boot clock, it is both.
    return Clock() if wall is time.time else Clock(wall=wall, steady=wall, boot=lambda: "handed in")


def in_words(seconds: float) -> str:
    """Say a length of time in the unit that suits it, such as `10 min`."""
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= size * 0.995:
            return f"{round(seconds / size, 1):g} {'day' if unit == 'days' and seconds < size * 1.05 else unit}"
    return f"{seconds:.0f} s"


def iso(at: float) -> str:
    """Return a time in UTC as programs get it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
