"""A store that cannot be written, as people are told of it: once, and once when it is over."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.server.test_deliveries import Clock, Receiver

from reelwork.errors import StoreUnwritable
from reelwork.plugins.catalog import Catalog
from reelwork.server.driving import STEADY_SECONDS
from reelwork.server.outage import LONG_STEADY_SECONDS, PATIENCE_SECONDS, RECENT_SECONDS, OutageNotices
from reelwork.server.pulse import Pulse, ServiceManager
from reelwork.server.recipients import AGAIN_SECONDS, Messenger, recipients_of
from reelwork.settings.notify import notify_settings
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.session import Session

# Apprise imports it for a kind of picture.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
FULL, OVER = "Reelwork: The store cannot be written", "Reelwork: Mended"
SETTINGS = """
[notify]
to = ["env:NOTIFY_ALL"]
private = true
[notify.others]
to = ["env:NOTIFY_OTHERS"]
private = true
exclude_brands = ["acme"]
[notify.acme-desk]
to = ["env:NOTIFY_ACME"]
private = true
brand = "acme"
[brands.acme]
"""


class Desk:
    """A server's pulse, and who tells people when the store is in trouble."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.pulse, self.counted = Clock(), Pulse(ServiceManager({})), list[str]()
        self.store = SqliteStore(folder / "store.db")
        self.session = Session(self.store, Catalog(noting=False))
        settings = notify_settings()
        assert settings is not None
        people = recipients_of(settings, self.session.context)
        messenger = Messenger(self.counted.append)
        self.notices = OutageNotices(self.pulse, people, "https://studio.example.com", messenger, self.clock)

    def trouble(self, *, there: bool) -> None:
        self.pulse.trouble = StoreUnwritable("The store s.db could not be written: disk full.") if there else None

    async def pass_time(self, seconds: float, step: float = 5.0) -> None:
        await self.notices.look()
        for _ in range(int(seconds / step)):
            self.clock.now += step
            await self.notices.look()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def desk(receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    (tmp_path / "reelwork.toml").write_text(SETTINGS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("all", "others", "acme"):
        at = f"json://127.0.0.1:{receiver.server_address[1]}/{name}"
        monkeypatch.setenv(f"NOTIFY_{name.upper()}", at)
    made = Desk(tmp_path)
    yield made
    asyncio.run(made.session.__aexit__())
    made.store.close()


def titles(receiver: Receiver, whom: str) -> list[str]:
    return [json.loads(body)["title"] for path, body in receiver.bodies if path.strip("/") == whom]


def test_an_outage_is_told_once_and_once_when_it_is_over(desk: Desk, receiver: Receiver) -> None:
    async def scenario() -> None:
        desk.trouble(there=True)
        await desk.pass_time(PATIENCE_SECONDS - 5)
        assert receiver.taken == []
        await desk.pass_time(3600)
        assert titles(receiver, "all") == titles(receiver, "others") == [FULL]
        desk.trouble(there=False)
        await desk.pass_time(STEADY_SECONDS - 5)
        # A row that found room is no end of it.
        desk.trouble(there=True)
        await desk.pass_time(60)
        desk.trouble(there=False)
        await desk.pass_time(STEADY_SECONDS - 5)
        assert len(receiver.taken) == 2
        await desk.pass_time(3600)

    asyncio.run(scenario())
    assert titles(receiver, "all") == titles(receiver, "others") == [FULL, OVER]
    # Where the store is concerns nobody of one brand.
    assert (titles(receiver, "acme"), desk.counted) == ([], ["sent"] * 4)
    text = json.loads(receiver.bodies[0][1])["message"]
    assert text == (
        "The store s.db could not be written: disk full. What was not written down was not sent. What was sent is "
        "looked up, not sent again. Until then no job is driven and no schedule fires. Make room on the disk, or "
        "check the rights of the file. The server then continues within a minute.\nhttps://studio.example.com/"
    )


def test_what_passes_at_once_is_told_to_nobody(desk: Desk, receiver: Receiver) -> None:
    async def scenario() -> None:
        for _ in range(3):
            desk.trouble(there=True)
            await desk.pass_time(PATIENCE_SECONDS - 5)
            desk.trouble(there=False)
            await desk.pass_time(2 * RECENT_SECONDS)
        assert receiver.taken == []
        # Of one that comes again and again, people want to know.
        for _ in range(3):
            desk.trouble(there=True)
            await desk.pass_time(PATIENCE_SECONDS - 5)
            desk.trouble(there=False)
            await desk.pass_time(2 * STEADY_SECONDS)

    asyncio.run(scenario())
    assert titles(receiver, "all") == [FULL]


def test_a_disk_that_has_room_now_and_then_is_told_twice_at_most(desk: Desk, receiver: Receiver) -> None:
    async def scenario() -> None:
        for _ in range(20):
            desk.trouble(there=True)
            await desk.pass_time(PATIENCE_SECONDS)
            desk.trouble(there=False)
            await desk.pass_time(2 * STEADY_SECONDS)
        assert titles(receiver, "all") == [FULL, OVER, FULL]
        await desk.pass_time(LONG_STEADY_SECONDS)

    asyncio.run(scenario())
    assert titles(receiver, "all") == [FULL, OVER, FULL, OVER]


def test_a_recipient_that_could_not_be_reached_is_told_later_and_alone(desk: Desk, receiver: Receiver) -> None:
    async def scenario() -> None:
        receiver.refusing = "/others"
        desk.trouble(there=True)
        await desk.pass_time(PATIENCE_SECONDS)
        receiver.refusing = ""
        await desk.pass_time(AGAIN_SECONDS - 5)
        assert len(receiver.taken) == 2
        await desk.pass_time(60)

    asyncio.run(scenario())
    assert (len(titles(receiver, "all")), len(titles(receiver, "others"))) == (1, 2)
    assert desk.counted == ["sent", "failed", "sent"] or desk.counted == ["failed", "sent", "sent"]
