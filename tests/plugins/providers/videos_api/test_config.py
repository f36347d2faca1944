from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from reelwork_hooks import Capabilities, Idempotency
from reelwork_plugins.providers.videos_api import models, register_providers
from reelwork_plugins.providers.videos_api.config import VideosApiConfig
from reelwork_plugins.providers.videos_api.provider import VideosApi


def configured(**settings: Any) -> VideosApiConfig:
    return VideosApiConfig.model_validate({"base_url": "http://127.0.0.1:8000", **settings})


def capabilities(bench: Any, model: str | None = None, **settings: Any) -> Capabilities:
    async def ask(provider: VideosApi) -> Capabilities:
        return provider.capabilities(model)

    answer: Capabilities = bench(**settings).run(ask)
    return answer


def test_the_provider_is_registered_by_its_name() -> None:
    assert register_providers() == {"videos-api": VideosApi}


@pytest.mark.parametrize(
    ("given", "videos"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1/videos"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1/videos"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1/videos"),
        ("https://gateway.example/api/v1/videos", "https://gateway.example/api/v1/videos"),
        ("https://name.openai.azure.com/openai/v1", "https://name.openai.azure.com/openai/v1/videos"),
        ("http://[::1]:9/sora", "http://[::1]:9/sora/v1/videos"),
    ],
)
def test_an_address_is_taken_with_or_without_the_version(given: str, videos: str) -> None:
    assert configured(base_url=given).videos_url == videos


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("127.0.0.1:8000", "not an http"),
        ("ftp://host/v1", "not an http"),
        ("https://user:secret@host/v1", "api_key"),
        ("https://host/v1?api-version=1", "query"),
    ],
)
def test_a_wrong_address_is_explained(given: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        configured(base_url=given)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"dialect": "vllm_omni"}, "did you mean 'vllm-omni'"),
        ({"dialect": "sorra"}, "did you mean 'sora'"),
        ({"api_key": "sk-123"}, "not the secret itself"),
        ({"extra": {"seconds": 4}}, "seconds comes from the brief"),
        ({"sizes": ["720p"]}, "1280x720"),
        ({"bas_url": "x"}, "bas_url"),
    ],
)
def test_a_wrong_setting_is_explained(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        configured(**settings)


def test_the_key_is_never_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch, bench: Any) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-strangers")
    assert configured().api_key is None


def test_known_models_have_dated_limits_and_prices(bench: Any) -> None:
    sora = capabilities(bench, "sora-2")
    assert sora.durations == (4, 8, 12, 16, 20)
    assert sora.sizes == ("1280x720", "720x1280")
    assert sora.price is not None
    assert sora.price.per_second == Decimal("0.10")
    assert sora.price.source
    assert sora.retired is None  # this server is not the one that was shut down


def test_the_price_is_the_highest_of_the_possible_sizes(bench: Any) -> None:
    wide = capabilities(bench, "openai/sora-2-pro").price
    small = capabilities(bench, "sora-2-pro", sizes=["1280x720"]).price
    other = capabilities(bench, "sora-2-pro", sizes=["1920x1080"]).price
    assert wide is not None
    assert wide.per_second == Decimal("0.50")
    assert small is not None
    assert small.per_second == Decimal("0.30")
    assert other is None


def test_an_unknown_model_is_not_limited_and_its_price_is_unknown(bench: Any) -> None:
    unknown = capabilities(bench, "Wan-AI/Wan2.1-T2V-1.3B-Diffusers")
    assert (unknown.durations, unknown.sizes, unknown.price) == (None, None, None)


def test_settings_replace_the_model_data(bench: Any) -> None:
    given = capabilities(bench, "sora-2", durations=[5, 10], fps=[24], price_per_second="0.02", settle_seconds=1)
    assert given.durations == (5, 10)
    assert given.fps == (24,)
    assert given.price is not None
    assert given.price.per_second == Decimal("0.02")
    assert given.settle_seconds == 1


@pytest.mark.parametrize(
    ("host", "model", "day"),
    [
        ("api.openai.com", "sora-2", date(2026, 9, 24)),
        ("api.openai.com", None, date(2026, 9, 24)),
        ("name.openai.azure.com", "sora-2", date(2026, 11, 2)),
        ("name.openai.azure.com", "gpt-video", None),
        ("127.0.0.1", "sora-2", None),
        ("api.openai.com.evil.example", "sora-2", None),
    ],
)
def test_retirement_depends_on_the_host(host: str, model: str | None, day: date | None) -> None:
    assert models.retirement_day(host, model) == day


@pytest.mark.parametrize(
    ("dialect", "idempotency", "seed", "fps"),
    [
        ("sora", "lookup", False, ()),
        ("vllm-omni", "lookup", True, None),
        ("litellm", "none", False, ()),
        ("sglang", "none", True, None),
    ],
)
def test_dialects_differ_in_what_they_take(
    bench: Any, dialect: str, idempotency: str, seed: bool, fps: tuple[int, ...] | None
) -> None:
    given = capabilities(bench, dialect=dialect)
    assert given.idempotency == Idempotency(idempotency)
    assert (given.seed, given.negative_prompt, given.fps) == (seed, seed, fps)
    assert given.wire_names["duration"] == "seconds"


def test_a_documented_key_header_makes_the_key_count(bench: Any) -> None:
    given = capabilities(bench, dialect="litellm", idempotency_header="Idempotency-Key")
    assert given.idempotency == Idempotency.KEY
