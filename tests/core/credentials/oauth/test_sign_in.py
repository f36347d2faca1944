from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import urllib.request
import webbrowser
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.core.credentials.oauth.conftest import Browser, Cli, end_of
from tests.core.credentials.oauth.network import CLIENT, SECRET, Network

from reelwork.credentials.accounts import Accounts
from reelwork.credentials.oauth import device_flow
from reelwork.credentials.oauth.code_flow import SignInFailed
from reelwork.credentials.oauth.token_endpoint import Client, granted, tokens_of
from reelwork.net.loopback import Listener
from reelwork.net.messages import Response
from reelwork.plugins.account_kinds import Kind
from reelwork.plugins.definition import Definition
from reelwork.process_output import mask
from reelwork.studio.sign_in import kind_of_account, signed_in
from reelwork_hooks import (
    AccountField,
    Credentials,
    InvalidInput,
    OAuth,
    Plugin,
    ReelworkError,
    Tokens,
    Unavailable,
)


def sign_in(
    kind: Kind, person: Browser, folder: Path, *, seconds: float = 20.0, **given: str
) -> tuple[Credentials, ...]:
    return asyncio.run(signed_in(kind, {"client_id": CLIENT, **given}, person, folder, seconds=seconds))


def of(oauth: OAuth, found: Sequence[Credentials] = (), masked: list[str] | None = None) -> Kind:
    """A plugin that signs in like this."""

    async def signed(tokens: Tokens, context: Any) -> tuple[Credentials, ...]:
        if masked is not None:
            masked.append(mask(" ".join(tokens.secret().values())))
        return tuple(found) or (Credentials({}, tokens.secret(), "net/ada"),)

    target = type("Net", (Plugin,), {"__doc__": "Net.", "oauth": oauth, "signed_in": staticmethod(signed)})
    return Kind(Definition("net", target, "a test"))


def test_the_code_flow_brings_an_account(net: Network, plugin: Path, browser: Browser, tmp_path: Path) -> None:
    [found] = sign_in(kind_of_account(str(plugin)), browser, tmp_path)
    assert (found.identity, dict(found.shown)) == ("net/ada", {"identifier": "ada", "service": net.url})
    assert found.scopes == ("read", "post")
    assert found.expires_at is not None
    assert found.secret["access_token"] in net.alive
    assert found.secret["refresh_token"] in net.validator.refresh_tokens
    asked = dict(parse_qsl(urlsplit(browser.address).query))
    assert (asked["code_challenge_method"], asked["response_type"]) == ("S256", "code")
    assert urlsplit(asked["redirect_uri"]).hostname == "127.0.0.1"
    browser.close()
    assert "Reelwork has the answer" in browser.pages[0]
    # The listener is gone.
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", urlsplit(asked["redirect_uri"]).port or 0), timeout=5)


@pytest.mark.parametrize("way", ["basic", "post"])
def test_a_client_with_a_secret_proves_itself(net: Network, browser: Browser, tmp_path: Path, way: Any) -> None:
    net.validator.secret = SECRET
    oauth = OAuth(authorize_url=f"{net.url}/authorize", token_url=f"{net.url}/token", client_auth=way)
    masked: list[str] = []
    [found] = sign_in(of(oauth, masked=masked), browser, tmp_path, client_secret=SECRET)
    assert found.secret["client_secret"] == SECRET
    assert masked == [f"*** *** {net.url}/token {CLIENT} client_id *** {way}"]


def test_a_wrong_client_secret_is_said(net: Network, browser: Browser, tmp_path: Path) -> None:
    net.validator.secret = SECRET
    oauth = OAuth(authorize_url=f"{net.url}/authorize", token_url=f"{net.url}/token", client_auth="post")
    with pytest.raises(SignInFailed, match="invalid_client") as raised:
        sign_in(of(oauth), browser, tmp_path, client_secret="another-secret")
    assert "another-secret" not in raised.value.explained()
    assert raised.value.money == "Nothing was stored."


