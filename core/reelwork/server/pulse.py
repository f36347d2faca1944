"""Signs of life, given by the loop that does the work, and passed on to systemd.

See sd_notify(3): a datagram to the socket that `NOTIFY_SOCKET` names. Outside systemd nothing is sent.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from reelwork_hooks.errors import ReelworkError

# The loop turns once a second. One commit to a slow disk may take several.
ALIVE_SECONDS = 15.0
"""Seconds since the last sign of life after which the loop counts as hanging."""


class ServiceManager:
    """The manager of services that started this process: told what it may know, when there is one."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self.watchdog = _watchdog(environ)
        """Seconds within which it wants a sign of life; None if it wants none."""

    def tell(self, *lines: str) -> None:
        """Send lines such as `READY=1`. What goes wrong is passed over."""
        if not self._address:
            return
        # An address that begins with @ is in the abstract namespace, where names begin with a null byte.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        # No news must stop the work. Without READY or WATCHDOG systemd restarts the process by itself.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)
            out.sendto("\n".join(lines).encode(), address)


def _watchdog(environ: Mapping[str, str]) -> float | None:
    # Meant for the process it names; a child that inherited the variables must not feed it.
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    told = environ.get("WATCHDOG_USEC", "")
    return int(told) / 1_000_000 if told.isdecimal() and int(told) else None


class Pulse:
    """The pulse of the loop that does the work. What it feeds stops when the loop hangs."""

    def __init__(self, manager: ServiceManager, clock: Callable[[], float] = time.monotonic) -> None:
        self._manager, self._clock = manager, clock
        self._last: float | None = None
        self._fed = float("-inf")
        self.trouble: ReelworkError | None = None
        """The reason for which nothing is driven, while the loop waits for that to pass."""

    def beat(self) -> None:
        """Give a sign of life."""
        self._last = self._clock()
        self.wait()

    def wait(self) -> None:
        """Tell the manager that the process does not hang, though nothing is driven."""
        now = self._clock()
        # A third of the limit: two may be lost, and systemd still sees the third.
        if self._manager.watchdog is not None and now - self._fed >= self._manager.watchdog / 3:
            self._fed = now
            self._manager.tell("WATCHDOG=1")

    @property
    def is_alive(self) -> bool:
        """True if the last sign of life is recent, and the loop waits for no trouble to pass."""
        if self.trouble is not None:
            return False
        return self._last is not None and self._clock() - self._last < ALIVE_SECONDS
