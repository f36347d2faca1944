"""The proxy does to a request exactly what a scene says, on real connections."""

from __future__ import annotations

import http.client
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from author_services import Service

from reelwork.testing import serving
from reelwork.testing.conformance.proxy import FaultProxy
from reelwork.testing.conformance.proxy_script import Script, shape
from reelwork.testing.conformance.scenarios import WRITE_FAULTS, Fault
from reelwork.testing.conformance.storage.scenes import FORBIDDEN

EXPECTED = {
    "answer lost": (1, "RemoteDisconnected"),
    "lost on the way": (0, "RemoteDisconnected"),
    "500 after acceptance": (1, 500),
    "503 before acceptance": (0, 503),
    "429": (0, 429),
    "time-out before it arrives": (0, "TimeoutError"),
    "time-out after it arrived": (1, "TimeoutError"),
    "late success": (1, "TimeoutError"),
    "answer cut short": (1, "IncompleteRead"),
    "a web page with 200 after acceptance": (1, 200),
    "a web page with 200 before acceptance": (0, 200),
    "answered twice": (1, 201),
    "delivered twice": (2, 201),
}


@contextmanager
def proxied(script: Script, *, listening: bool = True) -> Iterator[tuple[FaultProxy, Service]]:
    service = Service()
    with serving(service) as url:
        proxy = FaultProxy(url, script, listening=listening)
        try:
            yield proxy, service
        finally:
            proxy.close()


def ask(url: str, method: str = "POST", seconds: float = 10.0) -> int | str:
    """The status of the answer, or the name of what came instead."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=seconds)
    try:
        connection.request(method, "/things", b'{"text": "hello"}' if method == "POST" else None)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


def test_every_fault_is_tried_here() -> None:
    assert EXPECTED.keys() == WRITE_FAULTS.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_fault_strikes_its_request_and_no_other(name: str) -> None:
    arrived, came = EXPECTED[name]
    fault = WRITE_FAULTS[name]
    with proxied(Script(fault, at_write=2)) as (proxy, service):
        assert ask(proxy.url) == 201
        assert ask(proxy.url, seconds=0.3 if fault.held else 10) == came
        # Whatever is asked afterwards finds what was late: it has arrived by then.
        assert ask(proxy.url, "GET") == 200
        assert len(service.things) == 1 + arrived
        assert [seen.struck for seen in proxy.writes] == [False, True]


def test_a_fault_of_the_act_is_known_by_its_shape() -> None:
    script = Script(WRITE_FAULTS["503 before acceptance"], act=shape("POST", "/things?x=1"), times=2)
    with proxied(script) as (proxy, _):
        assert [ask(proxy.url) for _ in range(3)] == [503, 503, 201]
    assert shape("PUT", "/posts/reelwork-1ngdynpyc5e1p1xp-post") == shape("PUT", "/posts/reelwork-9zz")
    assert shape("POST", "/posts") != shape("POST", "/uploads")


def test_looks_go_wrong_after_the_act_only_and_so_many_times() -> None:
    script = Script(Fault(answer="none"), at_write=1, look=Fault(arrives="never", answer="none"), looks=2)
    with proxied(script) as (proxy, _):
        assert ask(proxy.url, "GET") == 200
        assert ask(proxy.url) == "RemoteDisconnected"
        assert [ask(proxy.url, "GET") for _ in range(3)] == ["RemoteDisconnected"] * 2 + [200]


def test_what_happens_after_the_act_has_happened_before_the_next_look() -> None:
    script = Script(Fault(answer="none"), at_write=1)
    with proxied(script) as (proxy, service):
        script.on_struck = lambda: service.crowd()[0]  # type: ignore[assignment, return-value]
        ask(proxy.url)
        assert len(service.things) == 21


def test_nobody_listens_until_it_is_told_to() -> None:
    with proxied(Script(), listening=False) as (proxy, _):
        assert ask(proxy.url) == "ConnectionRefusedError"
        proxy.listen()
        assert ask(proxy.url) == 201


def test_half_a_request_of_a_killed_process_does_not_arrive() -> None:
    import socket

    with proxied(Script()) as (proxy, service):
        with socket.create_connection(("127.0.0.1", urlsplit(proxy.url).port or 0)) as half:
            half.sendall(b"POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        proxy.drain()
        assert service.things == []


def test_draining_waits_for_what_is_under_way() -> None:
    script = Script(WRITE_FAULTS["late success"], at_write=1)
    with proxied(script) as (proxy, service):
        asking = threading.Thread(target=ask, args=(proxy.url,), kwargs={"seconds": 0.3})
        asking.start()
        while not proxy.seen:
            pass
        proxy.drain()
        assert len(service.things) == 1
        asking.join()


def test_a_request_that_breaks_off_arrives_in_part() -> None:
    arrived: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def take() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            arrived.append(stream.read())

    taking = threading.Thread(target=take)
    taking.start()
    script = Script(fault=Fault(arrives="half", answer="none"), at_write=1)
    proxy = FaultProxy(f"http://127.0.0.1:{listener.getsockname()[1]}", script)
    assert ask(proxy.url) == "RemoteDisconnected"
    taking.join(30)
    proxy.close()
    listener.close()
    head, _, body = arrived[0].partition(b"\r\n\r\n")
    assert b"Content-Length: 17\r\n" in head + b"\r\n"
    assert body == b'{"text":'


def test_every_request_meets_the_same_reads_too() -> None:
    with proxied(Script(every=Fault(arrives="never", answer=FORBIDDEN))) as (proxy, service):
        assert [ask(proxy.url, method) for method in ("POST", "GET", "POST")] == [403] * 3
        assert service.log() == []


def test_the_length_of_a_head_is_kept_however_it_is_written() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4711\r\nconnection: close\r\n\r\n")

    answering = threading.Thread(target=answer)
    answering.start()
    proxy = FaultProxy(f"http://127.0.0.1:{listener.getsockname()[1]}", Script())
    connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=10)
    connection.request("HEAD", "/things")
    assert connection.getresponse().headers["Content-Length"] == "4711"
    connection.close()
    answering.join(30)
    proxy.close()
    listener.close()