def test_what_was_denied_is_said_in_the_browser_and_here(net: Network, browser: Browser, tmp_path: Path) -> None:
    net.denies = True
    oauth = OAuth(authorize_url=f"{net.url}/authorize", token_url=f"{net.url}/token")
    with pytest.raises(SignInFailed, match="declined"):
        sign_in(of(oauth), browser, tmp_path)
    browser.close()
    assert "The sign-in was declined in the browser." in browser.pages[0]


@pytest.mark.parametrize("state", ["x" * 43, ""])
def test_an_answer_with_another_state_is_not_used(
    net: Network, browser: Browser, tmp_path: Path, state: str
) -> None:
    def forged(address: str) -> str:
        asked = dict(parse_qsl(urlsplit(address).query))
        return f"{asked['redirect_uri']}?code=stolen&state={state}"

    browser.change = forged
    oauth = OAuth(authorize_url=f"{net.url}/authorize", token_url=f"{net.url}/token")
    with pytest.raises(SignInFailed, match="sign-in, so it was not used"):
        sign_in(of(oauth), browser, tmp_path)
    assert not [path for path, _ in net.seen if path == "/token"]
    browser.close()
    assert "did not work" in browser.pages[0]


def test_a_browser_that_never_comes_back_ends_the_wait(net: Network, browser: Browser, tmp_path: Path) -> None:
    browser.change = lambda _: f"{net.url}/elsewhere"
    oauth = OAuth(authorize_url=f"{net.url}/authorize", token_url=f"{net.url}/token")
    with pytest.raises(SignInFailed, match=r"within 0\.3 s") as raised:
        sign_in(of(oauth), browser, tmp_path, seconds=0.3)
    assert "--no-browser" in raised.value.hint


def test_without_a_browser_the_code_or_the_address_is_pasted(net: Network, plugin: Path, tmp_path: Path) -> None:
    away = Browser(has_browser=False)
    [found] = sign_in(kind_of_account(str(plugin)), away, tmp_path)
    assert found.identity == "net/ada"
    assert "redirect_uri=urn%3Aietf" in away.address
    # A network that knows loopback addresses only: what the browser could not open is pasted.
    oauth = OAuth(authorize_url=f"{net.url}/authorize", token_url=f"{net.url}/token")
    [found] = sign_in(of(oauth), away, tmp_path)
    assert "redirect_uri=http%3A%2F%2F127.0.0.1" in away.address
    away.paste = lambda: end_of(away.address).replace("state=", "state=x")  # type: ignore[method-assign]
    with pytest.raises(SignInFailed, match="sign-in, so it was not used"):
        sign_in(of(oauth), away, tmp_path)


def test_a_device_waits_until_the_code_is_typed(
    net: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_flow, "SHORTEST_INTERVAL", 0.02)
    monkeypatch.setattr(device_flow, "LONGEST_INTERVAL", 0.02)
    monkeypatch.setattr(device_flow, "SLOWER", 0.01)
    net.validator.device_states = ["authorization_pending", "slow_down", "authorization_pending", "authorized"]
    person = Browser(has_browser=False)
    oauth = OAuth(device_url=f"{net.url}/device", token_url=f"{net.url}/token", scopes=("read",))
    [found] = sign_in(of(oauth), person, tmp_path)
    assert found.secret["access_token"] in net.alive
    assert person.codes[0][0] == f"{net.url}/activate"
    assert len([path for path, _ in net.seen if path == "/token"]) == 4


@pytest.mark.parametrize(("state", "said"), [("access_denied", "declined"), ("expired_token", "expired_token")])
def test_a_device_that_is_denied_or_late_stops_asking(
    net: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, said: str
) -> None:
    monkeypatch.setattr(device_flow, "SHORTEST_INTERVAL", 0.02)
    monkeypatch.setattr(device_flow, "LONGEST_INTERVAL", 0.02)
    net.validator.device_states = [state]
    oauth = OAuth(device_url=f"{net.url}/device", token_url=f"{net.url}/token")
    with pytest.raises(SignInFailed, match=said):
        sign_in(of(oauth), Browser(has_browser=False), tmp_path)
    assert len([path for path, _ in net.seen if path == "/token"]) == 1


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, "<html>", Unavailable),
        (500, '{"error": "server_error"}', Unavailable),
        (429, "{}", Unavailable),
        (302, "{}", Unavailable),
        (200, '{"error": "invalid_grant"}', SignInFailed),
        (400, "nothing", SignInFailed),
        (200, '{"access_token": "a\\nb"}', Unavailable),
    ],
)
def test_what_is_no_token_stores_nothing(
    net: Network, browser: Browser, tmp_path: Path, status: int, body: str, kind: type[ReelworkError]
) -> None:
    net.answer = (status, body)
    oauth = OAuth(authorize_url=f"{net.url}/authorize", token_url=f"{net.url}/token")
    with pytest.raises(kind):
        sign_in(of(oauth), browser, tmp_path)


