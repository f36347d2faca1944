from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import reelwork_hooks
from reelwork_hooks import (
    Asset,
    Brief,
    Capabilities,
    Clip,
    Config,
    Frozen,
    Idempotency,
    Job,
    Platform,
    Post,
    Prompt,
    ProviderConfig,
    Receipt,
    Reference,
    Role,
    SecretRef,
    Spec,
    Verdict,
)

VIDEO = Asset(path=Path("a.mp4"), sha256="a" * 64, bytes=3, media_type="video/mp4", role=Role.VIDEO)
SPEC = Spec(width=1920, height=1080, aspect_ratio="16:9", resolution="1080p", duration=8)
SAMPLES: list[Frozen] = [
    Brief(prompt="a fox"),
    Platform(name="tiktok", aspect_ratio="9:16", longest_duration=60),
    SPEC,
    Prompt(text="a fox"),
    Verdict.allow(),
    VIDEO,
    Clip(video=VIDEO),
    Post(destination="gallery", clip=Clip(video=VIDEO)),
    Receipt(id="1"),
    Reference(source="a.png"),
    Capabilities(idempotency=Idempotency.NONE),
    Job(
        id="j",
        run="r",
        workflow="w",
        brief=Brief(prompt="a fox"),
        spec=SPEC,
        provider="preview",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    ),
]


def name_of(value: Frozen) -> str:
    return type(value).__name__


