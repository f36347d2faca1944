"""A place to post to, over HTTP, with a log of its own and faults at both ends of a request."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Wall:
    """Keeps what was posted. `faults` are used up one for each post, in order; then all is well.

    With `honours_keys` a post whose key it knows is answered as the first one was, and not kept again. So many
    looks as `deaf` says are not answered.
    """

    def __init__(self, *, honours_keys: bool = False) -> None:
        self.posts: list[str] = []
        self.deaf = 0
        self.repeats = 0
        self.calls = 0
        self.faults: list[str] = []
        self._honours_keys = honours_keys
        self._lock = threading.Lock()
        wall = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with wall._lock:
                    deaf, wall.deaf = wall.deaf > 0, max(wall.deaf - 1, 0)
                    posts = list(wall.posts)
                if deaf:
                    self.close_connection = True
                    return
                self._answer(200, {"posts": posts})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if not body:
                    # Whoever was sending has been killed: nothing arrived.
                    self.close_connection = True
                    return
                key = json.loads(body)["key"]
                fault = wall._next_fault()
                if fault == "429":
                    self.send_response(429)
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                if fault == "drop-before":
                    self.close_connection = True
                    return
                if fault == "silent":
                    time.sleep(1.8)
                    self.close_connection = True
                    return
                if fault == "late":
                    time.sleep(1.5)
                number = wall._accept(key)
                if fault == "accept-then-drop":
                    self.close_connection = True
                    return
                if fault == "accept-then-slow":
                    time.sleep(1.8)
                status = 500 if fault == "accept-then-500" else 200
                self._answer(status, {"id": f"post_{number}"})

            def _answer(self, status: int, body: Any) -> None:
                data = json.dumps(body).encode()
                try:
                    self.send_response(status)
                    self.send_header("content-length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _next_fault(self) -> str:
        with self._lock:
            self.calls += 1
            return self.faults.pop(0) if self.faults else ""

    def _accept(self, key: str) -> int:
        with self._lock:
            if self._honours_keys and key in self.posts:
                self.repeats += 1
                return self.posts.index(key) + 1
            self.posts.append(key)
            return len(self.posts)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
