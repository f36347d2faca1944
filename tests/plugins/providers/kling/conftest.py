from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from PIL import Image

from reelwork.net.client import Http
from reelwork.plugins.context import PluginContext
from reelwork.redaction.redactor import Redactor
from reelwork_hooks import Effect, RenderRequest, Spec
from reelwork_plugins.providers.kling.config import KlingConfig
from reelwork_plugins.providers.kling.provider import Kling
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

T = TypeVar("T")
ACCESS, SECRET = "ak-of-the-tests", "sk-of-the-tests-that-is-long-enough-to-sign"


class Bench:
    """A provider on the bench: `run` gives it an event loop and a client for as long as one call takes."""

    def __init__(self, folder: Path, base_url: str, **settings: Any) -> None:
        keys = {"access_key": "env:KLING_ACCESS", "secret_key": "env:KLING_SECRET"}
        self.config = KlingConfig.model_validate({"base_url": base_url, **keys, **settings})
        self.folder = folder
        self.notes: dict[str, Any] = {}

    def run(self, act: Callable[[Kling], Coroutine[Any, Any, T]]) -> T:
        async def within() -> T:
            redactor = Redactor()
            http = Http(first_wait=0.01, deadline=5, redactor=redactor)
            context = PluginContext(
                "kling", work_dir=self.folder / "work", output_dir=self.folder / "out",
                base_dir=self.folder, http_factory=lambda trust: http.trusting(trust), redactor=redactor,
            )  # fmt: skip
            try:
                return await act(Kling(self.config, context))
            finally:
                await http.aclose()

        return asyncio.run(within())

    def effect(self, key: str = "reelwork-job-render-0") -> Effect:
        started = datetime.now(UTC).timestamp()
        return Effect(key, evidence=dict(self.notes), started_at=started, on_note=self.notes.update)


@pytest.fixture(scope="package")
def shared() -> Iterator[RunningSimulator]:
    settings = SimulatorSettings(
        protocol="kling", api_key=f"{ACCESS}:{SECRET}", canned=True, render_seconds=0, creates_per_minute=None
    )
    with run_simulator(settings) as running:
        yield running


@pytest.fixture
def bench(simulator: RunningSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bench]:
    monkeypatch.setenv("KLING_ACCESS", ACCESS)
    monkeypatch.setenv("KLING_SECRET", SECRET)

    def build(**settings: Any) -> Bench:
        return Bench(tmp_path, **{"base_url": simulator.base_url, **settings})

    return build


@pytest.fixture
def request_for() -> Callable[..., RenderRequest]:
    def build(prompt: str = "a red kite over the sea", **changes: Any) -> RenderRequest:
        spec = {
            "width": 1280, "height": 720, "aspect_ratio": "16:9", "resolution": "720p", "duration": 5.0,
            **changes.pop("spec", {}),
        }  # fmt: skip
        return RenderRequest(prompt=prompt, spec=Spec.model_validate(spec), **changes)

    return build


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    def build(name: str, width: int = 640, height: int = 360, kind: str = "PNG") -> Path:
        content = io.BytesIO()
        Image.new("RGB", (width, height), (90, 60, 120)).save(content, kind)
        path = tmp_path / name
        path.write_bytes(content.getvalue())
        return path

    return build
