"""Public addresses come from the workflow's storage plugins."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from reelwork.errors import HookFailed, WorkflowInvalid
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.freezing import freeze, thaw
from reelwork.redaction.redactor import MOST_PASSING
from reelwork.settings.workflow import load
from reelwork.studio.doctor.workflow import workflow as findings_of
from reelwork.studio.studio import Studio
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
    listed = "".join(storage_file(folder, name, give) for name, give in storages.items())
    return workshop.build(f'{OFF}post_download = ["local"{listed}]\n')


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
        ("async def public_url(self, asset): ...", HookFailed, "'bad' .*public_url: TypeError"),
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


NEEDS = """
from reelwork_hooks import Plugin, Receipt, hookimpl


class Fetched(Plugin):
    public = False
    needs_public_address = True

    @hookimpl
    def publish(self, post, effect):
        return Receipt(id=effect.key)
"""
GIVES_NONE = """no_public_address = "a folder has no links"

    def public_url(self, asset, seconds): ..."""
BRIEF = '[brief]\nprompt = "A lighthouse"\nduration = 1\nresolution = "480p"\n'


def workflow_that_needs_one(folder: Path, *, storages: str = "", more: str = "") -> Path:
    (folder / "fetched.py").write_text(NEEDS, encoding="utf-8")
    path = folder / "flow.toml"
    path.write_text(
        f'{BRIEF}[plugins]\npre_moderate = []\nprompt_transform = []\npost_download = ["local"{storages}]\n'
        f'publish = ["./fetched.py"]\n{more}',
        encoding="utf-8",
    )
    return path


def storage_file(folder: Path, name: str, give: str) -> str:
    text = STORAGE.replace("{name}", name.capitalize()).replace("{give}", give)
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return f', "./{name}.py"'


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with Studio(store=tmp_path / "store.db", out=tmp_path / "out") as made:
        yield made


def test_what_needs_an_address_and_gets_none_is_refused_before_anything_is_sent(
    studio: Studio, tmp_path: Path
) -> None:
    with_a_folder = ', "storage"', f'[plugin.storage]\nurl = "{tmp_path.as_uri()}/kept"\n'
    for storages, more, why in (
        ("", "", r"fetched needs a public address of the video, and .* has none: local gives none\."),
        (storage_file(tmp_path, "bare", GIVES_NONE), "", "local gives none; bare: a folder has no links"),
        (*with_a_folder, "local gives none; storage: a folder has no presigned links"),
    ):
        path = workflow_that_needs_one(tmp_path, storages=storages, more=more)
        for attempt in (studio.plan_sync, studio.run_sync):
            with pytest.raises(WorkflowInvalid, match=why) as refused:
                attempt(path)
            assert refused.value.money == "Nothing was sent."
            assert "Add the plugin storage" in refused.value.hint
        told = asyncio.run(findings_of(load(path), Catalog(), offline=True))
        assert [(one.level, one.area) for one in told if one.level == "failure"] == [("failure", "addresses")]
    assert studio.store.jobs() == []


def test_what_needs_an_address_and_gets_one_runs(studio: Studio, tmp_path: Path) -> None:
    path = workflow_that_needs_one(tmp_path, storages=storage_file(tmp_path, "gives", GIVES))
    (job,) = studio.run_sync(path).jobs
    assert job.status == "done", job.reason


def test_a_job_that_was_launched_before_its_publisher_declared_the_need_goes_on(
    workshop: Any, tmp_path: Path
) -> None:
    loaded = thaw(freeze(workshop.build(workflow_that_needs_one(tmp_path).read_text())))
    assert workshop.thawed(loaded).order["publish"] == ("fetched",)
