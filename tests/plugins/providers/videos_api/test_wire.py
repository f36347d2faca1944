from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reelwork_hooks import InvalidInput, Reference, Rejected, RenderRequest, Submitted
from reelwork_plugins.providers.videos_api import wire
from reelwork_plugins.providers.videos_api.config import VideosApiConfig
from reelwork_plugins.providers.videos_api.provider import VideosApi

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
SETTINGS = {"base_url": "http://127.0.0.1:1"}
ACCEPTED = {"id": "video_1", "object": "video", "status": "queued"}


def configured(**settings: Any) -> VideosApiConfig:
    return VideosApiConfig.model_validate({**SETTINGS, **settings})


def submit(bench: Any, request: RenderRequest) -> Submitted:
    async def act(provider: VideosApi) -> Submitted:
        await provider.prepare(request)
        return await provider.submit(request, bench.effect())

    submitted: Submitted = bench.run(act)
    return submitted


def test_sora_sends_the_published_fields_and_nothing_else(
    bench: Any, server: Any, request_for: Any, fields_of: Any, answer: Any
) -> None:
    server.says("POST /v1/videos", answer.of(ACCEPTED))
    at = bench(model="sora-2", api_key="env:KEY", organization="org-1", project="proj-1")
    request = request_for(spec={"seed": 7, "fps": 24}, negative_prompt="rain", metadata={"shot": 1})
    assert submit(at, request).remote_id == "video_1"
    (asked,) = server.asked
    assert {name: text for name, (_, text) in fields_of(asked).items()} == {
        "prompt": "a red kite over the sea", "model": "sora-2", "seconds": "4", "size": "1280x720",
    }  # fmt: skip
    assert asked.headers["authorization"] == "Bearer sk-test-1"
    assert asked.headers["openai-organization"] == "org-1"
    assert asked.headers["openai-project"] == "proj-1"
    assert "idempotency-key" not in asked.headers


def test_without_a_key_no_key_is_sent(bench: Any, server: Any, request_for: Any, answer: Any) -> None:
    server.says("POST /v1/videos", answer.of(ACCEPTED))
    submit(bench(), request_for())
    assert "authorization" not in server.asked[0].headers


def test_azure_style_key(bench: Any, server: Any, request_for: Any, answer: Any) -> None:
    server.says("POST /v1/videos", answer.of(ACCEPTED))
    submit(bench(api_key="env:KEY", auth_header="api-key"), request_for())
    assert server.asked[0].headers["api-key"] == "sk-test-1"
    assert "authorization" not in server.asked[0].headers


def test_vllm_omni_takes_more_and_wants_objects_as_text(
    bench: Any, server: Any, request_for: Any, fields_of: Any, answer: Any
) -> None:
    server.says("POST /v1/videos", answer.of(ACCEPTED))
    at = bench(dialect="vllm-omni", extra={"extra_params": {"a": 1}, "guidance_scale": 4.5, "generate_sound": True})
    request = request_for(
        spec={"seed": 7, "fps": 24}, negative_prompt="rain",
        references=(Reference(source="https://pictures.example/a.png"),),
    )  # fmt: skip
    submit(at, request)
    sent = {name: text for name, (_, text) in fields_of(server.asked[0]).items()}
    assert (sent["seed"], sent["fps"], sent["negative_prompt"]) == ("7", "24", "rain")
    assert json.loads(sent["extra_params"]) == {"a": 1}
    assert (sent["guidance_scale"], sent["generate_sound"]) == ("4.5", "true")
    assert json.loads(sent["image_reference"]) == {"image_url": "https://pictures.example/a.png"}
    assert "model" not in sent


def test_litellm_gets_json_and_is_told_not_to_repeat(
    bench: Any, server: Any, request_for: Any, answer: Any
) -> None:
    server.says("POST /v1/videos", answer.of(ACCEPTED))
    submit(bench(dialect="litellm", model="my-video", extra={"seed": 7}), request_for())
    (asked,) = server.asked
    assert asked.headers["content-type"] == "application/json"
    sent = json.loads(asked.body)
    assert (sent["model"], sent["seconds"], sent["seed"]) == ("my-video", "4", 7)
    # Otherwise the proxy pays up to three times, and then for its fallback models.
    assert asked.headers["x-litellm-num-retries"] == "0"
    assert sent["disable_fallbacks"] is True


def test_a_picture_is_uploaded_with_a_file_name_and_a_type(
    bench: Any, server: Any, request_for: Any, fields_of: Any, answer: Any, tmp_path: Path
) -> None:
    server.says("POST /v1/videos", answer.of(ACCEPTED))
    (tmp_path / 'first "frame" é.jpeg').write_bytes(PNG)
    submit(bench(), request_for(references=(Reference(source='first "frame" é.jpeg'),)))
    head, _ = fields_of(server.asked[0])["input_reference"]
    # The type is the content's, whatever the file is called.
    assert 'filename="firstframe.png"' in head
    assert "Content-Type: image/png" in head
    assert PNG in server.asked[0].body


def test_a_picture_within_json_is_a_data_url(
    bench: Any, server: Any, request_for: Any, answer: Any, tmp_path: Path
) -> None:
    server.says("POST /v1/videos", answer.of(ACCEPTED))
    (tmp_path / "a.png").write_bytes(PNG)
    submit(bench(multipart=False), request_for(references=(Reference(source="a.png"),)))
    sent = json.loads(server.asked[0].body)
    assert sent["input_reference"]["image_url"].startswith("data:image/png;base64,")


def test_a_picture_on_the_web_makes_sora_json(bench: Any, server: Any, request_for: Any, answer: Any) -> None:
    server.says("POST /v1/videos", answer.of(ACCEPTED))
    submit(bench(), request_for(references=(Reference(source="https://a.example/a.png"),)))
    assert json.loads(server.asked[0].body)["input_reference"] == {"image_url": "https://a.example/a.png"}


@pytest.mark.parametrize(
    ("settings", "changes", "says"),
    [
        ({"dialect": "litellm"}, {"references": ["https://a.example/a.png"]}, "as files"),
        ({"multipart": True}, {"references": ["https://a.example/a.png"]}, "needs a JSON body"),
        ({}, {"references": ["missing.png"]}, "cannot be read"),
        ({}, {"references": ["notes.txt"]}, "no JPEG, PNG or WebP"),
        ({}, {"references": ["a.png", "b.png"]}, "one reference"),
        ({"dialect": "vllm-omni"}, {"spec": {"duration": 4.5}}, "whole seconds"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_leaves(
    bench: Any, server: Any, request_for: Any, tmp_path: Path,
    settings: dict[str, Any], changes: dict[str, Any], says: str,
) -> None:  # fmt: skip
    (tmp_path / "notes.txt").write_text("not a picture")
    sources = changes.pop("references", [])
    request = request_for(references=tuple(Reference(source=source) for source in sources), **changes)
    at = bench(**settings)
    with pytest.raises(InvalidInput, match=says):
        at.run(lambda provider: provider.prepare(request))
    with pytest.raises(Rejected, match=says) as refused:
        at.run(lambda provider: provider.submit(request, at.effect()))
    assert refused.value.money == "Nothing was sent, nothing was spent."
    assert server.asked == []


def test_ids_are_escaped_in_addresses() -> None:
    assert wire.video_url(configured(), "../x?y=").endswith("/v1/videos/..%2Fx%3Fy%3D")


def test_lengths_that_are_not_whole_keep_their_fraction() -> None:
    assert [wire.seconds_text(value) for value in (4.0, 12, 4.5)] == ["4", "12", "4.5"]
