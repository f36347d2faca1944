from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.ports import free_port

from reelwork.credentials.accounts import Accounts, accounts_path
from reelwork.credentials.known_as import known_as
from reelwork.files import held
from reelwork.redaction.redactor import Redactor
from reelwork_hooks import Account, Credentials, InvalidInput, Unavailable

ME = Credentials(
    {"service": "https://x.example", "identifier": "me"}, {"password": "hunter2x", "access": "token-1"}
)
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")


@pytest.fixture
def kept(tmp_path: Path) -> Accounts:
    return Accounts(tmp_path / "config" / "accounts.json", Redactor())


def everything(name: str = "me") -> dict[str, str]:
    return {**ME.shown, **ME.secret}


def test_what_is_added_is_read_back(kept: Accounts) -> None:
    kept.add("me", "bluesky", ME)
    account: Account = kept.get("me")
    assert (account.name, account.kind) == ("me", "bluesky")
    assert account.read() == everything()
    kept.remove("me")
    assert kept.entries() == {}
    with pytest.raises(InvalidInput, match="no account named 'me'") as raised:
        kept.get("me")
    assert "reelwork accounts add" in raised.value.hint


@posix
def test_only_the_owner_may_read_it(kept: Accounts) -> None:
    kept.add("me", "bluesky", ME)
    for path in kept.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.path.parent.stat().st_mode) == 0o700


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused(kept: Accounts, mode: int) -> None:
    kept.add("me", "bluesky", ME)
    kept.path.chmod(mode)
    with pytest.raises(InvalidInput, match=f"mode {mode:04o}") as raised:
        kept.get("me")
    assert raised.value.hint.endswith(f"chmod 600 {kept.path}")
    assert subprocess.run(raised.value.hint.partition(": ")[2], shell=True, check=True).returncode == 0
    assert kept.get("me").read() == everything()


@posix
def test_a_folder_that_others_may_write_to_is_refused(kept: Accounts) -> None:
    kept.add("me", "bluesky", ME)
    kept.path.parent.chmod(0o777)
    with pytest.raises(InvalidInput, match="may replace it") as raised:
        kept.entries()
    assert f"chmod 700 {kept.path.parent}" in raised.value.hint


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"accounts": {"a": {}}}', '{"accounts": {"a": 1}}', "{hunter2x"])
def test_a_file_that_cannot_be_understood_is_left_alone(kept: Accounts, text: str) -> None:
    kept.add("me", "bluesky", ME)
    kept.path.write_text(text)
    for use in (kept.entries, lambda: kept.add("you", "bluesky", ME), lambda: kept.remove("me")):
        with pytest.raises(InvalidInput, match="can read") as raised:
            use()
        assert "hunter2x" not in raised.value.explained()
    assert kept.path.read_text() == text


def test_a_name_is_taken_once(kept: Accounts) -> None:
    kept.add("me", "bluesky", ME)
    other = Credentials({"identifier": "you"}, {"password": "another-1"})
    with pytest.raises(InvalidInput, match="already"):
        kept.add("me", "bluesky", other)
    assert kept.get("me").read() == everything()
    kept.add("me", "bluesky", other, replace=True)
    assert kept.get("me").read() == {"identifier": "you", "password": "another-1"}


