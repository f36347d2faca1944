from __future__ import annotations

import asyncio
import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.core.conftest import Workshop
from tests.core.credentials.oauth.network import CLIENT, Network

from reelwork.credentials.accounts import Accounts
from reelwork.net.client import Http
from reelwork.plugins.account_kinds import check_account, kind_named
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.cleaning import received
from reelwork.plugins.context import PluginContext
from reelwork.plugins.definition import Definition
from reelwork.plugins.token_refresh import SPARE_SECONDS
from reelwork.process_output import protect, release
from reelwork.redaction.redactor import Redactor
from reelwork.testing import sample_effect, sample_job, sample_post
from reelwork_hooks import Credentials, InvalidInput, NotSent, Plugin, Receipt, Unavailable

NOW = datetime.now(UTC)


class Place:
    """An account `me` of the network, and what a publisher gets to see of it."""

    def __init__(self, net: Network, folder: Path, plugin: Path) -> None:
        self.net, self.folder, self.kind = net, folder, str(plugin)
        self.redactor = Redactor()
        self.accounts = Accounts(folder / "accounts.json", self.redactor)
        self.kind_of: Any = kind_named

    def add(self, **changes: Any) -> None:
        # Soon from now: a suite may take longer than the token has left.
        soon = datetime.now(UTC) + timedelta(seconds=SPARE_SECONDS - 60)
        ends: datetime | None = changes.pop("ends", soon)
        self.net.validator.refresh_tokens["refresh-1"] = ["read"]
        self.net.alive.add("access-1")
        secret = {"access_token": "access-1", "refresh_token": "refresh-1", "client_id": CLIENT}
        secret |= {"token_url": f"{self.net.url}/token", "client_auth": "none"}
        kept = Credentials({"identifier": "ada"}, secret, "net/ada", ends, scopes=("read",))
        self.accounts.add("me", self.kind, replace(kept, **changes))

    def fresh(self, refused: str = "") -> dict[str, str]:
        return asyncio.run(self._fresh(refused))

    async def _fresh(self, refused: str, name: str = "me") -> dict[str, str]:
        http = Http(redactor=self.redactor)
        context = PluginContext(
            "me",
            work_dir=self.folder / "work",
            output_dir=self.folder,
            base_dir=self.folder,
            http_factory=http.trusting,
            redactor=self.redactor,
            accounts=self.accounts,
            kind_of=self.kind_of,
        )
        try:
            return dict(await context.account(name).fresh(refused=refused))
        finally:
            await http.aclose()

    def stored(self) -> dict[str, Any]:
        return json.loads((self.folder / "accounts.json").read_text())["accounts"]["me"]


@pytest.fixture
def place(net: Network, plugin: Path, tmp_path: Path) -> Place:
    return Place(net, tmp_path, plugin)


def test_a_token_that_ends_soon_is_refreshed_once(place: Place, net: Network) -> None:
    place.add()
    values = place.fresh()
    assert values["access_token"] in net.alive - {"access-1"}
    assert values["refresh_token"] in net.validator.refresh_tokens
    assert place.fresh() == values
    assert net.refreshes() == ["refresh-1"]
    stored = place.stored()
    assert stored["expires_at"] > NOW.timestamp() + 3000
    assert (stored["identity"], stored["scopes"], stored["shown"]) == ("net/ada", ["read"], {"identifier": "ada"})
    assert "refreshing_since" not in stored
    assert place.redactor.redact(f"{values['access_token']} {values['refresh_token']}") == "*** ***"


@pytest.mark.parametrize("ends", [None, NOW + timedelta(hours=1)])
def test_a_token_that_is_valid_for_long_is_left_alone(place: Place, net: Network, ends: datetime | None) -> None:
    place.add(ends=ends)
    assert place.fresh()["access_token"] == "access-1"
    assert net.refreshes() == []


