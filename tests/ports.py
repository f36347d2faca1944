"""Ports for programs that take a number, and for addresses at which nobody listens."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from pathlib import Path

FIRST, LAST = 20000, 29999
"""Below those that a system gives out for port 0 and for outgoing connections: from 32768 on Linux."""


def free_port() -> int:
    """Return a port on 127.0.0.1 that nothing listens at, and that no other test is given soon."""
    # All workers, and other checkouts beside this one, count in one file. A port that is found free by binding
    # port 0 can be an outgoing connection's before its server has started.
    place = Path(tempfile.gettempdir()) / f"reelwork-test-ports-{os.getuid()}"
    with place.open("a+") as counter:
        fcntl.flock(counter, fcntl.LOCK_EX)
        counter.seek(0)
        port = int(counter.read() or LAST)
        for _ in range(FIRST, LAST + 1):
            port = port + 1 if FIRST <= port < LAST else FIRST
            if _is_free(port):
                break
        else:
            raise OSError("no port is free")
        counter.truncate(0)
        counter.write(str(port))
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
