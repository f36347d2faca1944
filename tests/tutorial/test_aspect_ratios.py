"""The tutorial's guide to aspect ratios: its sizes, and its places to use them."""

from __future__ import annotations

from typing import Any

import av
import pytest

PROMPT = "A lighthouse above a calm sea at dawn"


@pytest.mark.parametrize(
    ("ratio", "size"),
    [("16:9", (1920, 1080)), ("9:16", (1080, 1920)), ("1:1", (1080, 1080)), ("21:9", (2560, 1080))],
)
def test_the_sizes_are_the_tutorials(cli: Any, ratio: str, size: tuple[int, int]) -> None:
    planned = cli("plan", PROMPT, "--aspect-ratio", ratio, "--resolution", "1080p", "--json")
    spec = planned.json["jobs"][0]["spec"]
    assert (spec["width"], spec["height"]) == size


@pytest.mark.parametrize(
    ("platform", "ratio"), [("youtube", "16:9"), ("tiktok", "9:16"), ("instagram", "1:1"), ("twitter", "16:9")]
)
def test_a_platform_brings_its_shape(cli: Any, platform: str, ratio: str) -> None:
    planned = cli("plan", PROMPT, "--platform", platform, "--json")
    assert planned.json["jobs"][0]["spec"]["aspect_ratio"] == ratio


def test_the_video_has_the_size_that_was_planned(cli: Any) -> None:
    done = cli("run", PROMPT, "--aspect-ratio", "21:9", "--resolution", "480p", "--duration", "0.5", "--json")
    assert done.code == 0, done.err
    with av.open(done.json["jobs"][0]["video"]) as video:
        stream = video.streams.video[0]
        assert (stream.width, stream.height) == (1138, 480)


def test_a_shape_the_model_lacks_is_refused(simulator: Any, cli: Any) -> None:
    refused = cli("run", PROMPT, "--duration", "4", "--platform", "instagram")
    assert refused.code == 2
    assert "720x720 (720p, 1:1 for instagram); it makes 1280x720 or 720x1280" in refused.err
    assert simulator.requests() == []
