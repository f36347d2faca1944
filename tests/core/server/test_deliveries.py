"""Webhooks that are sent: every committed event arrives, signed, with the same id in each try."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from tests.core.server.conftest import PATIENCE, Machine

from reelwork.errors import WorkflowInvalid
from reelwork.plugins.catalog import Catalog
from reelwork.server import deliveries
from reelwork.server.deliveries import Deliveries, targets_of
from reelwork.settings.webhooks import webhook_settings
from reelwork.store.commands import NewJob, SetJob, Tell
from reelwork.store.outbox import ENDED_SECONDS, MOST_WAITING, TARGET_SECONDS, TargetRow
from reelwork.store.records import DONE, Lease, RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.session import Session
from reelwork.studio.webhook_deliveries import send_again
from reelwork_hooks import InvalidInput, signing_key

SECRET, OLD = (f"whsec_{base64.b64encode(bytes([at]) * 24).decode()}" for at in (1, 2))


class Receiver(ThreadingHTTPServer):
    """Takes webhooks and keeps them; answers as told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.bodies: list[tuple[str, str]] = []
        """What arrived, each with its path."""
        self.refusing = ""
        """The path at which nothing is taken."""
        self.answers: list[int] = []
        self.headers: dict[str, str] = {}
        self.on_post: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?key=1"

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.taken]

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.taken]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Receiver)
        body = self.rfile.read(int(self.headers["content-length"]))
        server.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
        server.bodies.append((self.path, body.decode()))
        server.on_post()
        answer = server.answers.pop(0) if server.answers else 204
        self.send_response(500 if server.refusing == self.path else answer)
        for name, value in server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


async def turn(sender: Deliveries) -> None:
    """Let each webhook send what is due now."""
    await asyncio.gather(*map(sender._turn, sender._targets.values()))


