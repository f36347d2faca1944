from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reelwork_hooks import (
    Asset,
    Brief,
    Clip,
    Context,
    InvalidInput,
    Job,
    Phase,
    Platform,
    ReelworkError,
    Reference,
    Role,
)
from reelwork_plugins import files
from reelwork_plugins.storage.local import Local, LocalConfig, NotStored, slug


@pytest.fixture
def local(context_for: Callable[[str], Context]) -> Callable[..., Local]:
    def build(folder: str | None = None) -> Local:
        return Local(LocalConfig.model_validate({"folder": folder}), context_for("local"))

    return build


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def sidecars(clip: Clip) -> list[Asset]:
    return [asset for asset in clip.assets if asset.role is Role.SIDECAR]


def test_runs_after_everything_that_changes_the_video() -> None:
    assert Local.phase is Phase.STORE


def test_stores_video_thumbnail_sidecar_and_a_readable_name(
    local: Callable[..., Local],
    make_clip: Callable[..., Clip],
    make_job: Callable[..., Job],
    platform: Callable[[str], Platform],
    tmp_path: Path,
) -> None:
    clip, job = make_clip(), make_job("A cat, playing with yarn!", platform=platform("tiktok"))
    local().post_download(clip, job)
    video, picture = clip.video.sha256, clip.assets[0].sha256
    videos = tmp_path / "out" / "videos"
    assert everything(videos) == {
        f"{video[:2]}/{video}.mp4",
        f"{video[:2]}/{video}.1j9qk2m4xw3vbt7c.json",
        f"{picture[:2]}/{picture}.jpg",
        "by-name/2026-11-20_tiktok_a-cat-playing-with-yarn_xw3vbt7c.mp4",
    }
    stored = videos / video[:2] / f"{video}.mp4"
    (named,) = (videos / "by-name").iterdir()
    assert named.samefile(stored)
    assert stored.read_bytes() == clip.video.path.read_bytes()


def test_the_clip_tells_where_it_is_stored(
    local: Callable[..., Local], make_clip: Callable[..., Clip], make_job: Callable[..., Job]
) -> None:
    clip = make_clip()
    stored = local().post_download(clip, make_job())
    address, readable = stored.video.stored_at
    assert "/by-name/" in readable
    assert Path(address.removeprefix("file://")).read_bytes() == clip.video.path.read_bytes()
    assert stored.thumbnail is not None
    assert stored.thumbnail.stored_at
    (sidecar,) = sidecars(stored)
    assert sidecar.media_type == "application/json"
    assert stored.video.path == clip.video.path


def test_the_sidecar_says_where_the_video_came_from(
    local: Callable[..., Local], make_clip: Callable[..., Clip], make_job: Callable[..., Job]
) -> None:
    brief = Brief(
        prompt="A cat",
        webhook="https://hooks.example/?token=HUSH",
        references=(Reference(source="https://user:HUSH@cdn.example/a.png?sig=HUSH"), Reference(source="b.png")),
    )
    clip = make_clip()
    (sidecar,) = sidecars(local().post_download(clip, make_job(brief=brief)))
    text = sidecar.path.read_text()
    told = json.loads(text)
    assert "HUSH" not in text
    assert told["brief"]["references"] == ["https://cdn.example/a.png", "b.png"]
    assert told["video"]["sha256"] == clip.video.sha256
    assert told["video"]["codec"] == "h264"
    assert (told["remote_id"], told["cost_usd"], told["provider"]) == ("video_123", "0.10", "preview")
    assert told["prompt"]["text"] == "A cat playing with yarn"
    assert str(clip.video.path) not in text


def test_storing_again_changes_nothing(
    local: Callable[..., Local], make_clip: Callable[..., Clip], make_job: Callable[..., Job], tmp_path: Path
) -> None:
    once = local().post_download(make_clip(), make_job())
    before = everything(tmp_path)
    assert local().post_download(make_clip(), make_job()) == once
    assert local().post_download(once, make_job()) == once
    assert everything(tmp_path) == before


def test_two_jobs_share_one_video_and_have_a_sidecar_each(
    local: Callable[..., Local], make_clip: Callable[..., Clip], make_job: Callable[..., Job], tmp_path: Path
) -> None:
    for name in ("job-one-00000001", "job-two-00000002"):
        local("kept").post_download(make_clip(), make_job(id=name))
    kept = tmp_path / "kept"
    assert len(list(kept.glob("??/*.mp4"))) == 1
    assert len(list(kept.glob("??/*.json"))) == 2
    assert len(list((kept / "by-name").iterdir())) == 2


