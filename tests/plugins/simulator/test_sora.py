"""The reference dialect over plain HTTP: validation, paging, content, remix and edits."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator


def picture(size: tuple[int, int], kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(file, kind)
    return file.getvalue()


def make(client: httpx.Client, **fields: Any) -> str:
    return str(client.post("/v1/videos", json={"prompt": "x", **fields}).json()["id"])


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({}, "prompt", "missing_required_parameter"),
        ({"prompt": ""}, "prompt", "missing_required_parameter"),
        ({"prompt": "x" * 32_001}, "prompt", "string_above_max_length"),
        ({"prompt": "x", "model": "sora-3"}, "model", "invalid_value"),
        ({"prompt": "x", "seconds": "5"}, "seconds", "invalid_value"),
        ({"prompt": "x", "size": "1792x1024"}, "size", "invalid_value"),
        ({"prompt": "x", "model": "sora-2-pro", "size": "640x640"}, "size", "invalid_value"),
        ({"prompt": "x", "seed": "7"}, "seed", "unknown_parameter"),
        ({"prompt": "x", "input_reference": "cat.png"}, "input_reference", "invalid_type"),
    ],
)
@pytest.mark.parametrize("form", ["multipart", "json"])
def test_a_create_that_does_not_fit_is_refused_and_makes_no_job(
    client: httpx.Client, simulator: RunningSimulator, form: str, fields: dict[str, str], param: str, code: str
) -> None:
    body: dict[str, Any] = {"json": fields}
    if form == "multipart":
        body = {"files": {name: (None, value) for name, value in fields.items()} or {"none": (None, "")}}
    answer = client.post("/v1/videos", **body)
    error = answer.json()["error"]
    assert answer.status_code == 400
    if fields or form == "json":
        assert (error["param"], error["code"], error["type"]) == (param, code, "invalid_request_error")
    assert simulator.jobs() == []


def test_seconds_is_text_in_json(client: httpx.Client) -> None:
    answer = client.post("/v1/videos", json={"prompt": "x", "seconds": 8})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_type")
    assert client.post("/v1/videos", json={"prompt": "x", "seconds": "8"}).json()["seconds"] == "8"


@pytest.mark.parametrize(
    ("content", "media_type", "content_type"),
    [
        (b"{", "application/json", "invalid_body"),
        (b"[1]", "application/json", "invalid_body"),
        (b"prompt=x", "application/x-www-form-urlencoded", "invalid_body"),
        (
            b"--b\r\ncontent-disposition: form-data; name=prompt\r\n\r\nx",
            "multipart/form-data; boundary=b",
            "invalid_body",
        ),
        (b"x", "multipart/form-data", "invalid_body"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    client: httpx.Client, content: bytes, media_type: str, content_type: str
) -> None:
    answer = client.post("/v1/videos", content=content, headers={"content-type": media_type})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, content_type)


@pytest.mark.parametrize(
    ("upload", "code"),
    [
        (("a.png", picture((720, 1280)), "image/png"), None),
        (("a.webp", picture((720, 1280), "WEBP"), "image/webp"), None),
        (("a.png", picture((720, 1280)), "application/octet-stream"), "unsupported_file_mimetype"),
        (("a.gif", picture((720, 1280), "GIF"), "image/gif"), "unsupported_file_mimetype"),
        (("a.png", picture((720, 1280)), "image/jpeg"), "invalid_image"),
        (("a.png", b"no picture", "image/png"), "invalid_image"),
        (("a.png", picture((64, 64)), "image/png"), "invalid_image_size"),
        ((None, picture((720, 1280)), "image/png"), "invalid_type"),
    ],
)
def test_a_reference_picture_must_be_what_it_says(client: httpx.Client, upload: Any, code: str | None) -> None:
    answer = client.post("/v1/videos", files={"prompt": (None, "x"), "input_reference": upload})
    assert answer.status_code == (200 if code is None else 400)
    assert answer.json()["error"] is None if code is None else answer.json()["error"]["code"] == code


def test_a_reference_picture_may_be_a_data_address_in_json(client: httpx.Client) -> None:
    def send(reference: Any) -> httpx.Response:
        return client.post("/v1/videos", json={"prompt": "x", "input_reference": reference})

    data = base64.b64encode(picture((720, 1280))).decode()
    assert send({"image_url": f"data:image/png;base64,{data}"}).status_code == 200
    assert send({"image_url": "https://example.org/a.png"}).status_code == 200
    assert send({"image_url": f"data:image/png;base64,{data[:-3]}"}).status_code == 400
    assert send({"image_url": "ftp://example.org/a.png"}).status_code == 400
    assert send({"file_id": "file-1"}).status_code == 400
    assert send({"image_url": "https://example.org/a.png", "file_id": "file-1"}).status_code == 400


def test_a_reference_picture_becomes_the_background() -> None:
    with (
        run_simulator(SimulatorSettings(render_seconds=0)) as simulator,
        httpx.Client(base_url=simulator.base_url, timeout=30) as client,
    ):
        files = {"prompt": (None, "x"), "size": (None, "128x64"), "seconds": (None, "1"), "fps": (None, "2")}
        upload = {"input_reference": ("a.png", picture((128, 64)), "image/png")}
        colours = []
        bodies: list[dict[str, Any]] = [files, {**files, **upload}]
        for body in bodies:
            video = client.post("/vllm-omni/v1/videos", files=body).json()["id"]
            clip = client.get(f"/vllm-omni/v1/videos/{video}/content").content
            colours.append(_mean_colour(clip))
    red, green, blue = colours[1]
    assert red > 100 > max(green, blue)
    assert colours[0] != colours[1]


def _mean_colour(clip: bytes) -> tuple[int, ...]:
    import av

    with av.open(io.BytesIO(clip), "r") as container:
        image = next(container.decode(video=0)).to_image()
    return tuple(image.resize((1, 1)).getpixel((0, 0)))


def test_statuses_go_from_queued_over_progress_to_completed() -> None:
    with (
        run_simulator(SimulatorSettings(canned=True, render_seconds=0.6)) as simulator,
        httpx.Client(base_url=simulator.base_url, timeout=60) as client,
    ):
        video = make(client)
        early = client.get(f"/v1/videos/{video}/content")
        undeletable = client.delete(f"/v1/videos/{video}")
        seen: list[tuple[str, int]] = []
        while not seen or seen[-1][0] not in ("completed", "failed"):
            answer = client.get(f"/v1/videos/{video}")
            assert answer.headers["openai-poll-after-ms"] == "150"
            state = (answer.json()["status"], answer.json()["progress"])
            seen += [state] if not seen or state != seen[-1] else []
    assert (early.status_code, early.json()["error"]["code"]) == (404, "video_not_ready")
    assert undeletable.status_code == 400
    words = [word for word, _ in seen]
    assert words == sorted(words, key=["queued", "in_progress", "completed"].index)
    progress = [percent for _, percent in seen]
    assert progress == sorted(progress)
    assert progress[-1] == 100


def test_lists_refuse_what_the_specification_does_not_allow(client: httpx.Client) -> None:
    make(client)
    for query in ("limit=101", "limit=-1", "limit=x", "order=up", "after=video_unknown"):
        assert client.get(f"/v1/videos?{query}").status_code == 400
    none = client.get("/v1/videos?limit=0").json()
    assert none == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": True}


def test_paging_survives_a_deletion(client: httpx.Client) -> None:
    ids = [make(client) for _ in range(6)]
    page = client.get("/v1/videos?limit=2").json()
    client.delete(f"/v1/videos/{ids[4]}")
    client.delete(f"/v1/videos/{ids[2]}")
    assert page["last_id"] == ids[4]
    # The cursor itself is gone: it cannot be told where to go on.
    assert client.get(f"/v1/videos?after={ids[4]}").status_code == 400
    rest = client.get(f"/v1/videos?after={ids[5]}").json()
    assert [video["id"] for video in rest["data"]] == [ids[3], ids[1], ids[0]]


def test_content_comes_in_ranges_that_fit_together(client: httpx.Client) -> None:
    video = make(client)
    whole = client.get(f"/v1/videos/{video}/content")
    etag, size = whole.headers["etag"], len(whole.content)

    def part(wanted: str, **headers: str) -> httpx.Response:
        return client.get(f"/v1/videos/{video}/content", headers={"range": wanted, **headers})

    first, rest = part("bytes=0-99"), part("bytes=100-", **{"if-range": etag})
    assert (first.status_code, rest.status_code) == (206, 206)
    assert rest.headers["content-range"] == f"bytes 100-{size - 1}/{size}"
    assert first.content + rest.content == whole.content
    assert part("bytes=100-", **{"if-range": '"another"'}).content == whole.content
    assert part(f"bytes={size}-").status_code == 416
    assert client.head(f"/v1/videos/{video}/content").headers["content-length"] == str(size)
    assert client.get(f"/v1/videos/{video}/content?variant=poster").status_code == 400


def test_content_of_a_link_that_has_run_out_is_gone(client: httpx.Client, simulator: RunningSimulator) -> None:
    video = make(client)
    client.get(f"/v1/videos/{video}")
    job = simulator.simulation.store.get("sora", video, 2e9)
    assert job is not None
    assert job.ended_at is not None
    job.ended_at -= 3601
    gone = client.get(f"/v1/videos/{video}/content")
    assert gone.status_code == 404
    assert "no longer available" in gone.json()["error"]["message"]


def test_edits_and_remix_take_json_and_multipart(client: httpx.Client, simulator: RunningSimulator) -> None:
    source = make(client, seconds="8")
    made = [
        client.post("/v1/videos/edits", json={"prompt": "snow", "video": {"id": source}}),
        client.post("/v1/videos/edits", files={"prompt": (None, "rain"), "video[id]": (None, source)}),
        client.post(f"/v1/videos/{source}/remix", files={"prompt": (None, "fog")}),
    ]
    assert [(answer.json()["prompt"], answer.json()["seconds"]) for answer in made] == [
        ("snow", "8"), ("rain", "8"), ("fog", "8"),
    ]  # fmt: skip
    assert client.post("/v1/videos/edits", json={"prompt": "x", "video": {"id": "none"}}).status_code == 404
    assert (
        client.post("/v1/videos/edits", files={"prompt": (None, "x"), "video": ("a.mp4", b"")}).status_code == 400
    )
    assert client.post(f"/v1/videos/{source}/remix", json={}).status_code == 400
    simulator.set_faults(["render:stuck"])
    unfinished = make(client)
    assert client.post(f"/v1/videos/{unfinished}/remix", json={"prompt": "x"}).status_code == 400


def test_what_is_left_out_is_answered_404(client: httpx.Client) -> None:
    for path in ("/v1/videos/extensions", "/v1/videos/characters", "/v1/images/generations", "/"):
        answer = client.post(path, json={"prompt": "x"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_url")
    assert client.put("/v1/videos", json={}).status_code == 404


def test_only_the_key_opens_a_simulator_that_has_one() -> None:
    settings = SimulatorSettings(canned=True, api_key="sk-right")
    with run_simulator(settings) as simulator, httpx.Client(base_url=simulator.base_url, timeout=60) as client:
        for headers in ({}, {"authorization": "Bearer sk-wrong"}, {"authorization": "sk-right"}):
            answer = client.get("/v1/videos", headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
            assert client.get("/_simulator/requests", headers=headers).status_code == 401
        right = {"authorization": "Bearer sk-right"}
        assert client.get("/v1/videos", headers=right).status_code == 200
        log = json.dumps(client.get("/_simulator/requests", headers=right).json())
    assert "sk-right" not in log
    assert "sk-wrong" not in log
    assert log.count("sha256:") == 3


def test_requests_above_the_limit_are_turned_away() -> None:
    settings = SimulatorSettings(canned=True, requests_per_minute=3)
    with run_simulator(settings) as simulator, httpx.Client(base_url=simulator.base_url, timeout=60) as client:
        answers = [client.post("/v1/videos", json={"prompt": "x"}) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert 1 <= int(answers[4].headers["retry-after"]) <= 60
        assert answers[4].json()["error"]["code"] == "rate_limit_exceeded"
        assert len(simulator.jobs()) == 3


def test_creates_above_their_own_limit_are_turned_away_and_looks_are_not() -> None:
    settings = SimulatorSettings(canned=True, creates_per_minute=2)
    with run_simulator(settings) as simulator, httpx.Client(base_url=simulator.base_url, timeout=60) as client:
        answers = [client.post("/v1/videos", json={"prompt": "x"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert 1 <= int(answers[2].headers["retry-after"]) <= 60
        assert answers[2].json()["error"]["code"] == "rate_limit_exceeded"
        assert [client.get("/v1/videos").status_code for _ in range(5)] == [200] * 5
        assert len(simulator.jobs()) == 2


@pytest.mark.parametrize("honoured", [True, False])
def test_one_key_makes_one_video_where_keys_are_honoured(honoured: bool) -> None:
    settings = SimulatorSettings(canned=True, idempotency_keys=honoured, creates_per_minute=3)
    with run_simulator(settings) as simulator, httpx.Client(base_url=simulator.base_url, timeout=60) as client:
        key = {"Idempotency-Key": "k1"}
        ids = [client.post("/v1/videos", json={"prompt": "x"}, headers=key).json()["id"] for _ in range(2)]
        assert len(simulator.jobs()) == len(set(ids)) == (1 if honoured else 2)
        other = client.post("/v1/videos", json={"prompt": "y"}, headers=key)
        assert other.status_code == (400 if honoured else 200)
        if honoured:
            assert other.json()["error"]["code"] == "idempotency_key_reused"
            assert client.post("/v1/videos", json={"prompt": "x"}, headers={"Idempotency-Key": "k2"}).is_success
            assert len(simulator.jobs()) == 2


def test_a_create_is_turned_away_while_too_many_renders_are_not_done() -> None:
    settings = SimulatorSettings(canned=True, render_seconds=1000, concurrent=1, refuse_above=2)
    with run_simulator(settings) as simulator, httpx.Client(base_url=simulator.base_url, timeout=60) as client:
        ids = [client.post("/v1/videos", json={"prompt": "x"}).json()["id"] for _ in range(2)]
        refused = client.post("/v1/videos", json={"prompt": "x"})
        assert refused.status_code == 429
        assert refused.json()["error"]["message"] == "Too many videos at once: 2 are not done yet."
        simulator.simulation.restart()
        assert client.get(f"/v1/videos/{ids[0]}").status_code == 404
        assert client.post("/v1/videos", json={"prompt": "x"}).status_code == 200
