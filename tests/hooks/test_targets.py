"""What a target asks of a video, and what of that a video fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from reelwork_hooks import Asset, Role, Target


def video(width: int | None = 1280, height: int | None = 720, **facts: Any) -> Asset:
    given = {"bytes": 1000, "duration": 8.0, "codec": "h264", **facts}
    return Asset(
        path=Path("v.mp4"),
        sha256="0" * 64,
        media_type="video/mp4",
        role=Role.VIDEO,
        width=width,
        height=height,
        **given,
    )


@pytest.mark.parametrize(
    ("target", "label"),
    [
        (Target(), ""),
        (Target(aspect_ratio="9:16"), "9x16"),
        (Target(longest=60), "60s"),
        (Target(longest=12.5), "12.5s"),
        (Target(aspect_ratio="1:1", most_bytes=50_000_000, codecs=("h264", "av1")), "1x1-50000000b-h264_av1"),
    ],
)
def test_a_label_names_what_is_asked(target: Target, label: str) -> None:
    assert target.label == label


@pytest.mark.parametrize(
    ("target", "facts", "unmet"),
    [
        (Target(), {}, ()),
        (Target(aspect_ratio="16:9"), {}, ()),
        (Target(aspect_ratio="16:9"), {"width": 1264}, ()),
        (Target(aspect_ratio="9:16"), {}, ("aspect_ratio",)),
        (Target(aspect_ratio="9:16"), {"width": None}, ()),
        (Target(longest=8), {"duration": 8.04}, ()),
        (Target(longest=8), {"duration": 8.2}, ("longest",)),
        (Target(longest=8, most_bytes=999), {"duration": 9.0}, ("longest", "most_bytes")),
        (Target(most_bytes=1000), {}, ()),
        (Target(codecs=("hevc", "h264")), {}, ()),
        (Target(codecs=("hevc",)), {}, ("codecs",)),
        (Target(codecs=("hevc",)), {"codec": None}, ()),
    ],
)
def test_what_a_video_does_not_fit_is_named(target: Target, facts: dict[str, Any], unmet: tuple[str, ...]) -> None:
    assert target.unmet(video(**facts)) == unmet


@pytest.mark.parametrize(
    ("target", "left"),
    [
        (Target(aspect_ratio="16:9", longest=8, most_bytes=5), Target(most_bytes=5)),
        (Target(aspect_ratio="32:18"), Target()),
        (Target(aspect_ratio="9:16", longest=7.9), Target(aspect_ratio="9:16", longest=7.9)),
    ],
)
def test_what_is_rendered_anyway_is_not_asked_for(target: Target, left: Target) -> None:
    assert target.beyond(aspect_ratio="16:9", duration=8) == left


@pytest.mark.parametrize(
    "wrong", [{"longest": 0}, {"most_bytes": -1}, {"aspect_ratio": "tall"}, {"codecs": ("../x",)}]
)
def test_what_is_no_target_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Target(**wrong)
