"""The liar with real processes: commands or servers, sockets on 127.0.0.1, and SIGKILL.

Real time passes here, so lies that are about longer times are left to the virtual world.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hypothesis import strategies as st
from liar_history import CONTROLS, LOST, PROMPTS
from liar_net import Fate, answer_to_lost, fields_of
from liar_served import serve_once
from liar_server import LiarServer
from liar_traits import LIES, Lie, Personality
from liar_values import Ask, Reply

SETTLE = 1.5
SLOW = (
    "acts after",
    "busy answers",
    "cached",
    "kept for",
    "listed after",
    "list answers",
    "one video answers",
    "renders end",
    "renders take",
)
"""Traits that are about long times, or make a command wait for long."""
QUICK = Lie("renders take", "0")
LONGEST_RUN = 300.0


@dataclass(frozen=True)
class Run:
    """One command: killed when the server has taken so many creates, if at all."""

    kill_at: int | None
    before: bool
    """Killed before the create is carried out, or after."""


@dataclass(frozen=True)
class RealHistory:
    """A batch, what becomes of its creates, and when the commands are killed."""

    who: Personality
    prompts: tuple[int, ...]
    fates: tuple[Fate, ...]
    runs: tuple[Run, ...]
    warm: bool = True
    """A control is made first."""
    served: bool = False
    """Servers that are asked over their API, in place of commands."""


_lies = tuple(lie for lie in LIES if lie.trait not in SLOW)
runs = st.builds(Run, kill_at=st.sampled_from((None, 1, 1, 2, 3)), before=st.booleans())
real_histories = st.builds(
    RealHistory,
    who=st.lists(st.sampled_from(_lies), max_size=3).map(lambda lies: Personality.of([QUICK, *lies])),
    prompts=st.lists(st.integers(0, len(PROMPTS) - 1), min_size=2, max_size=4, unique=True).map(tuple),
    fates=st.lists(st.sampled_from((*LOST, *LOST, Fate())), min_size=2, max_size=6).map(tuple),
    runs=st.lists(runs, min_size=1, max_size=2).map(tuple),
    warm=st.booleans(),
    served=st.booleans(),
)


@dataclass
class Listening:
    """A server that lies, on a real socket."""

    server: LiarServer
    film: bytes
    fates: deque[Fate] = field(default_factory=deque)
    origin: str = ""
    lost: int = 0
    creates: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    victim: subprocess.Popen[bytes] | None = None
    run: Run | None = None
    in_run: int = 0

    def strike(self, *, before: bool) -> None:
        """Kill the command, if this is the moment for it."""
        run, victim = self.run, self.victim
        if run is not None and victim is not None and run.before is before and run.kill_at == self.in_run:
            victim.send_signal(signal.SIGKILL)
            victim.wait()

    def create(self, ask: Ask) -> Reply | None:
        """What becomes of one create; None: its answer is lost without a word."""
        with self.lock:
            self.creates += 1
            self.in_run += 1
            fate = self.fates.popleft() if self.fates else Fate()
            self.strike(before=True)
            reply = None
            if fate.arrives:
                reply = self.server.refusal(ask)
            if fate.arrives and reply is None:
                render, new = self.server.act(ask)
                reply = self.server.created(ask, render, new=new)
            self.strike(before=False)
            if fate.answer:
                return reply
            self.lost += 1
            return answer_to_lost(self.server.who)

    def read(self, ask: Ask) -> Reply:
        """The answer to anything else."""
        with self.lock:
            if ask.path.endswith("/content"):
                return Reply(200, self.film, {"Content-Type": "video/mp4"})
            return self.server.answer(ask)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Whoever was killed reads no answer.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def listening(who: Personality, film: bytes) -> Iterator[Listening]:
    """Serve for as long as this lasts."""
    state = Listening(LiarServer(who), film)
    server = _Server(("127.0.0.1", 0), _handler(state))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    state.origin = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _handler(state: Listening) -> type[BaseHTTPRequestHandler]:
    class Handling(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any, **options: Any) -> None:
            pass

        def _any(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            path = parts.path.rstrip("/")
            fields = fields_of(headers.get("content-type", ""), body)
            tag = str(fields.get("prompt", ""))
            ask = Ask(self.command, path, time.time(), query, headers, fields, tag)
            reply = state.create(ask) if state.server.creates(ask) else state.read(ask)
            if reply is None:
                # With no time to linger, closing resets the connection.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                return
            self._send(reply)

        def _send(self, reply: Reply) -> None:
            raw = b"" if reply.status in (204, 304) else reply.raw
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_DELETE = _any  # noqa: N815

    return Handling


@dataclass(frozen=True)
class RealVerdict:
    """One history with real processes, judged by what the server counted."""

    lost: int
    creates: int
    killed: int
    done: int
    held: int
    doubles: tuple[str, ...]
    output: str


def play_really(history: RealHistory, film: bytes) -> RealVerdict:
    """Run, kill, resume and resume again."""
    with (
        tempfile.TemporaryDirectory(prefix="reelwork-liar-") as folder,
        listening(history.who, film) as state,
    ):
        desk = Path(folder)
        _write(desk, history, state.origin)
        killed, said, do = 0, "", _serve if history.served else _command
        if history.warm:
            do(desk, state, ["run", CONTROLS[0], "--duration", "4", "--workflow", "workflow.toml", "--yes"])
        state.fates.extend(history.fates)
        commands = [
            ["run", "batch.jsonl", "--workflow", "workflow.toml", "--yes"],
            *[["resume"]] * len(history.runs),
        ]
        for words, run in zip(commands, (*history.runs, None), strict=True):
            state.run, state.in_run = run, 0
            code, output = do(desk, state, words)
            killed += code == -signal.SIGKILL
            said += f"$ reelwork {' '.join(words)} → {code}\n{output}\n"
        statuses = _statuses(desk / "store.db")
        made = Counter(render.tag for render in state.server.renders if render.tag)
        doubles = tuple(f"{times} renders of {tag!r}" for tag, times in made.items() if times > 1)
        return RealVerdict(state.lost, state.creates, killed, statuses["done"], statuses["held"], doubles, said)


def _statuses(store: Path) -> Counter[str]:
    with closing(sqlite3.connect(store)) as connection:
        return Counter(status for (status,) in connection.execute("SELECT status FROM jobs"))


def _write(desk: Path, history: RealHistory, origin: str) -> None:
    rows = [json.dumps({"prompt": PROMPTS[number], "duration": 4}) for number in history.prompts]
    (desk / "batch.jsonl").write_text("\n".join(rows), encoding="utf-8")
    (desk / "workflow.toml").write_text(
        f'out = "out"\n[provider]\nuse = "videos-api"\nbase_url = "{origin}"\nmodel = "m1"\n'
        f"price_per_second = 0.1\nsettle_seconds = {SETTLE}\npoll_interval = 0.3\nsubmit_timeout = 3\n"
        "[plugins]\npre_moderate = []\nprompt_transform = []\npost_download = []\npublish = []\n"
    )


def _environment(desk: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REELWORK_")}
    return {**kept, "HOME": str(desk), "NO_COLOR": "1", "NO_PROXY": "*", "XDG_DATA_HOME": str(desk / "data")}


def _serve(desk: Path, state: Listening, words: list[str]) -> tuple[int, str]:
    return serve_once(desk, state, words, _environment(desk))


def _command(desk: Path, state: Listening, words: list[str]) -> tuple[int, str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "reelwork", "--store", "store.db", *words],
        cwd=desk,
        env=_environment(desk),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    state.victim = process
    try:
        output, _ = process.communicate(timeout=LONGEST_RUN)
    except subprocess.TimeoutExpired:
        # One that waits for a render that never ends is stopped as a person would stop it.
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=LONGEST_RUN)
    state.victim = None
    return process.returncode, output.decode("utf-8", "replace")