class Office:
    """A store with an outbox, and who sends what is in it."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.store = SqliteStore(folder / "store.db", clock=self.clock)
        self.session = Session(self.store, Catalog(noting=False))
        self.counted: list[tuple[str, str]] = []
        self.sender = self.new_sender()

    def new_sender(self) -> Deliveries:
        targets = targets_of(webhook_settings(), self.session.context)
        return Deliveries(self.store, targets, lambda *told: self.counted.append(told), self.clock)

    async def job(self, *events: str, name: str = "job") -> None:
        await self.store.add_run(RunRow("run", "run", "flow", "{}", 0.0))
        await self.store.add_jobs("run", [NewJob(name, name, "publish", "{}")])
        [row] = await self.store.claim_jobs("worker", 60, 1, None)
        lines = [Tell(event, {"reason": f"because of {event} <é>"}) for event in events]
        await self.store.apply(Lease(row.id, row.fence, "worker"), [*lines, SetJob(DONE, "done", None)])

    async def look(self) -> None:
        """Send what is due now."""
        await turn(self.sender)

    @property
    def target(self) -> TargetRow:
        [target] = self.store.webhook_targets()
        return target


OpenOffice = Callable[..., Office]


@pytest.fixture
def office(receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenOffice]:
    opened: list[Office] = []

    def open_(lines: str = "private = true") -> Office:
        text = f'[webhooks.shop]\nurl = "{receiver.url}"\nsecret = "env:SHOP_SECRET"\n{lines}\n'
        (tmp_path / "reelwork.toml").write_text(text, encoding="utf-8")
        opened.append(Office(tmp_path))
        return opened[-1]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOP_SECRET", SECRET)
    monkeypatch.setenv("SHOP_OLD", OLD)
    yield open_
    for one in opened:
        asyncio.run(one.session.__aexit__())
        one.store.close()


def test_an_event_arrives_once_signed_as_others_verify_it(office: OpenOffice, receiver: Receiver) -> None:
    async def scenario() -> Office:
        one = office('private = true\nold_secret = "env:SHOP_OLD"')
        await one.look()
        await one.job("submitted", "published", "done")
        await one.look()
        await one.look()
        return one

    one = asyncio.run(scenario())
    assert receiver.types() == ["job.published", "job.done"]
    headers, body = receiver.taken[0]
    # With either secret, while one is being changed.
    for secret in (SECRET, OLD):
        told: Any = standardwebhooks.Webhook(secret).verify(body, headers)
        assert told["data"] == {"job": "job", "run": "run", "details": {"reason": "because of published <é>"}}
        assert told["timestamp"].endswith("Z")
    assert headers["content-type"] == "application/json"
    assert len(set(receiver.ids)) == 2
    assert one.counted == [("shop", "delivered")] * 2
    assert (one.target.waiting, one.target.failing_since) == (0, None)


def test_a_webhook_of_a_brand_gets_the_events_of_its_jobs_alone(
    office: OpenOffice, receiver: Receiver, tmp_path: Path
) -> None:
    async def scenario() -> None:
        one = office('private = true\nbrand = "acme"\n[brands.acme]\n[brands.bolt]')
        await one.look()
        for number, brand in enumerate(("acme", "bolt", "")):
            frozen = json.dumps({"workflow": {"brand": brand}})
            await one.store.add_run(RunRow(f"run-{brand}", f"run-{brand}", "flow", frozen, float(number)))
            await one.store.add_jobs(f"run-{brand}", [NewJob(f"of-{brand}", f"of-{brand}", "publish", "{}")])
        for row in await one.store.claim_jobs("worker", 60, 3, None):
            await one.store.apply(
                Lease(row.id, row.fence, "worker"), [Tell("done", {}), SetJob(DONE, "done", None)]
            )
        await one.look()
        # As the settings are now, also for what happens in processes that have not read them.
        assert one.target.brand == "acme"

    asyncio.run(scenario())
    assert [json.loads(body)["data"]["job"] for _, body in receiver.taken] == ["of-acme"]


def test_a_brand_that_there_is_not_is_refused_before_anything_is_sent(office: OpenOffice) -> None:
    with pytest.raises(WorkflowInvalid, match=r"webhooks\.shop\.brand: ") as raised:
        office('private = true\nbrand = "acmee"\n[brands.acme]')
    assert "acme" in raised.value.hint


def test_what_fails_is_tried_again_later_with_the_same_id_and_body(office: OpenOffice, receiver: Receiver) -> None:
    async def scenario() -> None:
        one = office()
        await one.look()
        receiver.answers = [500, 302, 404]
        await one.job("done")
        for pause in deliveries.PAUSES[:3]:
            await one.look()
            tried = len(receiver.taken)
            await one.look()
            assert len(receiver.taken) == tried
            one.clock.now += pause * 1.11
        assert one.target.reason == "it answered 404"
        await one.look()
        assert one.target.failing_since is None
        assert one.counted == [("shop", "failed")] * 3 + [("shop", "delivered")]

    asyncio.run(scenario())
    assert len(receiver.taken) == 4
    assert len(set(receiver.ids)) == 1
    assert len({body for _, body in receiver.taken}) == 1


def test_a_failure_is_said_once_and_so_is_its_end(
    office: OpenOffice, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        one = office()
        await one.look()
        receiver.answers = [500] * 6
        await one.job("published", "failed", "done")
        for _ in range(3):
            await one.look()
            one.clock.now += 400

    caplog.set_level("INFO", "reelwork.webhooks")
    asyncio.run(scenario())
    assert caplog.messages == [
        "webhook shop: it answered 500; it is tried again for three days",
        "webhook shop: what is sent arrives again",
    ]


def test_a_receiver_may_ask_for_a_longer_pause(office: OpenOffice, receiver: Receiver) -> None:
    async def scenario() -> None:
        one = office()
        await one.look()
        receiver.answers, receiver.headers = [429], {"Retry-After": "100"}
        await one.job("done")
        await one.look()
        one.clock.now += 90
        await one.look()
        assert len(receiver.taken) == 1
        one.clock.now += 20
        await one.look()
        assert len(receiver.taken) == 2

    asyncio.run(scenario())


def test_gone_ends_it_until_a_person_turns_it_on(office: OpenOffice, receiver: Receiver) -> None:
    async def scenario() -> None:
        one = office()
        await one.look()
        receiver.answers = [410]
        await one.job("published", "done")
        await one.look()
        assert one.target.off_at is not None
        assert receiver.types() == ["job.published"]
        assert (one.target.reason, one.target.waiting) == ("it answered 410 Gone", 0)
        taken = len(receiver.taken)
        await one.job("done", name="second")
        one.sender = one.new_sender()
        await one.look()
        assert len(receiver.taken) == taken
        assert await one.store.turn_on("shop")
        assert not await one.store.turn_on("shop")
        await one.job("done", name="third")
        await one.look()
        assert json.loads(receiver.taken[-1][1])["data"]["job"] == "third"

    asyncio.run(scenario())


def test_five_days_of_nothing_but_failures_turn_it_off(office: OpenOffice, receiver: Receiver) -> None:
    async def scenario() -> None:
        one = office()
        await one.look()
        receiver.answers = [500] * 100
        await one.job("done")
        begun = one.clock.now
        while one.clock.now - begun <= deliveries.OFF_AFTER + 86_400:
            await one.look()
            one.clock.now += 3600
            if one.target.off_at is None and one.target.waiting == 0:
                await one.job("done", name=f"job-{one.clock.now}")
        assert one.target.off_at is not None
        assert "nothing has arrived since" in one.target.reason
        assert "it answered 500" in one.target.reason
        assert ("shop", "given-up") in one.counted
        assert one.counted[-1] == ("shop", "off")

    asyncio.run(scenario())


def test_another_address_is_another_receiver(office: OpenOffice, receiver: Receiver, tmp_path: Path) -> None:
    async def scenario() -> None:
        one = office()
        await one.look()
        await one.store.turn_off("shop", "it answered 410 Gone")
        text = (tmp_path / "reelwork.toml").read_text()
        (tmp_path / "reelwork.toml").write_text(text.replace("key=1", "key=2"))
        one.sender = one.new_sender()
        await one.look()
        assert (one.target.off_at, one.target.reason) == (None, "")

    asyncio.run(scenario())


def test_what_a_dead_server_had_taken_is_sent_by_another(office: OpenOffice, receiver: Receiver) -> None:
    async def scenario() -> None:
        one = office()
        await one.look()
        await one.job("done")
        [taken] = await one.store.claim_deliveries("shop", deliveries.LEASE, 10)
        other = one.new_sender()
        await turn(other)
        assert receiver.taken == []
        one.clock.now += deliveries.LEASE
        await turn(other)
        assert receiver.ids == [taken.id]

    asyncio.run(scenario())


def test_two_senders_send_nothing_twice(office: OpenOffice, receiver: Receiver) -> None:
    async def scenario() -> None:
        one = office()
        await one.look()
        for at in range(30):
            await one.job("done", name=f"job-{at}")
        senders = [one.sender, one.new_sender()]
        while one.target.waiting:
            await asyncio.gather(*(turn(sender) for sender in senders))

    asyncio.run(scenario())
    assert len(receiver.ids) == len(set(receiver.ids)) == 30


def test_a_receiver_that_hangs_keeps_no_other_waiting_and_costs_no_tries(
    office: OpenOffice, receiver: Receiver, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:

        async def scenario() -> None:
            one = office(f"""private = true
