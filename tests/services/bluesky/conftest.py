"""A real Bluesky server on this machine, and a proxy in front of it that loses answers on demand.

`tests/services/pds.sh` installs the server.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import av
import pytest
from PIL import Image

from reelwork.credentials.accounts import Accounts
from reelwork.net.client import Http
from reelwork.plugins.context import PluginContext
from reelwork.redaction.redactor import Redactor
from reelwork_hooks import Asset, Brief, Clip, Credentials, Job, Post, Role, Spec
from reelwork_plugins.publishers.bluesky import Bluesky, BlueskyConfig

T = TypeVar("T")
SERVICES = Path(__file__).parents[1]
MODULES = SERVICES.parents[1] / ".services" / "pds" / "node_modules"
START_SECONDS = 90
HOLD_SECONDS = 60


@dataclass(frozen=True)
class Person:
    """Someone with an account at the server and an app password."""

    did: str
    handle: str
    password: str


class Pds:
    """The server, and what a reader of it sees."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._count = 0

    def ask(self, method: str, name: str, body: Any = None, token: str = "", **query: str) -> Any:
        status, content = self.raw(method, name, body, token, **query)
        assert status == 200, (name, status, content)
        return json.loads(content)

    def raw(self, method: str, name: str, body: Any = None, token: str = "", **query: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        path = f"/xrpc/{name}" + (f"?{urlencode(query)}" if query else "")
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def person(self) -> Person:
        """A new account."""
        self._count += 1
        handle = f"person{self._count}-{secrets.token_hex(3)}.test"
        given = {"email": f"{handle}@example.test", "handle": handle, "password": secrets.token_hex(8)}
        made = self.ask("POST", "com.atproto.server.createAccount", given)
        app = self.ask("POST", "com.atproto.server.createAppPassword", {"name": "reelwork"}, made["accessJwt"])
        return Person(made["did"], handle, app["password"])

    def posts(self, person: Person) -> list[Any]:
        """Everything the person has posted."""
        query = {"repo": person.did, "collection": "app.bsky.feed.post", "limit": "100"}
        return list(self.ask("GET", "com.atproto.repo.listRecords", **query)["records"])

    def video_of(self, person: Person, post: Any) -> bytes:
        """The bytes of a post's video, as anyone may fetch them."""
        return self.blob_of(person, post["value"]["embed"]["video"])

    def blob_of(self, person: Person, blob: Any) -> bytes:
        """The bytes of a blob, as anyone may fetch them."""
        cid = blob["ref"]["$link"]
        status, content = self.raw("GET", "com.atproto.sync.getBlob", did=person.did, cid=cid)
        assert status == 200
        return content


@pytest.fixture(scope="session")
def pds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pds]:
    node = shutil.which("node")
    if node is None or not (MODULES.parent / "complete").exists():
        missing = "no Bluesky server: install Node 20 and run tests/services/pds.sh"
        if os.environ.get("REELWORK_REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("pds")
    command = [node, str(SERVICES / "pds.js"), str(MODULES), str(folder / "data")]
    with (folder / "errors.txt").open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, cwd=folder)
    try:
        yield Pds(_address_of(process, folder / "errors.txt"))
    finally:
        process.terminate()
        process.wait(30)
        if process.stdout:
            process.stdout.close()


def _address_of(process: subprocess.Popen[bytes], errors: Path) -> str:
    assert process.stdout is not None
    killer = threading.Timer(START_SECONDS, process.kill)
    killer.start()
    try:
        line = process.stdout.readline()
    finally:
        killer.cancel()
    assert line, f"the server did not start: {errors.read_text()[-2000:]}"
    return str(json.loads(line)["url"])


@dataclass(frozen=True)
class Fault:
    """What the proxy does with one request."""

    forward: bool = True
    hold: bool = False
    """Keep the client waiting until the test ends or the client is gone, then close."""
    answer: tuple[int, Mapping[str, str], bytes] | None = None
    """What is answered instead of the server's words; nothing at all when None and not `relay`."""
    relay: bool = False
    seconds: float = 0.0
    """How late it answers."""


