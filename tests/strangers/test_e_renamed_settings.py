"""A job that stopped goes on with a newer version of a plugin whose settings are named otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import AliasChoices, Field

from reelwork.plugins.catalog import Catalog
from reelwork.studio.studio import Studio
from reelwork.testing import FakeRemote, register, write_video
from reelwork_hooks import Config, Plugin, Receipt, hookimpl

PROMPT = "A red fox in the snow"


class OldConfig(Config):
    """Version 1."""

    board: str = "none"


class NewConfig(Config):
    """Version 2."""

    wall: str = "none"


class KindConfig(Config):
    """Version 2, with the old name as an alias."""

    wall: str = Field("none", validation_alias=AliasChoices("wall", "board"))


def poster(config: type[Config], *, works: bool) -> type[Plugin]:
    class Poster(Plugin):
        """Posts on a board."""

        Config = config
        public = False

        @hookimpl
        def prepare_publish(self) -> None:
            if not works:
                raise ValueError("not today")

        @hookimpl
        def publish(self) -> Receipt:
            return Receipt(id=str(vars(self.config)))

    return Poster


class Shop:
    """Studios on one store, each with a version of the plugin."""

    def __init__(self, folder: Path, remote: FakeRemote) -> None:
        self.folder, self.remote = folder, remote
        self.studios: list[Studio] = []

    def studio(self, plugin: type[Plugin]) -> Studio:
        catalog = Catalog()
        register(catalog, self.remote)
        catalog.add("poster", plugin)
        workflow: dict[str, Any] = {
            "provider": {"use": "fake", "poll_interval": 0.01},
            "plugins": {"pre_moderate": [], "prompt_transform": [], "post_download": [], "publish": ["poster"]},
            "plugin": {"poster": {"board": "blue"}},
            "brief": {"duration": 1, "resolution": "480p"},
        }
        self.studios.append(
            Studio(workflow, store=self.folder / "store.db", out=self.folder / "out", catalog=catalog)
        )
        return self.studios[-1]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path, FakeRemote(write_video(tmp_path / "clip.mp4", seconds=1, width=854, height=480)))
    (job,) = made.studio(poster(OldConfig, works=False)).run_sync(PROMPT).jobs
    assert job.status == "failed"
    yield made
    for studio in made.studios:
        studio.close()


def test_an_alias_is_honoured(shop: Shop) -> None:
    (job,) = shop.studio(poster(KindConfig, works=True)).resume_sync().jobs
    assert (job.status, job.receipts["poster"].id) == ("done", "{'wall': 'blue'}")


def test_without_one_the_way_out_is_named_and_leads_out(shop: Shop) -> None:
    (job,) = shop.studio(poster(NewConfig, works=False)).resume_sync().jobs
    assert job.status == "active", "another process may know it still"
    assert "unknown key 'plugin.poster.board'" in job.reason
    assert "--set plugin.NAME.NEW=VALUE" in job.reason
    settings = {"plugin": {"poster": {"wall": "red"}}}
    (job,) = shop.studio(poster(NewConfig, works=False)).resume_sync(settings=settings).jobs
    assert "not today" in job.reason
    # What was repaired stays so: nobody has to say it twice.
    (job,) = shop.studio(poster(NewConfig, works=True)).resume_sync().jobs
    assert (job.status, job.receipts["poster"].id) == ("done", "{'wall': 'red'}")
    assert len(shop.remote.creates) == 1


def test_a_setting_that_is_gone_can_be_taken_out(shop: Shop) -> None:
    settings = {"plugin": {"poster": {"board": ""}}}
    (job,) = shop.studio(poster(NewConfig, works=True)).resume_sync(settings=settings).jobs
    assert (job.status, job.receipts["poster"].id) == ("done", "{'wall': 'none'}")
