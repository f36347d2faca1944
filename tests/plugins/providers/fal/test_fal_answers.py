"""What each of fal's answers means for money and the video, word for word."""

from __future__ import annotations

from typing import Any

import pytest

from reelwork_hooks import AlreadyThere, NotSent, OutcomeUnknown, OutOfFunds, Rejected, Unavailable

SUBMIT = "/fal-ai/veo3.1/lite"
ONE = "/fal-ai/veo3.1/requests/r-1"
LIST = "/v1/models/requests/by-endpoint"
POLICY = {
    "detail": [
        {"loc": ["body", "prompt"], "msg": "The content was flagged.", "type": "content_policy_violation"},
    ]
}
LOCKED = "User is locked. Reason: {}"


def plays(recorded_http: Any, *exchanges: tuple[str, str, int, Any]) -> Any:
    recorded_http.play(
        [
            {"request": {"method": method, "path": path}, "response": {"status": status, "json": body}}
            for method, path, status, body in exchanges
        ]
    )
    return recorded_http


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (403, {"detail": LOCKED.format("Exhausted balance. Top up your balance.")}, OutOfFunds),
        (403, {"detail": LOCKED.format("TOP_UP.")}, OutOfFunds),
        (403, {"detail": LOCKED.format("Admin lock. Please contact support@fal.ai")}, OutOfFunds),
        (402, {"detail": "Payment Required"}, OutOfFunds),
        (401, {"detail": "Unauthorized"}, Rejected),
        (403, {"detail": "Forbidden"}, Rejected),
        (404, {"detail": "Application 'veo9' not found"}, Rejected),
        (422, POLICY, Rejected),
        (429, {"detail": "Too many requests"}, NotSent),
        (409, {"detail": "Request already exists"}, AlreadyThere),
        (422, {"detail": "no", "request_id": "r-1"}, OutcomeUnknown),
        (422, {"detail": "no", "request_id": 7}, OutcomeUnknown),
        (408, {"detail": "timeout"}, OutcomeUnknown),
        (500, {"detail": "Internal Server Error"}, OutcomeUnknown),
        (503, {"detail": "no runner"}, OutcomeUnknown),
        (302, {}, OutcomeUnknown),
        (200, {"status": "IN_QUEUE"}, OutcomeUnknown),
        (200, {"request_id": 7}, OutcomeUnknown),
    ],
)
def test_what_an_answer_to_a_request_means(
    status: int, body: Any, expected: type[Exception], desk: Any, recorded_http: Any
) -> None:
    plays(recorded_http, ("POST", SUBMIT, status, body))
    with pytest.raises(expected) as raised:
        desk(recorded_http.url).submit()
    assert type(raised.value) is expected
    assert len(recorded_http.asked) == 1


def test_a_policy_refusal_carries_its_code(desk: Any, recorded_http: Any) -> None:
    plays(recorded_http, ("POST", SUBMIT, 422, POLICY))
    with pytest.raises(Rejected) as raised:
        desk(recorded_http.url).submit()
    assert raised.value.code == "content_policy_violation"
    assert "prompt: The content was flagged" in raised.value.message


def test_an_id_seen_in_an_unclear_answer_is_asked_for(desk: Any, recorded_http: Any) -> None:
    recorded_http.play(
        [
            {
                "request": {"method": "POST", "path": SUBMIT},
                "response": {"status": 500, "json": {"detail": "oops"}, "headers": {"x-fal-request-id": "r-1"}},
            }
        ]
    )
    plays(recorded_http, ("GET", f"{ONE}/status", 202, {"status": "IN_PROGRESS"}))
    here = desk(recorded_http.url)
    with pytest.raises(OutcomeUnknown):
        here.submit()
    found = here.run(lambda provider: provider.find(here.request(), here.effect()))
    assert [one.remote_id for one in found.candidates] == ["r-1"]


@pytest.mark.parametrize(
    ("status", "result", "expected"),
    [
        ({"status": "IN_QUEUE", "queue_position": 3}, None, ("queued", "", None)),
        ({"status": "IN_PROGRESS"}, None, ("running", "", None)),
        ({"status": "DREAMING"}, None, ("running", "", None)),
        ({"status": "CANCELED"}, None, ("failed", "failed", None)),
        ({"status": "COMPLETED"}, (200, {"video": {"url": "https://v3.fal.media/a.mp4"}}), ("completed", "", None)),
        ({"status": "COMPLETED"}, (422, POLICY), ("failed", "content_policy_violation", None)),
        ({"status": "COMPLETED"}, (200, {"video": None}), ("failed", "no_video", None)),
        (
            {"status": "COMPLETED", "error": "no answer", "error_type": "request_timeout"},
            (504, {"detail": "no answer"}),
            ("failed", "request_timeout", False),
        ),
    ],
)
def test_what_a_status_means(
    status: Any, result: tuple[int, Any] | None, expected: Any, desk: Any, recorded_http: Any
) -> None:
    plays(recorded_http, ("GET", f"{ONE}/status", 200, status))
    if result is not None:
        # The client asks again where a 5xx may be its own.
        times: dict[str, Any] = {"times": None} if result[0] >= 500 else {}
        recorded_http.play(
            [
                {
                    "request": {"method": "GET", "path": ONE},
                    "response": {"status": result[0], "json": result[1], "headers": {"Retry-After": "0"}},
                    **times,
                }
            ]
        )
    seen = desk(recorded_http.url).poll("r-1")
    assert (seen.state, seen.error_code, seen.charged) == expected


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_ends_no_render(status: int, desk: Any, recorded_http: Any) -> None:
    plays(
        recorded_http,
        ("GET", f"{ONE}/status", 200, {"status": "COMPLETED"}),
        ("GET", ONE, status, {"detail": "Unauthorized"}),
    )
    with pytest.raises(Unavailable):
        desk(recorded_http.url).poll("r-1")