[webhooks.hangs]
url = "http://127.0.0.1:{silent.getsockname()[1]}/"
secret = "env:SHOP_SECRET"
private = true""")
            await one.look()
            for at in range(deliveries.AT_ONCE + 10):
                await one.job("done", name=f"job-{at}")
            stopping = asyncio.Event()
            running = asyncio.create_task(one.sender.run(stopping))
            ends = time.monotonic() + PATIENCE
            # All of them while the first one to the other still hangs.
            while len(receiver.taken) < deliveries.AT_ONCE + 10:
                assert time.monotonic() < ends, one.store.webhook_targets()
                await asyncio.sleep(0.02)
            stopping.set()
            await running
            tries = {row.attempts for row in one.store.deliveries("hangs", 99)}
            assert tries == {0}
            assert {row.attempts for row in one.store.deliveries("shop", 99)} == {1}

        asyncio.run(scenario())
    assert len(set(receiver.ids)) == len(receiver.taken)


def test_what_is_not_sent_within_the_lease_is_given_back_untried(office: OpenOffice, receiver: Receiver) -> None:
    async def scenario() -> None:
        one = office()
        await one.look()
        for at in range(5):
            await one.job("done", name=f"job-{at}")
        # Each answer takes a while by the clock of the server.
        receiver.answers = [500] * 5
        receiver.on_post = lambda: setattr(one.clock, "now", one.clock.now + deliveries.LEASE / 2)
        await one.look()
        assert (len(receiver.taken), len(one.store.deliveries("shop", 9))) == (2, 5)
        rows = {row.job_id: row.attempts for row in one.store.deliveries("shop", 9)}
        assert rows == {"job-0": 1, "job-1": 1, "job-2": 0, "job-3": 0, "job-4": 0}
        # Due at once, for whichever server comes.
        due = one.store.next_delivery("shop")
        assert due is not None
        assert due <= one.clock.now

    asyncio.run(scenario())


def test_private_addresses_need_a_word(office: OpenOffice, receiver: Receiver, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="must begin with https"):
        office("")
    text = (tmp_path / "reelwork.toml").read_text()
    (tmp_path / "reelwork.toml").write_text(text.replace("http://", "https://"))

    async def scenario() -> None:
        one = Office(tmp_path)
        await one.look()
        await one.job("done")
        await one.look()
        assert "this machine, which is refused" in one.target.reason
        assert one.counted == [("shop", "failed")]
        await one.session.__aexit__()
        one.store.close()

    asyncio.run(scenario())
    assert receiver.taken == []


def test_no_redirect_is_followed(office: OpenOffice, receiver: Receiver) -> None:
    async def scenario() -> None:
        one = office()
        await one.look()
        receiver.answers, receiver.headers = [307], {"Location": receiver.url}
        await one.job("done")
        await one.look()
        assert one.target.reason == "it answered 307"

    asyncio.run(scenario())
    assert len(receiver.taken) == 1


def test_only_the_events_that_are_wanted_and_none_before_it_was_known(
    office: OpenOffice, receiver: Receiver
) -> None:
    async def scenario() -> None:
        one = office('private = true\nevents = ["*"]')
        await one.job("done", name="before")
        await one.look()
        await one.job("submitted", "rendered", "done")
        await one.look()
        assert receiver.types() == ["job.submitted", "job.rendered", "job.done"]
        # A webhook that no server has in its settings any more.
        one.clock.now += TARGET_SECONDS
        await one.job("done", name="much later")
        assert one.target.waiting == 0

    asyncio.run(scenario())


def test_what_waits_is_bounded(office: OpenOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    import reelwork.store.sqlite.outbox as of_sqlite

    assert of_sqlite.MOST_WAITING == MOST_WAITING
    monkeypatch.setattr(of_sqlite, "MOST_WAITING", 5)

    async def scenario() -> None:
        one = office()
        await one.look()
        for at in range(12):
            await one.job("done", name=f"job-{at}")
        await one.store.keep_targets([one.target])
        assert one.target.waiting == 5
        assert [each.job_id for each in await one.store.claim_deliveries("shop", 60, 1)] == ["job-7"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('events = ["finishd"]\nprivate = true', "there is no event 'finishd'"),
        ("private = true\nsecrets = []", "secrets"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(office: OpenOffice, lines: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        office(lines)


@pytest.mark.parametrize("url", ["https://[::1", "https://x:99999/", "https://x:0/", "https://:80/"])
def test_an_address_that_is_none_is_refused_with_its_key(office: OpenOffice, tmp_path: Path, url: str) -> None:
    office()
    (tmp_path / "reelwork.toml").write_text(f'[webhooks.chat]\nurl = "{url}"\nsecret = "env:SHOP_SECRET"\n')
    with pytest.raises(InvalidInput, match=r"webhooks\.chat\.url.*not an address"):
        webhook_settings()


def test_a_secret_must_be_long_enough(office: OpenOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    for weak in ("whsec_", "whsec_c2hvcnQ=", "hunter2", "whsec_not base64"):
        with pytest.raises(InvalidInput, match="16 bytes or more"):
            signing_key(weak)
    monkeypatch.setenv("SHOP_SECRET", "hunter2")
    with pytest.raises(InvalidInput, match="16 bytes or more"):
        office()


@pytest.mark.slow
def test_a_served_job_tells_its_end(machine: Machine, receiver: Receiver) -> None:
    text = f'[webhooks.shop]\nurl = "{receiver.url}"\nsecret = "env:SHOP_SECRET"\nprivate = true\n'
    (machine.folder / "reelwork.toml").write_text(text, encoding="utf-8")
    server = machine.start(SHOP_SECRET=SECRET).until_ready()
    # Another process makes the video: its events go out all the same.
    done = machine.reelwork("run", "a calm sea", "--set", "brief.duration=1", "--yes")
    assert done.returncode == 0, done.stderr
    ends = time.monotonic() + PATIENCE
    while "job.done" not in receiver.types():
        assert time.monotonic() < ends, server.text
        time.sleep(0.05)
    standardwebhooks.Webhook(SECRET).verify(receiver.taken[-1][1], receiver.taken[-1][0])
    assert server.stop()[0] == 0
    assert SECRET not in server.text


def deliveries_of(office: Office) -> list[tuple[str, str, int]]:
    return [(one.name, one.outcome, one.attempts) for one in office.store.deliveries(None, 10)]


def test_what_was_sent_is_kept_and_can_be_sent_again_with_its_id(office: OpenOffice, receiver: Receiver) -> None:
    async def scenario() -> None:
        desk = office()
        await desk.look()
        await desk.job("done")
        assert deliveries_of(desk) == [("done", "waiting", 0)]
        await desk.look()
        assert deliveries_of(desk) == [("done", "delivered", 1)]
        [row] = desk.store.deliveries("shop", 10, id_=receiver.ids[0][-8:])
        assert row.id == receiver.ids[0]
        assert desk.store.deliveries("other", 10) == []
        await send_again(desk.store, row.id[-8:])
        assert deliveries_of(desk) == [("done", "waiting", 0)]
        await desk.look()
        assert receiver.ids == [row.id] * 2
        assert receiver.taken[0][1] == receiver.taken[1][1]
        assert deliveries_of(desk) == [("done", "delivered", 1)]

    asyncio.run(scenario())


def test_what_failed_says_why_and_goes_at_once_when_asked(office: OpenOffice, receiver: Receiver) -> None:
    async def scenario() -> None:
        desk = office()
        await desk.look()
        receiver.answers = [500]
        await desk.job("done")
        await desk.look()
        [row] = desk.store.deliveries(None, 10)
        assert (row.outcome, row.attempts, row.reason) == ("waiting", 1, "it answered 500")
        await desk.look()
        assert len(receiver.taken) == 1
        await send_again(desk.store, row.id)
        await desk.look()
        assert deliveries_of(desk) == [("done", "delivered", 2)]

    asyncio.run(scenario())


def test_what_was_dropped_with_its_webhook_is_sent_once_that_is_on(office: OpenOffice, receiver: Receiver) -> None:
    async def scenario() -> None:
        desk = office()
        await desk.look()
        receiver.answers = [410]
        await desk.job("done", "published")
        await desk.look()
        assert {outcome for _, outcome, _ in deliveries_of(desk)} == {"dropped"}
        [row] = [one for one in desk.store.deliveries(None, 10) if one.name == "published"]
        with pytest.raises(InvalidInput, match="shop is off"):
            await send_again(desk.store, row.id)
        await desk.store.turn_on("shop")
        await send_again(desk.store, row.id)
        await desk.look()
        assert receiver.types()[-1] == "job.published"
        for unknown in ("evt_000000000000", row.id[-4:]):
            with pytest.raises(InvalidInput, match="delivery"):
                await send_again(desk.store, unknown)

    asyncio.run(scenario())


def test_what_ended_long_ago_is_forgotten(office: OpenOffice, receiver: Receiver) -> None:
    async def scenario() -> None:
        desk = office()
        await desk.look()
        await desk.job("done")
        await desk.look()
        desk.clock.now += ENDED_SECONDS + 1
        await desk.look()
        await desk.job("done", name="other")
        await desk.look()
        assert [one.job_id for one in desk.store.deliveries(None, 10)] == ["other"]

    asyncio.run(scenario())


@pytest.mark.slow
def test_the_command_and_the_page_tell_and_send(machine: Machine, receiver: Receiver) -> None:
    (machine.folder / "reelwork.toml").write_text(
        f'[webhooks.shop]\nurl = "{receiver.url}"\nsecret = "env:SHOP_SECRET"\nprivate = true\n', encoding="utf-8"
    )
    secret = {"SHOP_SECRET": SECRET}
    server = machine.start(**secret).until_ready()
    ran = machine.reelwork(
        "run", "A harbour at dawn", "--provider", "preview", "--duration", "1", "--yes", "--no-sheet", **secret
    )
    assert ran.returncode == 0, ran.stderr
    ends = time.monotonic() + PATIENCE
    while "job.done" not in receiver.types():
        assert time.monotonic() < ends, server.text
        time.sleep(0.05)
    while not (told := json.loads(machine.reelwork("webhooks", "deliveries", "--json", **secret).stdout)) or any(
        one["state"] != "delivered" for one in told
    ):
        assert time.monotonic() < ends, told
    assert told[0]["webhook"] == "shop"
    sent = len(receiver.taken)
    again = machine.reelwork("webhooks", "resend", told[0]["id"], **secret)
    assert (again.returncode, "Due now" in again.stdout) == (0, True), again.stderr
    while len(receiver.taken) == sent:
        assert time.monotonic() < ends, server.text
        time.sleep(0.05)
    assert receiver.ids[-1] == told[0]["id"]
    page = server.client.get("/webhooks").text
    assert told[0]["id"] in page
    assert "key=1" not in page
    # Reading is open here; sending again is not.
    path = f"/deliveries/{told[0]['id']}/resend"
    assert server.client.post(path).status_code == 401
    made = machine.reelwork("tokens", "add", "ana", "--scope", "approve", **secret)
    headers = {"authorization": f"Bearer {made.stdout.splitlines()[0].strip()}"}
    sent = len(receiver.taken)
    assert server.client.post(path, headers=headers).status_code == 303
    while len(receiver.taken) == sent:
        assert time.monotonic() < ends, server.text
        time.sleep(0.05)
    missing = machine.reelwork("webhooks", "resend", "evt_nothing_there", **secret)
    assert (missing.returncode, "Traceback" in missing.stderr) == (2, False)


def test_without_webhooks_it_goes_on_until_it_is_stopped(tmp_path: Path) -> None:
    async def scenario() -> None:
        with closing(SqliteStore(tmp_path / "none.db")) as store:
            stopping = asyncio.Event()
            running = asyncio.create_task(Deliveries(store, {}, lambda *_: None).run(stopping))
            done, _ = await asyncio.wait([running], timeout=0.1)
            assert not done
            stopping.set()
            await running

    asyncio.run(scenario())
