from __future__ import annotations

import pytest

from reelwork_plugins import platforms


@pytest.mark.parametrize(
    ("name", "aspect_ratio", "longest_duration", "style"),
    [
        ("youtube", "16:9", 60, "cinematic, professional"),
        ("instagram", "1:1", 30, "aesthetic, trendy, high saturation"),
        ("tiktok", "9:16", 60, "energetic, fast-paced, engaging"),
        ("twitter", "16:9", 30, "attention-grabbing, clear message"),
    ],
)
def test_has_the_tutorials_platforms(name: str, aspect_ratio: str, longest_duration: float, style: str) -> None:
    (platform,) = (platform for platform in platforms.register_platforms() if platform.name == name)
    assert (platform.aspect_ratio, platform.longest_duration, platform.style) == (
        aspect_ratio,
        longest_duration,
        style,
    )


def test_names_and_aliases_are_told_apart() -> None:
    names = [name for platform in platforms.register_platforms() for name in (platform.name, *platform.aliases)]
    assert "x" in names
    assert len(names) == len(set(names))


def test_is_marked_for_the_plugin_loader() -> None:
    assert hasattr(platforms.register_platforms, "reelwork_impl")
