"""Each place that the page on the design names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "design.md"
CORE, PLUGINS = ROOT / "core" / "reelwork", ROOT / "plugins" / "reelwork_plugins"
# A path may leave out the folders that its sentence speaks of.
FROM = (
    ROOT,
    ROOT / "core",
    ROOT / "hooks",
    ROOT / "plugins",
    CORE,
    PLUGINS,
    PLUGINS / "providers",
    PLUGINS / "publishers",
    CORE / "server" / "pages",
)


def places(text: str) -> Iterator[str]:
    """Yield what stands in backticks and looks like the path of a folder or a module."""
    for code in re.findall(r"`([^`\n]+)`", text):
        if re.fullmatch(r"[a-z_]+(/[a-z_{},]+)+(\.[a-z]+)?/?", code):
            stem, braces, names = code.partition("{")
            yield from (f"{stem}{name}" for name in names.rstrip("}").split(",")) if braces else (code,)


def is_there(place: str) -> bool:
    return any((base / f"{place.rstrip('/')}{end}").exists() for base in FROM for end in ("", ".py"))


PLACES = sorted(set(places(PAGE.read_text(encoding="utf-8"))))


def test_many_are_named() -> None:
    assert len(PLACES) > 100


@pytest.mark.parametrize("place", PLACES)
def test_a_place_is_there(place: str) -> None:
    assert is_there(place)


def test_one_that_is_gone_is_noticed() -> None:
    assert not is_there("cli/views/wording")
