"""The connections of libraries that open their own sockets: judged as they are opened, and only theirs."""

from __future__ import annotations

import asyncio
import contextvars
import http.client
import smtplib
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest

from reelwork.net.own_sockets import AddressRefused, proxy_places, public_only


@pytest.fixture
def inside() -> Iterator[socket.socket]:
    """A server on this machine that tells by `accept` whether anybody connected."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.setblocking(False)
        yield server


def connected(server: socket.socket) -> bool:
    with suppress(BlockingIOError):
        server.accept()[0].close()
        return True
    return False


def by_name(port: int) -> None:
    with closing(socket.socket()) as one:
        one.connect(("localhost", port))


def by_number(port: int) -> None:
    with closing(socket.socket()) as one:
        one.connect_ex(("127.0.0.1", port))


def by_http(port: int) -> None:
    http.client.HTTPConnection("localhost", port).connect()


def by_mail(port: int) -> None:
    smtplib.SMTP("localhost", port, timeout=5)


def by_url(port: int) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(f"https://127.0.0.1:{port}/", timeout=5)


@pytest.mark.parametrize("connect", [by_name, by_number, by_http, by_mail, by_url])
def test_nothing_connects_to_this_machine(connect: Callable[[int], None], inside: socket.socket) -> None:
    with pytest.raises(OSError, match="it leads to this machine"), public_only() as refused:
        connect(inside.getsockname()[1])
    assert (set(refused), connected(inside)) == ({"this machine"}, False)


def test_no_datagram_is_sent_into_this_network() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taking:
        taking.bind(("127.0.0.1", 0))
        taking.setblocking(False)
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as one, public_only():
            for given in ((b"x",), (b"x", 0)):
                with pytest.raises(AddressRefused):
                    one.sendto(*given, taking.getsockname())  # type: ignore[call-overload]
        with pytest.raises(BlockingIOError):
            taking.recv(9)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("10.1.2.3", "a private network"),
        ("169.254.169.254", "a link-local address"),
        ("::1", "this machine"),
        ("fe80::1%lo", "a link-local address"),
        ("::ffff:10.1.2.3", "a private network"),
    ],
)
def test_addresses_are_judged_as_everywhere(address: str, why: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with (
        closing(socket.socket(family)) as one,
        public_only() as refused,
        pytest.raises(AddressRefused, match=f"it leads to {why}"),
    ):
        one.connect((address, 9))
    assert refused == [why]


def test_what_is_allowed_and_what_is_no_network_is_connected_to(inside: socket.socket) -> None:
    with public_only({inside.getsockname()}) as refused:
        by_number(inside.getsockname()[1])
        here, there = socket.socketpair()
        here.close()
        there.close()
    assert (connected(inside), refused) == (True, [])


def test_others_connect_where_they_like(inside: socket.socket) -> None:
    port = inside.getsockname()[1]
    with public_only():
        thread = threading.Thread(target=by_number, args=(port,))
        thread.start()
        thread.join()
        assert connected(inside)
        # Whoever hands work on with its context hands on what it may.
        with pytest.raises(AddressRefused):
            contextvars.copy_context().run(by_number, port)
    by_number(port)
    assert connected(inside)

    async def beside() -> None:
        async def guarded() -> None:
            with public_only():
                await asyncio.sleep(0.01)

        async def free() -> None:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()

        await asyncio.gather(guarded(), free())

    asyncio.run(beside())
    assert connected(inside)


def test_the_proxies_of_the_environment_are_known_by_their_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://ana:pass@127.0.0.1:3128/")
    monkeypatch.setenv("HTTPS_PROXY", "127.0.0.2:3129")
    monkeypatch.setenv("no_proxy", "127.0.0.3")
    assert proxy_places() == {("127.0.0.1", 3128), ("127.0.0.2", 3129)}
    monkeypatch.setenv("HTTP_PROXY", "http://[::1:nonsense")
    assert proxy_places() == {("127.0.0.2", 3129)}
