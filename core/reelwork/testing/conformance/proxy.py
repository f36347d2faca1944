"""A proxy on 127.0.0.1 between a plugin and the other side, which fails as a bad network does."""

from __future__ import annotations

import http.client
import select
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from reelwork.testing.conformance.proxy_script import Script, Seen, shape
from reelwork.testing.conformance.scenarios import Canned, Fault, Kill

# Longer than a hasty process waits for an answer, so that the sender gives up first.
HOLD_SECONDS = 8.0
"""Seconds a sender that does not give up is kept waiting before its connection is closed."""
KEPT_BYTES = 64 * 1024
"""Of each request, to see whether it carries the key."""
READS = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND"})
# Each connection has its own (RFC 9110, 7.6.1). The length is counted again, since a body may be cut.
_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "keep-alive", "content-length"})

Answer = tuple[int, Mapping[str, str], bytes]


class FaultProxy:
    """The proxy. `url` is where the plugin is to send what is meant for `upstream`."""

    def __init__(self, upstream: str, script: Script, *, listening: bool = True) -> None:
        parts = urlsplit(upstream)
        self.upstream = parts.netloc
        self.script = script
        self.seen: list[Seen] = []
        self.closing = threading.Event()
        self._settled = threading.Condition()
        self._under_way = 0
        self._struck = False
        self._server = _Server(("127.0.0.1", 0))
        self._server.proxy = self
        # Bound but not yet listening: connections are refused, and no other process takes the port.
        self._server.server_bind()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{parts.path}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._listening = False
        if listening:
            self.listen()

    def listen(self) -> None:
        """Take connections from now on. Before, they are refused."""
        self._server.server_activate()
        self._listening = True
        self._thread.start()

    def drain(self) -> None:
        """Wait until what a process sent before it ended has arrived, or never will."""
        if self._listening:
            self._server.drain()

    def close(self) -> None:
        """Release every sender that is held, and stop."""
        self.closing.set()
        if self._listening:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    @property
    def writes(self) -> list[Seen]:
        """The write requests, in order."""
        return [seen for seen in list(self.seen) if seen.number]

    def take(self, seen: Seen) -> tuple[Fault, Kill | None]:
        """Note a request, and return its fault and kill."""
        with self._settled:
            # What is late arrives before anything that was asked afterwards: that is what settling means.
            self._settled.wait_for(lambda: not self._under_way, HOLD_SECONDS)
            self.seen.append(seen)
            if seen.method not in READS:
                seen.number = len([one for one in self.seen if one.method not in READS])
                fault = self._fault_of_write(seen)
            else:
                fault = self._fault_of_read()
            fault = self.script.every or fault
            seen.struck = fault is not None
            kill = self.script.kill
            fault = fault or Fault()
            kill = kill if kill is not None and kill.what == "request" and kill.at == seen.number else None
            if kill is not None:
                # Only the first process is killed: the next ones have to finish its work.
                self.script.kill = None
            if fault.arrives == "late" or (kill is not None and kill.when == "late"):
                self._under_way += 1
            return fault, kill

    def _fault_of_write(self, seen: Seen) -> Fault | None:
        script = self.script
        if script.at_write:
            return script.fault if seen.number == script.at_write else None
        if script.fault is None or script.times <= 0 or shape(seen.method, seen.path) != script.act:
            return None
        script.times -= 1
        return script.fault

    def _fault_of_read(self) -> Fault | None:
        script = self.script
        if not self._struck or script.look is None or script.looks <= 0:
            return None
        script.looks -= 1
        return script.look

    def arrived_late(self) -> None:
        """Note that a request under way has arrived, and wake the threads that wait for it."""
        with self._settled:
            self._under_way -= 1
            self._settled.notify_all()

    def dealt_with(self, seen: Seen) -> None:
        """Begin what follows the first struck write, once that has been dealt with."""
        if not seen.struck or not seen.number or self._struck:
            return
        # Before the flag: the reads that find it set must also find what was to happen.
        self.script.on_struck()
        self._struck = True


