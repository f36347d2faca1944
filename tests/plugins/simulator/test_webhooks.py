"""Events, checked by the two public verifiers of Standard Webhooks signatures."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pytest
import standardwebhooks

from reelwork_hooks import InvalidInput
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.settings import new_webhook_secret


def settings(receiver: Any, *faults: str, **more: Any) -> SimulatorSettings:
    return SimulatorSettings(canned=True, webhook=receiver.url, faults=faults, **{"render_seconds": 0.1, **more})


def make(simulator: RunningSimulator, path: str = "/v1/videos") -> str:
    form = {"files": {"prompt": (None, "x")}}
    return str(httpx.post(f"{simulator.base_url}{path}", **form).json()["id"])  # type: ignore[arg-type]


def verify(simulator: RunningSimulator, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    secret = simulator.settings.webhook_secret
    assert secret is not None
    with openai.OpenAI(api_key="k", webhook_secret=secret) as sdk:
        sdk.webhooks.verify_signature(body, headers)
    return dict(standardwebhooks.Webhook(secret).verify(body, headers))


def test_a_finished_video_is_told_once_with_a_signature_both_verifiers_accept(receiver: Any) -> None:
    with run_simulator(settings(receiver)) as simulator:
        video = make(simulator)
        ((headers, body),) = receiver.wait_for(1)
        status = httpx.get(f"{simulator.base_url}/v1/videos/{video}", timeout=60).json()["status"]
        event = verify(simulator, headers, body)
        with openai.OpenAI(api_key="k", webhook_secret=simulator.settings.webhook_secret) as sdk:
            assert sdk.webhooks.unwrap(body, headers).id == event["id"]
    assert status == "completed"
    assert event["type"] == "video.completed"
    assert event["data"] == {"id": video}
    assert (event["object"], event["id"][:4], sorted(event)) == (
        "event", "evt_", ["created_at", "data", "id", "object", "type"],
    )  # fmt: skip
    assert len(receiver.events) == 1


def test_a_changed_body_is_not_accepted(receiver: Any) -> None:
    with run_simulator(settings(receiver)) as simulator:
        make(simulator)
        ((headers, body),) = receiver.wait_for(1)
        with pytest.raises(openai.InvalidWebhookSignatureError):
            verify(simulator, headers, body.replace(b"completed", b"failed"))


def test_a_failed_video_is_told_too(receiver: Any) -> None:
    with run_simulator(settings(receiver, "render:fail")) as simulator:
        make(simulator)
        receiver.wait_for(1)
    assert receiver.types() == ["video.failed"]


def accepted(simulator: RunningSimulator, headers: dict[str, str], body: bytes) -> bool:
    """Whether the two verifiers accept it; they must agree."""
    secret = simulator.settings.webhook_secret
    assert secret is not None
    answers = []
    with openai.OpenAI(api_key="k", webhook_secret=secret) as sdk:
        try:
            sdk.webhooks.verify_signature(body, headers)
            answers.append(True)
        except openai.InvalidWebhookSignatureError:
            answers.append(False)
    try:
        standardwebhooks.Webhook(secret).verify(body, headers)
        answers.append(True)
    except standardwebhooks.WebhookVerificationError:
        answers.append(False)
    assert len(set(answers)) == 1
    return answers[0]


def test_a_forged_event_claims_what_is_not_so(receiver: Any) -> None:
    with run_simulator(settings(receiver, "webhook:forged", "render:stuck")) as simulator:
        video = make(simulator)
        ((headers, body),) = receiver.wait_for(1)
        status = httpx.get(f"{simulator.base_url}/v1/videos/{video}", timeout=60).json()["status"]
        assert not accepted(simulator, headers, body)
    assert (json.loads(body)["type"], json.loads(body)["data"]) == ("video.completed", {"id": video})
    assert status != "completed"


def test_after_a_forged_event_the_true_one_comes(receiver: Any) -> None:
    with run_simulator(settings(receiver, "webhook:forged")) as simulator:
        make(simulator)
        events = receiver.wait_for(2)
        assert [accepted(simulator, *event) for event in events] == [False, True]
    assert events[0][0]["webhook-id"] != events[1][0]["webhook-id"]


def test_a_duplicate_carries_the_same_id(receiver: Any) -> None:
    with run_simulator(settings(receiver, "webhook:duplicate*1")) as simulator:
        make(simulator)
        make(simulator)
        events = receiver.wait_for(3)
        for headers, body in events:
            verify(simulator, headers, body)
    ids = [headers["webhook-id"] for headers, _ in events]
    assert ids[0] == ids[1] != ids[2]
    assert events[0][1] == events[1][1]


def test_an_event_is_sent_again_until_it_is_accepted(receiver: Any) -> None:
    receiver.statuses = [500, 302]
    with run_simulator(settings(receiver)) as simulator:
        make(simulator)
        events = receiver.wait_for(3)
        verify(simulator, *events[2])
    assert len({headers["webhook-id"] for headers, _ in events}) == 1
    attempts = simulator.webhooks()
    assert [(attempt["attempt"], attempt["answer"]) for attempt in attempts[:2]] == [(1, 500), (2, 302)]


def test_late_and_lost_events(receiver: Any) -> None:
    faults = ("webhook:late=0.7*1", "webhook:lost*1")
    with run_simulator(settings(receiver, *faults)) as simulator:
        late, lost, usual = make(simulator), make(simulator), make(simulator)
        events = receiver.wait_for(2)
        ended = {job["id"]: job["ended_at"] for job in simulator.jobs()}
    sent = {json.loads(body)["data"]["id"]: int(headers["webhook-timestamp"]) for headers, body in events}
    assert sent.keys() == {usual, late}
    assert sent[late] + 1 >= ended[late] + 0.7
    assert lost in ended


def test_only_the_reference_dialect_has_webhooks(receiver: Any) -> None:
    with run_simulator(settings(receiver, render_seconds=0)) as simulator:
        make(simulator, "/vllm-omni/v1/videos")
        make(simulator, "/litellm/v1/videos")
        video = make(simulator)
        receiver.wait_for(1)
    assert [json.loads(body)["data"]["id"] for _, body in receiver.events] == [video]


def test_an_address_that_does_not_answer_hurts_nobody() -> None:
    with run_simulator(
        SimulatorSettings(canned=True, render_seconds=0, webhook="http://127.0.0.1:1/")
    ) as simulator:
        video = make(simulator)
        assert httpx.get(f"{simulator.base_url}/v1/videos/{video}/content", timeout=60).status_code == 200


@pytest.mark.parametrize("url", ["ftp://example.org/", "file:///etc/passwd", "example.org", "http://"])
def test_only_http_addresses_are_called(url: str) -> None:
    with pytest.raises(InvalidInput, match="webhook"):
        SimulatorSettings(webhook=url)


def test_secrets_are_in_the_standards_form() -> None:
    standardwebhooks.Webhook(new_webhook_secret())
    for secret in ("secret", "whsec_", "whsec_?"):
        with pytest.raises(InvalidInput, match="whsec_"):
            SimulatorSettings(webhook="http://127.0.0.1:1/", webhook_secret=secret)
