from __future__ import annotations

import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.core.credentials.oauth.network import Network, network

from reelwork.cli.app import reelwork as app

PLUGIN = '''
"""Posts to Net."""

from collections.abc import Iterable
from dataclasses import replace

from reelwork_hooks import (
    AccountField, Config, Credentials, OAuth, Plugin, Post, Job, Problem, Receipt, Tokens, hookimpl,
)

URL = "{url}"


class NetConfig(Config):
    account: str = "net"


class Net(Plugin):
    """Posts to Net."""

    Config = NetConfig
    public = False
    account_fields = (
        AccountField("client_id", "Client ID", default="client:1"),
        AccountField("client_secret", "Client secret", secret=True, required=False),
    )

    @staticmethod
    async def oauth(given, redirect_uri, context):
        return OAuth(
            authorize_url=URL + "/authorize", token_url=URL + "/token", scopes=("read", "post"),
            client_auth="basic" if given.get("client_secret") else "none",
            redirect="paste" if redirect_uri.startswith("urn:") else "loopback",
        )

    @staticmethod
    async def signed_in(tokens, context):
        headers = {{"Authorization": "Bearer " + tokens.access}}
        me = (await context.http(trust=[URL]).get(URL + "/me", headers=headers)).json()
        return Credentials(
            shown={{"identifier": me["name"], "service": URL}}, secret=tokens.secret(), identity="net/" + me["name"]
        )

    @staticmethod
    async def check_account(account, context):
        headers = {{"Authorization": "Bearer " + account.read()["access_token"]}}
        answer = await context.http(trust=[URL]).get(URL + "/me", headers=headers)
        return [] if answer.status_code == 200 else [Problem(message="The token is refused.")]

    @hookimpl
    async def publish(self, post: Post, job: Job) -> Receipt:
        values = self.context.account(self.config.account).read()
        return Receipt(id=job.id, details={{"token_end": values["access_token"][-6:]}})
'''


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    # oauthlib refuses http: a provider of the real world has no business there.
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with network() as server:
        yield server


@pytest.fixture
def plugin(net: Network, tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(PLUGIN.format(url=net.url))
    return path


class Browser:
    """A person with a browser, who allows it at once. The pages it ended at are kept."""

    def __init__(self, *, has_browser: bool = True) -> None:
        self.has_browser = has_browser
        self.address = ""
        self.pages: list[str] = []
        self.codes: list[tuple[str, str]] = []
        self.change: Callable[[str], str] = str
        self._pool = ThreadPoolExecutor(1)

    def visit(self, address: str) -> None:
        self.address = address
        if self.has_browser:
            self._pool.submit(self._go, self.change(address))

    def paste(self) -> str:
        return end_of(self.address)

    def type_code(self, address: str, code: str) -> None:
        self.codes.append((address, code))

    def _go(self, address: str) -> None:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                self.pages.append(answer.read().decode())
        except urllib.error.HTTPError as error:
            self.pages.append(error.read().decode())
            error.close()

    def close(self) -> None:
        self._pool.shutdown()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def end_of(address: str) -> str:
    """The address that the browser is sent to, without going there."""
    try:
        urllib.request.build_opener(_Stay).open(address, timeout=10)
    except urllib.error.HTTPError as error:
        with error:
            return error.headers["Location"]
    raise AssertionError("no redirect")


@pytest.fixture
def browser() -> Iterator[Browser]:
    made = Browser()
    yield made
    made.close()


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    made = Cli(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REELWORK_ACCOUNTS", str(tmp_path / "accounts.json"))
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", made.open)
    yield made
    made.browser.shutdown()


class Cli:
    """The command line of a person whose browser opens what it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.browser = ThreadPoolExecutor(1)

    def open(self, address: str) -> bool:
        self.browser.submit(lambda: urllib.request.urlopen(address, timeout=20).read())
        return True

    def __call__(self, *words: str, asked: str = "") -> Result:
        return CliRunner().invoke(app, ["--store", str(self.folder / "store.db"), *words], input=asked)
