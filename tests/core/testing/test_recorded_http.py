"""A recorded server answers what was recorded, keeps what it was asked, and tells what nobody recorded."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import WorkflowInvalid
from reelwork.testing import RecordedHttp, SampleContext
from reelwork_hooks import InvalidInput, NotSent, OutcomeUnknown


@pytest.fixture
def server() -> Any:
    recorded = RecordedHttp()
    yield recorded
    recorded.close()


@pytest.fixture
def client(server: RecordedHttp, tmp_path: Path) -> Any:
    return SampleContext(tmp_path).http(trust=[server.url])


def get(client: Any, url: str, **options: Any) -> Any:
    return asyncio.run(client.get(url, **options))


def test_exchanges_are_played_in_order_and_what_was_asked_is_kept(server: RecordedHttp, client: Any) -> None:
    server.play(
        [
            {"request": {"path": "/a"}, "response": {"json": {"n": 1, "at": "{base_url}/b"}}},
            {"request": {"path": "/a"}, "response": {"text": "two", "headers": {"X-More": "yes"}}},
            {"request": {"method": "post", "path": "/a", "json": {"x": [1]}}, "response": {"status": 201}},
            {"request": {"path": "/bytes"}, "response": {"base64": "AAEC"}},
        ]
    )
    assert get(client, f"{server.url}/a", params={"q": "1"}).json() == {"n": 1, "at": f"{server.url}/b"}
    second = get(client, f"{server.url}/a")
    assert (second.text, second.headers["x-more"]) == ("two", "yes")
    assert asyncio.run(client.post(f"{server.url}/a", json={"x": [1]})).status_code == 201
    assert get(client, f"{server.url}/bytes").content == b"\0\1\2"
    assert [(asked.method, asked.path) for asked in server.asked] == [("GET", "/a")] * 2 + [("POST", "/a")] + [
        ("GET", "/bytes")
    ]
    assert server.asked[0].query == {"q": "1"}
    assert server.asked[2].json() == {"x": [1]}
    server.check()


def test_an_unexpected_request_is_answered_once_and_told(server: RecordedHttp, client: Any) -> None:
    server.play([{"request": {"method": "POST", "path": "/a", "json": {"x": 1}}}])
    answer = get(client, f"{server.url}/b", params={"q": "1"})
    assert (answer.status_code, len(server.asked)) == (418, 1)
    asyncio.run(client.post(f"{server.url}/a", json={"x": 2}))
    with pytest.raises(AssertionError) as caught:
        server.check()
    told = str(caught.value)
    assert "not recorded: GET /b?q=1 (left to play: POST /a)" in told
    assert "POST /a (near, but its body is" in told
    assert '{"x": 1}' in told
    assert "recorded and not asked: POST /a" in told


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        ({"query": {"page": "2"}}, "its query has page='1', not '2'"),
        ({"headers": {"X-Key": "abc"}}, "its header X-Key is not the recorded one"),
        ({"text": "needle"}, "its body does not hold 'needle'"),
    ],
)
def test_what_does_not_fit_is_told(server: RecordedHttp, client: Any, request_: Any, problem: str) -> None:
    server.play([{"request": {"path": "/a", **request_}}])
    get(client, f"{server.url}/a", params={"page": 1}, headers={"X-Key": "other-secret"})
    assert problem in server.unexpected[0]
    assert "other-secret" not in server.unexpected[0]


def test_times_say_how_often(server: RecordedHttp, client: Any) -> None:
    server.play(
        [
            {"request": {"path": "/twice"}, "times": 2},
            {"request": {"path": "/ever"}, "times": None},
            {"request": {"path": "/never"}, "times": None},
        ]
    )
    for path in ("twice", "twice", "ever", "ever", "ever"):
        assert get(client, f"{server.url}/{path}").status_code == 200
    server.check()
    assert get(client, f"{server.url}/twice").status_code == 418


def test_reads_that_fail_are_repeated_and_a_closed_connection_leaves_a_write_unknown(
    server: RecordedHttp, client: Any
) -> None:
    server.play(
        [
            {"request": {"path": "/a"}, "response": {"status": 503}, "times": 2},
            {"request": {"path": "/a"}, "response": {"text": "there"}},
            {"request": {"method": "POST", "path": "/a"}, "response": {"close": True}},
        ]
    )
    assert get(client, f"{server.url}/a").text == "there"
    with pytest.raises(OutcomeUnknown):
        asyncio.run(client.post(f"{server.url}/a", content=b"x"))
    server.check()


def test_an_address_that_is_not_trusted_is_refused_here_too(server: RecordedHttp, tmp_path: Path) -> None:
    with pytest.raises(NotSent, match="this machine"):
        asyncio.run(SampleContext(tmp_path).http().post(f"{server.url}/a"))
    assert server.asked == []


def test_a_file_is_served_from_beside_the_recording(server: RecordedHttp, client: Any, tmp_path: Path) -> None:
    (tmp_path / "clip.bin").write_bytes(b"video")
    recording = [{"request": {"path": "/v"}, "response": {"file": "clip.bin"}}]
    (tmp_path / "one.json").write_text(json.dumps(recording))
    server.play(tmp_path / "one.json")
    assert get(client, f"{server.url}/v").content == b"video"


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.json", "{", "is not JSON"),
        ("a.json", '[{"request": {"path": "a"}}]', "must fit the pattern"),
        ("a.json", '[{"request": {"path": "/a", "verb": "GET"}}]', "unknown key"),
        ("a.json", '[{"request": {"path": "/a"}, "response": {"text": "a", "base64": ""}}]', "one body"),
        ("none.json", None, "cannot be read"),
    ],
)
def test_a_recording_that_is_wrong_is_told_with_its_file(
    server: RecordedHttp, tmp_path: Path, name: str, text: str | None, problem: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises((InvalidInput, WorkflowInvalid), match=problem) as caught:
        server.play(tmp_path / name)
    assert name in caught.value.message


def test_yaml_is_read_where_it_can_be(server: RecordedHttp, client: Any, tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text("- request: {path: /a}\n  response: {text: hello}\n")
    if importlib.util.find_spec("yaml") is None:
        with pytest.raises(InvalidInput, match="needs PyYAML"):
            server.play(path)
    else:
        server.play(path)
        assert get(client, f"{server.url}/a").text == "hello"


def test_as_a_context_manager_it_checks_at_the_end() -> None:
    with pytest.raises(AssertionError, match="recorded and not asked: GET /a"), RecordedHttp() as server:
        server.play([{"request": {"path": "/a"}}])