def test_a_network_may_say_when_to_refresh_from(place: Place, net: Network) -> None:
    place.add(ends=NOW + timedelta(days=50), refresh_from=NOW - timedelta(hours=1))
    assert place.fresh()["access_token"] != "access-1"
    place.fresh()
    assert net.refreshes() == ["refresh-1"]


def test_a_token_that_was_refused_is_refreshed_once(place: Place, net: Network) -> None:
    place.add(ends=None)
    values = place.fresh("access-1")
    assert values["access_token"] != "access-1"
    assert place.fresh("access-1") == values
    assert net.refreshes() == ["refresh-1"]


def test_a_network_that_keeps_its_refresh_token(place: Place, net: Network) -> None:
    place.add()
    net.answer = (200, '{"access_token": "access-2", "expires_in": "60"}')
    values = place.fresh()
    assert (values["access_token"], values["refresh_token"]) == ("access-2", "refresh-1")


def test_what_is_no_secret_is_not_masked(place: Place, net: Network) -> None:
    place.add(ends=None)
    secret = {**place.accounts.credentials("me").secret, "client_auth": "post", "client_id_name": "client_key"}
    place.accounts.put_credentials("me", replace(place.accounts.credentials("me"), secret=secret))
    receipt = Receipt(id="at://did:plc:x/app.bsky.feed.post/1", details={"at": f"none of client_key {CLIENT}"})
    protect(place.redactor)
    try:
        place.fresh()
        fit = received(receipt)
    finally:
        release(place.redactor)
    # An id with such a word in it would be refused as one that holds a secret, once the post is out.
    assert fit == receipt
    assert place.redactor.redact("Nothing was posted. access-1 refresh-1") == "Nothing was posted. *** ***"


def test_an_answer_that_is_lost_keeps_the_old_token(
    place: Place, net: Network, caplog: pytest.LogCaptureFixture
) -> None:
    place.add()
    net.lose_answers = 1
    with caplog.at_level(logging.WARNING):
        assert place.fresh()["access_token"] == "access-1"
    assert "The old one is used as long as it is valid" in caplog.text
    assert place.stored()["refreshing_since"] > 0
    # The network has used the token up: a person has to sign in, and is told why.
    with pytest.raises(InvalidInput, match=r"invalid_grant.*An earlier refresh was not answered") as raised:
        place.fresh()
    assert f"accounts add {place.kind} --name me --replace" in raised.value.hint
    assert "refresh-1" not in raised.value.explained()


def test_without_a_token_for_a_refresh_the_end_is_told_in_the_same_words_each_time(place: Place) -> None:
    place.add(secret={"access_token": "access-1", "client_id": CLIENT, "token_url": place.net.url})
    for _ in range(2):
        with pytest.raises(InvalidInput) as raised:
            place.fresh()
        assert raised.value.message == "The sign-in of the account 'me' has ended: there is no refresh token."


def test_a_token_that_has_ended_and_a_lost_answer_wait(place: Place, net: Network) -> None:
    place.add(ends=NOW - timedelta(seconds=1))
    net.answer = (503, "")
    with pytest.raises(Unavailable, match="could not be refreshed") as raised:
        place.fresh()
    assert "The old token is kept" in raised.value.hint
    assert place.stored()["secret"]["refresh_token"] == "refresh-1"
    net.answer = None
    assert place.fresh()["access_token"] in net.alive


def test_a_refresh_token_that_has_ended_asks_to_sign_in_again(place: Place, net: Network) -> None:
    place.add()
    net.validator.refresh_tokens.clear()
    before = place.stored()["secret"]
    with pytest.raises(InvalidInput, match=r"sign-in of the account 'me' has ended: .*invalid_grant"):
        place.fresh()
    assert place.stored()["secret"] == before


def kind(**members: Any) -> Any:
    target = type("Net", (Plugin,), {name: staticmethod(value) for name, value in members.items()})
    return lambda _: Definition("net", target, "a test")


