"""What a network cannot take is refused by `plan` and by `run`, before a render is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reelwork.errors import PlanRefused, WorkflowInvalid
from reelwork.studio.studio import Studio
from reelwork.testing import FakeRemote, fake_provider, studio_with, write_video
from reelwork_hooks import Brief, Clip, Job, Phase, Plugin, Post, Problem, Provider, Receipt, Target, hookimpl

SMALL = {"duration": 3, "resolution": "720p", "privacy": "public"}


class Posts(Plugin):
    """A destination that keeps what it was shown of its post."""

    public = False
    shown: Post | None = None
    taken: Any = None

    @hookimpl
    def check_brief(self, brief: Brief, job: Job, post: Post | None) -> list[Problem]:
        type(self).shown, type(self).taken = post, job
        return []

    @hookimpl
    def publish(self, post: Post) -> Receipt:
        return Receipt(id="1")


class Slows(Plugin):
    """Changes a video in a way that only it knows."""

    phase = Phase.EDIT

    @hookimpl
    def post_download(self, clip: Clip) -> Clip:
        return clip


class NewCodecs(Posts):
    """Takes no codec that `transcode` makes."""

    accepts = Target(codecs=("vp9", "av1"))


class Short(Posts):
    """Takes three seconds and a half."""

    accepts = Target(longest=3.5)


@pytest.fixture
def remote(tmp_path: Path) -> FakeRemote:
    return FakeRemote(write_video(tmp_path / "render.mp4"))


def providing(remote: FakeRemote) -> type:
    class Providing:
        """Brings the provider that charges."""

        @staticmethod
        @hookimpl
        def register_providers() -> dict[str, type[Provider]]:
            return {"fake": fake_provider(remote)}

    return Providing


def studio(folder: Path, remote: FakeRemote, publish: str, finish: tuple[str, ...] = (), **tables: Any) -> Studio:
    """Return a studio that publishes at one destination, with these plugins before it."""
    known = {"posts": Posts, "slows": Slows, "codecs": NewCodecs, "short": Short, "fake": providing(remote)}
    lists = {"pre_moderate": [], "prompt_transform": [], "post_download": list(finish), "publish": [publish]}
    workflow = {"plugins": lists, "provider": {"use": "fake"}, **tables}
    return studio_with(known, folder, workflow)


def refused(made: Studio, remote: FakeRemote, **brief: Any) -> str:
    """Return why plan and run refuse a brief alike. Nothing is asked of the provider."""
    told = []
    for call in (made.plan_sync, made.run_sync):
        with pytest.raises((PlanRefused, WorkflowInvalid)) as caught:
            call("A lighthouse at dawn", **{**SMALL, **brief})
        assert caught.value.money.startswith("Nothing was sent")
        told.append(str(caught.value.message))
    assert told[0] == told[1]
    assert made.jobs() == []
    assert remote.creates == []
    return told[0]


def test_a_codec_that_no_plugin_can_write_is_refused(tmp_path: Path, remote: FakeRemote) -> None:
    told = refused(studio(tmp_path, remote, "codecs", ("transcode",)), remote)
    assert (
        "destination.codecs.codecs: vp9 or av1 is taken, and the plugins here can make h264 and hevc only" in told
    )
    job = studio(tmp_path, remote, "codecs").rehearse_sync("A lighthouse at dawn", **SMALL).jobs[0]
    assert "codecs takes vp9 or av1: a video in another codec is not posted there" in job.notes


def test_a_watermark_is_refused_for_tiktok_under_any_name(tmp_path: Path, remote: FakeRemote) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "logo.png")
    logo = {"plugin": {"logo": {"use": "watermark", "picture": str(tmp_path / "logo.png")}}}
    told = refused(studio(tmp_path, remote, "tiktok", ("logo",), **logo), remote)
    assert "tiktok: TikTok takes no video with a watermark, and the plugin logo puts one over this video." in told


def test_a_watermark_that_passes_by_tiktok_is_no_hindrance(tmp_path: Path, remote: FakeRemote) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "logo.png")
    logo = {"plugin": {"watermark": {"picture": str(tmp_path / "logo.png")}}}
    made = studio(tmp_path, remote, "posts", ("watermark",), **logo)
    for platform, marked in (("tiktok", ()), ("youtube", ("watermark",))):
        made.plan_sync("A lighthouse at dawn", **SMALL, platforms=[platform])
        assert Posts.taken.marked_by == marked


def test_what_stitch_adds_is_too_long_for_the_publisher(tmp_path: Path, remote: FakeRemote) -> None:
    write_video(tmp_path / "intro.mp4", seconds=2)
    intro = {"plugin": {"stitch": {"intro": str(tmp_path / "intro.mp4")}}}
    told = refused(studio(tmp_path, remote, "short", ("stitch",), **intro), remote)
    assert "stitch: the video would have 5.0 s with what is added; short takes 3.5 s" in told


@pytest.mark.parametrize(
    ("network", "brief", "why"),
    [
        ("bluesky", {"privacy": "unlisted"}, "this post is unlisted, and every post on Bluesky is public"),
        (
            "youtube",
            {"privacy": "unlisted", "destinations": {"youtube": {"publish_at": "2099-01-01T00:00Z"}}},
            "a time to appear makes a video public, and this post is unlisted",
        ),
        ("x", {"fps": 90}, "the video has 90 frames a second; X takes 60"),
        ("instagram", {"title": "@them " * 21}, "the caption mentions 21 accounts; at most 20"),
        ("tiktok", {"fps": 12}, "it has 12 frames a second; TikTok takes 23 to 60"),
    ],
)
def test_a_network_refuses_what_it_cannot_take(
    tmp_path: Path, remote: FakeRemote, network: str, brief: dict[str, Any], why: str
) -> None:
    told = refused(studio(tmp_path, remote, network), remote, **brief)
    assert f"- {network}: " in told
    assert why in told


def test_a_facebook_reel_is_refused_for_its_size(tmp_path: Path, remote: FakeRemote) -> None:
    made = studio(tmp_path, remote, "facebook", plugin={"facebook": {"kind": "reel"}})
    told = refused(made, remote, aspect_ratio="9:16", resolution="480p")
    assert "a reel is at least 540x960" in told


def test_tiktok_has_no_private_posts_that_are_paid_for(tmp_path: Path, remote: FakeRemote) -> None:
    made = studio(tmp_path, remote, "tiktok", plugin={"tiktok": {"direct": True}})
    told = refused(made, remote, privacy="private", destinations={"tiktok": {"paid_partnership": True}})
    assert "TikTok has no private posts that are paid for" in told


def test_a_brand_that_wants_words_on_ai_has_no_drafts_at_tiktok(tmp_path: Path, remote: FakeRemote) -> None:
    brand = {"brand": "shop", "brands": {"shop": {"disclosure": {"label": "caption"}}}}
    assert "a draft takes no text" in refused(studio(tmp_path, remote, "tiktok", **brand), remote)


def test_a_publisher_sees_its_post_without_what_plugins_may_change(tmp_path: Path, remote: FakeRemote) -> None:
    own = {"destinations": {"posts": {"caption": "Own words"}}}
    studio(tmp_path, remote, "posts").plan_sync("A lighthouse at dawn", **SMALL, **own)
    assert Posts.shown is not None
    video = Posts.shown.clip.video
    assert (Posts.shown.destination, Posts.shown.caption) == ("posts", "Own words")
    assert (video.width, video.height, video.duration, video.bytes) == (1280, 720, 3.0, 0)
    studio(tmp_path, remote, "posts", ("slows",)).plan_sync("A lighthouse at dawn", **SMALL)
    video = Posts.shown.clip.video
    assert (video.width, video.height, video.duration, video.fps) == (None, None, None, None)


def test_a_take_that_is_not_posted_shows_no_post(tmp_path: Path, remote: FakeRemote) -> None:
    made = studio(
        tmp_path, remote, "posts", plugins={"pre_moderate": [], "post_download": [], "publish": ["posts"]}
    )
    made.plan_sync("A lighthouse at dawn", **SMALL, takes=2, publish_takes="first")
    assert Posts.taken.take == 2
    assert Posts.shown is None


@pytest.mark.parametrize(
    ("platform", "brief", "why"),
    [
        ("youtube", {"title": "👋" * 100}, ""),
        ("youtube", {"title": "é" * 101}, "the title has 101 characters; youtube takes at most 100"),
        ("youtube", {"caption": "é" * 2501}, "the caption has 5002 bytes; youtube takes at most 5000"),
        ("twitter", {"caption": f"{'a' * 250} https://example.com/{'b' * 100}"}, ""),
        ("twitter", {"caption": "海" * 141}, "the caption has 282 characters; twitter takes at most 280"),
        ("tiktok", {"caption": "👋" * 1101}, "the caption has 2202 characters; tiktok takes at most 2200"),
    ],
)
def test_copy_is_counted_as_its_platform_counts(
    tmp_path: Path, remote: FakeRemote, platform: str, brief: dict[str, Any], why: str
) -> None:
    job = studio(tmp_path, remote, "posts").rehearse_sync("A boat", **SMALL, platforms=[platform], **brief).jobs[0]
    told = [note for note in job.notes if "takes at most" in note]
    assert told == ([why] if why else [])
