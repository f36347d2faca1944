"""A port that refuses connections for a while and then leads to another one."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class DeafPort:
    """Refuses, until `hear` is called; from then on every connection leads to `target`."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._socket = _bound(0)
        self._port = int(self._socket.getsockname()[1])
        self.url = f"http://127.0.0.1:{self._port}"

    def hear(self) -> None:
        """Take connections from now on."""
        self._socket.listen(64)
        threading.Thread(target=self._lead, daemon=True).start()

    def deafen(self) -> None:
        """Refuse again."""
        self.close()
        self._socket = _bound(self._port)

    def hear_after(self, seconds: float) -> None:
        """Take connections after a while."""
        timer = threading.Timer(seconds, self._hear_if_open)
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        """Take none any more."""
        # Closing alone would leave `accept` waiting.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _hear_if_open(self) -> None:
        with suppress(OSError):
            self.hear()

    def _lead(self) -> None:
        ours = self._socket
        while True:
            try:
                near, _ = ours.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", self._target)) as far:
            there = threading.Thread(target=_pass_on, args=(near, far), daemon=True)
            there.start()
            _pass_on(far, near)
            there.join()


def _bound(port: int) -> socket.socket:
    # Bound and not listening: the system answers each connection with a reset.
    bound = socket.socket()
    # What was connected before may not have ended yet.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