def test_a_plugin_may_refresh_in_its_own_way(place: Place, net: Network) -> None:
    async def refreshed(kept: Credentials, context: Any) -> Credentials:
        assert kept.identity == "net/ada"
        secret = {**kept.secret, "access_token": "long-lived"}
        return replace(kept, secret=secret, identity="", expires_at=NOW + timedelta(days=60))

    place.kind_of = kind(refreshed=refreshed)
    place.add()
    assert place.fresh()["access_token"] == "long-lived"
    assert place.stored()["identity"] == "net/ada"
    assert net.refreshes() == []


def test_a_refresh_that_brings_somebody_else_is_not_stored(place: Place) -> None:
    async def refreshed(kept: Credentials, context: Any) -> Credentials:
        return replace(kept, identity="net/eve")

    place.kind_of = kind(refreshed=refreshed)
    place.add()
    with pytest.raises(InvalidInput, match="belongs to net/eve, not to net/ada"):
        place.fresh()
    assert place.stored()["identity"] == "net/ada"


WORKER = """
import asyncio, sys
from pathlib import Path
from reelwork.credentials.accounts import Accounts
from reelwork.net.client import Http
from reelwork.plugins.context import PluginContext
from reelwork.redaction.redactor import Redactor

folder, redactor = Path(sys.argv[1]), Redactor()
accounts = Accounts(folder / "accounts.json", redactor)
if "stop" in sys.argv:
    def put_credentials(name, credentials):
        print("refreshed", flush=True)
        sys.stdin.readline()
    accounts.put_credentials = put_credentials

async def main():
    http = Http(redactor=redactor)
    context = PluginContext("me", work_dir=folder / "work", output_dir=folder, base_dir=folder,
                            http_factory=http.trusting, redactor=redactor, accounts=accounts)
    print("ready", flush=True)
    sys.stdin.readline()
    all = await asyncio.gather(*[context.account("me").fresh() for _ in range(3)])
    print(*{values["access_token"] for values in all}, flush=True)
    await http.aclose()

asyncio.run(main())
"""


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, str(folder), *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def test_two_processes_do_not_use_a_refresh_token_twice(place: Place, net: Network, tmp_path: Path) -> None:
    place.add()
    # No answer comes before one has asked and the other one waits for it.
    net.hold.clear()
    processes = [start(tmp_path) for _ in range(2)]
    go(processes)
    for _ in range(2000):
        if net.refreshes():
            break
        time.sleep(0.01)
    net.hold.set()
    told = [process.communicate(timeout=60)[0].split() for process in processes]
    assert told[0] == told[1]
    assert len(told[0]) == 1
    assert net.refreshes() == ["refresh-1"]
    assert net.validator.used == []


def test_killed_between_the_answer_and_the_store(place: Place, net: Network, tmp_path: Path) -> None:
    place.add()
    process = start(tmp_path, "stop")
    go([process])
    assert process.stdout is not None
    assert process.stdout.readline() == "refreshed\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    # The network has given out another one that nobody knows.
    assert place.stored()["secret"]["refresh_token"] == "refresh-1"
    with pytest.raises(InvalidInput, match="not answered or not stored"):
        place.fresh()
    assert net.refreshes() == ["refresh-1", "refresh-1"]


def test_an_account_of_another_kind_is_refused_before_anything_is_sent(place: Place, net: Network) -> None:
    place.add()
    own = Catalog().get_file(Path(place.kind))
    check_account(place.accounts.get("me"), own, NOW.timestamp())
    other = replace(own, origin="elsewhere 1.0", name="other")
    with pytest.raises(InvalidInput, match="not of other"):
        check_account(place.accounts.get("me"), other, NOW.timestamp())


def test_a_token_that_has_ended_for_good_is_told_in_the_plan(place: Place) -> None:
    secret = {"access_token": "access-1"}
    place.accounts.add("me", place.kind, Credentials({}, secret, "net/ada", NOW - timedelta(seconds=1)))
    with pytest.raises(InvalidInput, match="has ended") as raised:
        check_account(place.accounts.get("me"), Catalog().get_file(Path(place.kind)), NOW.timestamp())
    assert "--replace" in raised.value.hint


