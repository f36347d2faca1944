"""The tutorial's campaign: one brief, a video for each platform."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av

PROMPT = "Product launch teaser for new smartphone"
THREE = ("--platform", "youtube", "--platform", "instagram", "--platform", "tiktok")


def test_the_campaign_is_planned_with_shape_style_and_limit(examples: Path, cli: Any) -> None:
    planned = cli("plan", str(examples.parent / "campaign.toml"), "--json")
    assert planned.code == 0, planned.err
    shapes = {job["platform"]: job["spec"]["aspect_ratio"] for job in planned.json["jobs"]}
    assert shapes == {"youtube": "16:9", "instagram": "1:1", "tiktok": "9:16"}
    texts = {job["platform"]: job["prompt"]["text"] for job in planned.json["jobs"]}
    assert texts["youtube"].endswith(", cinematic, professional, optimized for youtube")
    assert texts["instagram"].endswith(", aesthetic, trendy, high saturation, optimized for instagram")
    assert texts["tiktok"].endswith(", energetic, fast-paced, engaging, optimized for tiktok")


def test_the_length_is_what_was_asked_and_never_more_than_the_platform_takes(cli: Any) -> None:
    planned = cli("plan", PROMPT, *THREE, "--platform", "twitter", "--duration", "45", "--json")
    lengths = {job["platform"]: job["spec"]["duration"] for job in planned.json["jobs"]}
    assert lengths == {"youtube": 45, "instagram": 30, "tiktok": 45, "twitter": 30}


def test_three_videos_are_made_and_published(cli: Any) -> None:
    done = cli("run", PROMPT, *THREE, "--duration", "0.5", "--resolution", "480p", "--json")
    assert done.code == 0, done.err
    sizes = {}
    for job in done.json["jobs"]:
        assert list(job["receipts"]) == ["gallery"]
        with av.open(job["video"]) as video:
            sizes[job["platform"]] = (video.streams.video[0].width, video.streams.video[0].height)
    assert sizes == {"youtube": (854, 480), "instagram": (480, 480), "tiktok": (480, 854)}


def test_they_are_rendered_side_by_side(start: Any, cli: Any) -> None:
    simulator = start(render_seconds=4)
    two = ("--platform", "youtube", "--platform", "tiktok")
    assert cli("run", PROMPT, *two, "--duration", "4").code == 0
    first, second = simulator.jobs()
    assert second["created_at"] < first["ended_at"]
