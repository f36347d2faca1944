"""What SGLang Diffusion and OpenRouter ask for that the others do not."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from reelwork_hooks import (
    Capabilities,
    Context,
    HttpSource,
    Idempotency,
    InvalidInput,
    Reference,
    Rejected,
    RenderRequest,
    RenderStatus,
    Submitted,
    Unsure,
)
from reelwork_plugins.providers.videos_api.catalogue import KEPT, dearest_second
from reelwork_plugins.providers.videos_api.config import VideosApiConfig
from reelwork_plugins.providers.videos_api.provider import VideosApi

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
CREATE, MODELS = "POST /v1/videos", "GET /v1/videos/models"
PENDING = {"id": "gen-vid-1-abc", "polling_url": "/api/v1/videos/gen-vid-1-abc", "status": "pending"}
QUEUED = {"id": "0c0ffee0", "object": "video", "status": "queued", "file_path": "/srv/outputs/0c0ffee0.mp4"}
VEO = {
    "id": "google/veo-3.1", "supported_durations": [4, 6, 8], "supported_resolutions": ["720p", "1080p"],
    "supported_aspect_ratios": ["16:9", "9:16"], "supported_frame_images": ["first_frame"], "seed": True,
    "pricing_skus": {"duration_seconds_with_audio": "0.40", "duration_seconds_without_audio": "0.20"},
}  # fmt: skip


def submit(bench: Any, request: RenderRequest) -> Submitted:
    submitted: Submitted = bench.run(lambda provider: provider.submit(request, bench.effect()))
    return submitted


def prepare(bench: Any, request: RenderRequest) -> None:
    bench.run(lambda provider: provider.prepare(request))


def capabilities(bench: Any, model: str | None = None) -> Capabilities:
    async def ask(provider: VideosApi) -> Capabilities:
        return provider.capabilities(model)

    answer: Capabilities = bench.run(ask)
    return answer


# --- sglang -------------------------------------------------------------------------------------------------


def test_sglang_gets_json_with_numbers_and_no_number_of_outputs(
    bench: Any, server: Any, request_for: Any, answer: Any
) -> None:
    server.says(CREATE, answer.of(QUEUED))
    at = bench(dialect="sglang", extra={"guidance_scale": 4.5})
    submitted = submit(at, request_for(spec={"seed": 7, "fps": 24}, negative_prompt="rain"))
    assert submitted.remote_id == "0c0ffee0"
    assert json.loads(server.asked[0].body) == {
        "prompt": "a red kite over the sea", "seconds": 4, "size": "1280x720", "seed": 7, "fps": 24,
        "negative_prompt": "rain", "guidance_scale": 4.5,
    }  # fmt: skip


def test_sglang_takes_a_file_as_multipart_and_an_address_as_text(
    bench: Any, server: Any, request_for: Any, fields_of: Any, answer: Any, tmp_path: Path
) -> None:
    server.says(CREATE, answer.of(QUEUED))
    (tmp_path / "a.png").write_bytes(PNG)
    submit(bench(dialect="sglang"), request_for(references=(Reference(source="a.png"),)))
    submit(bench(dialect="sglang"), request_for(references=(Reference(source="https://a.example/a.png"),)))
    submit(bench(dialect="sglang", multipart=False), request_for(references=(Reference(source="a.png"),)))
    fields = fields_of(server.asked[0])
    assert 'filename="a.png"' in fields["input_reference"][0]
    assert fields["seconds"][1] == "4"
    assert json.loads(server.asked[1].body)["reference_url"] == "https://a.example/a.png"
    # `input_reference` within JSON would be a path on the server.
    sent = json.loads(server.asked[2].body)
    assert sent["reference_url"] == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert "input_reference" not in sent


def test_sglang_says_deleted_and_gives_errors_without_a_code(
    bench: Any, server: Any, ref_for: Any, answer: Any
) -> None:
    at = bench(dialect="sglang")
    server.says("GET /v1/videos/a", answer.of({**QUEUED, "id": "a", "status": "deleted"}))
    server.says(
        "GET /v1/videos/b", answer.of({**QUEUED, "id": "b", "status": "failed", "error": {"message": "OOM"}})
    )
    gone, failed = at.run(lambda provider: provider.poll([ref_for("a"), ref_for("b")]))
    assert (gone.state, gone.word) == ("failed", "deleted")
    assert (failed.state, failed.error_code, failed.error_message) == ("failed", "", "OOM")


def test_sglang_in_cloud_storage_is_fetched_from_its_link(
    bench: Any, server: Any, ref_for: Any, answer: Any
) -> None:
    at = bench(dialect="sglang", api_key="env:KEY")
    link = "https://bucket.example/a.mp4?sig=1"
    server.says("GET /v1/videos/a", answer.of({**QUEUED, "id": "a", "status": "completed", "urls": [link]}))
    (status,) = at.run(lambda provider: provider.poll([ref_for("a")]))
    source, *_ = at.run(lambda provider: provider.fetch(ref_for("a", **status.details)))
    assert isinstance(source, HttpSource)
    assert (source.url, source.headers) == (link, {})  # our key is none of the storage's business


def test_sglang_without_cloud_storage_is_fetched_without_a_variant(
    bench: Any, server: Any, ref_for: Any, answer: Any
) -> None:
    at = bench(dialect="sglang")
    job = {**QUEUED, "id": "a", "status": "completed", "url": None, "urls": [None], "file_paths": ["/srv/a.mp4"]}
    server.says("GET /v1/videos/a", answer.of(job))
    (status,) = at.run(lambda provider: provider.poll([ref_for("a")]))
    source, *_ = at.run(lambda provider: provider.fetch(ref_for("a", **status.details)))
    assert source.url == f"{server.url}/v1/videos/a/content"


def test_sglang_is_never_asked_to_delete_and_cannot_be_looked_up(
    bench: Any, server: Any, request_for: Any, ref_for: Any
) -> None:
    at = bench(dialect="sglang")
    assert at.run(lambda provider: provider.cancel(ref_for("a"))) is False
    assert isinstance(at.run(lambda provider: provider.find(request_for(), at.effect())), Unsure)
    assert server.asked == []


# --- openrouter ---------------------------------------------------------------------------------------------


@pytest.fixture
def router(bench: Any) -> Any:
    return bench(dialect="openrouter", model="google/veo-3.1", api_key="env:KEY")


def test_openrouter_gets_its_own_names(router: Any, server: Any, request_for: Any, answer: Any) -> None:
    server.says(CREATE, answer.of(PENDING, 202))
    request = request_for(
        spec={"seed": 7, "fps": 24}, negative_prompt="rain", webhook="https://hooks.example/done",
        references=(Reference(source="https://a.example/a.png"),),
    )  # fmt: skip
    submitted = submit(router, request)
    assert (submitted.remote_id, submitted.details) == ("gen-vid-1-abc", {})
    (asked,) = server.asked
    assert asked.headers["authorization"] == "Bearer sk-test-1"
    assert json.loads(asked.body) == {
        "prompt": "a red kite over the sea", "model": "google/veo-3.1", "duration": 4, "resolution": "720p",
        "aspect_ratio": "16:9", "seed": 7, "callback_url": "https://hooks.example/done",
        "frame_images": [
            {"type": "image_url", "image_url": {"url": "https://a.example/a.png"}, "frame_type": "first_frame"}
        ],
    }  # fmt: skip


def test_openrouter_gets_a_file_within_json(
    router: Any, server: Any, request_for: Any, answer: Any, tmp_path: Path
) -> None:
    server.says(CREATE, answer.of(PENDING, 202))
    (tmp_path / "a.png").write_bytes(PNG)
    submit(router, request_for(references=(Reference(source="a.png"),)))
    (image,) = json.loads(server.asked[0].body)["frame_images"]
    assert image["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


@pytest.mark.parametrize(
    ("settings", "changes", "says"),
    [
        ({"model": None}, {}, "needs the name of a model"),
        ({}, {"webhook": "http://hooks.example/done"}, "https addresses only"),
        ({}, {"spec": {"duration": 4.5}}, "whole seconds"),
    ],
)
def test_openrouter_is_not_asked_for_what_it_refuses(
    bench: Any, server: Any, request_for: Any, settings: dict[str, Any], changes: dict[str, Any], says: str
) -> None:
    at = bench(**{"dialect": "openrouter", "model": "google/veo-3.1", **settings})
    with pytest.raises(InvalidInput, match=says):
        prepare(at, request_for(**changes))
    with pytest.raises(Rejected, match=says):
        submit(at, request_for(**changes))
    assert server.asked == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"multipart": True}, "JSON only"),
        ({"extra": {"aspect_ratio": "1:1"}}, "aspect_ratio comes from the brief"),
        ({"extra": {"callback_url": "https://x.example"}}, "callback_url comes from the brief"),
    ],
)
def test_settings_that_openrouter_has_no_use_for_are_refused(settings: dict[str, Any], says: str) -> None:
    given = {"base_url": "https://openrouter.ai/api/v1", "dialect": "openrouter", **settings}
    with pytest.raises(ValidationError, match=says):
        VideosApiConfig.model_validate(given)
    assert VideosApiConfig.model_validate({**given, "multipart": None, "extra": {"generate_audio": True}})


def test_what_openrouter_says_of_a_finished_job(router: Any, server: Any, ref_for: Any, answer: Any) -> None:
    signed = "https://files.example/out.mp4?signature=secret"
    job = {
        **PENDING, "status": "completed", "usage": {"cost": 1.6, "is_byok": False}, "expires_at": 1,
        "urls": [signed], "unsigned_urls": [f"{server.url}/v1/videos/gen-vid-1-abc/content?index=0"],
    }  # fmt: skip
    server.says("GET /v1/videos/gen-vid-1-abc", answer.of(job))
    (status,) = router.run(lambda provider: provider.poll([ref_for("gen-vid-1-abc")]))
    assert (status.state, status.cost) == ("completed", Decimal("1.6"))
    assert status.expires_at == datetime.fromtimestamp(1, UTC)
    assert "secret" not in json.dumps(status.details, default=str)  # details are stored
    source, *_ = router.run(lambda provider: provider.fetch(ref_for("gen-vid-1-abc", **status.details)))
    assert source.url == f"{server.url}/v1/videos/gen-vid-1-abc/content"
    assert source.headers["Authorization"].get_secret_value() == "Bearer sk-test-1"


@pytest.mark.parametrize(
    ("word", "state"),
    [("pending", "queued"), ("in_progress", "running"), ("cancelled", "failed"), ("expired", "failed")],
)
def test_the_words_of_openrouter(
    router: Any, server: Any, ref_for: Any, answer: Any, word: str, state: str
) -> None:
    server.says("GET /v1/videos/x", answer.of({"id": "x", "status": word, "error": "told in words"}))
    (status,) = router.run(lambda provider: provider.poll([ref_for("x")]))
    assert isinstance(status, RenderStatus)
    assert (status.state, status.error_message) == (state, "told in words")


def test_a_lost_answer_of_openrouter_waits_for_a_person(router: Any, server: Any, request_for: Any) -> None:
    assert capabilities(router).idempotency is Idempotency.NONE
    assert isinstance(router.run(lambda provider: provider.find(request_for(), router.effect())), Unsure)
    assert server.asked == []


def test_the_official_package_knows_every_field_we_send(
    router: Any, server: Any, request_for: Any, answer: Any
) -> None:
    """Runs where the openrouter package is installed, which the project itself does not need."""
    components = pytest.importorskip("openrouter.components", reason="the openrouter package is not installed")
    server.says(CREATE, answer.of(PENDING, 202))
    reference = Reference(source="https://a.example/a.png")
    submit(router, request_for(spec={"seed": 7}, webhook="https://hooks.example", references=(reference,)))
    sent = json.loads(server.asked[0].body)
    assert components.VideoGenerationRequest.model_validate(sent).model_dump() == sent


# --- the list of models -------------------------------------------------------------------------------------


def test_planning_never_asks_the_network(router: Any, server: Any) -> None:
    can = capabilities(router)
    assert (can.durations, can.price, can.seed, can.webhook) == (None, None, True, True)
    assert server.asked == []
    assert can.wire_names == {
        "duration": "duration", "resolution": "resolution", "aspect_ratio": "aspect_ratio",
        "references": "frame_images", "webhook": "callback_url",
    }  # fmt: skip


def test_once_read_the_list_tells_limits_and_the_dearest_price(
    router: Any, server: Any, request_for: Any, answer: Any
) -> None:
    server.says(MODELS, answer.of({"data": [VEO, {"id": 5}, "junk"]}))
    prepare(router, request_for())
    can = capabilities(router)
    assert (can.durations, can.references) == ((4, 6, 8), 1)
    assert can.price is not None
    assert (can.price.per_second, can.price.as_of) == (Decimal("0.40"), datetime.now(UTC).date())
    assert can.price.source == f"{server.url.removeprefix('http://')}/v1/videos/models"
    assert capabilities(router, "other/model").price is None
    prepare(router, request_for())
    assert server.count(MODELS) == 1  # it is kept for a day


def test_a_model_that_cannot_is_told_before_anything_is_paid(
    router: Any, server: Any, request_for: Any, answer: Any
) -> None:
    server.says(MODELS, answer.of({"data": [VEO]}))
    with pytest.raises(InvalidInput, match="no 5 among its lengths: 4, 6, 8"):
        prepare(router, request_for(spec={"duration": 5.0}))
    with pytest.raises(InvalidInput, match="no 480p among its resolutions: 720p, 1080p"):
        prepare(router, request_for(spec={"resolution": "480p"}))
    assert server.count(CREATE) == 0


def test_a_list_without_seed_or_first_frame_or_720p(
    router: Any, server: Any, request_for: Any, answer: Any
) -> None:
    poor = {**VEO, "seed": False, "supported_frame_images": [], "supported_resolutions": ["480p", "720p"]}
    server.says(MODELS, answer.of({"data": [poor]}))
    prepare(router, request_for())
    can = capabilities(router)
    assert (can.seed, can.references, can.default_resolution) == (False, 0, "720p")


@pytest.mark.parametrize("reply", ["500", "html", "nonsense"])
def test_a_list_that_cannot_be_read_stops_nothing(
    router: Any, server: Any, request_for: Any, answer: Any, reply: str
) -> None:
    replies = {"500": answer(500), "html": answer.html(), "nonsense": answer.of({"data": "none"})}
    server.says(MODELS, replies[reply])
    prepare(router, request_for())
    assert capabilities(router).price is None


def test_an_old_list_is_read_again(
    server: Any, request_for: Any, answer: Any, context_for: Any, run_and_close: Any
) -> None:
    server.says(MODELS, answer.of({"data": [VEO]}))
    config = VideosApiConfig.model_validate(
        {"base_url": server.url, "dialect": "openrouter", "model": "google/veo-3.1"}
    )
    context: Context = context_for("router")
    key = f"models listed at {server.url}/v1/videos/models"
    read_at = context.now() - KEPT - timedelta(seconds=1)
    context.cache.set(key, json.dumps({"read_at": read_at.isoformat(), "models": {"google/veo-3.1": {}}}))
    provider = VideosApi(config, context)
    assert provider.capabilities(None).durations is None

    run_and_close(provider.prepare(request_for()))
    assert provider.capabilities(None).durations == (4, 6, 8)
    assert json.loads(context.cache.get(key) or "")["read_at"] == context.now().isoformat()
    context.cache.set(key, "half a fi")
    assert provider.capabilities(None).durations is None


@pytest.mark.parametrize(
    ("skus", "dollars"),
    [
        ({"per-video-second": "0.50", "per-video-second-1080p": "0.75"}, "0.75"),
        ({"duration_seconds_without_audio_720p": "0.03"}, "0.03"),
        ({"cents_per_second_output": "12"}, "0.12"),
        ({"duration_seconds": "0.10", "video_tokens": "0.000002"}, None),
        ({"cents_per_megapixel_second": "1"}, None),
        ({"per-video-second": "free"}, None),
        ({"per-video-second": "-1"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_price_is_known_only_when_every_part_of_it_is_for_a_second(skus: Any, dollars: str | None) -> None:
    assert dearest_second(skus) == (None if dollars is None else Decimal(dollars))


def test_the_makers_price_is_not_the_gateways(bench: Any) -> None:
    assert capabilities(bench(dialect="openrouter"), "openai/sora-2").price is None
    assert capabilities(bench(dialect="litellm"), "openai/sora-2").price is not None
    given = capabilities(bench(dialect="openrouter", price_per_second="0.3"), "openai/sora-2").price
    assert given is not None
    assert given.as_of >= date(2026, 1, 1)
