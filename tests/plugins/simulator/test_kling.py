"""The simulated Kling, asked by a client of its own: httpx, and tokens by PyJWT."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import jwt
import pytest

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

SECRET = "a-secret-of-the-tests-that-is-long-enough"
TEXT, IMAGE = "/v1/videos/text2video", "/v1/videos/image2video"


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSimulator]:
    settings = SimulatorSettings(protocol="kling", api_key=f"access:{SECRET}", canned=True, render_seconds=0)
    with run_simulator(settings) as running:
        yield running


@pytest.fixture
def simulator(shared: RunningSimulator) -> RunningSimulator:
    shared.restart()
    shared.set_faults([])
    return shared


@pytest.fixture
def client(simulator: RunningSimulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.base_url, timeout=10) as client:
        client.headers["authorization"] = f"Bearer {token()}"
        yield client


def token(off: float = 0, iss: str = "access", secret: str = SECRET, algorithm: str = "HS256", **more: Any) -> str:
    now = int(time.time() + off)
    return jwt.encode({"iss": iss, "exp": now + 1800, "nbf": now - 5, **more}, secret, algorithm)


def made(client: httpx.Client, path: str = TEXT, **fields: Any) -> httpx.Response:
    return client.post(path, json={"model_name": "kling-v3", "prompt": "gulls", "duration": "5", **fields})


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", 1001),
        ("Basic abc", 1001),
        ("Bearer abc", 1002),
        (f"Bearer {token(secret=SECRET[::-1])}", 1000),
        (f"Bearer {token(iss='somebody')}", 1000),
        (f"Bearer {token(algorithm='HS512', secret=SECRET * 2)}", 1000),
        (f"Bearer {token(off=3600)}", 1003),
        (f"Bearer {token(off=-3600)}", 1004),
    ],
)
def test_only_a_valid_token_is_let_in(client: httpx.Client, simulator: Any, header: str, code: int) -> None:
    client.headers["authorization"] = header
    answer = made(client)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert not simulator.jobs()


@pytest.mark.parametrize(("fault", "off"), [("clock:ahead=3600", 3600), ("clock:behind=3600", -3600)])
def test_its_clock_is_one_for_tokens_and_dates(client: httpx.Client, simulator: Any, fault: str, off: int) -> None:
    simulator.set_faults([fault])
    refused = made(client)
    assert refused.json()["code"] == (1004 if off > 0 else 1003)
    assert len(refused.headers.get_list("date")) == 1
    assert abs(parsedate_to_datetime(refused.headers["date"]).timestamp() - time.time() - off) < 30
    client.headers["authorization"] = f"Bearer {token(off)}"
    assert made(client).json()["code"] == 0


def test_a_task_is_found_by_its_id_and_by_ours_and_is_one(client: httpx.Client, simulator: Any) -> None:
    first = made(client, external_task_id="mine").json()["data"]
    again = made(client, external_task_id="mine")
    assert (again.status_code, again.json()["code"]) == (400, 1201)
    for name in (first["task_id"], "mine"):
        task = client.get(f"{TEXT}/{name}").json()["data"]
        assert (task["task_id"], task["task_info"]) == (first["task_id"], {"external_task_id": "mine"})
    assert client.get(f"{IMAGE}/mine").status_code == 404
    video = task["task_result"]["videos"][0]
    # Its link needs no token.
    assert httpx.get(video["url"]).headers["content-type"] == "video/mp4"
    simulator.set_faults(["ids:again"])
    assert made(client, external_task_id="mine").json()["code"] == 0
    assert len(simulator.jobs()) == 2


def test_lists_have_pages_and_end(client: httpx.Client) -> None:
    ids = [made(client).json()["data"]["task_id"] for _ in range(5)]
    pages = [client.get(TEXT, params={"pageNum": number, "pageSize": 2}).json()["data"] for number in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert [task["task_id"] for page in pages for task in page] == ids[::-1]
    assert not any("prompt" in task for page in pages for task in page)
    assert client.get(IMAGE).json()["data"] == []
    assert client.get(TEXT, params={"pageSize": 501}).status_code == 400


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (TEXT, {"prompt": ""}),
        (TEXT, {"duration": "2"}),
        (TEXT, {"duration": 5}),
        (TEXT, {"model_name": "kling-v2-6", "duration": "7"}),
        (TEXT, {"mode": "hd"}),
        (TEXT, {"seed": 7}),
        (TEXT, {"image": "aGVsbG8="}),
        (IMAGE, {}),
        (IMAGE, {"image": "data:image/png;base64,aGVsbG8="}),
        (IMAGE, {"image": "aGVsbG8="}),
        (IMAGE, {"image": "https://example.org/a.png", "aspect_ratio": "1:1"}),
    ],
)
def test_what_it_does_not_take_is_refused(client: httpx.Client, simulator: Any, path: str, fields: Any) -> None:
    answer = made(client, path, **fields)
    assert (answer.status_code, answer.json()["code"]) == (400, 1201)
    assert not simulator.jobs()


def test_arrears_come_with_429(client: httpx.Client, simulator: Any) -> None:
    for fault in ("create:no-funds", "create:code=1101"):
        simulator.set_faults([fault])
        answer = made(client)
        assert (answer.status_code, answer.json()["code"]) == (429, 1101)
    assert not simulator.jobs()
