"""What sets vLLM-Omni and LiteLLM apart from the reference."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import av
import httpx
import pytest

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

VLLM, LITELLM = "/vllm-omni/v1/videos", "/litellm/v1/videos"


def multipart(**fields: Any) -> dict[str, Any]:
    return {"files": {name: (None, str(value)) for name, value in fields.items()}}


def make(client: httpx.Client, base: str, **fields: Any) -> dict[str, Any]:
    answer = client.post(base, **multipart(**{"prompt": "x", **fields}))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_every_dialect_is_always_served_and_v1_speaks_the_chosen_one() -> None:
    settings = SimulatorSettings(canned=True, dialect="vllm-omni", render_seconds=0)
    with run_simulator(settings) as simulator, httpx.Client(base_url=simulator.base_url, timeout=60) as client:
        made = make(client, "/v1/videos", seed=1)
        assert made["id"].startswith("video_gen_")
        assert [video["id"] for video in client.get(VLLM).json()["data"]] == [made["id"]]
        assert client.get("/sora/v1/videos").json()["data"] == []
        assert client.get(f"/sora/v1/videos/{made['id']}").status_code == 404
        assert client.get(f"{simulator.url_of('vllm-omni')}/v1/videos/{made['id']}").status_code == 200


def test_vllm_takes_no_json(client: httpx.Client, simulator: RunningSimulator) -> None:
    answer = client.post(VLLM, json={"prompt": "x"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "prompt"]
    assert simulator.jobs() == []
    assert client.post(VLLM, data={"prompt": "x"}).status_code == 200


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"seconds": "4.5"}, 422),
        ({"seconds": "0"}, 422),
        ({"seconds": "04"}, 422),
        ({"size": "large"}, 422),
        ({"fps": "fast"}, 422),
        ({"width": "0"}, 422),
        ({"num_outputs_per_prompt": "0"}, 422),
        ({"seed": "x"}, 422),
        ({"extra_params": "{"}, 400),
        ({"extra_params": "[1]"}, 400),
        ({"size": "9000x9000"}, 400),
        ({"seconds": "99999"}, 400),
    ],
)
def test_vllm_refuses_what_its_form_does_not_allow(
    client: httpx.Client, fields: dict[str, str], status: int
) -> None:
    answer = client.post(VLLM, **multipart(prompt="x", **fields))
    assert (answer.status_code, "detail" in answer.json()) == (status, True)


def test_vllm_renders_what_its_parameters_say() -> None:
    settings = SimulatorSettings(render_seconds=0)
    with run_simulator(settings) as simulator, httpx.Client(base_url=simulator.base_url, timeout=30) as client:
        asked = {
            "model": "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "width": 128, "height": 96, "fps": 8, "seconds": 2,
            "seed": 7, "negative_prompt": "rain", "num_outputs_per_prompt": 1, "extra_params": json.dumps({"a": 1}),
        }  # fmt: skip
        made = make(client, VLLM, **asked)
        clip = client.get(f"{VLLM}/{made['id']}/content?variant=thumbnail")
        exact = make(client, VLLM, model="tencent/HunyuanVideo-1.5", num_frames=5, fps=10, size="64x64")
        exact_clip = client.get(f"{VLLM}/{exact['id']}/content")
        assert simulator.jobs()[0]["seed"] == 7
    assert (made["size"], made["seconds"], made["prompt"], made["media_type"]) == ("128x96", "2", "x", "video/mp4")
    # A variant means nothing here, and Wan makes 4k+1 frames: 17 for the 16 that two seconds would be.
    assert clip.headers["content-type"] == "video/mp4"
    assert _frames(clip.content) == (17, 128, 96)
    assert _frames(exact_clip.content) == (5, 64, 64)


def _frames(clip: bytes) -> tuple[int, int, int]:
    with av.open(io.BytesIO(clip), "r") as container:
        frames = list(container.decode(video=0))
    return len(frames), frames[0].width, frames[0].height


@pytest.mark.parametrize(("failure", "status"), [("", 500), ("=503", 503), ("=moderation_blocked", 400)])
def test_vllm_answers_for_a_failed_job_with_its_error(
    client: httpx.Client, simulator: RunningSimulator, failure: str, status: int
) -> None:
    simulator.set_faults([f"render:fail{failure}"])
    made = make(client, VLLM)
    answer = client.get(f"{VLLM}/{made['id']}")
    assert answer.status_code == status
    job = answer.json()
    assert (job["id"], job["object"], job["status"], job["error"]["code"]) == (
        made["id"],
        "video",
        "failed",
        status,
    )
    assert client.get(VLLM).json()["data"][0]["status"] == "failed"
    assert client.get(f"{VLLM}/{made['id']}/content").status_code == 422


def test_vllm_deletes_a_running_job_and_gives_its_place_to_the_next() -> None:
    settings = SimulatorSettings(canned=True, render_seconds=1000, concurrent=1)
    with run_simulator(settings) as simulator, httpx.Client(base_url=simulator.base_url, timeout=60) as client:
        first, second = make(client, VLLM)["id"], make(client, VLLM)["id"]
        assert client.get(f"{VLLM}/{first}/content").status_code == 404
        assert [job["started_at"] is not None for job in simulator.jobs()] == [True, False]
        assert client.delete(f"{VLLM}/{first}").json() == {"id": first, "object": "video.deleted", "deleted": True}
        assert client.get(f"{VLLM}/{first}").json() == {"detail": "Video not found"}
        assert [(job["id"], job["started_at"] is not None) for job in simulator.jobs()] == [(second, True)]


def test_vllm_lists_everything_with_prompts_and_forgets_all_at_a_restart(
    client: httpx.Client, simulator: RunningSimulator
) -> None:
    ids = [make(client, VLLM, prompt=f"p{number}")["id"] for number in range(25)]
    listed = client.get(VLLM).json()
    assert [video["prompt"] for video in listed["data"]] == [f"p{number}" for number in range(24, -1, -1)]
    assert client.get(f"{VLLM}?after=unknown").json()["data"] == []
    assert client.get(f"{VLLM}?limit=101").status_code == 422
    assert client.post("/_simulator/restart").json() == {"jobs": []}
    assert client.get(f"{VLLM}/{ids[0]}").status_code == 404


def test_only_the_served_models_are_served() -> None:
    settings = SimulatorSettings(canned=True, models=("wan", "veo"))
    with run_simulator(settings) as simulator, httpx.Client(base_url=simulator.base_url, timeout=60) as client:
        for base in (VLLM, LITELLM):
            assert make(client, base, model="veo")["model"] == "veo"
            assert make(client, base)["model"] == "wan"
            assert client.post(base, **multipart(prompt="x", model="other")).status_code == 400


def test_litellm_ids_hold_provider_and_model(client: httpx.Client) -> None:
    answer = client.post(
        LITELLM, json={"prompt": "x", "model": "gemini/veo-3.1-fast", "seconds": 8, "resolution": "4k"}
    )
    made = answer.json()
    inner = base64.b64decode(made["id"].removeprefix("video_")).decode()
    assert inner.startswith("litellm:custom_llm_provider:gemini;model_id:veo-3.1-fast;video_id:video_")
    assert made["usage"] == {"duration_seconds": 8.0}
    assert (made["model"], "prompt" in made) == ("veo-3.1-fast", False)
    assert "prompt" not in client.get(LITELLM).json()["data"][0]
    assert client.get(f"{LITELLM}/{made['id']}").json()["status"] == "completed"
    assert client.get(f"{LITELLM}/{made['id']}/content").status_code == 200


def test_litellm_passes_unknown_parameters_on_and_refuses_known_limits(
    client: httpx.Client, simulator: RunningSimulator
) -> None:
    assert make(client, LITELLM, model="dashscope/wan3", seconds="7.5", watermark="false")["seconds"] == "7.5"
    assert simulator.requests()[-1]["fields"]["watermark"] == "false"
    answer = client.post(LITELLM, json={"prompt": "x", "model": "gemini/veo-3.1", "seconds": "5"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "400")


@pytest.mark.parametrize(
    ("model", "running", "failed"),
    [
        ("sora-2", "in_progress", "failed"),
        ("gemini/veo-3.1", "processing", "completed"),
        ("vertex_ai/veo-3.1", "processing", "completed"),
        ("minimax/h3", "in_progress", "cancelled"),
        ("runwayml/gen4.5", "in_progress", "failed"),
    ],
)
def test_litellm_uses_the_words_of_the_backend(
    client: httpx.Client, simulator: RunningSimulator, model: str, running: str, failed: str
) -> None:
    simulator.set_faults(["render:stuck*1", "render:fail=cancelled"])
    stuck, dead = make(client, LITELLM, model=model, seconds=8), make(client, LITELLM, model=model, seconds=8)
    assert client.get(f"{LITELLM}/{stuck['id']}").json()["status"] == running
    assert client.get(f"{LITELLM}/{dead['id']}").json()["status"] == failed
    assert client.get(f"{LITELLM}/{dead['id']}/content").status_code == (500 if failed == "completed" else 404)
    assert client.delete(f"{LITELLM}/{dead['id']}").status_code == (200 if model == "sora-2" else 500)
