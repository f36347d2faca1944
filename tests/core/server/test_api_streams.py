"""Events as they happen, and videos in parts, at a real server."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from tests.core.server.conftest import PATIENCE, Machine, Running

MADE = ("run", "A harbour at dawn", "--provider", "preview", "--duration", "1", "--yes", "--no-sheet")


@pytest.fixture(scope="module")
def machine(new_machine: Callable[[], Machine]) -> Machine:
    machine = new_machine()
    assert machine.reelwork(*MADE).returncode == 0
    return machine


@pytest.fixture(scope="module")
def server(machine: Machine) -> Running:
    return machine.start().until_ready()


def events_in(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """The number and the document of each event, as a browser reads them."""
    number = ""
    for line in lines:
        if line.startswith("id: "):
            number = line.removeprefix("id: ")
        elif line.startswith("data: "):
            yield number, json.loads(line.removeprefix("data: "))


def read(server: Running, headers: dict[str, str] | None = None, **query: str) -> list[Any]:
    answer = server.client.get("/api/v1/events", params={"follow": "false", **query}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    found = list(events_in(iter(answer.text.splitlines())))
    assert [int(number) for number, _ in found] == [event["seq"] for _, event in found]
    return [event for _, event in found]


def test_a_reader_that_comes_back_gets_what_it_missed_and_nothing_twice(server: Running) -> None:
    whole = read(server, after="0")
    assert [event["name"] for event in whole][-1] == "done"
    assert [event["seq"] for event in whole] == sorted({event["seq"] for event in whole})
    seen = whole[2]["seq"]
    assert read(server, {"Last-Event-ID": str(seen)}) == whole[3:]
    # What the browser says counts for more than the address, which was that of its first request.
    assert read(server, {"Last-Event-ID": str(seen)}, after="0") == whole[3:]
    assert read(server, {"Last-Event-ID": str(whole[-1]["seq"])}) == []
    assert read(server) == []
    assert read(server, after="0", job=whole[0]["job"]) == whole
    # From before the store was put back to a backup.
    assert read(server, {"Last-Event-ID": "999999999"}) == []


def test_a_reader_that_comes_back_misses_nothing_when_old_jobs_were_removed(
    new_machine: Callable[[], Machine],
) -> None:
    machine = new_machine()
    assert machine.reelwork(*MADE).returncode == 0
    server = machine.start().until_ready()
    seen = read(server, after="0")[-1]["seq"]
    with closing(sqlite3.connect(machine.store)) as db, db:
        db.execute("UPDATE jobs SET ended_at = ended_at - 5 * 86400")
    removed = machine.reelwork("store", "vacuum", "--older-than", "1d", "--yes")
    assert removed.returncode == 0, removed.stderr
    assert read(server, after="0") == []
    # The lines with the highest numbers are gone. A reader that has seen them waits for what comes next.
    assert read(server, {"Last-Event-ID": str(seen)}) == []
    assert machine.reelwork(*MADE, "--duration", "2").returncode == 0
    missed = read(server, {"Last-Event-ID": str(seen)})
    assert [event["name"] for event in missed] == [event["name"] for event in read(server, after="0")]
    assert (missed[0]["seq"], missed[-1]["name"]) == (seen + 1, "done")


@pytest.mark.parametrize("given", ["-1", "x", "1.5", "9" * 30])
def test_a_number_that_is_none_is_refused(server: Running, given: str) -> None:
    answer = server.client.get("/api/v1/events", headers={"Last-Event-ID": given})
    assert (answer.status_code, answer.json()["errors"][0]["header"]) == (422, "Last-Event-ID")


def test_what_another_process_does_is_told_while_it_happens(machine: Machine, server: Running) -> None:
    begun = threading.Event()
    done: list[int] = []

    def make() -> None:
        assert begun.wait(PATIENCE)
        done.append(machine.reelwork(*MADE).returncode)

    worker = threading.Thread(target=make)
    worker.start()
    with server.client.stream("GET", "/api/v1/events") as answer:
        begun.set()
        found = []
        for _, event in events_in(answer.iter_lines()):
            found.append(event)
            if event["name"] == "done":
                break
    worker.join()
    assert done == [0]
    assert len({event["job"] for event in found}) == 1
    assert {"submitted", "published"} <= {event["name"] for event in found}


def test_an_open_stream_does_not_keep_the_server_from_ending(machine: Machine) -> None:
    server = machine.start().until_ready()
    with server.client.stream("GET", "/api/v1/events") as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("retry: ")
        code, seconds = server.stop()
        # The stream ends in order, and is not cut off.
        assert list(events_in(lines)) == []
    assert (code, seconds < 10) == (0, True)
    assert "Traceback" not in server.text


@pytest.fixture(scope="module")
def clip(server: Running) -> str:
    job = server.client.get("/api/v1/jobs").json()["items"][-1]["id"]
    return f"/api/v1/jobs/{job}/clip"


def test_a_video_comes_whole_or_in_parts(server: Running, clip: str) -> None:
    whole = server.client.get(clip)
    assert (whole.status_code, whole.headers["content-type"]) == (200, "video/mp4")
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.content[4:8] == b"ftyp"
    size = len(whole.content)
    for asked, part in (
        ("bytes=0-9", whole.content[:10]),
        ("bytes=10-", whole.content[10:]),
        ("bytes=-7", whole.content[-7:]),
        (f"bytes=5-{size * 2}", whole.content[5:]),
    ):
        answer = server.client.get(clip, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (206, part), asked
    changed = server.client.get(clip, headers={"Range": "bytes=0-9", "If-Range": '"another"'})
    assert (changed.status_code, changed.content) == (200, whole.content)
    beyond = server.client.get(clip, headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    assert beyond.json()["status"] == 416


def test_a_thumbnail_is_a_picture(server: Running, clip: str) -> None:
    answer = server.client.get(clip.replace("/clip", "/thumbnail"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.content.startswith(b"\xff\xd8")


def test_a_video_that_is_not_there_is_said(machine: Machine, server: Running, clip: str) -> None:
    assert server.client.get(clip, params={"shape": "0"}).status_code == 404
    job = server.client.get("/api/v1/jobs").json()["items"][0]
    kept = machine.folder / job["video"]
    aside = kept.with_suffix(".aside")
    kept.rename(aside)
    answer: httpx.Response = server.client.get(f"/api/v1/jobs/{job['id']}/clip")
    aside.rename(kept)
    assert (answer.status_code, "no longer on this machine" in answer.json()["detail"]) == (404, True)
