"""A real server with Mastodon's API on this machine: snac2. `tests/services/snac.sh` gets it."""

from __future__ import annotations

import errno
import html
import http.client
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from click.testing import CliRunner, Result
from tests.ports import free_port

from reelwork.cli.app import reelwork

PROGRAM = Path(__file__).parents[3] / ".services" / "snac" / "snac"
Process: TypeAlias = "subprocess.Popen[bytes]"
START_SECONDS = 30.0
STARTS = 3
ASKED = 3
_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
_FORM = re.compile(r'<form method="post" action="([^"]+)"')


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass(frozen=True)
class Person:
    """Someone with an account at the server."""

    server: Snac
    name: str
    password: str

    def allows(self, page: str) -> str:
        """What a browser does with the page of a sign-in, until the server sends it back: where to."""
        with urllib.request.urlopen(page, timeout=20) as answer:
            text = answer.read().decode()
        [action] = _FORM.findall(text)
        fields = {name: html.unescape(value) for name, value in _HIDDEN.findall(text)}
        form = urlencode({**fields, "login": self.name, "passwd": self.password}).encode()
        try:
            urllib.request.build_opener(_Stay).open(action, form, timeout=20)
        except urllib.error.HTTPError as error:
            with error:
                return error.headers["Location"]
        raise AssertionError("the server did not send the browser back")

    def token(self) -> str:
        """A token, for reading what was posted."""
        back = "http://127.0.0.1:1/"
        client = self.server.ask("/api/v1/apps", {"client_name": "reader", "redirect_uris": back, "scopes": "read"})
        query = {"response_type": "code", "client_id": client["client_id"], "redirect_uri": back, "state": "s"}
        ended = self.allows(f"{self.server.url}/oauth/authorize?{urlencode(query)}")
        code = parse_qs(urlsplit(ended).query)["code"][0]
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "scopes": "read"}
        given |= {"client_id": client["client_id"], "client_secret": client["client_secret"]}
        return str(self.server.ask("/oauth/token", given)["access_token"])

    def posts(self, token: str) -> list[Any]:
        """Everything the person has posted, oldest first."""
        me = self.server.ask("/api/v1/accounts/verify_credentials", token=token)
        listed = self.server.ask(f"/api/v1/accounts/{me['id']}/statuses?limit=40", token=token)
        return list(reversed(listed))


class Snac:
    """The server, and what a reader of it sees."""

    person: Person

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url

    def ask(self, path: str, form: Any = None, token: str = "") -> Any:
        body = None if form is None else urlencode(form).encode()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"{self.url}{path}", body, headers)
        # It hangs up on whoever sends too slowly for it, as a busy machine does. A reader may ask again.
        for _ in range(ASKED - 1):
            with suppress(http.client.RemoteDisconnected):
                return self._answer(request)
        return self._answer(request)

    def _answer(self, request: urllib.request.Request) -> Any:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


@pytest.fixture(scope="session")
def program() -> Path:
    if not (PROGRAM.parent / "complete").exists():
        missing = "no server with Mastodon's API: run tests/services/snac.sh"
        if os.environ.get("REELWORK_REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return PROGRAM


@pytest.fixture
def snac(program: Path, tmp_path: Path) -> Iterator[Snac]:
    with running(tmp_path / "snac") as server:
        yield server


@contextmanager
def running(folder: Path) -> Iterator[Snac]:
    """A new server, with the one person `ada`."""
    port = free_port()
    asked = f"127.0.0.1\n{port}\nplaceholder.example\n\n\n"
    _finished("init", folder, asked=asked)
    settings = json.loads((folder / "server.json").read_text())
    settings |= {"protocol": "http", "host": f"127.0.0.1:{port}"}
    (folder / "server.json").write_text(json.dumps(settings))
    # Before it runs: it does not bear people who come while it delivers a post.
    server = Snac(folder, f"http://127.0.0.1:{port}")
    server.person = _person(server)
    with (folder / "log.txt").open("wb") as log:
        process = _begun("httpd", folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        _wait_for(server, process)
        yield server
    finally:
        process.terminate()
        process.wait(30)


def _person(server: Snac) -> Person:
    made = _finished("adduser", server.folder, "ada")
    said = re.search(r"User password is (\S+)", made)
    assert said is not None, made
    return Person(server, "ada", said[1])


def _finished(*words: str | Path, asked: str = "") -> str:
    """Run the program to its end, and return everything it said."""
    with _begun(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        said, _ = process.communicate(asked.encode(), timeout=START_SECONDS)
    assert process.returncode == 0, said
    return said.decode()


def _begun(*words: str | Path, stdin: int, stdout: int | IO[bytes], stderr: int | IO[bytes]) -> Process:
    command = [PROGRAM, *words]
    for _ in range(STARTS - 1):
        try:
            return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr)
        except OSError as error:
            # The scenes start programs from many threads at once. A kernel has answered EFAULT to
            # one of those starts: the program had not begun, so it is started again.
            if error.errno != errno.EFAULT:
                raise
    return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr)


def _wait_for(server: Snac, process: Process) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        assert process.poll() is None, "the server has ended"
        # It takes connections before it answers them: those of its first moments end without an answer.
        try:
            server.ask("/api/v1/instance")
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server did not start")


@pytest.fixture
def person(snac: Snac) -> Person:
    return snac.person


class Terminal:
    """The command line of a person whose browser opens what it is given."""

    def __init__(self, folder: Path, person: Person) -> None:
        self.folder, self.person = folder, person
        self._browser = ThreadPoolExecutor(1)

    def open(self, page: str) -> bool:
        self._browser.submit(lambda: urllib.request.urlopen(self.person.allows(page), timeout=20).read())
        return True

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(reelwork, ["--store", str(self.folder / "store.db"), *words])

    def close(self) -> None:
        self._browser.shutdown()


@pytest.fixture
def terminal(person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    made = Terminal(tmp_path, person)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REELWORK_ACCOUNTS", str(tmp_path / "accounts.json"))
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", made.open)
    yield made
    made.close()
