from __future__ import annotations

import base64
from typing import Any

import pytest

from reelwork_hooks import (
    FileSource,
    NotSent,
    OutcomeUnknown,
    OutOfFunds,
    ReelworkError,
    Rejected,
    RenderRef,
    RenderRequest,
    RenderStatus,
    Submitted,
)

CREATE = "POST /v1/videos"
PAID = b"\0\0\0\x18ftypmp42 a paid video"


def submit(bench: Any, request: RenderRequest, **effect: Any) -> Submitted:
    submitted: Submitted = bench.run(lambda provider: provider.submit(request, bench.effect(**effect)))
    return submitted


@pytest.mark.parametrize("status", [200, 201, 202])
def test_an_id_means_accepted(status: int, bench: Any, server: Any, request_for: Any, answer: Any) -> None:
    job = {"id": "video_9", "status": "queued"}
    server.says(CREATE, answer.of(job, status, openai_poll_after_ms="2500"))
    submitted = submit(bench(), request_for())
    assert (submitted.remote_id, submitted.details, submitted.poll_after) == ("video_9", {}, 2.5)


@pytest.mark.parametrize(
    ("status", "error", "expected", "code"),
    [
        (400, {"code": "sentinel_block", "message": "no"}, Rejected, "sentinel_block"),
        (401, {"message": "bad key", "type": "auth"}, Rejected, "auth"),
        (402, {"message": "no balance"}, OutOfFunds, ""),
        (403, {}, Rejected, "403"),
        (404, {}, Rejected, "404"),
        (405, {}, Rejected, "405"),
        (409, {"message": "busy"}, Rejected, "409"),
        (413, {}, Rejected, "413"),
        (415, {}, Rejected, "415"),
        (422, {}, Rejected, "422"),
        (408, {}, OutcomeUnknown, ""),
        (425, {}, OutcomeUnknown, ""),
        (460, {}, OutcomeUnknown, ""),  # a load balancer: the client went away
        (499, {}, OutcomeUnknown, ""),
        (500, {}, OutcomeUnknown, ""),
        (502, {}, OutcomeUnknown, ""),
        (503, {}, OutcomeUnknown, ""),  # AIBrix: work may have started
        (504, {}, OutcomeUnknown, ""),
        (302, {}, OutcomeUnknown, ""),
        (303, {}, OutcomeUnknown, ""),
        (308, {}, OutcomeUnknown, ""),
    ],
)
def test_what_each_status_means_for_money(
    bench: Any, server: Any, request_for: Any, answer: Any,
    status: int, error: dict[str, str], expected: type[ReelworkError], code: str,
) -> None:  # fmt: skip
    reply = answer.of({"error": error}, status, x_request_id="req_7", Location="https://elsewhere.example/v1")
    server.says(CREATE, reply)
    at = bench()
    with pytest.raises(ReelworkError) as raised:
        submit(at, request_for())
    assert type(raised.value) is expected
    assert getattr(raised.value, "code", "") == code
    assert server.count(CREATE) == 1
    if expected is OutcomeUnknown:
        assert (at.notes["status"], at.notes["request_id"]) == (status, "req_7")
        assert at.notes["body"].startswith('{"error"')
    else:
        assert at.notes == {}


@pytest.mark.parametrize("address", ["https://127.0.0.1/v1/videos", "/v1/videos/"])
@pytest.mark.parametrize("status", [301, 307, 308])
def test_another_address_of_the_same_host_is_a_refusal(
    bench: Any, server: Any, request_for: Any, answer: Any, status: int, address: str
) -> None:
    server.says(CREATE, answer.of({}, status, Location=address))
    with pytest.raises(Rejected, match="sends creates elsewhere") as refused:
        submit(bench(), request_for())
    assert refused.value.code == "moved"
    assert server.count(CREATE) == 1


