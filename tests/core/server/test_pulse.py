"""Signs of life reach systemd's socket, and stop with the loop that gives them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from reelwork.server.pulse import ALIVE_SECONDS, Pulse, ServiceManager


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
