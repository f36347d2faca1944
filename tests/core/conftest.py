"""A workflow made ready to run, with real contexts and a provider that talks to a fake remote."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reelwork.net.client import Http
from reelwork.plugins.catalog import GROUP, Catalog
from reelwork.plugins.context import PluginContext
from reelwork.plugins.pipeline import Pipeline, build
from reelwork.redaction.redactor import Redactor
from reelwork.settings.workflow import Loaded, load
from reelwork.testing import FakeRemote, register
from reelwork_hooks import HttpClient


class Workshop:
    """Builds pipelines below a folder, as a session does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.redactor = Redactor()
        self.remote = FakeRemote(folder / "clip.mp4", price=Decimal("0.10"))
        self.catalog = self.new_catalog()

    def new_catalog(self) -> Catalog:
        """The built-ins and the provider `fake`, whatever else is installed."""
        entries = importlib.metadata.entry_points(group=GROUP)
        catalog = Catalog([entry for entry in entries if entry.value.startswith("reelwork_plugins.")])
        register(catalog, self.remote)
        return catalog

    def context(self, name: str, loaded: Loaded) -> PluginContext:
        def client(trust: Sequence[str]) -> HttpClient:
            return Http(trust=trust, redactor=self.redactor)

        return PluginContext(
            name,
            work_dir=self.folder / "work" / name,
            output_dir=loaded.out,
            base_dir=loaded.base_dir,
            http_factory=client,
            redactor=self.redactor,
        )

    def load(self, text: str, name: str = "flow.toml", **options: Any) -> Loaded:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return load(path, environ={}, cwd=self.folder, options=options)

    def build(self, text: str = "", name: str = "flow.toml", **options: Any) -> Pipeline:
        """A pipeline for a workflow with this TOML text."""
        return build(self.load(text, name, **options), self.catalog, self.context)

    def thawed(self, loaded: Loaded) -> Pipeline:
        """A pipeline for a thawed workflow, as another process would build it."""
        return build(loaded, self.new_catalog(), self.context)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture
def plugin_file(tmp_path: Path) -> Callable[..., str]:
    """Writes a plugin with these hooks below the workflow's folder; gives its path as a workflow lists it."""

    def write(name: str, *hooks: str, phase: str = "", config: str = "") -> str:
        lines = ["from reelwork_hooks import Config, Phase, Plugin, hookimpl", "", "", "class It(Plugin):"]
        lines += [f"    class Config(Config):\n        {config}"] if config else []
        lines += [f"    phase = Phase.{phase}"] if phase else []
        lines += [f"    @hookimpl\n    def {hook}(self): ..." for hook in hooks]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return f"./{name}"

    return write
