"""Public addresses come from the workflow's storage plugins."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from reelwork.errors import HookFailed
from reelwork.redaction.redactor import MOST_PASSING
from reelwork_hooks import Asset, InvalidInput, Role, Unavailable

STORAGE = """
from reelwork_hooks import InvalidInput, Phase, Plugin, Unavailable, hookimpl


class {name}(Plugin):
    phase = Phase.STORE

    @hookimpl
    def post_download(self, clip, job): ...

    {give}
"""
OFF = "[plugins]\npre_moderate = []\nprompt_transform = []\n"
GIVES = """async def public_url(self, asset, seconds):
        return f"https://files.example/{asset.sha256}?for={seconds:g}&sign=hunter22secret" """


@pytest.fixture
def asset(tmp_path: Path) -> Asset:
    (tmp_path / "film.mp4").write_bytes(b"film")
    return Asset.from_file(tmp_path / "film.mp4", Role.VIDEO)


def pipeline_of(workshop: Any, folder: Path, **storages: str) -> Any:
    for name, give in storages.items():
        text = STORAGE.replace("{name}", name.capitalize()).replace("{give}", give)
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    listed = ", ".join(f'"./{name}.py"' for name in storages)
    return workshop.build(f'{OFF}post_download = ["local", {listed}]\n')


def test_the_first_storage_that_can_gives_the_address(workshop: Any, tmp_path: Path, asset: Asset) -> None:
    refuses = 'async def public_url(self, asset, seconds): raise InvalidInput("refuses: not mine")'
    pipeline = pipeline_of(workshop, tmp_path, refuses=refuses, gives=GIVES)
    for context in (pipeline.instances["gallery"].context, pipeline.provider.context):
        address = asyncio.run(context.public_url(asset, 600))
        assert address == f"https://files.example/{asset.sha256}?for=600&sign=hunter22secret"
        # The signature opens the file: it is masked from here on.
        assert "hunter22secret" not in context._redactor.redact(f"sent to {address}")
        assert "hunter22secret" not in context._redactor.redact(f"sent to {quote(address, safe='')}")


def test_thousands_of_addresses_leave_output_as_quick_as_before(
    workshop: Any, tmp_path: Path, asset: Asset
) -> None:
    context = pipeline_of(workshop, tmp_path, gives=GIVES).provider.context

    async def sign() -> None:
        for seconds in range(1, 1001):
            await context.public_url(asset, seconds)

    asyncio.run(sign())
    redactor = context._redactor
    assert len(redactor._secrets) + len(redactor._passing) <= MOST_PASSING
    assert redactor.redact("?for=1000&sign=hunter22secret, for=1") == "?***, for=1"


def test_a_workflow_without_one_says_why(workshop: Any, tmp_path: Path, asset: Asset) -> None:
    pipeline = pipeline_of(workshop, tmp_path, plain="pass")
    with pytest.raises(InvalidInput, match=r"no public address: local gives none; plain gives none\."):
        asyncio.run(pipeline.instances["gallery"].context.public_url(asset, 600))
    for seconds in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InvalidInput, match="is none"):
            asyncio.run(pipeline.instances["gallery"].context.public_url(asset, seconds))


@pytest.mark.parametrize(
    ("give", "error", "why"),
    [
        ('def public_url(self, asset, seconds): return "file:///film.mp4"', HookFailed, "an http or https address"),
        ("def public_url(self, asset, seconds): return 7", HookFailed, "an address as text"),
        ('async def public_url(self, asset, seconds): return "https://a b"', HookFailed, "an address as text"),
        ("async def public_url(self, asset, seconds): return 1 / 0", HookFailed, "ZeroDivisionError"),
        ('async def public_url(self, asset, seconds): raise Unavailable("away")', Unavailable, "away"),
    ],
)
def test_what_is_no_address_is_the_storages_fault(
    workshop: Any, tmp_path: Path, asset: Asset, give: str, error: type[Exception], why: str
) -> None:
    pipeline = pipeline_of(workshop, tmp_path, bad=give)
    with pytest.raises(error, match=why):
        asyncio.run(pipeline.instances["gallery"].context.public_url(asset, 600))