def test_a_damaged_copy_is_replaced(
    local: Callable[..., Local], make_clip: Callable[..., Clip], make_job: Callable[..., Job], tmp_path: Path
) -> None:
    clip = make_clip()
    home = tmp_path / "kept" / clip.video.sha256[:2] / f"{clip.video.sha256}.mp4"
    home.parent.mkdir(parents=True)
    home.write_bytes(b"half of it")
    local("kept").post_download(clip, make_job())
    assert home.read_bytes() == clip.video.path.read_bytes()


def test_a_download_that_changed_is_not_stored(
    local: Callable[..., Local], make_clip: Callable[..., Clip], make_job: Callable[..., Job], tmp_path: Path
) -> None:
    clip = make_clip()
    with clip.video.path.open("ab") as file:
        file.write(b"!")
    with pytest.raises(NotStored, match="has changed since it was made"):
        local("kept").post_download(clip, make_job())
    assert everything(tmp_path / "kept") == set()


def test_a_folder_that_is_a_file_is_said_so(
    local: Callable[..., Local], make_clip: Callable[..., Clip], make_job: Callable[..., Job], tmp_path: Path
) -> None:
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(InvalidInput, match="kept is a file") as caught:
        local("kept").post_download(make_clip(), make_job())
    assert "paid for" in caught.value.money
    with pytest.raises(NotStored, match="a file is where a folder is needed"):
        local("kept/below").post_download(make_clip(), make_job())
    assert (tmp_path / "kept").read_text() == "mine"


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_nothing_half_done(
    local: Callable[..., Local], make_clip: Callable[..., Clip], make_job: Callable[..., Job], tmp_path: Path
) -> None:
    clip, job = make_clip(), make_job()
    with files_no_larger_than(clip.video.bytes // 2), pytest.raises(NotStored, match="no room left") as caught:
        local("kept").post_download(clip, job)
    assert everything(tmp_path / "kept") == set()
    assert isinstance(caught.value, ReelworkError)
    assert "resume the job" in caught.value.explained()
    assert local("kept").post_download(clip, job).video.stored_at


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_said_so(
    local: Callable[..., Local], make_clip: Callable[..., Clip], make_job: Callable[..., Job], tmp_path: Path
) -> None:
    (tmp_path / "kept").mkdir(mode=0o500)
    with pytest.raises(NotStored, match="may not write there"):
        local("kept").post_download(make_clip(), make_job())


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_refusal_to_write_is_put_in_words(number: int) -> None:
    assert files.why(OSError(number, os.strerror(number))) == "this user may not write there"


COPY = """
import sys
from pathlib import Path
from reelwork_plugins.files import copy_verified
copy_verified(Path(sys.argv[1]), Path(sys.argv[2]), "0" * 64)
"""


def test_a_killed_copy_leaves_no_file_under_its_name(make_clip: Callable[..., Clip], tmp_path: Path) -> None:
    clip, target = make_clip(), tmp_path / "kept" / "video.mp4"
    source = tmp_path / "endless"
    os.mkfifo(source)
    copying = subprocess.Popen([sys.executable, "-c", COPY, source, target])
    with source.open("wb") as feed:
        feed.write(bytes(2 * files.CHUNK))
        feed.flush()
        copying.kill()
        copying.wait()
    assert not target.exists()
    (torn,) = target.parent.glob(".*.part")
    mine = torn.with_name(".mine.part")
    mine.touch()
    files.clear_torn.cache_clear()
    assert files.clear_torn(target.parent) == 0, "it may be somebody else's, who is writing"
    assert files.clear_torn(target.parent, -1.0) == 1
    assert [*target.parent.iterdir()] == [mine]
    files.copy_verified(clip.video.path, target, clip.video.sha256)
    assert files.holds(target, clip.video.sha256)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A cat, playing with yarn!", "a-cat-playing-with-yarn"),
        ("../../etc/passwd\0", "etc-passwd"),
        ("日の出 と 猫", "日の出-と-猫"),
        ("🐈🧶", "video"),
        ("x" * 90, "x" * 40),
        ("one two three four five six seven eight nine ten", "one-two-three-four-five-six-seven-eight"),
    ],
)
def test_a_prompt_becomes_part_of_a_file_name(text: str, name: str) -> None:
    assert slug(text) == name


def test_a_long_word_of_wide_letters_fits_a_file_name() -> None:
    assert len(slug("𝟘猫" * 90).encode()) <= 120