@pytest.mark.parametrize("place", ["http://127.0.0.1:1", "http://127.0.0.1", "http://other.example"])
def test_another_host_or_port_may_have_been_given_it_as_well(
    bench: Any, server: Any, request_for: Any, answer: Any, place: str
) -> None:
    server.says(CREATE, answer.of({}, 307, Location=f"{place}/v1/videos"))
    with pytest.raises(OutcomeUnknown, match="sends creates elsewhere"):
        submit(bench(), request_for())
    assert server.count(CREATE) == 1


def test_moderation_says_what_to_do(bench: Any, server: Any, request_for: Any, answer: Any) -> None:
    server.says(CREATE, answer.of({"error": {"code": "moderation_blocked", "message": "violence"}}, 400))
    with pytest.raises(Rejected, match=r"violence.*moderation") as refused:
        submit(bench(), request_for())
    assert refused.value.hint == "Change the prompt."


def test_moderation_is_seen_through_a_gateways_wrapping(
    bench: Any, server: Any, request_for: Any, answer: Any
) -> None:
    # LiteLLM 1.106.2: the backend's answer is text within the message, and the code is the status.
    told = 'litellm.BadRequestError: OpenAIException - {"error": {"code": "moderation_blocked"}}'
    server.says(
        CREATE, answer.of({"error": {"message": told, "type": "invalid_request_error", "code": "400"}}, 400)
    )
    with pytest.raises(Rejected) as refused:
        submit(bench(dialect="litellm"), request_for())
    assert refused.value.code == "moderation_blocked"


def test_too_many_requests_may_be_sent_again_later(bench: Any, server: Any, request_for: Any, answer: Any) -> None:
    server.says(CREATE, answer.of({"error": {"message": "slow down"}}, 429, retry_after_ms="1500"))
    with pytest.raises(NotSent) as turned_away:
        submit(bench(), request_for())
    assert turned_away.value.retry_after == 1.5
    assert server.count(CREATE) == 1


@pytest.mark.parametrize("reply", ["html", "nothing", "list", "no id", "error"])
def test_a_success_that_names_no_video_is_unknown(
    reply: str, bench: Any, server: Any, request_for: Any, answer: Any
) -> None:
    replies = {
        "html": answer.html(),
        "nothing": answer(200),
        "list": answer.of([]),
        "no id": answer.of({"status": "queued"}),
        "error": answer.of({"error": {"message": "insufficient quota"}}),
    }
    server.says(CREATE, replies[reply])
    at = bench()
    with pytest.raises(OutcomeUnknown) as unknown:
        submit(at, request_for())
    assert unknown.value.hint
    assert at.notes["status"] == 200


def test_no_answer_is_unknown_and_asked_once(bench: Any, server: Any, request_for: Any, answer: Any) -> None:
    server.says(CREATE, answer(drop=True))
    with pytest.raises(OutcomeUnknown):
        submit(bench(), request_for())
    assert server.count(CREATE) == 1


def test_no_connection_is_not_sent(bench: Any, server: Any, request_for: Any) -> None:
    at = bench()
    server.close()
    with pytest.raises(NotSent):
        submit(at, request_for())


def test_a_missing_key_is_not_sent(bench: Any, server: Any, request_for: Any) -> None:
    with pytest.raises(NotSent, match="GONE"):
        submit(bench(api_key="env:GONE"), request_for())
    assert server.asked == []


def test_an_id_within_an_error_is_kept_as_evidence(bench: Any, server: Any, request_for: Any, answer: Any) -> None:
    server.says(CREATE, answer.of({"id": "video_3", "object": "video", "status": "queued"}, 500))
    server.says("GET /v1/videos/video_3", answer.of({"id": "video_3", "status": "in_progress"}))
    at = bench(dialect="litellm")
    with pytest.raises(OutcomeUnknown):
        submit(at, request_for())
    found = at.run(lambda provider: provider.find(request_for(), at.effect()))
    assert [candidate.remote_id for candidate in found.candidates] == ["video_3"]


def ref(submitted: Submitted, request: RenderRequest, ref_for: Any) -> RenderRef:
    built: RenderRef = ref_for(submitted.remote_id, **submitted.details)
    return built