class _Server(ThreadingHTTPServer):
    proxy: FaultProxy
    daemon_threads = True
    # A sender that is held would keep `server_close` waiting.
    block_on_close = False
    # socketserver queues five connections: with more at once, some would be refused.
    request_queue_size = 64

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, _Handler, bind_and_activate=False)
        self._open: set[Any] = set()
        self._changed = threading.Condition()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._open.add(client_address)
            self._changed.notify_all()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._changed:
                self._open.discard(client_address)
                self._changed.notify_all()

    def drain(self) -> None:
        """Wait until every connection that was opened so far has been dealt with."""
        with socket.create_connection(self.server_address[:2]) as last:  # type: ignore[arg-type]
            # Connections are taken in the order in which they come: once ours is, all before it are.
            mine = last.getsockname()
            with self._changed:
                self._changed.wait_for(lambda: mine in self._open, HOLD_SECONDS)
                self._changed.wait_for(lambda: self._open == {mine}, HOLD_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def _serve(self) -> None:
        proxy = self.server.proxy
        # One request for each connection: `drain` waits for connections to end.
        self.close_connection = True
        try:
            body = self._body()
        except (OSError, ValueError):
            return
        seen = Seen(self.command, self.path, time.time(), self._content(body))
        fault, kill = proxy.take(seen)
        try:
            answer = self._carry(proxy, seen, fault, kill, body)
        finally:
            proxy.dealt_with(seen)
        if answer is not None:
            self._reply(seen, fault, answer)

    def _carry(self, proxy: FaultProxy, seen: Seen, fault: Fault, kill: Kill | None, body: bytes) -> Answer | None:
        """Forward the request now, later or never; return the answer to give, if any."""
        if kill is not None and kill.when != "after":
            proxy.script.on_kill()
        late = fault.arrives == "late" or (kill is not None and kill.when == "late")
        if late:
            try:
                self._wait_until_given_up()
                self._forward(proxy, seen, body)
            finally:
                proxy.arrived_late()
            return None
        if kill is not None and kill.when == "before":
            return None
        answer: Answer | None = None
        if fault.arrives == "half":
            self._break_off(proxy, body)
        for _ in range({"once": 1, "twice": 2}.get(fault.arrives, 0)):
            answer = self._forward(proxy, seen, body)
        if kill is not None:
            proxy.script.on_kill()
            return None
        # Reads that follow must find what is to happen after this request.
        proxy.dealt_with(seen)
        if fault.held:
            self._wait_until_given_up()
        return answer if not isinstance(fault.answer, Canned) else _canned(fault.answer)

    def _forward(self, proxy: FaultProxy, seen: Seen, body: bytes) -> Answer | None:
        connection = http.client.HTTPConnection(proxy.upstream, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        # Counted first: a request that breaks off may have arrived.
        seen.arrived += 1
        try:
            connection.request(self.command, self.path, body or None, {**headers, "Connection": "close"})
            answer = connection.getresponse()
            seen.status = answer.status
            return answer.status, dict(answer.getheaders()), answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _break_off(self, proxy: FaultProxy, body: bytes) -> None:
        """Send half of the body, and close the connection."""
        connection = http.client.HTTPConnection(proxy.upstream, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        with suppress(OSError), closing(connection):
            # More is promised than comes, as from a sender that is killed.
            length = {"Content-Length": str(len(body)), "Connection": "close"}
            connection.request(self.command, self.path, body[: len(body) // 2], {**headers, **length})

    def _reply(self, seen: Seen, fault: Fault, answer: Answer) -> None:
        if fault.answer == "none":
            return
        status, headers, body = answer
        kept = {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
        cut = fault.answer == "cut"
        # An empty body cannot be cut: more is promised than comes.
        length: Any = len(body) + 100 if cut else len(body)
        if self.command == "HEAD":
            # Servers write the names of headers as they like.
            length = {name.lower(): value for name, value in headers.items()}.get("content-length", 0)
        head = [f"HTTP/1.1 {status} {http.client.responses.get(status, '')}"]
        head += [f"{name}: {value}" for name, value in {**kept, "Content-Length": length}.items()]
        content = body[: len(body) // 2] if cut else body
        whole = "\r\n".join([*head, "Connection: close", "", ""]).encode("latin-1")
        sent = whole if self.command == "HEAD" else whole + content
        try:
            self.connection.sendall(sent * 2 if fault.answer == "twice" else sent)
            seen.answered = status
        except OSError:
            return

    def _wait_until_given_up(self) -> None:
        ends = time.monotonic() + HOLD_SECONDS
        while time.monotonic() < ends and not self.server.proxy.closing.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.02)
            try:
                # Readable without a byte: the sender has closed its side. A peek takes nothing from the connection.
                if readable and not self.connection.recv(1, socket.MSG_PEEK):
                    return
            except OSError:
                return

    def _content(self, body: bytes) -> bytes:
        return b"\n".join([self.path.encode(), str(self.headers).encode(), body])[:KEPT_BYTES]

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            # Whoever was sending has been killed: half a request is none.
            raise ValueError("the request is not whole")
        return body

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve  # noqa: N815 (the server's own names)
    do_MKCOL = do_MOVE = do_COPY = do_PROPFIND = _serve  # noqa: N815 (of WebDAV, RFC 4918)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Log nothing: the requests are stored."""


def _canned(answer: Canned) -> Answer:
    return answer.status, {**answer.headers, "Content-Type": answer.kind}, answer.body.encode()
