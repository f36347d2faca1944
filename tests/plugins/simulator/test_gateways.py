"""What sets SGLang Diffusion and OpenRouter apart from the reference."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import Any

import httpx
import pytest
from PIL import Image

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

SGLANG, ROUTER = "/sglang/v1/videos", "/openrouter/v1/videos"
VEO = {"model": "google/veo-3.1", "prompt": "x"}


def picture_url() -> str:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def make(client: httpx.Client, base: str, **fields: Any) -> dict[str, Any]:
    given = {**(VEO if base == ROUTER else {"prompt": "x"}), **fields}
    answer = client.post(base, json=given)
    assert answer.status_code == (202 if base == ROUTER else 200), answer.text
    return dict(answer.json())


# --- sglang -------------------------------------------------------------------------------------------------


def test_sglang_answers_what_it_will_make(client: httpx.Client, simulator: RunningSimulator) -> None:
    made = make(client, SGLANG, seconds=2, fps=8, seed=[7, 8], size="128x96", model="Wan-AI/Wan2.1-T2V-1.3B")
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", made["id"])
    assert (made["status"], made["size"], made["seconds"], made["progress"]) == ("queued", "128x96", "2", 0)
    assert "prompt" not in made
    assert made["file_path"].endswith(f"{made['id']}.mp4")
    done = client.get(f"{SGLANG}/{made['id']}").json()
    assert (done["status"], done["url"], done["urls"], done["num_outputs"]) == ("completed", None, [None], 1)
    assert simulator.jobs()[0]["seed"] == 7


def test_sglang_has_defaults_of_its_own(client: httpx.Client) -> None:
    made = make(client, SGLANG)
    assert (made["size"], made["seconds"], made["model"]) == ("832x480", "4", "Wan-AI/Wan2.2-T2V-A14B-Diffusers")


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"json": {"seconds": 4}}, 400, "prompt"),
        ({"json": {"prompt": "x", "seconds": "four"}}, 400, "Invalid request body: seconds"),
        ({"json": {"prompt": "x", "seconds": 4.5}}, 400, "Invalid request body: seconds"),
        ({"json": {"prompt": "x", "input_reference": {"image_url": "https://a.example"}}}, 400, "valid string"),
        ({"json": {"prompt": "x", "input_reference": "/etc/passwd"}}, 400, "no file"),
        ({"json": {"prompt": "x", "reference_url": "ftp://a"}}, 400, "Failed to process image source"),
        ({"files": {"seconds": (None, "4")}}, 400, "prompt is required"),
        ({"files": {"prompt": (None, "x"), "seconds": (None, "4.5")}}, 422, "valid integer"),
        ({"json": {"prompt": "x", "size": "9000x9000"}}, 400, "9000x9000"),
    ],
)
def test_sglang_refuses_in_the_words_of_fastapi(
    client: httpx.Client, simulator: RunningSimulator, body: dict[str, Any], status: int, says: str
) -> None:
    answer = client.post(SGLANG, **body)
    assert answer.status_code == status
    assert says in json.dumps(answer.json()["detail"])
    assert simulator.jobs() == []


def test_sglang_takes_a_picture_as_a_file_or_an_address(client: httpx.Client) -> None:
    content = base64.b64decode(picture_url().partition(",")[2])
    upload = {"prompt": (None, "x"), "input_reference": ("a.png", content, "image/png")}
    assert client.post(SGLANG, files=upload).status_code == 200
    make(client, SGLANG, reference_url=picture_url())
    make(client, SGLANG, reference_url="https://a.example/a.png")


def test_a_variant_is_the_number_of_an_output(client: httpx.Client) -> None:
    made = make(client, SGLANG)
    content = f"{SGLANG}/{made['id']}/content"
    assert client.get(content).content[4:8] == b"ftyp"
    assert client.get(f"{content}?variant=0").content[4:8] == b"ftyp"
    wrong = client.get(f"{content}?variant=video")
    assert (wrong.status_code, wrong.json()) == (404, {"detail": "Video variant video not found"})


def test_sglang_tells_failures_without_a_code_and_early_downloads_404(
    client: httpx.Client, simulator: RunningSimulator
) -> None:
    simulator.set_faults(["render:fail*1", "render:stuck"])
    failed, stuck = make(client, SGLANG), make(client, SGLANG)
    answer = client.get(f"{SGLANG}/{failed['id']}")
    assert (answer.status_code, answer.json()["status"], list(answer.json()["error"])) == (
        200,
        "failed",
        ["message"],
    )
    early = client.get(f"{SGLANG}/{stuck['id']}/content")
    assert (early.status_code, early.json()) == (404, {"detail": "Generation is still in-progress"})


def test_sglang_in_cloud_storage_gives_a_link(client: httpx.Client, simulator: RunningSimulator) -> None:
    simulator.set_faults(["render:cloud"])
    made = make(client, SGLANG)
    job = client.get(f"{SGLANG}/{made['id']}").json()
    refused = client.get(f"{SGLANG}/{made['id']}/content")
    assert refused.status_code == 400
    assert job["url"] in refused.json()["detail"]
    assert job["urls"] == [job["url"]]
    assert job["file_path"] is None
    assert client.get(job["url"]).content[4:8] == b"ftyp"
    assert client.get(job["url"] + "0").status_code == 403


def test_deleting_at_sglang_forgets_a_job_and_lets_it_go_on() -> None:
    settings = SimulatorSettings(canned=True, render_seconds=1000, concurrent=1)
    with run_simulator(settings) as simulator, httpx.Client(base_url=simulator.base_url, timeout=60) as client:
        first, second = make(client, SGLANG)["id"], make(client, SGLANG)["id"]
        gone = client.delete(f"{SGLANG}/{first}").json()
        assert (gone["id"], gone["status"], gone["object"]) == (first, "deleted", "video")
        assert client.get(f"{SGLANG}/{first}").status_code == 404
        # Its place is not free: the render was not aborted.
        assert [(job["id"], job["started_at"]) for job in simulator.jobs()] == [(second, None)]


def test_sglang_lists_without_prompts_and_forgets_all_at_a_restart(client: httpx.Client) -> None:
    made = [make(client, SGLANG)["id"] for _ in range(3)]
    page = client.get(f"{SGLANG}?limit=2").json()
    assert ([video["id"] for video in page["data"]], page["has_more"]) == ([made[2], made[1]], True)
    assert "prompt" not in page["data"][0]
    assert client.get(f"{SGLANG}?limit=0").status_code == 422
    client.post("/_simulator/restart")
    assert client.get(SGLANG).json()["data"] == []


def test_sglang_asks_for_no_key_and_the_others_do() -> None:
    settings = SimulatorSettings(canned=True, render_seconds=0, api_key="sk-1")
    with run_simulator(settings) as simulator, httpx.Client(base_url=simulator.base_url, timeout=60) as client:
        assert client.post(SGLANG, json={"prompt": "x"}).status_code == 200
        refused = client.post(ROUTER, json=VEO)
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, 401)
        client.headers["authorization"] = "Bearer sk-1"
        job = client.get(f"{ROUTER}/{make(client, ROUTER)['id']}").json()
        del client.headers["authorization"]
        assert client.get(job["unsigned_urls"][0]).status_code == 401
        assert client.get(job["urls"][0]).content[4:8] == b"ftyp"  # whoever holds it


# --- openrouter ---------------------------------------------------------------------------------------------


def test_openrouter_accepts_with_202_and_little_else(client: httpx.Client, simulator: RunningSimulator) -> None:
    made = make(client, ROUTER, duration=8, resolution="1080p", aspect_ratio="9:16", seed=7)
    assert re.fullmatch(r"gen-vid-\d+-[0-9a-z]{20}", made["id"])
    assert made == {"id": made["id"], "polling_url": f"{ROUTER}/{made['id']}", "status": "pending"}
    job = simulator.jobs()[0]
    assert (job["size"], job["seconds"], job["seed"]) == ("1080x1920", "8", 7)


def test_openrouter_shows_links_cost_and_expiry_when_it_is_done(client: httpx.Client) -> None:
    made = make(client, ROUTER, duration=4)
    job = client.get(made["polling_url"]).json()
    assert (job["status"], job["usage"]) == ("completed", {"cost": 1.6, "is_byok": False})
    content = f"{str(client.base_url).rstrip('/')}{ROUTER}/{made['id']}/content?index=0"
    assert job["unsigned_urls"] == [content]
    assert client.get(job["unsigned_urls"][0]).content == client.get(job["urls"][0]).content
    assert client.get(f"{ROUTER}/{made['id']}/content?index=1").status_code == 404
    assert "prompt" not in job


@pytest.mark.parametrize(
    ("failure", "word"), [("", "failed"), ("=cancelled", "cancelled"), ("=expired", "expired")]
)
def test_openrouter_has_three_ways_to_end_badly(
    client: httpx.Client, simulator: RunningSimulator, failure: str, word: str
) -> None:
    simulator.set_faults([f"render:fail{failure}"])
    job = client.get(f"{ROUTER}/{make(client, ROUTER)['id']}").json()
    assert job["status"] == word
    assert isinstance(job["error"], str)
    assert "usage" not in job


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model": None}, "model"),
        ({"prompt": ""}, "prompt"),
        ({"duration": "4"}, "duration"),
        ({"duration": 5}, "makes 4, 6, 8 seconds"),
        ({"seed": True}, "seed"),
        ({"resolution": "721p"}, "resolution"),
        ({"aspect_ratio": "5:4"}, "aspect_ratio"),
        ({"callback_url": "http://a.example"}, "HTTPS"),
        ({"frame_images": [{"image_url": {"url": "https://a.example"}}]}, "frame_images"),
        ({"frame_images": "https://a.example"}, "frame_images"),
    ],
)
def test_openrouter_refuses_with_the_status_for_a_code(
    client: httpx.Client, simulator: RunningSimulator, changes: dict[str, Any], says: str
) -> None:
    answer = client.post(ROUTER, json={**VEO, **changes})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 400)
    assert says in answer.json()["error"]["message"]
    assert client.post(ROUTER, files={"prompt": (None, "x")}).status_code == 400
    assert simulator.jobs() == []


def test_openrouter_takes_a_first_frame_and_the_log_keeps_it_short(
    client: httpx.Client, simulator: RunningSimulator
) -> None:
    big = picture_url() + "A" * 4000
    frame = {"type": "image_url", "image_url": {"url": picture_url()}, "frame_type": "first_frame"}
    make(client, ROUTER, frame_images=[frame], callback_url="https://a.example/done", user="someone")
    client.post(ROUTER, json={**VEO, "frame_images": [{**frame, "image_url": {"url": big}}]})
    assert len(json.dumps(simulator.requests()[-1]["fields"])) < 1200


def test_openrouter_has_no_list_and_no_delete(client: httpx.Client) -> None:
    made = make(client, ROUTER)
    assert client.get(ROUTER).status_code == 404
    assert client.delete(f"{ROUTER}/{made['id']}").status_code == 404
    assert client.get(f"{ROUTER}/{made['id']}").status_code == 200


def test_openrouter_lists_what_models_can_and_cost(client: httpx.Client) -> None:
    models = {model["id"]: model for model in client.get(f"{ROUTER}/models").json()["data"]}
    assert models["google/veo-3.1"]["supported_durations"] == [4, 6, 8]
    assert models["google/veo-3.1"]["pricing_skus"] == {"duration_seconds": "0.40"}
    assert models["openai/sora-2"]["supported_resolutions"] == ["720p"]


def test_the_official_package_reads_what_openrouter_answers(
    client: httpx.Client, simulator: RunningSimulator
) -> None:
    """Runs where the openrouter package is installed, which the project itself does not need."""
    openrouter = pytest.importorskip("openrouter", reason="the openrouter package is not installed")
    with openrouter.OpenRouter(api_key="k", server_url=f"{simulator.base_url}/openrouter/v1") as sdk:
        made = sdk.video_generation.generate(
            model="google/veo-3.1", prompt="x", duration=4, resolution="720p", aspect_ratio="16:9",
            frame_images=[
                {"type": "image_url", "image_url": {"url": picture_url()}, "frame_type": "first_frame"}
            ],
        )  # fmt: skip
        assert made.status == "pending"
        done = sdk.video_generation.get_generation(job_id=made.id)
        content = sdk.video_generation.get_video_content(job_id=made.id).read()
        models = sdk.video_generation.list_videos_models().data
        simulator.set_faults(["create:402"])
        with pytest.raises(openrouter.errors.PaymentRequiredResponseError):
            sdk.video_generation.generate(model="google/veo-3.1", prompt="x")
    assert (done.status, done.usage.cost) == ("completed", 1.6)
    assert content[4:8] == b"ftyp"
    assert "google/veo-3.1" in [model.id for model in models]