def test_a_video_within_the_answer_is_kept_on_disk(
    bench: Any, server: Any, request_for: Any, ref_for: Any, answer: Any
) -> None:
    # NVIDIA Dynamo: the create is synchronous and there is nothing to ask afterwards.
    text = base64.b64encode(PAID).decode()
    job = {
        "id": "../../dyn-1",
        "object": "video",
        "status": "completed",
        "created": 1,
        "data": [{"b64_json": text}],
    }
    server.says(CREATE, answer.of(job))
    at = bench(multipart=False)
    submitted = submit(at, request_for())
    render = ref(submitted, request_for(), ref_for)
    (status,) = at.run(lambda provider: provider.poll([render]))
    source, *_ = at.run(lambda provider: provider.fetch(render))
    assert (status.remote_id, status.state) == ("../../dyn-1", "completed")
    assert isinstance(source, FileSource)
    assert source.path.read_bytes() == PAID
    assert source.path.parent == at.folder / "work"
    assert server.count("GET /v1/videos/..%2F..%2Fdyn-1") == 0


def test_a_finished_video_without_an_id_is_not_lost(
    bench: Any, server: Any, request_for: Any, ref_for: Any, answer: Any
) -> None:
    server.says(CREATE, answer.of({"created": 1, "data": [{"url": "https://cdn.example/a.mp4"}]}))
    at = bench()
    submitted = submit(at, request_for())
    source, *_ = at.run(lambda provider: provider.fetch(ref(submitted, request_for(), ref_for)))
    assert submitted.remote_id == "reelwork-effect-key-1"
    assert source.url == "https://cdn.example/a.mp4"


def test_a_render_that_failed_at_once_is_a_failed_render(
    bench: Any, server: Any, request_for: Any, ref_for: Any, answer: Any
) -> None:
    server.says(CREATE, answer.of({"id": "v", "status": "failed", "error": "prompt refused"}))
    at = bench()
    render = ref(submit(at, request_for()), request_for(), ref_for)
    (status,) = at.run(lambda provider: provider.poll([render]))
    assert isinstance(status, RenderStatus)
    assert (status.state, status.error_message) == ("failed", "prompt refused")


def test_the_key_is_sent_where_the_settings_say_so(bench: Any, server: Any, request_for: Any, answer: Any) -> None:
    server.says(CREATE, answer.of({"id": "v", "status": "queued"}))
    submit(bench(idempotency_header="Idempotency-Key"), request_for())
    assert server.asked[0].headers["idempotency-key"] == "effect-key-1"


@pytest.mark.parametrize(("status", "expected"), [(409, OutcomeUnknown), (422, Rejected), (401, Rejected)])
def test_with_a_key_a_first_refusal_counts(
    bench: Any, server: Any, request_for: Any, answer: Any, status: int, expected: type[ReelworkError]
) -> None:
    server.says(CREATE, answer.of({"error": "no"}, status))
    with pytest.raises(expected):
        submit(bench(idempotency_header="Idempotency-Key"), request_for())


@pytest.mark.parametrize("status", [401, 409, 422])
def test_a_refused_repeat_says_nothing_about_the_first(
    bench: Any, server: Any, request_for: Any, answer: Any, status: int
) -> None:
    server.says(CREATE, answer(drop=True), answer.of({"error": "no"}, status))
    at = bench(idempotency_header="Idempotency-Key")
    with pytest.raises(OutcomeUnknown):
        submit(at, request_for())
    with pytest.raises(OutcomeUnknown):
        submit(at, request_for(), attempt=2)


def test_a_repeat_after_being_turned_away_is_a_first(
    bench: Any, server: Any, request_for: Any, answer: Any
) -> None:
    server.says(CREATE, answer.of({}, 429), answer.of({"error": "bad words"}, 400))
    at = bench(idempotency_header="Idempotency-Key")
    with pytest.raises(NotSent):
        submit(at, request_for())
    with pytest.raises(Rejected):
        submit(at, request_for(), attempt=2)