FLOW = """
[brief]
prompt = "a boat"
[provider]
use = "fake"
[plugins]
publish = ["net.py"]
[plugin.net]
account = "me"
"""


def test_a_publisher_reads_a_token_that_was_refreshed_before_its_hook(
    place: Place, net: Network, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELWORK_ACCOUNTS", str(place.accounts.path))
    place.add()
    pipeline = workshop.build(FLOW)

    async def publish() -> Any:
        given = {"post": sample_post(), "job": sample_job(), "effect": sample_effect()}
        return await pipeline.dispatcher.call("net", "publish", **given)

    receipt = asyncio.run(publish())
    assert receipt.details["token_end"] == place.stored()["secret"]["access_token"][-6:]
    assert net.refreshes() == ["refresh-1"]
    # A refresh that fails proves that nothing of this attempt left.
    place.accounts.remove("me")
    place.add()
    net.validator.refresh_tokens.clear()
    with pytest.raises(NotSent, match="has ended") as raised:
        asyncio.run(publish())
    assert raised.value.lasting


def test_a_refresh_whose_hook_is_cancelled_is_stored_all_the_same(place: Place, net: Network) -> None:
    place.add()
    net.hold.clear()

    async def stopped() -> None:
        refreshing = asyncio.ensure_future(place._fresh(""))
        for _ in range(2000):
            if net.refreshes():
                break
            await asyncio.sleep(0.01)
        refreshing.cancel()
        await asyncio.sleep(0)
        net.hold.set()
        with pytest.raises(asyncio.CancelledError):
            await refreshing

    asyncio.run(asyncio.wait_for(stopped(), 30))
    # The network has used the old one up: what it answered is known here only.
    assert place.stored()["secret"]["refresh_token"] in net.validator.refresh_tokens
    assert place.fresh()["access_token"] in net.alive - {"access-1"}
    assert net.refreshes() == ["refresh-1"]


@pytest.mark.parametrize("at_once", [False, True])
def test_accounts_of_one_sign_in_share_its_tokens(place: Place, net: Network, at_once: bool) -> None:
    # A person's channels: the network takes the refresh token that all of them were given once.
    place.add()
    kept = place.accounts.credentials("me")
    place.accounts.add("other", place.kind, replace(kept, shown={"identifier": "b"}, identity="net/b"))
    alone = replace(kept, secret={**kept.secret, "refresh_token": "another"}, expires_at=None)
    place.accounts.add("alone", place.kind, alone)

    async def both() -> None:
        await asyncio.gather(place._fresh(""), place._fresh("", "other"))

    if at_once:
        asyncio.run(both())
    else:
        place.fresh()
    me, other = (place.accounts.credentials(name) for name in ("me", "other"))
    assert net.refreshes() == ["refresh-1"]
    assert me.secret == other.secret
    assert me.secret["refresh_token"] in net.validator.refresh_tokens
    assert (other.identity, other.shown, other.expires_at) == ("net/b", {"identifier": "b"}, me.expires_at)
    assert place.accounts.credentials("alone") == alone


def test_a_brief_is_checked_without_a_token(
    place: Place, net: Network, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELWORK_ACCOUNTS", str(place.accounts.path))
    plugin, words = Path(place.kind), "return [Problem(message='too short')]"
    mine = f"\n    @hookimpl\n    def check_brief(self) -> list[Problem]:\n        {words}\n"
    plugin.write_text(plugin.read_text() + mine)
    place.add()
    dispatcher = workshop.build(FLOW).dispatcher
    first = asyncio.run(dispatcher.problems("net", sample_job()))
    # Neither a token that ends soon nor an account that is not there keeps a plan from being made.
    place.accounts.remove("me")
    assert asyncio.run(dispatcher.problems("net", sample_job())) == first
    assert [problem.message for problem in first] == ["too short"]
    assert net.refreshes() == []
