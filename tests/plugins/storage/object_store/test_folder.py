from __future__ import annotations

import asyncio
import hashlib
import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reelwork_hooks import Asset, Clip, Context, Job, Role
from reelwork_plugins.storage.object_store import NotStored, Storage, StorageConfig, Taken

KEY = "2026-11-20/1j9qk2m4xw3vbt7c/any"
Store = Callable[..., Clip]


@pytest.fixture
def store(context_for: Callable[[str], Context], tmp_path: Path) -> Store:
    """Runs the hook once, on a folder; settings may be given."""

    def run(clip: Clip, job: Job, **settings: Any) -> Clip:
        config = StorageConfig(url=(tmp_path / "kept").as_uri(), **settings)
        return asyncio.run(Storage(config, context_for("storage")).post_download(clip, job))

    return run


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_clip_its_thumbnail_its_sidecar_and_a_record_are_stored(
    store: Store, make_clip: Callable[..., Clip], make_job: Callable[..., Job], tmp_path: Path
) -> None:
    (tmp_path / "about.json").write_text("{}")
    clip = make_clip().adding(Asset.from_file(tmp_path / "about.json", Role.SIDECAR))
    stored = store(clip, make_job())
    kept = everything(tmp_path / "kept")
    assert set(kept) == {f"{KEY}.mp4", f"{KEY}.mp4.reelwork.json", f"{KEY}.jpg", f"{KEY}.json"}
    assert kept[f"{KEY}.mp4"] == clip.video.path.read_bytes()
    assert stored.video.stored_at == ((tmp_path / "kept" / f"{KEY}.mp4").as_uri(),)
    assert [asset.stored_at[0].rpartition("/")[2] for asset in stored.assets] == ["any.jpg", "any.json"]
    record = json.loads(kept[f"{KEY}.mp4.reelwork.json"])
    assert record["sha256"] == hashlib.sha256(kept[f"{KEY}.mp4"]).hexdigest()
    assert (record["job_id"], record["remote_id"], record["ai_generated"]) == (
        "1j9qk2m4xw3vbt7c",
        "video_123",
        True,
    )


def test_storing_again_writes_nothing(
    store: Store, make_clip: Callable[..., Clip], make_job: Callable[..., Job], tmp_path: Path
) -> None:
    clip, job = make_clip(), make_job()
    once = store(clip, job)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*")}
    assert store(clip, job) == once
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*")} == before


@pytest.mark.parametrize("verify", ["head", "read"])
def test_other_content_of_the_same_size_is_not_overwritten(
    store: Store, make_clip: Callable[..., Clip], make_job: Callable[..., Job], tmp_path: Path, verify: str
) -> None:
    clip, there = make_clip(), tmp_path / "kept" / f"{KEY}.mp4"
    there.parent.mkdir(parents=True)
    mine = b"x" * clip.video.bytes
    there.write_bytes(mine)
    with pytest.raises(Taken, match="holds other content; nothing was overwritten") as caught:
        store(clip, make_job(), verify=verify)
    assert "paid for" in caught.value.money
    assert everything(tmp_path / "kept") == {f"{KEY}.mp4": mine}
    assert store(clip, make_job(), overwrite=True).video.stored_at
    assert there.read_bytes() == clip.video.path.read_bytes()


def test_a_key_claimed_for_another_video_is_not_written(
    store: Store, make_clip: Callable[..., Clip], make_job: Callable[..., Job], tmp_path: Path
) -> None:
    store(make_clip(10), make_job(id="first"), key="{platform}.mp4")
    (tmp_path / "kept" / "any.mp4").unlink()  # As if the first upload were still on its way.
    with pytest.raises(Taken, match="is claimed by the job first for another video"):
        store(make_clip(200), make_job(id="second"), key="{platform}.mp4")
    assert not (tmp_path / "kept" / "any.mp4").exists()
    assert store(make_clip(10), make_job(id="first"), key="{platform}.mp4").video.stored_at


def test_jobs_that_share_a_video_share_its_key_and_keep_a_sidecar_each(
    store: Store, make_clip: Callable[..., Clip], make_job: Callable[..., Job], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(name)
        clip = make_clip().adding(Asset.from_file(tmp_path / f"{name}.json", Role.SIDECAR))
        store(clip, make_job(id=name), key="{sha256}.mp4")
    digest = clip.video.sha256
    endings = (".mp4", ".mp4.reelwork.json", ".jpg", ".one.json", ".two.json")
    assert set(everything(tmp_path / "kept")) == {f"{digest}{ending}" for ending in endings}


def test_a_strange_file_in_the_records_place_is_left_alone(
    store: Store, make_clip: Callable[..., Clip], make_job: Callable[..., Job], tmp_path: Path
) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "any.mp4.reelwork.json").write_text("[1]")
    with pytest.raises(Taken, match="has no record of Reelwork's"):
        store(make_clip(), make_job(), key="{platform}.mp4")
    assert everything(tmp_path / "kept") == {"any.mp4.reelwork.json": b"[1]"}


def test_many_at_once_write_one_whole_file(
    context_for: Callable[[str], Context], make_clip: Callable[..., Clip], make_job: Callable[..., Job],
    tmp_path: Path,
) -> None:  # fmt: skip
    config = StorageConfig(url=(tmp_path / "kept").as_uri(), key="{workflow}.mp4")
    clips = [make_clip(grey) for grey in (10, 200)] * 4

    async def all_at_once() -> list[Any]:
        plugin = Storage(config, context_for("storage"))
        jobs = [
            plugin.post_download(Clip(video=clip.video), make_job(id=f"job{n}")) for n, clip in enumerate(clips)
        ]
        return await asyncio.gather(*jobs, return_exceptions=True)

    ended = asyncio.run(all_at_once())
    kept = (tmp_path / "kept" / "launch.mp4").read_bytes()
    for clip, end in zip(clips, ended, strict=True):
        if clip.video.path.read_bytes() == kept:
            assert isinstance(end, Clip)
        else:
            assert isinstance(end, Taken)
    assert set(everything(tmp_path / "kept")) == {"launch.mp4", "launch.mp4.reelwork.json"}


def test_a_download_that_changed_is_not_stored(
    store: Store, make_clip: Callable[..., Clip], make_job: Callable[..., Job], tmp_path: Path
) -> None:
    clip = make_clip()
    with clip.video.path.open("ab") as file:
        file.write(b"!")
    with pytest.raises(NotStored, match="has changed since it was made"):
        store(clip, make_job())
    assert set(everything(tmp_path / "kept")) == {f"{KEY}.mp4.reelwork.json"}


def test_a_full_disk_leaves_nothing_half_done(
    store: Store, make_clip: Callable[..., Clip], make_job: Callable[..., Job], tmp_path: Path
) -> None:
    clip, (soft, hard) = make_clip(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (clip.video.bytes // 2, hard))
    try:
        with pytest.raises(NotStored, match="no room left"):
            store(clip, make_job())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert set(everything(tmp_path / "kept")) == {f"{KEY}.mp4.reelwork.json"}
    assert store(clip, make_job()).video.stored_at


def test_a_folder_that_is_a_file_is_said_so(
    store: Store, make_clip: Callable[..., Clip], make_job: Callable[..., Job], tmp_path: Path
) -> None:
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(NotStored, match="a file is where a folder is needed"):
        store(make_clip(), make_job())
    assert (tmp_path / "kept").read_text() == "mine"
