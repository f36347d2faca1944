"""Notices to people, with Apprise and a real receiver: one for each cause and hour, one when it is mended."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.core.server.conftest import PATIENCE, Machine
from tests.core.server.test_deliveries import Clock, Receiver

from reelwork.credentials.accounts import Accounts
from reelwork.errors import WorkflowInvalid
from reelwork.plugins.catalog import Catalog
from reelwork.redaction import redactor
from reelwork.schedules import keeping
from reelwork.schedules.spec import Spec
from reelwork.server.notices import Notices
from reelwork.server.recipients import Messenger, recipients_of
from reelwork.settings.notify import notify_settings
from reelwork.store.causes import GATHERING_SECONDS, NOTICE_SECONDS, DealtWith
from reelwork.store.commands import NewJob, SetJob
from reelwork.store.outbox import TargetRow
from reelwork.store.records import Lease, RunRow
from reelwork.store.schedules import SlotRow, SlotState
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.causes import failures_of
from reelwork.studio.session import Session
from reelwork_hooks import Credentials, InvalidInput

# Apprise imports it for a kind of picture.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
ENDED = "The token of the account shop has ended (job {}). Sign in again."
ORIGIN = "https://studio.example.com"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Post:
    """A store, and who tells people what needs them."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.store = SqliteStore(folder / "store.db", clock=self.clock)
        self.session = Session(self.store, Catalog(noting=False))
        self.accounts = Accounts(folder / "accounts.json")
        self.counted: list[str] = []
        self.notices = self.server()

    def server(self) -> Notices:
        settings = notify_settings()
        assert settings is not None
        people = recipients_of(settings, self.session.context)
        return Notices(self.store, people, ORIGIN, Messenger(self.counted.append), self.accounts, self.clock)

    async def job(self, name: str, status: str, reason: str, brand: str = "") -> None:
        run, frozen = f"run{brand}", json.dumps({"workflow": {"brand": brand}})
        await self.store.add_run(RunRow(run, run, "flow", frozen, 0.0))
        await self.store.add_jobs(run, [NewJob(name, name, "publish", JOB)])
        row = await self.store.hold(name, "worker", 60)
        assert row is not None
        await self.store.apply(Lease(name, row.fence, "worker"), [SetJob(status, "publish", None, reason)])

    async def look(self, after: float = 0) -> None:
        self.clock.now += after
        await self.notices.look()

    async def told_at_last(self) -> None:
        """Look until what is there now is told."""
        await self.look()
        await self.look(GATHERING_SECONDS)


FLOW = """
[brief]
duration = 1
[review]
always = true
[plugins]
publish = ["gallery"]
"""
JOB = json.dumps({"brief": {"prompt": "A secret campaign of a client"}, "provider": "preview"})


def told(receiver: Receiver) -> list[tuple[str, str]]:
    return [(json.loads(body)["title"], json.loads(body)["message"]) for _, body in receiver.taken]


