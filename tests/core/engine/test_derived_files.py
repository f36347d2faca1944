"""A file that a plugin made of the video shows the video as it is posted, whatever changed it later."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reelwork.testing import write_video
from reelwork_hooks import Asset, Clip, Content, Phase, Plugin, Receipt, Role, Verdict, hookimpl

PROMPT = "A lighthouse in the rain at night"
ran: list[str] = []


@pytest.fixture(autouse=True)
def forgotten() -> None:
    ran.clear()


def reframe(portrait: Path, phase_: Phase = Phase.EDIT, *, thumbnail: bool = False) -> type:
    class Reframe(Plugin):
        """Puts another video in the clip's place."""

        phase = phase_

        @hookimpl
        def post_download(self, clip: Clip) -> Clip:
            ran.append("reframe")
            changed = clip.with_video(Asset.from_file(portrait, Role.VIDEO))
            return (
                changed.adding(Asset.from_file(portrait.with_suffix(".jpg"), Role.THUMBNAIL))
                if thumbnail
                else changed
            )

    return Reframe


def describe(role: Role, *, paid: bool = False, fails: list[bool] | None = None) -> type:
    class Describe(Plugin):
        """Writes down which video it saw."""

        phase = Phase.EDIT
        costs = paid

        @hookimpl
        def post_download(self, clip: Clip) -> Clip:
            ran.append("describe")
            if fails and ran.count("describe") == 2:
                raise OSError("disk full")
            path = self.context.work_dir / f"{clip.video.sha256[:16]}.txt"
            path.write_text(clip.video.sha256)
            return clip.adding(Asset.from_file(path, role))

    return Describe


class Poster(Plugin):
    """Keeps what it was given."""

    public = False
    posted: Clip

    @hookimpl
    def publish(self, post: Any) -> Receipt:
        Poster.posted = post.clip
        return Receipt(id="1")


def video(folder: Path) -> Path:
    path = write_video(folder / "portrait.mp4", width=480, height=854)
    Image.new("RGB", (48, 85)).save(path.with_suffix(".jpg"))
    return path


def contents() -> list[str]:
    return [asset.path.read_text() for asset in Poster.posted.assets]


def test_a_thumbnail_shows_the_video_that_is_posted_and_moderated(lab: Any, tmp_path: Path) -> None:
    shown: list[tuple[int, int]] = []

    class Looks(Plugin):
        """Sees pictures."""

        @hookimpl
        def pre_moderate(self, content: Content) -> Verdict:
            for picture in content.images:
                with Image.open(picture) as opened:
                    shown.append(opened.size)
            return Verdict.allow()

    lab.add_plugin("looks", Looks, "pre_moderate")
    lab.workflow["plugins"]["post_download"] = ["thumbnail"]
    lab.add_plugin("reframe", reframe(video(tmp_path)), "post_download")
    lab.workflow["plugins"]["post_download"].append("local")
    lab.add_plugin("poster", Poster, "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    assert shown == [(480, 854)]
    assert Poster.posted.thumbnail is not None
    assert job.thumbnail == Poster.posted.thumbnail.path


@pytest.mark.parametrize("role", [Role.CAPTIONS, Role.SIDECAR])
def test_every_file_is_made_again_by_the_plugin_that_made_it(lab: Any, tmp_path: Path, role: Role) -> None:
    lab.add_plugin("describe", describe(role), "post_download")
    lab.add_plugin("reframe", reframe(video(tmp_path)), "post_download")
    lab.add_plugin("poster", Poster, "publish")
    assert lab.studio().run_sync(PROMPT).ok
    assert ran == ["describe", "reframe", "describe"]
    assert contents() == [Poster.posted.video.sha256]


def test_a_signature_leaves_the_picture_as_it_is(lab: Any, tmp_path: Path) -> None:
    lab.add_plugin("describe", describe(Role.CAPTIONS), "post_download")
    lab.add_plugin("sign", reframe(video(tmp_path), Phase.SIGN), "post_download")
    assert lab.studio().run_sync(PROMPT).ok
    assert ran == ["describe", "reframe"]


def test_a_run_that_stopped_while_making_a_file_again_goes_on_there(lab: Any, tmp_path: Path) -> None:
    lab.add_plugin("describe", describe(Role.CAPTIONS, fails=[True]), "post_download")
    lab.add_plugin("reframe", reframe(video(tmp_path)), "post_download")
    lab.add_plugin("poster", Poster, "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "failed"
    assert "continues at 'describe'" in job.reason
    assert lab.studio().resume_sync().ok
    assert ran == ["describe", "reframe", "describe", "describe"]
    assert contents() == [Poster.posted.video.sha256]


def test_what_costs_money_is_not_made_again_without_a_word(lab: Any, tmp_path: Path) -> None:
    lab.add_plugin("captions", describe(Role.CAPTIONS, paid=True), "post_download")
    lab.add_plugin("reframe", reframe(video(tmp_path)), "post_download")
    lab.add_plugin("poster", Poster, "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, job.receipts) == ("failed", {})
    assert "'reframe', hook post_download: changed the video after 'captions' had made its captions" in job.reason
    assert "List 'reframe' before it" in job.reason
    assert ran == ["describe", "reframe"]


def test_what_changed_the_video_itself_is_not_run_again(lab: Any, tmp_path: Path) -> None:
    portrait = video(tmp_path)
    other = write_video(tmp_path / "other.mp4", width=854, height=480)
    lab.add_plugin("brand", reframe(portrait, thumbnail=True), "post_download")
    lab.add_plugin("crop", reframe(other), "post_download")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "failed"
    assert "changed the video after 'brand' had made its thumbnail" in job.reason
    assert len(lab.remote.creates) == 1


def test_a_plugin_that_changes_the_video_only_the_second_time_ends_the_job(lab: Any, tmp_path: Path) -> None:
    portrait, other = video(tmp_path), write_video(tmp_path / "other.mp4", width=854, height=480)

    class Fickle(describe(Role.CAPTIONS)):  # type: ignore[misc]
        """Changes its mind."""

        @hookimpl
        def post_download(self, clip: Clip) -> Clip:
            changed: Clip = super().post_download(clip)
            return changed.with_video(Asset.from_file(other, Role.VIDEO)) if ran.count("describe") > 1 else changed

    lab.add_plugin("fickle", Fickle, "post_download")
    lab.add_plugin("reframe", reframe(portrait), "post_download")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "failed"
    assert "changed it when it ran again" in job.reason
    assert ran == ["describe", "reframe", "describe"]


def test_a_paid_sidecar_stays(lab: Any, tmp_path: Path, clip_file: Path) -> None:
    lab.add_plugin("describe", describe(Role.SIDECAR, paid=True), "post_download")
    lab.add_plugin("reframe", reframe(video(tmp_path)), "post_download")
    lab.add_plugin("poster", Poster, "publish")
    assert lab.studio().run_sync(PROMPT).ok
    assert ran == ["describe", "reframe"]
    assert contents() == [hashlib.sha256(clip_file.read_bytes()).hexdigest()]
