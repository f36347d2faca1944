from __future__ import annotations

import base64
from typing import Any

import pytest

from reelwork_hooks import (
    AlreadyThere,
    InvalidInput,
    NotSent,
    OutcomeUnknown,
    OutOfFunds,
    ReelworkError,
    Rejected,
)


def submit(at: Any, request: Any, key: str = "reelwork-job-render-0") -> Any:
    return at.run(lambda provider: provider.submit(request, at.effect(key)))


def body(simulator: Any) -> dict[str, Any]:
    fields: dict[str, Any] = simulator.requests(method="POST")[-1]["fields"]
    return fields


def test_a_text_becomes_a_task_of_our_own_id(bench: Any, simulator: Any, request_for: Any) -> None:
    request = request_for(
        negative_prompt="people",
        webhook="https://hook.example/k",
        spec={"resolution": "1080p", "width": 1920, "height": 1080, "duration": 7.0},
        options={"sound": True, "cfg_scale": 0.5, "watermark": True, "camera_control": {"type": "down_back"}},
    )
    submitted = submit(bench(), request)
    assert (submitted.remote_id, submitted.details) == (simulator.jobs()[0]["id"], {"path": "text2video"})
    assert body(simulator) == {
        "model_name": "kling-v3", "prompt": "a red kite over the sea", "mode": "pro", "duration": "7",
        "external_task_id": "reelwork-job-render-0", "negative_prompt": "people",
        "callback_url": "https://hook.example/k", "sound": "on", "cfg_scale": 0.5, "aspect_ratio": "16:9",
        "camera_control": {"type": "down_back"}, "watermark_info": {"enabled": True},
    }  # fmt: skip


@pytest.mark.parametrize(("model", "sound"), [(None, "off"), ("kling-v2-6", "off"), ("kling-v1-6", None)])
def test_sound_that_was_not_asked_for_is_switched_off(
    bench: Any, simulator: Any, request_for: Any, model: str | None, sound: str | None
) -> None:
    submit(bench(), request_for(model=model))
    assert body(simulator).get("sound") == sound


def test_pictures_are_the_first_and_the_last_frame(
    bench: Any, simulator: Any, request_for: Any, picture: Any
) -> None:
    first = picture("first.png")
    references = [{"source": "https://pictures.example/last.jpg", "role": "last_frame"}, {"source": "first.png"}]
    with pytest.raises(InvalidInput, match="which is the first_frame"):
        bench().run(lambda provider: provider.prepare(request_for(references=references)))
    references[1]["role"] = "first_frame"
    submitted = submit(bench(), request_for(references=references))
    sent = body(simulator)
    assert submitted.details == {"path": "image2video"}
    assert sent["image_tail"] == "https://pictures.example/last.jpg"
    # Bare base64: the log shortens it, so its beginning must do.
    assert sent["image"][:400] == base64.b64encode(first.read_bytes()).decode()[:400]
    assert "aspect_ratio" not in sent
    assert simulator.jobs()[0]["size"] == "1280x720"


@pytest.mark.parametrize(
    ("size", "kind", "words"),
    [
        ((640, 640), "PNG", "takes its shape, not 16:9"),
        ((320, 180), "PNG", "300 pixels"),
        ((640, 360), "WEBP", "no JPEG or PNG"),
    ],
)
def test_a_picture_that_kling_would_refuse_or_misuse_is_refused_before_it_is_paid_for(
    bench: Any, simulator: Any, request_for: Any, picture: Any, size: tuple[int, int], kind: str, words: str
) -> None:
    picture("first.png", *size, kind)
    request = request_for(references=[{"source": "first.png", "role": "first_frame"}])
    with pytest.raises(InvalidInput, match=words):
        bench().run(lambda provider: provider.prepare(request))
    with pytest.raises(Rejected, match=words):
        submit(bench(), request)
    assert not simulator.requests()


