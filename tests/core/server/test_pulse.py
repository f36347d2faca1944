"""Signs of life reach systemd's socket, and stop with the loop that gives them."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.server.conftest import PATIENCE, Machine
from tests.core.studio.firing.switch import UUID, running_switch

from reelwork.plugins.catalog import Catalog
from reelwork.server.pulse import ALIVE_SECONDS, Pulse, ServiceManager
from reelwork.server.serving import ping_for_ever
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.pings import Pings
from reelwork.studio.session import Session


@pytest.fixture
def manager_socket(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.setblocking(False)
        yield bound


def told(bound: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(bound.recv(4096).decode())
        except BlockingIOError:
            return found


def test_what_is_told_arrives_as_one_datagram(manager_socket: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": manager_socket.getsockname()})
    manager.tell("READY=1", "STATUS=Serving")
    assert told(manager_socket) == ["READY=1\nSTATUS=Serving"]


def test_an_abstract_socket_is_reached() -> None:
    name = f"reelwork-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(f"\0{name}")
        bound.setblocking(False)
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).tell("READY=1")
        assert told(bound) == ["READY=1"]


def test_nobody_who_listens_is_no_error(tmp_path: Path) -> None:
    ServiceManager({}).tell("READY=1")
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "none")}).tell("READY=1")


def test_the_watchdog_is_fed_by_beats_alone(manager_socket: socket.socket) -> None:
    now = 0.0
    environ = {"NOTIFY_SOCKET": manager_socket.getsockname(), "WATCHDOG_USEC": "30000000"}
    pulse = Pulse(ServiceManager(environ), clock=lambda: now)
    assert not pulse.is_alive
    for second in range(30):
        now = float(second)
        pulse.beat()
    assert told(manager_socket) == ["WATCHDOG=1"] * 3
    assert pulse.is_alive
    now += ALIVE_SECONDS
    assert not pulse.is_alive
    assert told(manager_socket) == []


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_only_the_process_that_is_meant_feeds_the_watchdog(environ: dict[str, str], seconds: float | None) -> None:
    assert ServiceManager(environ).watchdog == seconds


def test_the_switch_of_a_server_is_pinged_only_while_its_loop_turns(tmp_path: Path) -> None:
    pulse = Pulse(ServiceManager({}))

    async def serve(url: str) -> None:
        async with Session(SqliteStore(tmp_path / "store.db"), Catalog()) as session:
            pinging = asyncio.create_task(
                ping_for_ever(Pings(session.context, private=True), url, pulse, every=0.05)
            )
            await asyncio.sleep(0.3)
            assert switch.told == [], "the loop has not turned yet"
            ends = time.monotonic() + PATIENCE
            while len(switch.told) < 3 and time.monotonic() < ends:
                pulse.beat()
                await asyncio.sleep(0.05)
            pinging.cancel()
            await asyncio.gather(pinging, return_exceptions=True)

    with running_switch() as switch:
        asyncio.run(serve(switch.url))
        assert set(switch.signals) == {""}
        assert len(switch.told) >= 3


def test_a_server_pings_the_switch_it_was_given_and_says_nothing_of_its_address(machine: Machine) -> None:
    with running_switch() as switch:
        inside = machine.reelwork("serve", "--check", "--port", "0", REELWORK_PING_URL=switch.url)
        assert (inside.returncode, "[pings] private = true" in inside.stderr) == (2, True), inside.stderr
        (machine.folder / "reelwork.toml").write_text("[pings]\nprivate = true\n", encoding="utf-8")
        server = machine.start(
            "serve", "--port", "0", "--ping-url", "env:THE_SWITCH", THE_SWITCH=switch.url
        ).until_ready()
        assert switch.wait_for(1) == [""]
        code, seconds = server.stop()
    assert (code, seconds < 10, UUID in server.text) == (0, True, False)
    refused = machine.reelwork("serve", "--check", "--port", "0", REELWORK_PING_URL=f"hc-ping.com/{UUID}")
    assert (refused.returncode, UUID in refused.stderr) == (2, False)
    assert "The address of the ping is neither" in refused.stderr
