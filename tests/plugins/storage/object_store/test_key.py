from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reelwork_hooks import Asset, Brief, Job, Platform, Prompt, Role, Spec, Target
from reelwork_plugins.storage.object_store import StorageConfig
from reelwork_plugins.storage.object_store.key import DEFAULT_KEY, FIELDS, check_template, keys_beside, object_key

ROOT = Path(__file__).parents[4]
EVERY_FIELD = "/".join(f"{{{name}}}" for name in FIELDS)


@pytest.fixture
def video(tmp_path: Path) -> Asset:
    (tmp_path / "video.mp4").write_bytes(b"not looked at")
    return Asset.from_file(tmp_path / "video.mp4", Role.VIDEO)


def test_the_default_key(make_job: Callable[..., Job], platform: Callable[[str], Platform], video: Asset) -> None:
    assert object_key(DEFAULT_KEY, make_job(platform=platform("tiktok")), video) == (
        "2026-11-20/1j9qk2m4xw3vbt7c/tiktok.mp4"
    )
    assert object_key(DEFAULT_KEY, make_job(), video).endswith("/any.mp4")


def test_every_field_has_its_value(
    make_job: Callable[..., Job], platform: Callable[[str], Platform], video: Asset
) -> None:
    job = make_job(platform=platform("youtube"), row="Köln / 7", take=2, takes=2)
    assert object_key(EVERY_FIELD, job, video).split("/") == [
        "2026-11-20", "2026", "11", "20", "1j9qk2m4xw3vbt7c", "1j9qk2m000000000", "launch", "youtube", "2",
        "Koln-7", video.sha256, "a-cat-playing-with-yarn",
    ]  # fmt: skip


def test_the_title_comes_before_the_prompt(make_job: Callable[..., Job], video: Asset) -> None:
    job = make_job(prompt=Prompt(text="a cat", title="Café, chat & laine: été!"))
    assert object_key("{title-slug}.mp4", job, video) == "cafe-chat-laine-ete.mp4"
    assert object_key("{title-slug}.mp4", make_job("日の出"), video) == "video.mp4"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{dat}/{job}.mp4", r"no field \{dat\}: did you mean \{date\}\?"),
        ("{title_slug}", r"did you mean \{title-slug\}"),
        ("{}", r"no field \{\}"),
        ("{job!r}", "no field"),
        ("{date:%Y}", r"no field \{date:%Y\}"),
        ("/{job}", "must not begin"),
        ("{job}/", "must not begin or end"),
        ("a//{job}", "hold `//`"),
        ("../{job}", "`..`"),
        ("./{job}", "only `.`"),
        ("{job", r"not '\{'"),
        ("my videos/{job}", "not ' '"),
        ("{job}?x=1", r"not '\?='"),
        ("", "must not be empty"),
    ],
)
def test_an_unsafe_template_is_refused_when_it_is_loaded(template: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        StorageConfig(url="s3://clips", key=template)


@given(st.text(max_size=300), st.text(max_size=300), st.text(min_size=1, max_size=300))
def test_whatever_the_fields_hold_the_key_is_safe(job_id: str, row: str, idea: str) -> None:
    job = Job(
        id=job_id, run="r", workflow="../../etc", row=row, provider="p", brief=Brief(prompt=idea),
        spec=Spec(width=1, height=1, aspect_ratio="1:1", resolution="480p", duration=1),
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
    )  # fmt: skip
    video = Asset(path=Path("v.mp4"), sha256="0" * 64, bytes=1, media_type="video/mp4", role=Role.VIDEO)
    parts = object_key(check_template("{job}/{row}.{take}/{workflow}/{title-slug}.mp4"), job, video).split("/")
    assert len(parts) == 4
    for part in parts:
        assert re.fullmatch(r"[A-Za-z0-9._-]+", part)
        assert ".." not in part
        assert part != "."


def test_a_key_too_long_for_a_store_is_refused(make_job: Callable[..., Job], video: Asset) -> None:
    with pytest.raises(ValueError, match="stores take 1000"):
        object_key("/".join(["{sha256}"] * 16), make_job(), video)


def test_files_beside_the_video_never_share_a_key(make_job: Callable[..., Job], tmp_path: Path) -> None:
    names = ["thumb.jpg", "one.json", "two.json", "other.mp4", "strange.~~", "three.json"]
    assets, job = [], make_job(id="a.b")
    for name in names:
        (tmp_path / name).write_text(name)
        assets.append(Asset.from_file(tmp_path / name, Role.SIDECAR))
    assert [key for _, key in keys_beside("a.b/tiktok.mp4", job, tuple(assets))] == [
        "a.b/tiktok.jpg", "a.b/tiktok.json", "a.b/tiktok.2.json", "a.b/tiktok.2.mp4", "a.b/tiktok.bin",
        "a.b/tiktok.3.json",
    ]  # fmt: skip
    assert [key for _, key in keys_beside("a.b/job", job, tuple(assets[:1]))] == ["a.b/job.jpg"]


def test_every_field_and_message_stands_in_the_page() -> None:
    page = (ROOT / "docs/storage.md").read_text(encoding="utf-8")
    for name, meaning in FIELDS.items():
        assert f"| `{{{name}}}` | {meaning} |" in page
    sources = [
        *ROOT.glob("plugins/reelwork_plugins/storage/object_store/*.py"),
        ROOT / "core/reelwork/credentials/aws.py",
    ]
    said = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    for part in ("## Secrets in AWS Secrets Manager", "## When it stops"):
        section = page.partition(f"{part}\n")[2].partition("\n## ")[0]
        messages = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
        assert len(messages) >= 6
        for message in messages:
            for words in message.split("…"):
                assert words.strip() in said, message


@pytest.mark.parametrize(("named", "key"), [("{job}.mp4", ".webm"), ("{job}.MP4", ".webm"), ("{job}.v2", ".v2")])
def test_the_ending_says_what_the_video_is(
    make_job: Callable[..., Job], video: Asset, named: str, key: str
) -> None:
    webm = video.replace(path=video.path.with_suffix(".webm"), media_type="video/webm")
    assert object_key(named, make_job(), webm).endswith(f"vbt7c{key}")


@pytest.mark.parametrize(
    ("template", "key"),
    [(DEFAULT_KEY, "/any.9x16.mp4"), ("{job}", "1j9qk2m4xw3vbt7c.9x16"), ("clips/{sha256}", "clips/SHA.9x16")],
)
def test_videos_for_several_targets_have_keys_of_their_own(
    make_job: Callable[..., Job], video: Asset, template: str, key: str
) -> None:
    job = make_job()
    tall = job.replace(target=Target(aspect_ratio="9:16"))
    plain, other = (object_key(template, one, video) for one in (job, tall))
    assert plain != other
    assert other.endswith(key.replace("SHA", video.sha256))
    assert object_key(template, job.replace(target=Target()), video) == plain