def test_codes_and_tokens_are_never_sent_over_http(browser: Browser, tmp_path: Path) -> None:
    oauth = OAuth(authorize_url="http://net.example/authorize", token_url="https://net.example/token")
    with pytest.raises(InvalidInput, match="must begin with https://"):
        sign_in(of(oauth), browser, tmp_path)
    assert browser.address == ""


def test_who_signed_in_must_be_said(net: Network, browser: Browser, tmp_path: Path) -> None:
    oauth = OAuth(authorize_url=f"{net.url}/authorize", token_url=f"{net.url}/token")
    with pytest.raises(ReelworkError, match="without an identity"):
        sign_in(of(oauth, [Credentials({}, {})]), browser, tmp_path)


@pytest.mark.parametrize("hex_form", [True, False])
def test_the_challenge_is_as_the_network_wants_it(tmp_path: Path, hex_form: bool) -> None:
    import base64
    import hashlib

    from reelwork.credentials.oauth.code_flow import CodeFlow
    from reelwork.credentials.oauth.token_endpoint import Client

    oauth = OAuth(
        authorize_url="https://n.example/a?x=1",
        token_url="https://n.example/t",
        pkce="S256-hex" if hex_form else "S256",
        client_id="c",
        client_id_name="client_key",
        scopes=("a", "b"),
        scope_separator=",",
        extra={"access_type": "offline"},
    )
    flow = CodeFlow(oauth, Client.of(oauth, {}), "http://127.0.0.1:1/")
    asked = dict(parse_qsl(urlsplit(flow.address).query))
    digest = hashlib.sha256(flow.form("x")["code_verifier"].encode())
    expected = digest.hexdigest() if hex_form else base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")
    assert asked["code_challenge"] == expected
    assert (asked["x"], asked["client_key"], asked["scope"], asked["access_type"]) == ("1", "c", "a,b", "offline")


def test_the_listener_closes_on_a_target_that_cannot_be_read() -> None:
    async def play() -> list[Any]:
        faults: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
        async with Listener() as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(listener.address()).port)
            writer.write(b"GET //[ HTTP/1.1\r\n\r\n")
            assert await reader.read() == b""
            writer.close()
        return faults

    # asyncio would print a traceback in the middle of the sign-in.
    assert asyncio.run(play()) == []