@pytest.fixture
def post(receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    (tmp_path / "reelwork.toml").write_text('[notify]\nto = ["env:NOTIFY_URL"]\nprivate = true\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOTIFY_URL", f"json://ana:hush-hush-hush@127.0.0.1:{receiver.server_address[1]}/notify")
    made = Post(tmp_path)
    yield made
    asyncio.run(made.session.__aexit__())
    made.store.close()


def test_one_cause_is_one_notice_an_hour_and_one_when_it_is_mended(post: Post, receiver: Receiver) -> None:
    async def scenario() -> None:
        for at in range(6):
            await post.job(f"job-{at}0000000", "held", ENDED.format(f"1nnt2q8k4c6y0v7{at}"))
        await post.look()
        assert told(receiver) == []
        await post.look(GATHERING_SECONDS)
        [(title, text)] = told(receiver)
        assert title == "Reelwork: 6 jobs wait for you"
        assert "The token of the account shop has ended" in text
        assert text.splitlines()[-1].startswith(f"{ORIGIN}/jobs/job-")
        assert "campaign" not in text
        await post.job("job-70000000", "held", ENDED.format("1nnt2q8k4c6y0v77"))
        # Another server on the store, or this one after a restart, tells nothing twice.
        post.notices = post.server()
        await post.look(NOTICE_SECONDS - GATHERING_SECONDS)
        assert len(told(receiver)) == 1
        await post.look(GATHERING_SECONDS)
        assert told(receiver)[1][0] == "Reelwork: 7 jobs wait for you"
        await post.look(2 * NOTICE_SECONDS)
        assert len(told(receiver)) == 2
        ids = [row.id for row in post.store.jobs()]
        await post.store.wake(ids, ("held",))
        await post.look(1)
        await post.look(1)
        title, text = told(receiver)[2]
        assert (title, "7 jobs wait for you" in text, len(told(receiver))) == ("Reelwork: Mended", True, 3)
        assert post.counted == ["sent"] * 3

    asyncio.run(scenario())


def test_what_comes_back_within_the_hour_waits_for_its_end(post: Post, receiver: Receiver) -> None:
    async def scenario() -> None:
        await post.job("job-10000000", "held", "no funds")
        await post.look()
        await post.look(GATHERING_SECONDS)
        await post.store.wake(["job-10000000"], ("held",))
        await post.look(1)
        assert [title for title, _ in told(receiver)] == ["Reelwork: 1 job waits for you", "Reelwork: Mended"]
        await post.job("job-10000000", "held", "no funds")
        await post.look(GATHERING_SECONDS)
        await post.look(GATHERING_SECONDS)
        assert len(told(receiver)) == 2
        await post.look(NOTICE_SECONDS)
        assert told(receiver)[-1][0] == "Reelwork: 1 job waits for you"

    asyncio.run(scenario())


def test_a_notice_that_nobody_took_is_sent_later(post: Post, receiver: Receiver) -> None:
    async def scenario() -> None:
        receiver.answers = [500]
        await post.job("job-10000000", "failed", "the disk is full")
        await post.look()
        await post.look(GATHERING_SECONDS)
        assert post.counted == ["failed"]
        await post.look(60)
        assert post.counted == ["failed"]
        await post.look(300)
        assert (post.counted, told(receiver)[-1][0]) == (["failed", "sent"], "Reelwork: 1 job failed")

    asyncio.run(scenario())


def test_accounts_and_webhooks_are_told_too_and_no_secret_is(post: Post, receiver: Receiver) -> None:
    async def scenario() -> None:
        # Whatever the server knows as a secret, wherever a network may have put it.
        secret = "s3cr3t-that-is-known-here"
        known = redactor.Redactor()
        known.add(secret)
        redactor.remember(known)
        try:
            ended = Credentials(
                {"user": "shop"}, {"access_token": secret}, expires_at=datetime(2026, 1, 1, tzinfo=UTC)
            )
            post.accounts.add("shop", "mastodon", ended)
            await post.job("job-10000000", "failed", f"it answered: key {secret} is wrong")
            await post.store.keep_targets([TargetRow("chat", "https://x.example", ("done",), post.clock.now)])
            await post.store.turn_off("chat", "it answered 410 Gone")
            await post.look()
            await post.look(GATHERING_SECONDS)
        finally:
            redactor.forget(known)
        titles = {title for title, _ in told(receiver)}
        assert titles == {
            "Reelwork: 1 job failed",
            "Reelwork: Webhook chat is off",
            "Reelwork: The token of shop has ended",
        }
        assert all(secret not in body.decode() for _, body in receiver.taken)

    asyncio.run(scenario())


def test_a_firing_without_room_in_a_budget_is_told_once_and_without_its_price(
    post: Post, receiver: Receiver
) -> None:
    async def scenario() -> None:
        spec = Spec(str(Path.cwd() / "flow.toml"), cron="0 12 * * *")
        await keeping.add(post.store, "noon", spec, post.clock.now)
        reason = "will not fire: the budget per_day = $0.60 will have $0.40 in it, $0.20 is left for $0.40"
        at = post.clock.now + 3600.0
        slot = SlotRow("noon", "2026-12-01T12:00", at, SlotState.FORESEEN, reason, post.clock.now)
        assert await post.store.foresee("noon", slot)
        await post.look()
        await post.look(GATHERING_SECONDS)
        await post.look(2 * NOTICE_SECONDS)
        [(title, text)] = told(receiver)
        assert title == "Reelwork: Schedule noon will not fire at 2026-12-01T12:00"
        assert ("$" in text, text.splitlines()[-1]) == (False, f"{ORIGIN}/schedules/noon")
        await post.store.foresee("noon", None)
        await post.look(1)
        await post.look(1)
        assert [title for title, _ in told(receiver)][1:] == ["Reelwork: Mended"]

    asyncio.run(scenario())


def test_what_failed_before_is_no_news_and_neither_is_what_was_dealt_with(post: Post, receiver: Receiver) -> None:
    async def scenario() -> None:
        await post.job("job-10000000", "failed", "the disk is full")
        [cause] = failures_of(post.store).open
        await post.store.deal_with(DealtWith(cause.key, cause.newest_at, post.clock.now, "ana"))
        post.clock.now += 1
        await post.job("job-20000000", "failed", "the network is down")
        post.clock.now += 2 * 86_400
        await post.look()
        await post.look(GATHERING_SECONDS)
        assert told(receiver) == []

    asyncio.run(scenario())


def test_an_address_that_is_none_is_said_without_it(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_URL", "nothing-like-an-address hush")
    settings = notify_settings()
    assert settings is not None
    with pytest.raises(InvalidInput, match="NOTIFY_URL") as told_:
        recipients_of(settings, post.session.context)
    assert "hush" not in str(told_.value)


def test_what_is_in_this_network_is_told_nothing_unless_it_is_configured(
    post: Post,
    receiver: Receiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refused() -> str:
        with pytest.raises(InvalidInput) as told:
            post.server()
        assert "hush" not in str(told.value)
        return str(told.value)

    (tmp_path / "reelwork.toml").write_text('[notify]\nto = ["env:NOTIFY_URL"]\n', encoding="utf-8")
    assert "the secret env:NOTIFY_URL (number 1) leads to this machine, which is refused" in refused()
    for address, why in (
        ("mailto://ana:hush-hush-hush@example.com?smtp=10.1.2.3", "a private network"),
        ("ntfys://[fd00::1]/hush-hush-hush", "a private network"),
        ("jsons://localhost/hush-hush-hush", "this machine"),
        ("json://8.8.8.8/hush-hush-hush, json://169.254.169.254/hush-hush-hush", "a link-local address"),
    ):
        monkeypatch.setenv("NOTIFY_URL", address)
        assert f"leads to {why}" in refused()
    # What a name leads to is looked at when it is sent; the names of services are none of this network.
    found = socket.getaddrinfo
    here = ("json://inside.example/", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#hush")
    for address in here:
        monkeypatch.setenv("NOTIFY_URL", address)
        post.notices = post.server()
    monkeypatch.setenv("NOTIFY_URL", here[0])
    port = receiver.server_address[1]
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: found("127.0.0.1", port, *rest[1:], **more)
    )

    async def scenario() -> None:
        await post.job("job-00000000", "held", ENDED.format("x"))
        await post.look()
        await post.look(GATHERING_SECONDS)

    asyncio.run(scenario())
    assert (receiver.taken, post.counted) == ([], ["failed"])
    assert "leads to this machine, which is refused unless it is configured: private = true" in caplog.text


@pytest.mark.parametrize(
    "address", ["json://inside.example/", "mailto://ana:hush-hush-hush@inside.example?smtp=inside.example"]
)
def test_a_name_that_leads_elsewhere_after_it_was_looked_up_is_not_connected_to(
    post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    (tmp_path / "reelwork.toml").write_text('[notify]\nto = ["env:NOTIFY_URL"]\n', encoding="utf-8")
    monkeypatch.setenv("NOTIFY_URL", address)
    post.notices = post.server()
    found, asked = socket.getaddrinfo, []

    def rebound(host: str, port: int | str | None, *rest: int, **more: int) -> list[tuple[Any, ...]]:
        asked.append(host)
        # Public when it is looked up, and this machine when it is connected to.
        return found("8.8.8.8" if len(asked) == 1 else "127.0.0.1", inside.getsockname()[1], *rest, **more)

    async def scenario() -> None:
        await post.job("job-00000000", "held", ENDED.format("x"))
        await post.told_at_last()

    with closing(socket.create_server(("127.0.0.1", 0))) as inside:
        monkeypatch.setattr(socket, "getaddrinfo", rebound)
        asyncio.run(scenario())
        inside.setblocking(False)
        with pytest.raises(BlockingIOError):
            inside.accept()
    assert (set(asked), len(asked) > 1, post.counted) == ({"inside.example"}, True, ["failed"])
    assert "number 1) leads to this machine, which is refused unless it is configured: private" in caplog.text
    assert "hush" not in caplog.text


def test_a_proxy_of_the_environment_is_connected_to_wherever_it_is(
    post: Post, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reelwork.toml").write_text('[notify]\nto = ["env:NOTIFY_URL"]\n', encoding="utf-8")
    monkeypatch.setenv("NOTIFY_URL", "json://8.8.8.8/told")
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{receiver.server_address[1]}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    post.notices = post.server()

    async def scenario() -> None:
        await post.job("job-00000000", "held", ENDED.format("x"))
        await post.told_at_last()

    asyncio.run(scenario())
    assert ([path for path, _ in receiver.bodies], post.counted) == (["http://8.8.8.8/told"], ["sent"])


def test_one_address_of_several_that_takes_nothing_brings_the_others_nothing_twice(
    post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    at = f"json://127.0.0.1:{receiver.server_address[1]}"
    monkeypatch.setenv("NOTIFY_URL", f"{at}/one, {at}/two")
    receiver.refusing = "/two"

    async def scenario() -> None:
        await post.job("job-00000000", "held", ENDED.format("x"))
        await post.told_at_last()
        await post.look(300)

    asyncio.run(scenario())
    assert (sorted(path for path, _ in receiver.bodies), post.counted) == (["/one", "/two"], ["sent"])
    assert "notify.to: the secret env:NOTIFY_URL (number 1) did not take a notice" in caplog.text


def test_a_redirect_of_a_notice_is_not_followed(post: Post, receiver: Receiver) -> None:
    receiver.answers = [307]
    receiver.headers = {"Location": f"http://127.0.0.1:{receiver.server_address[1]}/elsewhere"}

    async def scenario() -> None:
        await post.job("job-00000000", "held", ENDED.format("x"))
        await post.look()
        await post.look(GATHERING_SECONDS)

    asyncio.run(scenario())
    assert (len(receiver.taken), post.counted) == (1, ["failed"])


BRANDS = """
[notify]
to = ["env:NOTIFY_URL"]
private = true

[notify.acme-desk]
to = ["env:NOTIFY_ACME"]
private = true
brand = "acme"

[notify.bolt-desk]
to = ["env:NOTIFY_BOLT"]
private = true
brand = "bolt"

[brands.acme]
accounts = ["acme-shop"]

[brands.bolt]
accounts = ["bolt-shop"]
"""


@pytest.fixture
def agency(post: Post, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Post:
    """Two brands, each with people of its own, beside those who are told everything."""
    (tmp_path / "reelwork.toml").write_text(BRANDS, encoding="utf-8")
    for brand in ("acme", "bolt"):
        at = f"json://127.0.0.1:{receiver.server_address[1]}/{brand}"
        monkeypatch.setenv(f"NOTIFY_{brand.upper()}", at)
    post.notices = post.server()
    return post


def told_to(receiver: Receiver, whom: str) -> list[str]:
    """What the people at an address were told, as one text each."""
    return [body for path, body in receiver.bodies if path.strip("/") == whom]


def test_people_of_a_brand_are_told_of_its_jobs_schedules_and_accounts_and_of_no_others(
    agency: Post, receiver: Receiver
) -> None:
    async def scenario() -> None:
        ended = Credentials({"user": "x"}, {"access_token": "y" * 9}, expires_at=datetime(2026, 1, 1, tzinfo=UTC))
        for brand in ("acme", "bolt"):
            await agency.job(f"{brand}-held-0000", "held", f"no funds at {brand}-bank", brand)
            # One cause for both: it is told of each brand by itself, with its own job.
            await agency.job(f"{brand}-failed-00", "failed", "the network is down", brand)
            spec = Spec(str(Path.cwd() / "flow.toml"), cron="0 12 * * *", brand=brand)
            await keeping.add(agency.store, f"{brand}-noon", spec, agency.clock.now)
            version = next(row.version for row in agency.store.schedules() if row.name == f"{brand}-noon")
            await agency.store.tell_trouble(f"{brand}-noon", version, "its file is gone")
            agency.accounts.add(f"{brand}-shop", "mastodon", ended)
        await agency.job("of-nobody-0000", "held", "no brand at all")
        await agency.store.keep_targets([TargetRow("chat", "https://x.example", ("done",), agency.clock.now)])
        await agency.store.turn_off("chat", "it answered 410 Gone")
        await agency.told_at_last()

    asyncio.run(scenario())
    for brand, other in (("acme", "bolt"), ("bolt", "acme")):
        own = told_to(receiver, brand)
        assert sorted(json.loads(body)["title"] for body in own) == [
            "Reelwork: 1 job failed",
            "Reelwork: 1 job waits for you",
            f"Reelwork: Schedule {brand}-noon will not fire",
            f"Reelwork: The token of {brand}-shop has ended",
        ]
        assert [body for body in own if other in body or "nobody" in body or "chat" in body] == []
        # The page of all accounts is refused to them.
        assert any(f"{ORIGIN}/?brand={brand}" in body for body in own)
    everything = told_to(receiver, "notify")
    titles = [json.loads(body)["title"] for body in everything]
    assert "Reelwork: 2 jobs failed" in titles
    assert all(any(word in body for body in everything) for word in ("acme-bank", "bolt-bank", "no brand at all"))


def test_what_is_mended_is_told_to_those_of_the_brand_that_had_it(
    agency: Post, receiver: Receiver, tmp_path: Path
) -> None:
    async def scenario() -> None:
        await agency.job("acme-held-0000", "held", "no funds at acme-bank", "acme")
        await agency.told_at_last()
        # The people of one brand get another: what was told of the first is not mended by that.
        swapped = BRANDS.replace('"acme"', '"none"').replace('"bolt"', '"acme"').replace('"none"', '"bolt"')
        (tmp_path / "reelwork.toml").write_text(swapped, encoding="utf-8")
        agency.notices = agency.server()
        await agency.look(1)
        assert told_to(receiver, "bolt") == []
        (tmp_path / "reelwork.toml").write_text(BRANDS, encoding="utf-8")
        agency.notices = agency.server()
        await agency.store.wake(["acme-held-0000"], ("held",))
        await agency.look(1)

    asyncio.run(scenario())
    assert told_to(receiver, "bolt") == []
    mended = told_to(receiver, "acme")
    assert [json.loads(body)["title"] for body in mended] == ["Reelwork: 1 job waits for you", "Reelwork: Mended"]
    assert f"{ORIGIN}/?brand=acme" in mended[1]


def test_brands_that_are_excluded_are_told_of_to_their_own_people_alone(
    agency: Post, receiver: Receiver, tmp_path: Path
) -> None:
    excluding = BRANDS.replace("private = true\n", 'private = true\nexclude_brands = ["acme"]\n', 1)
    shared = excluding.replace('accounts = ["bolt-shop"]', 'accounts = ["bolt-shop", "shared"]').replace(
        '["acme-shop"]', '["acme-shop", "shared"]'
    )
    (tmp_path / "reelwork.toml").write_text(shared, encoding="utf-8")
    agency.notices = agency.server()

    async def scenario() -> None:
        ended = Credentials({"user": "x"}, {"access_token": "y" * 9}, expires_at=datetime(2026, 1, 1, tzinfo=UTC))
        for name in ("acme-shop", "bolt-shop", "shared", "of-nobody"):
            agency.accounts.add(name, "mastodon", ended)
        for brand in ("acme", "bolt", ""):
            await agency.job(f"{brand}-failed-00", "failed", "the network is down", brand)
            spec = Spec(str(Path.cwd() / "flow.toml"), cron="0 12 * * *", brand=brand)
            await keeping.add(agency.store, f"{brand}-noon", spec, agency.clock.now)
            version = next(row.version for row in agency.store.schedules() if row.name == f"{brand}-noon")
            await agency.store.tell_trouble(f"{brand}-noon", version, "its file is gone")
        await agency.job("acme-held-0000", "held", "no funds at acme-bank", "acme")
        await agency.told_at_last()
        assert sorted(json.loads(body)["title"] for body in told_to(receiver, "notify")) == [
            "Reelwork: 2 jobs failed",
            "Reelwork: Schedule -noon will not fire",
            "Reelwork: Schedule bolt-noon will not fire",
            "Reelwork: The token of bolt-shop has ended",
            "Reelwork: The token of of-nobody has ended",
            "Reelwork: The token of shared has ended",
        ]
        assert len(told_to(receiver, "acme")) == 5
        # Whoever gets all of it from now on is told of it, and of nothing as mended.
        (tmp_path / "reelwork.toml").write_text(BRANDS, encoding="utf-8")
        agency.notices = agency.server()
        await agency.told_at_last()

    asyncio.run(scenario())
    general = [json.loads(body)["title"] for body in told_to(receiver, "notify")]
    assert "Reelwork: Mended" not in general
    assert "Reelwork: 1 job waits for you" in general[6:]


def test_one_brand_whose_address_takes_nothing_is_told_again_alone(agency: Post, receiver: Receiver) -> None:
    async def scenario() -> None:
        await agency.job("acme-held-0000", "held", "no funds", "acme")
        receiver.refusing = "/acme"
        await agency.told_at_last()
        receiver.refusing = ""
        await agency.look(60)
        assert len(receiver.taken) == 2
        await agency.look(300)

    asyncio.run(scenario())
    assert (len(told_to(receiver, "acme")), len(told_to(receiver, "notify"))) == (2, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[notify.desk]\nto = ["env:NOTIFY_URL"]\nbrand = "acmee"\n[brands.acme]', "notify.desk.brand: "),
        ('[notify]\nto = ["env:NOTIFY_URL"]\nbrand = "acmee"\n[brands.acme]', "notify.brand: "),
        (
            '[notify.desk]\nbrand = "acme"\n[brands.acme]',
            "'notify.desk.to' is missing",
        ),
        ('[notify]\nat = ["env:X"]\n[notify.desk]\nto = ["env:X"]', "'notify.to' is missing"),
        (
            '[notify]\nto = ["env:NOTIFY_URL"]\nexclude_brands = ["acme", "bolt"]\n[brands.acme]',
            "notify.exclude_brands: .*bolt",
        ),
        (
            '[notify.desk]\nto = ["env:X"]\nbrand = "acme"\nexclude_brands = ["acme"]\n[brands.acme]',
            "notify.desk: `brand` already leaves out",
        ),
        ('[notify."a b"]\nto = ["env:X"]', "notify.a b"),
        ("[notify]\n", "notify.to"),
        ('notify = "env:X"', "notify"),
        ('[notify.desk]\nto = ["env:X"]\nbrand = "acme"\n[brands.acme]\ntzz = "x"', "brands.acme.tzz"),
    ],
)
def test_tables_that_cannot_be_used_are_named_by_where_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    (tmp_path / "reelwork.toml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkflowInvalid, match=said):
        notify_settings()


@pytest.mark.slow
def test_a_server_tells_and_checks(machine: Machine, receiver: Receiver) -> None:
    (machine.folder / "reelwork.toml").write_text(
        '[notify]\nto = ["env:NOTIFY_URL"]\nprivate = true\n', encoding="utf-8"
    )
    assert machine.reelwork("serve", "--check").returncode == 2
    url = {"NOTIFY_URL": f"json://127.0.0.1:{receiver.server_address[1]}/"}
    assert machine.reelwork("serve", "--check", **url).returncode == 0
    # What is the server's is no part of a workflow.
    assert machine.reelwork("plan", "A calm sea at dawn").returncode == 0
    server = machine.start(**url).until_ready()
    (machine.folder / "flow.toml").write_text(FLOW, encoding="utf-8")
    held = machine.reelwork("run", "A calm sea at dawn", "--workflow", "flow.toml", "--yes", "--no-sheet")
    assert held.returncode == 3, held.stderr
    ends = time.monotonic() + PATIENCE
    while not receiver.taken:
        assert time.monotonic() < ends, server.text
        time.sleep(0.1)
    [(title, text)] = told(receiver)
    assert title == "Reelwork: 1 job waits for you"
    assert text.splitlines()[-1].startswith(f"{server.url}/jobs/")
    assert 'reelwork_notices_total{outcome="sent"} 1.0' in server.client.get("/metrics").text
    assert server.stop()[0] == 0
