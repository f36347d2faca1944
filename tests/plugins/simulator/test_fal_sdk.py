"""fal's official client is the oracle for the protocol `fal`: what it can work with is the protocol."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import av
import fal_client
import httpx
import pytest
from fal_client import client as internals

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

MODEL = "fal-ai/veo3.1/lite"


@pytest.fixture(scope="module")
def fal() -> Iterator[RunningSimulator]:
    with run_simulator(
        SimulatorSettings(protocol="fal", canned=True, render_seconds=0.2, api_key="k-1")
    ) as running:
        yield running


@contextmanager
def client(key: str) -> Iterator[fal_client.SyncClient]:
    sdk = fal_client.SyncClient(key=key)
    try:
        yield sdk
    finally:
        # It has no `close` of its own.
        sdk._client.close()


@pytest.fixture
def sdk(fal: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[fal_client.SyncClient]:
    # Its hosts are constants, always with https.
    monkeypatch.setattr(internals, "QUEUE_URL_FORMAT", f"{fal.base_url}/")
    monkeypatch.setattr(internals, "REST_URL", fal.base_url)
    fal.restart()
    fal.set_faults([])
    with client("k-1") as sdk:
        yield sdk


def test_submit_status_result(sdk: fal_client.SyncClient, fal: RunningSimulator) -> None:
    handle = sdk.submit(MODEL, arguments={"prompt": "a red kite", "duration": "4s", "seed": 7})
    assert handle.response_url == f"{fal.base_url}/fal-ai/veo3.1/requests/{handle.request_id}"
    assert isinstance(handle.status(with_logs=True), fal_client.Queued | fal_client.InProgress)
    seen = list(handle.iter_events(interval=0.02))
    assert isinstance(seen[-1], fal_client.Completed)
    assert seen[-1].metrics["inference_time"] > 0
    result = handle.get()
    assert result["seed"] == 7
    # Its links need no key.
    video = httpx.get(result["video"]["url"], timeout=30)
    with av.open(io.BytesIO(video.content)) as container:
        assert container.streams.video[0].width == 1280
    assert [job["id"] for job in fal.jobs()] == [handle.request_id]


def test_a_result_is_found_again_by_model_and_id(sdk: fal_client.SyncClient) -> None:
    handle = sdk.submit(MODEL, arguments={"prompt": "a red kite"})
    handle.get()
    again = sdk.get_handle(MODEL, handle.request_id)
    assert again.status_url == handle.status_url
    assert sdk.result(MODEL, handle.request_id)["video"]["content_type"] == "video/mp4"


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [({}, 422, "missing"), ({"prompt": "x", "duration": "long"}, 422, "literal_error")],
)
def test_the_model_refuses_what_the_queue_has_accepted(
    given: Any, status: int, code: str, sdk: fal_client.SyncClient
) -> None:
    handle = sdk.submit(MODEL, arguments=given)
    with pytest.raises(fal_client.FalClientHTTPError) as raised:
        handle.get()
    assert raised.value.status_code == status
    assert raised.value.error_type == code


def test_a_policy_refusal_and_a_failure_of_fal(sdk: fal_client.SyncClient, fal: RunningSimulator) -> None:
    fal.set_faults(["render:fail=content_policy_violation@nth=1", "render:fail=internal_error@nth=2"])
    refused, failed = (sdk.submit(MODEL, arguments={"prompt": "x"}) for _ in range(2))
    with pytest.raises(fal_client.FalClientHTTPError) as raised:
        refused.get()
    assert (raised.value.status_code, raised.value.error_type) == (422, "content_policy_violation")
    *_, last = failed.iter_events(interval=0.02)
    assert isinstance(last, fal_client.Completed)
    assert last.error_type == "internal_error"


def test_upload_and_use(sdk: fal_client.SyncClient, fal: RunningSimulator) -> None:
    url = sdk.upload(b"\x89PNG not really", "image/png", "sea.png", repository="fal")
    assert httpx.get(url, timeout=30).content == b"\x89PNG not really"
    handle = sdk.submit(f"{MODEL}/image-to-video", arguments={"prompt": "x", "image_url": f"{url}-gone"})
    with pytest.raises(fal_client.FalClientHTTPError) as raised:
        handle.get()
    assert raised.value.error_type == "file_download_error"


def test_cancel_takes_it_out_of_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SimulatorSettings(protocol="fal", canned=True, render_seconds=60, concurrent=1)
    with run_simulator(settings) as running:
        monkeypatch.setattr(internals, "QUEUE_URL_FORMAT", f"{running.base_url}/")
        with client("k") as sdk:
            _, waiting = (sdk.submit(MODEL, arguments={"prompt": str(number)}) for number in range(2))
            queued = waiting.status()
            assert isinstance(queued, fal_client.Queued)
            waiting.cancel()
        assert [job["prompt"] for job in running.jobs()] == ["0"]


def test_a_wrong_key_and_an_empty_account(sdk: fal_client.SyncClient, fal: RunningSimulator) -> None:
    with client("other") as stranger, pytest.raises(fal_client.FalClientHTTPError) as raised:
        stranger.submit(MODEL, arguments={"prompt": "x"})
    assert raised.value.status_code == 401
    fal.set_faults(["create:no-funds"])
    with pytest.raises(fal_client.FalClientHTTPError, match="Exhausted balance") as locked:
        sdk.submit(MODEL, arguments={"prompt": "x"})
    assert locked.value.status_code == 403
    assert fal.jobs() == []


def test_a_result_is_not_kept_for_ever(sdk: fal_client.SyncClient, fal: RunningSimulator) -> None:
    handle = sdk.submit(MODEL, arguments={"prompt": "x"})
    handle.get()
    fal.set_faults(["result:expired"])
    with pytest.raises(fal_client.FalClientHTTPError) as raised:
        handle.get()
    assert raised.value.status_code == 404


def test_the_list_has_what_has_ended_with_its_input(sdk: fal_client.SyncClient, fal: RunningSimulator) -> None:
    ended = sdk.submit(MODEL, arguments={"prompt": "first"})
    ended.get()
    fal.set_faults(["render:stuck"])
    sdk.submit(MODEL, arguments={"prompt": "second"})
    head = {"Authorization": "Key k-1"}
    query = {"endpoint_id": MODEL, "expand": "payloads"}
    page = httpx.get(
        f"{fal.base_url}/v1/models/requests/by-endpoint", params=query, headers=head, timeout=30
    ).json()
    assert [(one["request_id"], one["json_input"]) for one in page["items"]] == [
        (ended.request_id, {"prompt": "first"})
    ]
    assert page["has_more"] is False
    other = {**query, "endpoint_id": "fal-ai/other"}
    page = httpx.get(
        f"{fal.base_url}/v1/models/requests/by-endpoint", params=other, headers=head, timeout=30
    ).json()
    assert page["items"] == []
