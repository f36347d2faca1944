"""The one clock: the time people read, and a time that no correction moves.

The wall clock may be wrong, and may be set while a request is on its way. How long something took is therefore
measured by the boot clock, which also counts while the machine sleeps; it starts again with each boot, so a
reading is worth nothing beside one of another boot.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@lru_cache(maxsize=1)
def boot_id() -> str:
    """The kernel's name for this boot; where it has none, one that only this process knows.

    Then an instant kept by another process counts as one of another boot, and what it waited for is waited for in
    full again.
    """
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return f"process-{uuid.uuid4().hex}"


def _steady() -> float:
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Instant(NamedTuple):
    """One moment by the boot clock: seconds since the boot named `boot`."""

    boot: str
    seconds: float

    def until(self, later: Instant) -> float | None:
        """Seconds from here to a later instant; None when they cannot be compared."""
        return later.seconds - self.seconds if later.boot == self.boot else None


@dataclass(frozen=True)
class Clock:
    """Where all times come from. Tests hand in functions of their own."""

    wall: Callable[[], float] = time.time
    """Seconds since the epoch (UTC), as the machine believes."""
    steady: Callable[[], float] = _steady
    """Seconds since the machine started, sleep included."""
    boot: Callable[[], str] = boot_id
    """The name of this boot."""

    def now(self) -> Instant:
        """This moment by the boot clock."""
        return Instant(self.boot(), self.steady())


def clock_of(wall: Callable[[], float]) -> Clock:
    """The clock beside a wall clock: the machine's own has a boot clock, one that is handed in is both."""
    return Clock() if wall is time.time else Clock(wall=wall, steady=wall, boot=lambda: "handed in")