@pytest.mark.parametrize("name", ["", ".hidden", "../up", "a/b", "a b", "x" * 65, "a\n"])
def test_names_that_cannot_be_file_names_are_refused(kept: Accounts, name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be the name"):
        kept.add(name, "bluesky", ME)
    assert not kept.path.exists()


def test_every_secret_that_is_read_is_masked_and_what_is_shown_is_not(tmp_path: Path) -> None:
    Accounts(tmp_path / "a.json").add("me", "bluesky", ME)
    redactor = Redactor()
    Accounts(tmp_path / "a.json", redactor).get("me").read()
    assert redactor.redact("me hunter2x token-1 https://x.example") == "me *** *** https://x.example"
    assert "hunter2x" not in repr(ME)


def test_an_identity_is_shown_with_the_name_that_a_person_knows(kept: Accounts) -> None:
    kept.add(
        "shop", "x", Credentials({"identifier": "@shop"}, {"access_token": "t-123456"}, "https://x.example 4071")
    )
    assert known_as("x https://x.example 4071", kept) == "@shop (x https://x.example 4071)"
    assert known_as("x https://x.example 40712", kept) == "x https://x.example 40712"
    kept.add("plain", "mastodon", Credentials({"identifier": "@shop"}, {"access_token": "t-123456"}, "@shop@a"))
    assert known_as("mastodon @shop@a", kept) == "mastodon @shop@a"
    kept.path.write_text("{")
    assert known_as("x https://x.example 4071", kept) == "x https://x.example 4071"


def test_a_refresh_is_kept_and_masked(kept: Accounts) -> None:
    kept.add("me", "bluesky", ME)

    async def change(now: Mapping[str, str]) -> Mapping[str, str]:
        assert now == everything()
        return {**now, "access": "token-2", "refresh": "fresh-1"}

    after = asyncio.run(kept.get("me").refresh(change))
    assert after == kept.get("me").read() == {**everything(), "access": "token-2", "refresh": "fresh-1"}
    assert kept.entries()["me"].shown == ME.shown


def test_a_refresh_that_fails_changes_nothing(kept: Accounts) -> None:
    kept.add("me", "bluesky", ME)

    async def change(now: Mapping[str, str]) -> Mapping[str, str]:
        raise Unavailable("no answer")

    before = kept.path.read_bytes()
    with pytest.raises(Unavailable):
        asyncio.run(kept.get("me").refresh(change))
    assert kept.path.read_bytes() == before
    asyncio.run(kept.get("me").refresh(_unchanged))


async def _unchanged(now: Mapping[str, str]) -> Mapping[str, str]:
    return now


def test_one_that_is_removed_during_a_refresh_stays_removed(kept: Accounts) -> None:
    kept.add("me", "bluesky", ME)
    kept.add("you", "bluesky", ME)

    async def change(now: Mapping[str, str]) -> Mapping[str, str]:
        text = json.loads(kept.path.read_text())
        del text["accounts"]["me"]
        kept.path.write_text(json.dumps(text))
        return {**now, "access": "token-2"}

    with pytest.raises(InvalidInput, match="no account named 'me'"):
        asyncio.run(kept.get("me").refresh(change))
    assert list(kept.entries()) == ["you"]


COUNTER = """
import asyncio, sys
from pathlib import Path
from reelwork.credentials.accounts import Accounts

async def change(now):
    await asyncio.sleep(0.002)
    return {**now, "access": str(int(now["access"]) + 1)}

async def main():
    account = Accounts(Path(sys.argv[1])).get("me")
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(3):
        await asyncio.gather(*[account.refresh(change) for _ in range(5)])

asyncio.run(main())
"""


def test_no_change_of_several_processes_is_lost(kept: Accounts) -> None:
    kept.add("me", "bluesky", Credentials({}, {"access": "0"}))
    started = [start(COUNTER, str(kept.path)) for _ in range(3)]
    for process in started:
        process.communicate("go\n", timeout=60)
    assert [process.returncode for process in started] == [0, 0, 0]
    assert kept.get("me").read() == {"access": "45"}


HOLDER = """
import asyncio, sys
from pathlib import Path
from reelwork.credentials.accounts import Accounts

async def change(now):
    print("holding", flush=True)
    await asyncio.sleep(60)
    return {}

asyncio.run(Accounts(Path(sys.argv[1])).get("me").refresh(change))
"""


def test_a_killed_process_lets_go_of_the_lock_and_loses_nothing(kept: Accounts) -> None:
    kept.add("me", "bluesky", ME)
    holder = start(HOLDER, str(kept.path))

    async def waits() -> None:
        async with held(kept.lock_of("me"), seconds=0.05):
            raise AssertionError("two processes hold one lock")

    with pytest.raises(Unavailable, match="has held"):
        asyncio.run(waits())
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate(timeout=30)
    asyncio.run(kept.get("me").refresh(_unchanged))
    assert kept.get("me").read() == everything()


def start(program: str, *words: str) -> subprocess.Popen[str]:
    """A process that has printed its first line."""
    command = [sys.executable, "-c", program, *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def test_where_accounts_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    default = Path("/home/me/.config/reelwork/accounts.json")
    assert accounts_path({}) == accounts_path({"XDG_CONFIG_HOME": "relative"}) == default
    assert accounts_path({"XDG_CONFIG_HOME": "/etc/xdg"}) == Path("/etc/xdg/reelwork/accounts.json")
    chosen = {"XDG_CONFIG_HOME": "/etc/xdg", "REELWORK_ACCOUNTS": "~/mine.json"}
    assert accounts_path(chosen) == Path("/home/me/mine.json")


@pytest.fixture
def keyring() -> Iterator[dict[tuple[str, str], str]]:
    """What a keyring of this process holds, instead of the person's own."""
    import keyring as library
    from keyring.backend import KeyringBackend
    from keyring.errors import PasswordDeleteError

    held_there: dict[tuple[str, str], str] = {}

    class InMemory(KeyringBackend):
        priority = 1  # type: ignore[assignment]

        def get_password(self, service: str, username: str) -> str | None:
            return held_there.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            held_there[service, username] = password

        def delete_password(self, service: str, username: str) -> None:
            if held_there.pop((service, username), None) is None:
                raise PasswordDeleteError(username)

    before = library.get_keyring()
    library.set_keyring(InMemory())
    yield held_there
    library.set_keyring(before)


def test_a_keyring_has_the_secrets_and_the_file_has_none(
    kept: Accounts, keyring: dict[tuple[str, str], str]
) -> None:
    kept.add("me", "bluesky", ME, home="keyring")
    assert "hunter2x" not in kept.path.read_text()
    assert json.loads(keyring["reelwork", "me"]) == ME.secret
    assert kept.get("me").read() == everything()

    async def change(now: Mapping[str, str]) -> Mapping[str, str]:
        return {**now, "access": "token-2"}

    asyncio.run(kept.get("me").refresh(change))
    assert json.loads(keyring["reelwork", "me"])["access"] == "token-2"
    assert "token-2" not in kept.path.read_text()
    kept.add("me", "bluesky", ME, replace=True)
    assert keyring == {}
    assert kept.get("me").read() == everything()
    kept.add("me", "bluesky", ME, home="keyring", replace=True)
    kept.remove("me")
    assert keyring == {}


def test_a_keyring_that_does_not_work_is_said_so(kept: Accounts) -> None:
    import keyring as library
    from keyring.backends.fail import Keyring

    before = library.get_keyring()
    library.set_keyring(Keyring())
    try:
        with pytest.raises(InvalidInput, match=r"did not work \(NoKeyringError\)") as raised:
            kept.add("me", "bluesky", ME, home="keyring")
    finally:
        library.set_keyring(before)
    assert "leave out --keyring" in raised.value.hint
    assert kept.entries() == {}


@pytest.fixture
def cli(kept: Accounts, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("REELWORK_ACCOUNTS", str(kept.path))
    return CliRunner()


def call(cli: CliRunner, *words: str, asked: str | None = None) -> Result:
    from reelwork.cli.app import reelwork

    return cli.invoke(reelwork, ["accounts", *words], input=asked)


def test_the_list_shows_no_secret(cli: CliRunner, kept: Accounts) -> None:
    assert "Add one: reelwork accounts add bluesky" in call(cli, "list").output
    kept.add("brand", "bluesky", ME)
    shown = call(cli, "list").output
    assert shown.splitlines()[1].split() == ["brand", "bluesky", "file", "me", "at", "https://x.example"]
    listed = call(cli, "list", "--json").output
    assert json.loads(listed) == [{"name": "brand", "kind": "bluesky", "kept_in": "file", "shown": dict(ME.shown)}]
    assert not any(secret in shown + listed for secret in ME.secret.values())


def test_removing_asks_where_it_can(cli: CliRunner, kept: Accounts) -> None:
    kept.add("me", "bluesky", ME)
    refused = call(cli, "remove", "me")
    assert refused.exit_code == 2
    assert "reelwork accounts remove me --yes" in refused.output
    assert list(kept.entries()) == ["me"]
    done = call(cli, "remove", "me", "--yes")
    assert (done.exit_code, kept.entries()) == (0, {})
    assert "still valid at https://x.example" in done.output
    assert call(cli, "remove", "me", "--yes").exit_code == 2


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("add", "local"), "has no accounts to add"),
        (("add", "nothing-of-the-kind"), "There is no plugin named"),
        (("add", "bluesky"), "No identifier was given"),
        (("add", "bluesky"), "--identifier, or --field identifier=VALUE, or set REELWORK_ACCOUNT_IDENTIFIER"),
        (("add", "bluesky", "--identifier", "me"), "No password was given"),
        (("add", "bluesky", "--identifier", "me", "--password-env", "NOT_SET_HERE"), "holds no password"),
        (("add", "bluesky", "--identifier", "me", "--password-file", "missing"), "missing cannot be read"),
        (
            ("add", "bluesky", "--identifier", "me", "--password-file", "a", "--password-env", "B"),
            "not both",
        ),
        (("add", "bluesky", "--name", "a/b"), "cannot be the name"),
        (
            ("add", "bluesky", "--identifier", "me", "--password-env", "PW", "--service", "http://x.example"),
            "must begin with https://",
        ),
    ],
)
def test_what_cannot_be_added_is_said_and_nothing_kept(
    cli: CliRunner, kept: Accounts, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], complaint: str
) -> None:
    monkeypatch.setenv("PW", "hunter2x")
    answer = call(cli, *words)
    assert answer.exit_code == 2
    assert complaint in answer.output
    assert "hunter2x" not in answer.output
    assert kept.entries() == {}


