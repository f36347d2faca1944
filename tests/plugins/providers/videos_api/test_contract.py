"""What the provider promises, against a simulated server of every dialect.

`service` is the server under test. Another module can run the same promises against a server of its own by
taking these tests and giving a `service` fixture.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from reelwork_hooks import (
    HttpSource,
    Idempotency,
    Listing,
    NotSent,
    OutcomeUnknown,
    ReelworkError,
    Rejected,
    RenderRef,
    RenderRequest,
    RenderStatus,
    Submitted,
    Unavailable,
    Unsure,
)
from reelwork_plugins.providers.videos_api.dialects import DIALECTS
from reelwork_plugins.providers.videos_api.provider import VideosApi
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

WAN = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
MODELS = {
    "sora": "sora-2", "vllm-omni": WAN, "litellm": "sora-2", "sglang": WAN, "openrouter": "google/veo-3.1",
}  # fmt: skip


@dataclass
class Service:
    """A server of one dialect, the simulator that makes its videos, and how to speak to it."""

    dialect: str
    base_url: str
    simulator: RunningSimulator
    settings: dict[str, Any]
    restarts: bool = False
    """Whether its jobs are lost with `simulator.restart()`."""

    @property
    def can_look_up(self) -> bool:
        """Whether its list can tell one request from another."""
        return DIALECTS[self.dialect].idempotency is Idempotency.LOOKUP

    @property
    def lists(self) -> bool:
        """Whether its list tells how many videos stand."""
        return DIALECTS[self.dialect].lists_status

    @property
    def creates(self) -> int:
        return sum(1 for entry in self.simulator.requests(method="POST") if entry["path"].endswith("/videos"))


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(canned=True, render_seconds=0.2)) as running:
        yield running


@pytest.fixture(params=DIALECTS)
def service(request: pytest.FixtureRequest, simulator: RunningSimulator) -> Iterator[Service]:
    dialect = request.param
    settings = {"dialect": dialect, "model": MODELS[dialect]}
    yield Service(
        dialect, simulator.url_of(dialect), simulator, settings, restarts=dialect in ("vllm-omni", "sglang")
    )
    simulator.set_faults([])


@pytest.fixture
def bench(tmp_path: Path, service: Service, bench_at: Callable[..., Any]) -> Any:
    return bench_at(tmp_path, service.base_url, **service.settings)


@pytest.fixture
def asked(request_for: Callable[..., RenderRequest], request: pytest.FixtureRequest) -> RenderRequest:
    # One prompt for each test, since all of them share a list.
    return request_for(f"{request.node.name} at {time.time()}")


def submit(bench: Any, request: RenderRequest) -> Submitted:
    async def act(provider: VideosApi) -> Submitted:
        await provider.prepare(request)
        return await provider.submit(request, bench.effect())

    submitted: Submitted = bench.run(act)
    return submitted


def until_ended(bench: Any, renders: list[RenderRef]) -> list[RenderStatus]:
    asked = {render.remote_id for render in renders}

    async def act(provider: VideosApi) -> list[RenderStatus]:
        statuses: list[RenderStatus] = []
        for _ in range(100):
            statuses = [status for status in await provider.poll(renders) if status.remote_id in asked]
            if len(statuses) == len(renders) and all(s.state in ("completed", "failed") for s in statuses):
                return statuses
            await asyncio.sleep(0.05)
        raise AssertionError(f"still {statuses}")

    ended: list[RenderStatus] = bench.run(act)
    return ended


def reference(submitted: Submitted, ref_for: Callable[..., RenderRef]) -> RenderRef:
    return ref_for(submitted.remote_id, **submitted.details)


def listed(answer: Any, asked: RenderRequest) -> list[str]:
    """The ids of the listed videos that have the prompt."""
    assert isinstance(answer, Listing), answer
    return [one.result.remote_id for one in answer.candidates if one.fields.get("prompt") == asked.prompt]


def read(source: Any) -> bytes:
    assert isinstance(source, HttpSource)
    headers = {name: value.get_secret_value() for name, value in source.headers.items()}
    with urlopen(Request(source.url, headers=headers)) as response:
        content: bytes = response.read()
    return content


def test_a_video_from_prompt_to_bytes(service: Service, bench: Any, asked: RenderRequest, ref_for: Any) -> None:
    before = service.creates
    render = reference(submit(bench, asked), ref_for)
    (status,) = until_ended(bench, [render])
    assert (status.remote_id, status.state, status.progress) == (render.remote_id, "completed", 100)
    source, *_ = bench.run(
        lambda provider: provider.fetch(render.replace(details={**render.details, **status.details}))
    )
    assert read(source)[4:8] == b"ftyp"
    assert service.creates == before + 1
    job = service.simulator.jobs()[-1]
    assert (job["prompt"], job["seconds"], job["size"]) == (asked.prompt, "4", "1280x720")


def test_a_video_in_cloud_storage_is_read_from_its_link(
    service: Service, bench: Any, asked: RenderRequest, ref_for: Any
) -> None:
    if service.dialect != "sglang":
        pytest.skip("only SGLang puts videos into cloud storage")
    service.simulator.set_faults(["render:cloud"])
    render = reference(submit(bench, asked), ref_for)
    (status,) = until_ended(bench, [render])
    source, *_ = bench.run(
        lambda provider: provider.fetch(render.replace(details={**render.details, **status.details}))
    )
    assert "/stored/" in source.url
    assert read(source)[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("fault", "expected", "made"),
    [
        ("create:429:retry-after=1", NotSent, 0),
        ("create:400", Rejected, 0),
        ("create:401", Rejected, 0),
        ("create:404", Rejected, 0),
        ("create:500", OutcomeUnknown, 0),
        ("create:503", OutcomeUnknown, 0),
        ("create:html", OutcomeUnknown, 0),
        ("create:drop-before", OutcomeUnknown, 0),
        ("create:accept-then-drop", OutcomeUnknown, 1),
        ("create:accept-then-500", OutcomeUnknown, 1),
        ("create:accept-then-html", OutcomeUnknown, 1),
        ("create:no-id", OutcomeUnknown, 1),
    ],
)
def test_a_create_that_goes_wrong_is_sent_once_and_judged_rightly(
    service: Service, bench: Any, asked: RenderRequest, fault: str, expected: type[ReelworkError], made: int
) -> None:
    service.simulator.set_faults([fault])
    jobs, creates = len(service.simulator.jobs()), service.creates
    with pytest.raises(ReelworkError) as raised:
        submit(bench, asked)
    assert type(raised.value) is expected, raised.value
    assert service.creates == creates + 1
    assert len(service.simulator.jobs()) == jobs + made
    service.simulator.set_faults([])
    found = bench.run(lambda provider: provider.find(asked, bench.effect()))
    if service.can_look_up:
        assert listed(found, asked) == [job["id"] for job in service.simulator.jobs()[jobs:]]
        assert found.complete is (fault != "create:no-id")
    else:
        assert isinstance(found, Unsure)


@pytest.mark.parametrize("fault", ["list:404", "list:html", "list:no-prompt"])
def test_a_list_that_tells_too_little_is_no_proof(
    service: Service, bench: Any, asked: RenderRequest, fault: str
) -> None:
    service.simulator.set_faults(["create:accept-then-drop"])
    with pytest.raises(OutcomeUnknown):
        submit(bench, asked)
    service.simulator.set_faults([fault])
    found = bench.run(lambda provider: provider.find(asked, bench.effect()))
    if service.can_look_up:
        assert listed(found, asked) == []
        assert not found.complete or all("prompt" not in one.fields for one in found.candidates)
    else:
        assert isinstance(found, Unsure)


@pytest.mark.parametrize("fault", ["list:500", "list:401", "list:drop"])
def test_a_list_that_cannot_be_read_is_read_again(
    service: Service, bench: Any, asked: RenderRequest, fault: str
) -> None:
    if not service.can_look_up:
        pytest.skip("its list is not read")
    service.simulator.set_faults(["create:accept-then-drop"])
    with pytest.raises(OutcomeUnknown):
        submit(bench, asked)
    service.simulator.set_faults([fault])
    with pytest.raises(Unavailable):
        bench.run(lambda provider: provider.find(asked, bench.effect()))
    service.simulator.set_faults([])
    assert len(listed(bench.run(lambda provider: provider.find(asked, bench.effect())), asked)) == 1


def test_twins_are_all_candidates(service: Service, bench: Any, asked: RenderRequest) -> None:
    if not service.can_look_up:
        pytest.skip("its list cannot tell requests apart")
    twins = [submit(bench, asked).remote_id for _ in range(2)]
    found = bench.run(lambda provider: provider.find(asked, bench.effect()))
    assert sorted(listed(found, asked)) == sorted(twins)


def test_many_renders_are_polled_in_few_requests(
    service: Service, bench: Any, asked: RenderRequest, ref_for: Any
) -> None:
    renders = [reference(submit(bench, asked), ref_for) for _ in range(6)]
    before = len(service.simulator.requests(method="GET"))
    statuses = bench.run(lambda provider: provider.poll(renders))
    assert {status.remote_id for status in statuses} >= {render.remote_id for render in renders}
    reads = len(service.simulator.requests(method="GET")) - before
    assert reads == (1 if service.lists else 6)
    assert {status.state for status in until_ended(bench, renders)} == {"completed"}


@pytest.mark.parametrize("fault", ["poll:500", "poll:401", "poll:html", "poll:drop", "poll:429:retry-after=30"])
def test_a_look_that_goes_wrong_fails_no_render(
    service: Service, bench: Any, asked: RenderRequest, ref_for: Any, fault: str
) -> None:
    render = reference(submit(bench, asked), ref_for)
    service.simulator.set_faults([fault])
    with pytest.raises(Unavailable):
        bench.run(lambda provider: provider.poll([render]))
    service.simulator.set_faults([])
    assert until_ended(bench, [render])[0].state == "completed"


def test_an_unknown_word_is_work_in_progress(
    service: Service, bench: Any, asked: RenderRequest, ref_for: Any
) -> None:
    render = reference(submit(bench, asked), ref_for)
    service.simulator.set_faults(["poll:unknown-status=dreaming"])
    (status,) = bench.run(lambda provider: provider.poll([render]))
    assert (status.state, status.word) == ("running", "dreaming")


def test_a_failed_render_says_why(service: Service, bench: Any, asked: RenderRequest, ref_for: Any) -> None:
    service.simulator.set_faults(["render:fail=moderation_blocked"])
    (status,) = until_ended(bench, [reference(submit(bench, asked), ref_for)])
    assert status.state == "failed"
    assert status.error_code or status.error_message


def test_cancelling_stops_where_the_server_can(
    service: Service, bench: Any, asked: RenderRequest, ref_for: Any
) -> None:
    service.simulator.set_faults(["render:stuck"])
    render = reference(submit(bench, asked), ref_for)
    cancelled = bench.run(lambda provider: provider.cancel(render))
    assert cancelled is (service.dialect == "vllm-omni")
    assert len(service.simulator.requests(method="DELETE")) >= int(cancelled)


def test_a_forgotten_render_is_lost(service: Service, bench: Any, asked: RenderRequest, ref_for: Any) -> None:
    if not service.restarts:
        pytest.skip("this server keeps its jobs")
    render = reference(submit(bench, asked), ref_for)
    service.simulator.restart()
    (status,) = bench.run(lambda provider: provider.poll([render]))
    assert status.state == "lost"
