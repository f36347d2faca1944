"""Serves one file over HTTP on 127.0.0.1 with `sendfile`, by ranges. Prints its port; ends with its standard input.

python -m benchmarks.file_server FILE
"""

from __future__ import annotations

import re
import socket
import sys
import threading
from pathlib import Path

_RANGE = re.compile(rb"\r\nrange: bytes=(\d+)-\r\n", re.IGNORECASE)


def main() -> None:
    path = Path(sys.argv[1])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_accept, args=(listening, path), daemon=True).start()
        print(listening.getsockname()[1], flush=True)
        sys.stdin.read()


def _accept(listening: socket.socket, path: Path) -> None:
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=_answer, args=(connection, path), daemon=True).start()


def _answer(connection: socket.socket, path: Path) -> None:
    with connection, path.open("rb") as file:
        asked = b""
        while b"\r\n\r\n" not in asked:
            piece = connection.recv(65536)
            if not piece:
                return
            asked += piece
        total, match = path.stat().st_size, _RANGE.search(asked)
        start = int(match[1]) if match else 0
        status = "206 Partial Content" if match else "200 OK"
        head = [
            f"HTTP/1.1 {status}",
            f"Content-Length: {total - start}",
            "Content-Type: video/mp4",
            'ETag: "benchmark"',
            *([f"Content-Range: bytes {start}-{total - 1}/{total}"] if match else []),
            "Connection: close",
        ]
        try:
            connection.sendall("\r\n".join([*head, "", ""]).encode())
            connection.sendfile(file, start)
        except ConnectionError:
            return  # Whoever asked has hung up.


if __name__ == "__main__":
    main()