def test_a_server_that_cannot_be_reached_keeps_nothing(
    cli: CliRunner, kept: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "hunter2x")
    port = free_port()
    words = ("--identifier", "me", "--password-env", "PW", "--service", f"http://127.0.0.1:{port}")
    answer = call(cli, "add", "bluesky", *words)
    assert answer.exit_code == 1
    assert "signing in at http://127.0.0.1" in answer.output
    assert "Nothing was stored." in answer.output
    assert "posted" not in answer.output
    assert kept.entries() == {}


def test_a_taken_name_is_refused_before_anything_is_asked(cli: CliRunner, kept: Accounts) -> None:
    kept.add("bluesky", "bluesky", ME)
    answer = call(cli, "add", "bluesky")
    assert (answer.exit_code, "already" in answer.output) == (2, True)
    assert "--replace" in answer.output


def test_the_account_of_another_network_is_not_offered_to_be_replaced(cli: CliRunner, kept: Accounts) -> None:
    kept.add("rehearsal", "instagram", ME)
    answer = call(cli, "add", "threads", "--name", "rehearsal")
    assert answer.exit_code == 2
    assert "'rehearsal' is already the name of an account of instagram." in answer.output
    assert "Choose another, such as: --name threads-rehearsal" in answer.output
    assert "--replace" not in answer.output


def test_a_sign_in_that_is_refused_names_the_command_that_was_given(
    cli: CliRunner, kept: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wave.py").write_text(REFUSES)
    answer = call(cli, "add", "wave.py", "--name", "b", "--field", "key=k")
    assert "Nothing was stored.\nCopy it again: reelwork accounts add wave --name b\n" in answer.output


REFUSES = """
from reelwork_hooks import AccountField, InvalidInput, Plugin, hookimpl


class Wave(Plugin):
    account_fields = (AccountField("key"),)

    @staticmethod
    async def sign_in(given, context):
        hint = "Copy it again: reelwork accounts add wave --replace"
        raise InvalidInput("wave: the key is wrong.", money="Nothing was posted.", hint=hint)

    @hookimpl
    def publish(self, post): ...
"""