def test_the_listener_answers_only_what_is_an_answer() -> None:
    async def play() -> tuple[Any, list[int]]:
        async with Listener() as listener:
            port = urlsplit(listener.address()).port or 0
            # Browsers connect in advance, and ask for an icon.
            idle = await asyncio.open_connection("127.0.0.1", port)
            statuses = []
            for path in ("/favicon.ico", "/other?code=1&state=2", "/", "/?code=1&state=%3Cb%3E"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                text = await reader.read()
                statuses.append(int(text.split()[1]))
                assert b"<b>" not in text
                writer.close()
            idle[1].close()
            return await listener.answer(5, lambda _: ""), statuses

    answer, statuses = asyncio.run(play())
    assert (dict(answer), statuses) == ({"code": "1", "state": "<b>"}, [404, 404, 404, 200])


def test_the_command_signs_in_checks_and_posts(net: Network, plugin: Path, tmp_path: Path, cli: Cli) -> None:
    added = cli("accounts", "add", "net.py")
    assert added.exit_code == 0, added.output
    assert f"Signed in as ada at {net.url}" in added.stdout
    stored = json.loads((tmp_path / "accounts.json").read_text())["accounts"]["net"]
    secret = stored["secret"]["access_token"]
    assert stored["identity"] == "net/ada"
    assert secret not in added.output
    checked = cli("accounts", "check", "net")
    assert (checked.exit_code, "posts would work" in checked.stdout) == (0, True), checked.output
    listed = json.loads(cli("accounts", "list", "--json").stdout)[0]
    assert (listed["identity"], listed["scopes"]) == ("net/ada", ["read", "post"])
    assert "expires_at" in listed
    net.alive.clear()
    checked = cli("accounts", "check", "net")
    assert (checked.exit_code, "The token is refused." in checked.stdout) == (1, True)


def test_a_browser_that_returns_only_when_it_is_closed_is_not_waited_for(
    net: Network, plugin: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stays_open(address: str) -> bool:
        with urllib.request.urlopen(address, timeout=20) as page:
            return bool(page.read())

    monkeypatch.setattr(webbrowser, "open", stays_open)
    added = cli("accounts", "add", "net.py")
    assert added.exit_code == 0, added.output


STORE = """
from reelwork_hooks import AccountField, Config, Credentials, Phase, Plugin, hookimpl


class KeepsConfig(Config):
    account: str = "keeps-files"


class Keeps(Plugin):
    phase, Config = Phase.STORE, KeepsConfig
    account_fields = (AccountField("service", help="Its address."),)

    @staticmethod
    async def sign_in(given, context):
        return Credentials({"service": given["service"]}, {"key": "k"})

    @hookimpl
    def post_download(self, clip, job): ...
"""


def test_a_file_that_stores_is_named_and_used_as_a_workflow_does(tmp_path: Path, plugin: Path, cli: Cli) -> None:
    (tmp_path / "keeps_files.py").write_text(STORE)
    refused = cli("accounts", "add", "keeps_files.py")
    assert (refused.exit_code, "--field service=VALUE" in refused.output) == (2, True), refused.output
    added = cli("accounts", "add", "keeps_files.py", "--field", "service=https://dav.example")
    assert added.exit_code == 0, added.output
    assert "Stored as the account 'keeps-files'" in added.stdout
    assert 'Use it in a workflow: [plugin.keeps-files] with account = "keeps-files"' in added.stdout
    second = cli("accounts", "add", "keeps_files.py", "--field", "service=https://dav.example", "--name", "b")
    assert 'Use it in a workflow: [plugin.keeps-files] with account = "b"' in second.stdout


def test_somebody_else_does_not_take_the_account_over(net: Network, plugin: Path, tmp_path: Path, cli: Cli) -> None:
    cli("accounts", "add", "net.py")
    before = (tmp_path / "accounts.json").read_bytes()
    net.user = "eve"
    refused = cli("accounts", "add", "net.py", "--replace")
    assert refused.exit_code == 2
    assert "belongs to net/ada, and this sign-in is of net/eve" in refused.output
    assert (tmp_path / "accounts.json").read_bytes() == before
    net.user = "ada"
    again = cli("accounts", "add", "net.py", "--replace")
    assert again.exit_code == 0, again.output
    assert (tmp_path / "accounts.json").read_bytes() != before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--field", "client_secret=hunter2x"), "gives a secret in the clear"),
        (("--field", "client_secret=env:NOT_SET_HERE"), "is not set"),
        (("--field", "colour=red"), "no field 'colour'"),
        (("--field", "client_id"), "has no value"),
        (("--identifier", "me"), "no field 'identifier'"),
    ],
)
def test_a_field_that_cannot_be_taken_is_said(
    net: Network, plugin: Path, cli: Cli, words: tuple[str, ...], said: str
) -> None:
    refused = cli("accounts", "add", "net.py", *words)
    assert refused.exit_code == 2
    assert said in refused.output
    assert "hunter2x" not in refused.output
    assert net.seen == []