@pytest.mark.parametrize(
    ("fault", "expected", "words"),
    [
        ("code=1100", OutOfFunds, "not in order"),
        ("code=1101", OutOfFunds, "in arrears"),
        ("code=1102", OutOfFunds, "used up"),
        ("code=1302", NotSent, "too many requests"),
        ("code=1303", NotSent, "as many renders under way"),
        ("code=1304", NotSent, "IP whitelisting"),
        ("code=1001", NotSent, "Authorization is empty"),
        ("code=1103", Rejected, "resource"),
        ("code=1201", Rejected, "parameters"),
        ("code=1301", Rejected, "content security"),
        ("429:retry-after=7", NotSent, "too many requests"),
        ("404", Rejected, "1203"),
        ("409", OutcomeUnknown, "409"),
        ("408", OutcomeUnknown, "408"),
        ("code=5000", OutcomeUnknown, "Internal"),
        ("code=5001", OutcomeUnknown, "temporarily"),
        ("code=5002", OutcomeUnknown, "timeout"),
        ("accept-then-500", OutcomeUnknown, "500"),
        ("accept-then-html", OutcomeUnknown, "200"),
        ("html", OutcomeUnknown, "200"),
        ("no-id", OutcomeUnknown, "200"),
        ("accept-then-drop", OutcomeUnknown, "no clear answer"),
        ("drop-before", OutcomeUnknown, "no clear answer"),
    ],
)
def test_what_each_answer_means_for_money(
    bench: Any, simulator: Any, request_for: Any, fault: str, expected: type[ReelworkError], words: str
) -> None:
    simulator.set_faults([f"create:{fault}"])
    at = bench()
    with pytest.raises(ReelworkError, match=words) as raised:
        submit(at, request_for())
    assert type(raised.value) is expected
    assert len(simulator.requests()) == 1
    assert ("status" in at.notes) == (expected is OutcomeUnknown and "drop" not in fault)
    if isinstance(raised.value, NotSent):
        pauses = {"code=1302": 5.0, "code=1303": 30.0, "429:retry-after=7": 7.0}
        assert raised.value.retry_after == pauses.get(fault)
        assert raised.value.lasting == (fault in ("code=1304", "code=1001"))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"code": 1201, "message": "no", "data": {"task_id": 123}}),
        (400, {"code": 1201, "message": "no", "task_id": "t-1"}),
        (429, {"code": 1303, "message": "no", "data": [{"task_id": "t-1"}]}),
        (409, {"code": 1302, "message": "no"}),
        (500, {"code": 1303, "message": "no"}),
        (504, {"code": 1101, "message": "no"}),
        (502, {"code": 1304, "message": "no"}),
    ],
)
def test_what_may_have_been_accepted_is_no_refusal_whatever_its_code(
    bench: Any, recorded_http: Any, request_for: Any, status: int, body: Any
) -> None:
    asked = {"method": "POST", "path": "/v1/videos/text2video"}
    recorded_http.play([{"request": asked, "response": {"status": status, "json": body}}])
    with pytest.raises(ReelworkError) as raised:
        submit(bench(base_url=recorded_http.url), request_for())
    assert type(raised.value) is OutcomeUnknown


def test_a_second_task_of_one_id_is_no_refusal(bench: Any, simulator: Any, request_for: Any) -> None:
    """Whoever made the first one, it may be ours: only a lookup tells."""
    first = submit(bench(), request_for())
    with pytest.raises(AlreadyThere):
        submit(bench(), request_for())
    assert [job["id"] for job in simulator.jobs()] == [first.remote_id]


def test_the_price_is_that_of_the_height_and_the_sound(bench: Any, request_for: Any) -> None:
    def price(**changes: Any) -> str | None:
        found = bench().run(lambda provider: _of(provider, request_for(**changes)))
        return None if found is None else f"{found.most / 5:.3f}"

    async def _of(provider: Any, request: Any) -> Any:
        return provider.price(request)

    assert price() == "0.084"
    assert price(options={"sound": True}) == "0.126"
    assert price(spec={"resolution": "1080p"}) == "0.112"
    assert price(spec={"resolution": "1080p"}, options={"sound": True}) == "0.168"
    assert price(model="kling-v2-6") is None
