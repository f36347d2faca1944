"""A port that refuses connections for a while and then leads to another one."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class DeafPort:
    """Refuses, until `hear` is called; from then on every connection leads to `target`."""

    def __init__(self, target: int) -> None:
        self._target = target
        # Bound and not listening: the system answers each connection with a reset.
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def hear(self) -> None:
        """Take connections from now on."""
        self._socket.listen(64)
        threading.Thread(target=self._lead, daemon=True).start()

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
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", self._target)) as far:
            there = threading.Thread(target=_pass_on, args=(near, far), daemon=True)
            there.start()
            _pass_on(far, near)
            there.join()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