def test_trouble_on_the_way_to_a_verdict_frees_no_money(desk: Any, recorded_http: Any) -> None:
    told = {"status": "COMPLETED", "error": "The content was flagged.", "error_type": "content_policy_violation"}
    plays(recorded_http, ("GET", f"{ONE}/status", 200, told))
    recorded_http.play(
        [
            {
                "request": {"method": "GET", "path": ONE},
                "response": {"status": 503, "json": {"detail": "no gateway"}, "headers": {"Retry-After": "0"}},
                "times": None,
            }
        ]
    )
    seen = desk(recorded_http.url).poll("r-1")
    # A refusal by the model may be charged, whatever a gateway says of itself.
    assert (seen.state, seen.error_code, seen.charged) == ("failed", "content_policy_violation", None)


def test_a_result_that_has_vanished_is_read_from_the_list(desk: Any, recorded_http: Any) -> None:
    kept = {"video": {"url": "https://v3.fal.media/b.mp4"}}
    item = {"request_id": "r-1", "ended_at": "2026-11-29T06:00:00Z", "status_code": 200, "json_output": kept}
    plays(
        recorded_http,
        ("GET", f"{ONE}/status", 404, {"detail": "not found"}),
        ("GET", LIST, 200, {"items": [item], "has_more": False}),
    )
    seen = desk(recorded_http.url).poll("r-1")
    assert (seen.state, seen.details["urls"]) == ("completed", ["https://v3.fal.media/b.mp4"])


def test_what_neither_queue_nor_list_knows_is_lost(desk: Any, recorded_http: Any) -> None:
    plays(
        recorded_http,
        ("GET", f"{ONE}/status", 404, {"detail": "not found"}),
        ("GET", LIST, 200, {"items": [], "has_more": False}),
    )
    assert desk(recorded_http.url).poll("r-1").state == "lost"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"video": {"url": "https://a/1", "content_type": "video/mp4"}}, ["https://a/1"]),
        ({"video": "https://a/2"}, ["https://a/2"]),
        ({"videos": [{"url": "https://a/3"}]}, ["https://a/3"]),
        ({"output": {"file": {"url": "https://a/4.mp4?x=1"}}}, ["https://a/4.mp4?x=1"]),
        ({"video": {"url": "https://a/8", "content_type": "application/octet-stream"}}, ["https://a/8"]),
        ({"output": {"video": {"url": "https://a/9"}}}, ["https://a/9"]),
        ({"video_url": "https://a/10"}, ["https://a/10"]),
        ({"output": "https://a/11.mp4"}, ["https://a/11.mp4"]),
        ({"image": "https://a/12.png", "prompt": "https://a/13"}, None),
        ({"thumbnail": {"url": "https://a/5.png", "content_type": "image/png"}, "video": {"url": "https://a/5"}},
         ["https://a/5"]),
        ({"video": {"url": "file:///etc/passwd", "content_type": "video/mp4"}}, None),
        ({"video": {"url": "https://a/6.png", "content_type": "image/png"}}, None),
        ({"images": [{"url": "https://a/7.png"}]}, None),
    ],
)  # fmt: skip
def test_which_link_in_a_result_is_the_video(
    result: Any, expected: list[str] | None, desk: Any, recorded_http: Any
) -> None:
    plays(recorded_http, ("GET", f"{ONE}/status", 200, {"status": "COMPLETED"}), ("GET", ONE, 200, result))
    seen = desk(recorded_http.url).poll("r-1")
    assert seen.details.get("urls") == expected
    assert seen.state == ("failed" if expected is None else "completed")


@pytest.mark.parametrize(
    ("status", "body", "stopped"),
    [
        (200, {"success": True, "status": "OK"}, True),
        (202, {"status": "CANCELLATION_REQUESTED"}, False),
        (400, {"status": "ALREADY_COMPLETED"}, False),
        (404, {"status": "NOT_FOUND"}, False),
    ],
)
def test_only_what_left_the_queue_has_stopped(
    status: int, body: Any, stopped: bool, desk: Any, recorded_http: Any
) -> None:
    plays(recorded_http, ("PUT", f"{ONE}/cancel", status, body))
    here = desk(recorded_http.url)
    assert here.run(lambda provider: provider.cancel(here.render("r-1"))) is stopped


def test_an_id_cannot_lead_elsewhere(desk: Any, recorded_http: Any) -> None:
    plays(recorded_http, ("PUT", "/fal-ai/veo3.1/requests/..%2F..%2Fx/cancel", 404, {}))
    here = desk(recorded_http.url)
    assert here.run(lambda provider: provider.cancel(here.render("../../x"))) is False