@pytest.mark.parametrize("value", SAMPLES, ids=name_of)
def test_a_value_cannot_be_changed(value: Frozen) -> None:
    name = next(iter(type(value).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(value, name, getattr(value, name))
    with pytest.raises(ValidationError):
        value.surprise = 1  # type: ignore[attr-defined]
    with pytest.raises(ValidationError, match="frozen"):
        delattr(value, name)


@pytest.mark.parametrize("value", SAMPLES, ids=name_of)
def test_a_value_refuses_fields_it_does_not_know(value: Frozen) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        type(value).model_validate({**dict(value), "surprise": 1})
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        value.replace(surprise=1)


@pytest.mark.parametrize("value", SAMPLES, ids=name_of)
def test_a_value_survives_being_written_down(value: Frozen) -> None:
    assert type(value).model_validate_json(value.model_dump_json()) == value


def test_every_public_model_is_frozen() -> None:
    models = [
        getattr(reelwork_hooks, name)
        for name in reelwork_hooks.__all__
        if isinstance(getattr(reelwork_hooks, name), type) and issubclass(getattr(reelwork_hooks, name), Frozen)
    ]
    assert {type(value) for value in SAMPLES} <= set(models)
    assert all(model.model_config.get("frozen") and model.model_config.get("extra") == "forbid" for model in models)


def test_replace_checks_again() -> None:
    brief = Brief(prompt="a fox", duration=8)
    assert brief.replace(duration="12").duration == 12.0
    assert brief.duration == 8
    with pytest.raises(ValidationError, match="greater than 0"):
        brief.replace(duration=0)
    with pytest.raises(ValidationError):
        brief.replace(prompt="")
    assert type(brief.replace(seed=1)) is Brief


def test_replace_keeps_a_default_a_default() -> None:
    brief = Brief(prompt="a fox").replace(seed=1)
    assert brief.model_fields_set == {"prompt", "seed"}
    assert brief.duration == 10


# --- Brief ----------------------------------------------------------------------------------------------------


def test_the_tutorials_names_are_accepted() -> None:
    brief = Brief.model_validate(
        {"prompt": "a fox", "n": 2, "webhook_url": "https://example.org/hook", "input_reference": "fox.png"}
    )
    assert (brief.takes, brief.webhook) == (2, "https://example.org/hook")
    assert brief.references == (Reference(source="fox.png"),)


def test_an_input_reference_joins_the_references() -> None:
    brief = Brief.model_validate(
        {"prompt": "a fox", "references": [{"source": "den.png"}], "input_reference": "fox.png"}
    )
    assert [reference.source for reference in brief.references] == ["den.png", "fox.png"]


@pytest.mark.parametrize(
    ("other", "name", "value"), [("n", "takes", 2), ("webhook_url", "webhook", "https://example.org")]
)
def test_two_names_of_one_parameter_are_refused(other: str, name: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=f"{other} and {name} mean the same: give one of them"):
        Brief.model_validate({"prompt": "a fox", other: value, name: value})


def test_what_was_given_is_not_changed_by_reading_it() -> None:
    given = {"prompt": "a fox", "n": 2, "input_reference": "fox.png"}
    Brief.model_validate(given)
    assert given == {"prompt": "a fox", "n": 2, "input_reference": "fox.png"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", ""),
        ("prompt", "x" * 32_001),
        ("duration", 0),
        ("duration", 3601),
        ("duration", float("nan")),
        ("resolution", "4x"),
        ("aspect_ratio", "4x3"),
        ("fps", 0),
        ("fps", 121),
        ("seed", -1),
        ("seed", 2**63),
        ("takes", 0),
        ("takes", 5),
        ("quality", "best"),
        ("webhook", "ftp://example.org"),
        ("metadata", {"a": [1]}),
        ("hashtags", ["#fox"]),
        ("hashtags", ["two words"]),
        ("privacy", "friends"),
        ("publish_takes", "second"),
    ],
)
def test_the_briefs_own_bounds(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Brief.model_validate({"prompt": "a fox", field: value})
    assert caught.value.errors()[0]["loc"][0] == field


# --- Verdict, Clip, Asset, Spec -------------------------------------------------------------------------------


def test_verdicts() -> None:
    assert Verdict.allow() == Verdict(decision="allow")
    assert Verdict.hold("blood", "violence", "gore") == Verdict(
        decision="hold", reason="blood", categories=("violence", "gore")
    )
    assert Verdict.reject("a real person").decision == "reject"
    with pytest.raises(ValidationError):
        Verdict.model_validate({"decision": "maybe"})


def asset(role: Role, digit: str) -> Asset:
    return VIDEO.replace(role=role, sha256=digit * 64)


def test_adding_a_thumbnail_replaces_the_earlier_one() -> None:
    first, second = asset(Role.THUMBNAIL, "1"), asset(Role.THUMBNAIL, "2")
    captions, sidecar = asset(Role.CAPTIONS, "3"), asset(Role.SIDECAR, "4")
    clip = Clip(video=VIDEO).adding(first, captions)
    assert clip.thumbnail == first
    clip = clip.adding(sidecar).adding(second)
    assert clip.thumbnail == second
    assert clip.assets == (captions, sidecar, second)
    assert clip.adding(asset(Role.CAPTIONS, "5")).assets[-1].sha256 == "5" * 64
    assert len(clip.adding(captions).assets) == 4
    assert Clip(video=VIDEO).thumbnail is None


def test_a_clip_with_another_video_keeps_the_rest() -> None:
    thumbnail = asset(Role.THUMBNAIL, "1")
    clip = Clip(video=VIDEO).adding(thumbnail).with_video(asset(Role.VIDEO, "2"))
    assert (clip.video.sha256, clip.thumbnail) == ("2" * 64, thumbnail)


def test_an_asset_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"a picture")
    made = Asset.from_file(path, Role.THUMBNAIL, width=640)
    assert made.sha256 == hashlib.sha256(b"a picture").hexdigest()
    assert (made.bytes, made.media_type, made.role, made.width) == (9, "image/jpeg", Role.THUMBNAIL, 640)
    odd = tmp_path / "a.unheard-of"
    odd.write_bytes(b"")
    assert Asset.from_file(odd, Role.SIDECAR).media_type == "application/octet-stream"
    assert Asset.from_file(odd, Role.SIDECAR, media_type="text/vtt").media_type == "text/vtt"
    with pytest.raises(OSError, match="none"):
        Asset.from_file(tmp_path / "none.jpg", Role.THUMBNAIL)


def test_a_specs_size_is_written_as_the_protocol_writes_it() -> None:
    assert SPEC.size == "1920x1080"


# --- Config ---------------------------------------------------------------------------------------------------


class Keyed(Config):
    key: SecretRef


@pytest.mark.parametrize("reference", ["env:API_KEY", "file:~/key", "aws-sm:prod#key"])
def test_a_secret_is_given_by_reference(reference: str) -> None:
    assert Keyed(key=reference).key == reference


@pytest.mark.parametrize("value", ["sk-very-secret", "env:", "", "vault:x"])
def test_a_secret_itself_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(ValidationError, match="give a reference, not the secret itself") as caught:
        Keyed(key=value)
    assert "very-secret" not in str(caught.value)


def test_a_config_refuses_unknown_keys_and_changes() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        ProviderConfig.model_validate({"modle": "x"})
    with pytest.raises(ValidationError, match="frozen"):
        ProviderConfig().model = "x"  # type: ignore[misc]
