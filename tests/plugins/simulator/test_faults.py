"""Every fault, seen on the wire by a client that knows nothing of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import pytest
from tests.plugins.simulator.conftest import accepted, create_unanswered

from reelwork_hooks import InvalidInput
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.faults import KINDS, Switchboard, describe_faults, parse_fault

Call = Callable[[httpx.Client, str], httpx.Response]
CALLS: dict[str, Call] = {
    "create": lambda client, video: client.post("/v1/videos", json={"prompt": "x"}),
    "poll": lambda client, video: client.get(f"/v1/videos/{video}"),
    "list": lambda client, video: client.get("/v1/videos"),
    "content": lambda client, video: client.get(f"/v1/videos/{video}/content"),
    "delete": lambda client, video: client.delete(f"/v1/videos/{video}"),
}


@pytest.fixture
def video(client: httpx.Client) -> str:
    return str(CALLS["create"](client, "").json()["id"])


@pytest.mark.parametrize("operation", CALLS)
def test_statuses(client: httpx.Client, simulator: RunningSimulator, video: str, operation: str) -> None:
    simulator.set_faults([f"{operation}:503:retry-after=2*1"])
    answer = CALLS[operation](client, video)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["error"]["type"] == "server_error"
    assert len(simulator.jobs()) == 1
    assert CALLS[operation](client, video).status_code == 200


@pytest.mark.parametrize("operation", CALLS)
def test_drops(client: httpx.Client, simulator: RunningSimulator, video: str, operation: str) -> None:
    spec = f"{operation}:drop-before*1" if operation == "create" else f"{operation}:drop*1"
    simulator.set_faults([spec])
    with pytest.raises(httpx.TransportError):
        CALLS[operation](client, video)
    entry = simulator.requests()[-1]
    assert (entry["fault"], entry["dropped"], entry["status"]) == (spec, True, None)
    assert len(simulator.jobs()) == 1
    assert CALLS[operation](client, video).status_code == 200


def test_silence(client: httpx.Client, simulator: RunningSimulator, video: str) -> None:
    simulator.set_faults(["create:silent=0.05*1"])
    with pytest.raises(httpx.TransportError):
        CALLS["create"](client, video)
    assert simulator.requests()[-1]["dropped"] is True
    assert len(simulator.jobs()) == 1
    assert CALLS["create"](client, video).status_code == 200


@pytest.mark.parametrize("operation", ["create", "poll", "list", "content"])
def test_web_pages(client: httpx.Client, simulator: RunningSimulator, video: str, operation: str) -> None:
    simulator.set_faults([f"{operation}:html"])
    answer = CALLS[operation](client, video)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert len(simulator.jobs()) == 1


@pytest.mark.parametrize("operation", CALLS)
def test_slow_answers(client: httpx.Client, simulator: RunningSimulator, video: str, operation: str) -> None:
    simulator.set_faults([f"{operation}:slow=0.2"])
    started = time.monotonic()
    assert CALLS[operation](client, video).status_code == 200
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize("spec", ["create:accept-then-drop", "create:accept-then-slow=60"])
def test_accepted_and_never_answered(simulator: RunningSimulator, spec: str) -> None:
    simulator.set_faults([f"{spec}*1"])
    create_unanswered(simulator.base_url, "lost", lambda: accepted(simulator.requests()))
    (job,), (entry,) = simulator.jobs(), simulator.requests()
    assert job["prompt"] == "lost"
    assert (entry["job_id"], entry["status"], entry["fault"]) == (job["id"], None, f"{spec}*1")


def test_accepted_and_answered_wrongly(client: httpx.Client, simulator: RunningSimulator) -> None:
    simulator.set_faults(["create:accept-then-500*1", "create:accept-then-html*1", "create:no-id*1"])
    answers = [CALLS["create"](client, "") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 200, 200]
    assert answers[1].headers["content-type"].startswith("text/html")
    assert "id" not in answers[2].json()
    assert answers[2].json()["status"] == "queued"
    assert [entry["job_id"] for entry in simulator.requests()] == [job["id"] for job in simulator.jobs()]
    assert len(simulator.jobs()) == 3


def test_words_and_prompts_of_videos(client: httpx.Client, simulator: RunningSimulator, video: str) -> None:
    simulator.set_faults(
        ["poll:unknown-status=rendering*1", "poll:no-prompt", "list:unknown-status=x*1", "list:no-prompt*1"]
    )
    assert CALLS["poll"](client, video).json()["status"] == "rendering"
    unprompted = CALLS["poll"](client, video).json()
    assert (unprompted["status"], unprompted["prompt"]) == ("completed", None)
    assert CALLS["list"](client, video).json()["data"][0]["status"] == "x"
    assert CALLS["list"](client, video).json()["data"][0]["prompt"] is None
    simulator.set_faults(["list:empty"])
    assert CALLS["list"](client, video).json()["data"] == []


def test_lost_videos_look_like_unknown_ones(client: httpx.Client, simulator: RunningSimulator, video: str) -> None:
    simulator.set_faults(["poll:404"])
    lost = CALLS["poll"](client, video)
    assert lost.status_code == 404
    assert lost.json() == client.get(f"/v1/videos/{video}").json()
    simulator.set_faults([])
    assert client.get("/v1/videos/video_0").json()["error"]["code"] == lost.json()["error"]["code"]


def test_truncated_content_resumes_by_range(client: httpx.Client, simulator: RunningSimulator, video: str) -> None:
    whole = CALLS["content"](client, video).content
    simulator.set_faults(["content:truncate*2"])
    got = b""
    for _ in range(2):
        with client.stream("GET", f"/v1/videos/{video}/content", headers={"range": f"bytes={len(got)}-"}) as answer:
            assert int(answer.headers["content-length"]) == len(whole) - len(got)
            got += _all_that_comes(answer)
    assert len(whole) // 2 < len(got) < len(whole)
    got += client.get(f"/v1/videos/{video}/content", headers={"range": f"bytes={len(got)}-"}).content
    assert got == whole


def _all_that_comes(answer: httpx.Response) -> bytes:
    got = bytearray()
    try:
        for chunk in answer.iter_raw():
            got += chunk
    except httpx.RemoteProtocolError:
        return bytes(got)
    raise AssertionError("the answer came whole")


def test_empty_endless_and_expired_content(client: httpx.Client, simulator: RunningSimulator, video: str) -> None:
    whole = CALLS["content"](client, video).content
    simulator.set_faults(["content:empty*1", "content:expired*1", "content:endless"])
    assert CALLS["content"](client, video).content == b""
    assert "no longer available" in CALLS["content"](client, video).json()["error"]["message"]
    got = bytearray()
    with client.stream("GET", f"/v1/videos/{video}/content") as answer:
        assert "content-length" not in answer.headers
        for chunk in answer.iter_raw():
            got += chunk
            if len(got) > len(whole) + 3_000_000:
                break
    assert bytes(got).startswith(whole)


def test_misleading_headers_of_content(client: httpx.Client, simulator: RunningSimulator, video: str) -> None:
    simulator.set_faults(["content:redirect=http://127.0.0.1:1/@x*1", "content:filename=../../evil.sh"])
    moved = CALLS["content"](client, video)
    assert (moved.status_code, moved.headers["location"]) == (302, "http://127.0.0.1:1/@x")
    assert CALLS["content"](client, video).headers["content-disposition"] == 'attachment; filename="../../evil.sh"'


def test_renders_that_fail_hang_or_drag(client: httpx.Client, simulator: RunningSimulator) -> None:
    simulator.set_faults(["render:fail*1", "render:stuck*1", "render:slow=1000*1"])
    videos = [CALLS["create"](client, "").json()["id"] for _ in range(4)]
    seen = [CALLS["poll"](client, video).json() for video in videos]
    assert [job["status"] for job in seen] == ["failed", "in_progress", "queued", "completed"]
    assert (seen[0]["error"]["code"], seen[1]["progress"]) == ("internal_error", 50)


def test_count_chance_and_nth() -> None:
    board = Switchboard(
        ["create:500*2", "poll:500@nth=3", "list:500@nth=2*2", "content:500@50%", "delete:500@50%*3"]
    )
    assert [board.pick("create") is not None for _ in range(4)] == [True, True, False, False]
    assert [board.pick("poll") is not None for _ in range(5)] == [False, False, True, False, False]
    assert [board.pick("list") is not None for _ in range(5)] == [False, True, True, False, False]
    struck = [board.pick("content") is not None for _ in range(400)]
    assert 150 < sum(struck) < 250
    assert sum(board.pick("delete") is not None for _ in range(400)) == 3
    assert board.describe()[0] == {"fault": "create:500*2", "seen": 4, "struck": 2}
    again = Switchboard(["create:500*2", "poll:500@nth=3", "list:500@nth=2*2", "content:500@50%"])
    assert [again.pick("content") is not None for _ in range(400)] == struck
    other = Switchboard(["content:500@50%"], seed=1)
    assert [other.pick("content") is not None for _ in range(400)] != struck


def test_the_first_of_several_strikes_and_the_others_are_not_used_up() -> None:
    board = Switchboard(["create:429*1", "create:500*1"])
    assert [fault.spec if (fault := board.pick("create")) else None for _ in range(3)] == [
        "create:429*1", "create:500*1", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "spec",
    [
        "create", "create:", "crate:500", "create:explode", "create:200", "create:5000", "create:500*0",
        "create:slow", "create:slow=fast", "create:drop", "poll:drop=3", "create:html:retry-after=1",
        "create:500@150", "create:500@nth=0", "render:500", "webhook:late=soon", "content:redirect", "",
    ],
)  # fmt: skip
def test_a_fault_that_does_not_exist_is_refused_with_those_that_do(spec: str) -> None:
    with pytest.raises(InvalidInput, match="no fault") as caught:
        parse_fault(spec)
    for kind in KINDS:
        assert kind.name in caught.value.hint


def test_every_kind_is_described_and_can_be_parsed() -> None:
    table = describe_faults()
    for kind in KINDS:
        assert kind.meaning in table
        value = {"none": "", "seconds": "=1.5", "text": "=word"}[kind.value]
        for operation in kind.operations:
            name = "502" if kind.name == "4xx/5xx" else kind.name
            fault = parse_fault(f"{operation}:{name}{value}@25%*2")
            assert (fault.operation, fault.probability, fault.count) == (operation, 0.25, 2)


def test_the_switchboard_is_served(client: httpx.Client, simulator: RunningSimulator) -> None:
    answer = client.post("/_simulator/faults", json=["create:500*1"])
    assert answer.json() == {"faults": [{"fault": "create:500*1", "seen": 0, "struck": 0}]}
    assert CALLS["create"](client, "").status_code == 500
    refused = client.post("/_simulator/faults", json=["create:500", "create:nonsense"])
    assert refused.status_code == 400
    assert "create:nonsense" in refused.json()["error"]["message"]
    assert client.post("/_simulator/faults", content=b"create:500").status_code == 400
    shown = client.get("/_simulator/faults").json()
    assert shown["faults"] == [{"fault": "create:500*1", "seen": 1, "struck": 1}]
    assert {known["kind"] for known in shown["known"]} == {kind.name for kind in KINDS}


def test_a_stop_does_not_wait_for_slow_and_endless_answers() -> None:
    settings = SimulatorSettings(canned=True, render_seconds=0, faults=("create:accept-then-slow=600",))
    with run_simulator(settings) as simulator:
        create_unanswered(simulator.base_url, "x", lambda: accepted(simulator.requests()))
        assert len(simulator.jobs()) == 1
