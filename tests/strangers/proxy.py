"""A proxy as companies have one: it opens tunnels, passes plain requests on, and may want a name and a password."""

from __future__ import annotations

import base64
import http.client
import select
import socket
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Proxy:
    """Listens on 127.0.0.1 and knows where names are, such as `provider.test:443`.

    `refuses` is the status of every answer; `lost` closes every connection instead; `user` is `name:password`.
    """

    def __init__(self, names: Mapping[str, int], *, user: str = "", refuses: int = 0, lost: bool = False) -> None:
        self.names, self.user, self.refuses, self.lost = dict(names), user, refuses, lost
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{f'{self.user}@' if self.user else ''}127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wrong(self, given: str | None) -> bool:
        """Whether it does not know who asks."""
        wanted = f"Basic {base64.b64encode(self.user.encode()).decode()}"
        return bool(self.user) and given != wanted


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handling(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def _kept(self) -> bool:
            proxy.asked.append(f"{self.command} {self.path}")
            if proxy.lost:
                self.close_connection = True
                return True
            status = proxy.refuses or (407 if proxy.wrong(self.headers.get("proxy-authorization")) else 0)
            if status:
                self.send_response(status)
                if status == 407:
                    self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
                self.send_header("Content-Length", "0")
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
            return bool(status)

        def do_CONNECT(self) -> None:
            if self._kept():
                return
            with socket.create_connection(("127.0.0.1", proxy.names[self.path])) as other:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _pass_on(self.connection, other)
            self.close_connection = True

        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self._kept():
                return
            parts = urlsplit(self.path)
            port = proxy.names[f"{parts.hostname}:{parts.port or 80}"]
            other = http.client.HTTPConnection("127.0.0.1", port)
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            kept = {name: value for name, value in self.headers.items() if not name.lower().startswith("proxy-")}
            other.request(self.command, target, body, kept)
            answer = other.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers.get("content-type", ""))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            other.close()

        do_GET = do_POST = do_DELETE = _forward  # noqa: N815

    return Handling


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    while True:
        ready, _, _ = select.select([one, other], [], [], 30)
        if not ready:
            return
        for source in ready:
            data = source.recv(65536)
            if not data:
                return
            (other if source is one else one).sendall(data)