class Proxy:
    """Stands between Reelwork and the server: counts what is asked, and does what the test says."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.faults: dict[str, list[Fault]] = {}
        self.seen: Callable[[str], object] = lambda name: None
        """Called with each request."""
        self.held = threading.Event()
        self.released = threading.Event()
        self._asked: list[str] = []
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def count(self, name: str) -> int:
        """How often this was asked."""
        with self._lock:
            return self._asked.count(name)

    def take(self, name: str) -> Fault:
        """Note a request; the fault that is due for it."""
        with self._lock:
            self._asked.append(name)
            self.seen(name)
            return self.faults[name].pop(0) if self.faults.get(name) else Fault(relay=True)

    def will(self, name: str, **fault: Any) -> None:
        """What happens to the next request for this, or to the one after those told so far."""
        self.faults.setdefault(name, []).append(Fault(**fault))

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.proxy.take(urlsplit(self.path).path.removeprefix("/xrpc/"))
        answer = self._forwarded(body) if fault.forward else None
        self.close_connection = True
        if fault.hold:
            self.proxy.held.set()
            self.proxy.released.wait(HOLD_SECONDS)
            return
        time.sleep(fault.seconds)
        if fault.answer is not None:
            self._write(*fault.answer)
        elif fault.relay and answer is not None:
            self._write(*answer)

    def _forwarded(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        connection = http.client.HTTPConnection(self.proxy.upstream, timeout=30)
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")
        }
        headers["Accept-Encoding"] = "identity"
        try:
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() == "content-type"}
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def _write(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return


@pytest.fixture
def proxy(pds: Pds) -> Iterator[Proxy]:
    running = Proxy(pds.url)
    yield running
    running.close()


@pytest.fixture
def person(pds: Pds) -> Person:
    return pds.person()


class Terminal:
    """A folder with a store and accounts of its own, and the command line in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("REELWORK_")}
        self.env = {
            **kept,
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CONFIG_HOME": str(folder / "config"),
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "reelwork", *words]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(
            command, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, text=True, **pipes
        )

    def run(self, *words: str) -> tuple[int, str]:
        """The exit code, and everything printed."""
        process = self.start(*words)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def run_killed(self, *words: str, when: threading.Event) -> None:
        """Start, and kill -9 once the event comes."""
        process = self.start(*words)
        reached = when.wait(60)
        os.kill(process.pid, signal.SIGKILL)
        output, _ = process.communicate(timeout=30)
        assert reached, f"never got there:\n{output}"

    def sign_in(self, person: Person, service: str, *more: str) -> tuple[int, str]:
        """`reelwork accounts add bluesky`."""
        self.env["APP_PASSWORD"] = person.password
        options = ("--service", service, "--identifier", person.handle, "--password-env", "APP_PASSWORD")
        return self.run("accounts", "add", "bluesky", *options, *more)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


class Bench:
    """The plugin in this process, with the engine's own context and a real account."""

    def __init__(self, folder: Path, service: str, person: Person) -> None:
        self.folder, self.service, self.person = folder, service, person
        self.redactor = Redactor()
        self.accounts = Accounts(folder / "accounts.json", self.redactor)

    def run(self, use: Callable[[Bluesky], Awaitable[T]], **settings: Any) -> T:
        """Something done with the plugin, signed in as the person."""

        async def work() -> T:
            http = Http(redactor=self.redactor, first_wait=0.01)
            context = PluginContext(
                "bluesky",
                work_dir=self.folder / "work",
                output_dir=self.folder,
                base_dir=self.folder,
                http_factory=http.trusting,
                redactor=self.redactor,
                accounts=self.accounts,
            )
            try:
                if "bluesky" not in self.accounts.entries():
                    self.accounts.add("bluesky", "bluesky", await self._signed_in(context))
                return await use(Bluesky(BlueskyConfig(**settings), context))
            finally:
                await http.aclose()

        return asyncio.run(work())

    async def _signed_in(self, context: PluginContext) -> Credentials:
        given = {"identifier": self.person.handle, "password": self.person.password, "service": self.service}
        return await Bluesky.sign_in(given, context)

    def change_account(self, **values: str) -> None:
        """Put other values into the kept account."""
        self.accounts.put("bluesky", {**self.accounts.values("bluesky"), **values})


@pytest.fixture
def bench(tmp_path: Path, proxy: Proxy, person: Person) -> Bench:
    return Bench(tmp_path, proxy.url, person)


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        frame = Image.new("RGB", (64, 36), (90, 60, 120))
        for _ in range(5):
            file.mux(stream.encode(av.VideoFrame.from_image(frame)))
        file.mux(stream.encode())
    return Clip(video=Asset.from_file(path, Role.VIDEO, width=64, height=36, duration=0.5, fps=10, codec="h264"))


@pytest.fixture
def job() -> Job:
    from datetime import UTC, datetime

    return Job(
        id="1j9qk2m4xw3vbt7c",
        run="1j9qk2m000000000",
        workflow="launch",
        brief=Brief(prompt="A cat playing with yarn", duration=1),
        spec=Spec(width=64, height=36, aspect_ratio="16:9", resolution="480p", duration=1, fps=10),
        provider="preview",
        created_at=datetime.now(UTC),
    )


@pytest.fixture
def post(clip: Clip) -> Post:
    return Post(destination="bluesky", clip=clip, caption="A cat", hashtags=("cat",))


def grapheme_lengths(texts: Sequence[str]) -> list[int]:
    """How the server itself counts."""
    program = (
        "const {createRequire} = require('node:module');"
        f"const load = createRequire({json.dumps(str(MODULES / 'index.js'))});"
        "const {graphemeLen} = load('@atproto/lex-data');"
        "const texts = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify(texts.map((text) => graphemeLen(text))))"
    )
    done = subprocess.run(
        ["node", "-e", program], input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    counted: list[int] = json.loads(done.stdout)
    return counted


@pytest.fixture(scope="session")
def server_counts(pds: Pds) -> Callable[[Sequence[str]], list[int]]:
    return grapheme_lengths
