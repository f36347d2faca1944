"""A network in memory: the real HTTP client writes real bytes, and a server that lies reads them.

Each create meets the next `Fate` of the history: whether it arrives, and whether its answer comes back. The mark of
the judge comes from `TAG`, which is set where a create is asked for, and never from what is sent.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from json import loads
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import h11
import httpcore
from liar_answers import PAGE
from liar_loop import MEMBER
from liar_server import LiarServer
from liar_traits import Personality
from liar_values import Ask, Reply

TAG: ContextVar[str] = ContextVar("tag", default="")
ENOUGH = 30
"""Creates of one effect after which it is plain what happens."""
_NAME = re.compile(rb'name="([^"]*)"')
HOP = 0.05
"""Seconds a request or an answer is on its way."""


class Caller(Protocol):
    """The process a request comes from. Every await of it may be its last."""

    tasks: set[asyncio.Task[Any]]

    async def reach(self, point: str) -> None: ...


@dataclass(frozen=True)
class Fate:
    """What becomes of one create: whether it `arrives`, and whether its `answer` comes back."""

    arrives: bool = True
    answer: bool = True
    busy: bool = False
    refused: bool = False
    """No connection at all."""


@dataclass
class Net:
    """All servers by port, with what becomes of the next creates."""

    now: Any
    """Seconds since 1970, true time."""
    servers: dict[int, LiarServer] = field(default_factory=dict)
    fates: deque[Fate] = field(default_factory=deque)
    down: bool = False
    """Nothing can be reached."""
    lost: int = 0
    """Answers to creates that were lost."""
    lost_arrived: int = 0
    creates: int = 0
    doubted: set[str] = field(default_factory=set)
    """Tags of creates at least one answer of which was lost."""
    asked_for: Counter[str] = field(default_factory=Counter)
    """Creates that arrived, by tag."""

    @property
    def over(self) -> bool:
        """One effect was asked for so often that nothing more can be learnt from this history."""
        return max(self.asked_for.values(), default=0) > ENOUGH

    def fate(self) -> Fate:
        return self.fates.popleft() if self.fates else Fate()


class MemoryNet(httpcore.AsyncNetworkBackend):
    """Connects to the servers of the current `Net`."""

    net: Net

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        await asyncio.sleep(HOP)
        if self.net.down or self.net.over or port not in self.net.servers:
            raise httpcore.ConnectError("connection refused")
        if TAG.get() and self.net.fates and self.net.fates[0].refused:
            self.net.fates.popleft()
            raise httpcore.ConnectError("connection refused")
        return MemoryStream(self.net, self.net.servers[port])


class MemoryStream(httpcore.AsyncNetworkStream):
    """One connection, seen from the client; the server's end is parsed by h11."""

    def __init__(self, net: Net, server: LiarServer) -> None:
        self._net, self._server = net, server
        self._there = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._answer = bytearray()
        self._ends = ""
        """How the connection ends when what is to be read was read: empty, it stays open."""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        caller: Any = MEMBER.get()
        if self._ends == "reset":
            raise httpcore.WriteError("connection reset by peer")
        if TAG.get() and self._request is None:
            await caller.reach("leaving")
        if not buffer:
            return
        self._there.receive_data(buffer)
        while True:
            event = self._there.next_event()
            if isinstance(event, h11.Request):
                self._request = event
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                await self._arrived(caller)
            else:
                return

    async def _arrived(self, caller: Any) -> None:
        assert self._request is not None
        ask = _ask(self._request, bytes(self._body), self._net.now(), TAG.get())
        self._request, self._body = None, bytearray()
        reply = await self._create(ask, caller) if self._server.creates(ask) else self._read(ask)
        if reply is not None:
            self._give(reply)
        if self._there.our_state is h11.DONE and self._there.their_state is h11.DONE:
            self._there.start_next_cycle()

    def _read(self, ask: Ask) -> Reply:
        return self._server.answer(ask)

    async def _create(self, ask: Ask, caller: Any) -> Reply | None:
        net, fate = self._net, self._net.fate()
        net.creates += 1
        net.asked_for[ask.tag] += 1
        if fate.busy:
            return self._server.busy(ask)
        reply: Reply | None = None
        if fate.arrives:
            later = self._server.acts_after
            reply = self._server.refusal(ask)
            if reply is None and later:
                # The server acts when it comes to it, whoever still waits for the answer.
                asyncio.get_running_loop().call_later(later, self._act_late, ask)
            elif reply is None:
                render, new = self._server.act(ask)
                reply = self._server.created(ask, render, new=new)
        await caller.reach("arrived")
        if fate.answer and later_answer(reply):
            return reply
        if fate.answer and fate.arrives:
            await asyncio.sleep(self._server.acts_after)
            return self._late_reply(ask)
        net.lost += 1
        net.lost_arrived += fate.arrives
        net.doubted.add(ask.tag)
        return self._lose(reply)

    def _act_late(self, ask: Ask) -> None:
        late = replace(ask, at=self._net.now())
        if self._server.refusal(late) is None:
            self._server.act(late)

    def _late_reply(self, ask: Ask) -> Reply | None:
        render = next((one for one in reversed(self._server.renders) if one.tag == ask.tag), None)
        return self._server.refusal(ask) if render is None else self._server.created(ask, render, new=True)

    def _lose(self, reply: Reply | None) -> Reply | None:
        """The answer is lost, or never was one: both look the same."""
        told = answer_to_lost(self._server.who)
        if told is not None:
            return told
        form = self._server.who["lost answers look like"]
        if form in ("half an answer", "a wrong length"):
            self._answer += b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"
        self._ends = {"silence": "silence", "half an answer": "reset"}.get(
            form, "end" if form != "a reset" else "reset"
        )
        return None

    def _give(self, reply: Reply) -> None:
        raw = b"" if reply.status in (204, 304) else reply.raw
        sent = {**reply.headers, **({} if reply.status == 204 else {"Content-Length": str(len(raw))})}
        head = h11.Response(status_code=reply.status, headers=list(sent.items()), reason=b"OK")
        for event in (head, h11.Data(data=raw), h11.EndOfMessage()):
            self._answer += self._there.send(event) or b""
        if self._there.our_state is h11.MUST_CLOSE:
            self._ends = "end"

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        await asyncio.sleep(HOP)
        caller: Any = MEMBER.get()
        await caller.reach("answered")
        if self._answer:
            taken = bytes(self._answer)
            self._answer.clear()
            return taken
        match self._ends:
            case "end":
                return b""
            case "reset":
                raise httpcore.ReadError("connection reset by peer")
        await asyncio.sleep(timeout or 600)
        raise httpcore.ReadTimeout("timed out")

    async def aclose(self) -> None:
        pass

    async def start_tls(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise AssertionError("nothing here is encrypted")

    def get_extra_info(self, info: str) -> Any:
        return False if info == "is_readable" else None


def answer_to_lost(who: Personality) -> Reply | None:
    """What comes in place of an answer that is lost; None: nothing at all."""
    told = {
        "502": Reply(502, {"error": {"message": "bad gateway"}}),
        "504 HTML": Reply(504, PAGE, {"Content-Type": "text/html"}),
        "500 JSON": Reply(500, {"error": {"message": "internal server error"}}),
        "408": Reply(408, {"error": {"message": "request timeout"}}),
        "499": Reply(499, b""),
        "524": Reply(524, PAGE, {"Content-Type": "text/html"}),
        "200 HTML": Reply(200, PAGE, {"Content-Type": "text/html"}),
        "200 and cut JSON": Reply(200, b'{"id": "vid'),
    }
    return told.get(who["lost answers look like"])


def later_answer(reply: Reply | None) -> bool:
    """Whether the answer is there already."""
    return reply is not None


def _ask(request: h11.Request, body: bytes, at: float, tag: str) -> Ask:
    parts = urlsplit(request.target.decode())
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    headers = {name.decode().lower(): value.decode() for name, value in request.headers}
    path = parts.path.rstrip("/")
    fields = fields_of(headers.get("content-type", ""), body)
    return Ask(request.method.decode(), path, at, query, headers, fields, tag)


def fields_of(kind: str, body: bytes) -> Mapping[str, Any]:
    """What a create asks for, from JSON or a form."""
    if not body:
        return {}
    if "json" in kind:
        return dict(loads(body))
    if "multipart" not in kind:
        return {}
    # Simple on purpose: a parser of mails takes longer than all the rest of a request.
    boundary = b"--" + kind.partition("boundary=")[2].encode()
    parts = (part.removeprefix(b"\r\n").partition(b"\r\n\r\n") for part in body.split(boundary)[1:-1])
    return {
        _NAME.findall(head)[0].decode(): content.removesuffix(b"\r\n").decode("utf-8", "replace")
        for head, _, content in parts
    }