def test_a_secret_comes_from_the_environment_and_the_code_by_standard_input(
    net: Network, plugin: Path, tmp_path: Path
) -> None:
    net.validator.secret = SECRET
    command = [sys.executable, "-m", "reelwork", "accounts", "add", "net.py", "--no-browser"]
    command += ["--field", "client_secret=env:NET_SECRET", "--name", "by-hand"]
    own = {**os.environ, "REELWORK_ACCOUNTS": str(tmp_path / "accounts.json"), "NET_SECRET": SECRET}
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=own,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = []
        # What a machine has to say of itself may come first, such as that no browser was found.
        while not (said and said[-1].startswith("  http")):
            said.append(process.stderr.readline())
            assert said[-1], said
        out, err = process.communicate(f"{_shown(said[-1].strip())}\n", timeout=60)
    assert process.returncode == 0, err
    assert 'account = "by-hand"' in out
    assert SECRET not in out + err
    assert Accounts(tmp_path / "accounts.json").get("by-hand").read()["client_secret"] == SECRET


def _shown(address: str) -> str:
    """The code that the page shows, for a redirect out of band."""
    return dict(parse_qsl(urlsplit(end_of(address)).query))["code"]


def test_the_environment_gives_fields(
    net: Network, plugin: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELWORK_ACCOUNT_CLIENT_ID", "unknown")
    refused = cli("accounts", "add", "net.py", "--no-browser", asked="code\n")
    assert refused.exit_code == 2
    assert "client_id=unknown" in refused.output
    assert "code\n" not in refused.output


def test_wrong_declarations_are_found() -> None:
    from reelwork.testing.check.accounts import check_sign_in

    def sync(tokens: Tokens, context: Any) -> tuple[Credentials, ...]:
        return ()

    oauth = OAuth(authorize_url="https://n.example/a", token_url="https://n.example/t", pkce="none")
    twice = (AccountField("x", help="h"), AccountField("x", help="h"))
    target = type("Wrong", (Plugin,), {"oauth": oauth, "account_fields": twice, "signed_in": staticmethod(sync)})
    said = " ".join(f"{one.about} {one.message}" for one in check_sign_in(target))
    for part in ("'x' twice", "no client_id", "neither PKCE", "signed_in is not a static"):
        assert part in said
    silent = type("Silent", (Plugin,), {"account_fields": (AccountField("x"),)})
    assert any("never asked for" in one.message for one in check_sign_in(silent))


def test_several_accounts_of_one_sign_in_have_names_of_their_own(
    net: Network, plugin: Path, tmp_path: Path, cli: Cli
) -> None:
    text = plugin.read_text().replace(
        "        return Credentials(",
        "        one = Credentials({'identifier': 'Brand A!'}, tokens.secret(), 'net/brand-a')\n"
        "        return one, Credentials(",
    )
    plugin.write_text(text)
    added = cli("accounts", "add", "net.py", "--name", "me")
    assert added.exit_code == 0, added.output
    entries = Accounts(tmp_path / "accounts.json").entries()
    assert {name: entry.identity for name, entry in entries.items()} == {
        "me-brand-a": "net/brand-a",
        "me-ada": "net/ada",
    }
    assert '[plugin.net] with account = "me-brand-a"' in added.output


@pytest.mark.parametrize(
    ("media_type", "answered"),
    [
        (
            "application/x-www-form-urlencoded; charset=utf-8",
            b"access_token=a%2B1&refresh_token=r&scope=read%2Cpost",
        ),
        ("application/json", b'{"access_token": "a+1", "refresh_token": "r", "scope": ["read", "post"]}'),
    ],
)
def test_a_network_may_answer_in_its_own_spelling(media_type: str, answered: bytes) -> None:
    response, client = Response(200, {"content-type": media_type}, answered), Client("https://n.example/token", "c")
    tokens = tokens_of(granted(response, client.token_url), client, {}, datetime.now(UTC), ("all",))
    assert (tokens.access, tokens.refresh, tokens.scopes) == ("a+1", "r", ("read", "post"))


def test_an_installed_plugin_that_stores_is_listed_where_any_plugin_may_be(tmp_path: Path) -> None:
    from reelwork.cli.commands.accounts_add import _use
    from reelwork.plugins.account_kinds import Kind
    from reelwork.plugins.catalog import Catalog

    (tmp_path / "keeps.py").write_text(STORE)
    kind = Kind(Catalog([]).get_file(tmp_path / "keeps.py"))
    assert _use("keeps", "keeps", kind, "keeps") == 'add = ["keeps"]'
    assert _use("keeps", "keeps", kind, "b") == '[plugin.keeps] with account = "b"'
