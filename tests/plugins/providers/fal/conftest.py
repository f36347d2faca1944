from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reelwork.testing.contexts import SampleContext
from reelwork_hooks import Effect, RenderRef, RenderRequest, Spec
from reelwork_plugins.providers.fal.config import FalConfig
from reelwork_plugins.providers.fal.provider import Fal
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

MODEL = "fal-ai/veo3.1/lite"


class Desk:
    """A provider at an address, and what a test needs around it."""

    def __init__(self, folder: Path, url: str, **settings: Any) -> None:
        self.config = FalConfig.model_validate({"base_url": url, "model": MODEL, **settings})
        self.provider = Fal(self.config, SampleContext(folder, "fal"))
        self.notes: dict[str, Any] = {}

    def run(self, act: Callable[[Fal], Coroutine[Any, Any, Any]]) -> Any:
        return asyncio.run(act(self.provider))

    def request(self, prompt: str = "a red kite over the sea", **changes: Any) -> RenderRequest:
        spec = {"width": 1280, "height": 720, "aspect_ratio": "16:9", "resolution": "720p", "duration": 4.0}
        return RenderRequest(prompt=prompt, spec=Spec.model_validate(spec | changes.pop("spec", {})), **changes)

    def effect(self, **changes: Any) -> Effect:
        given = {"prepared": {"urls": []}, "evidence": dict(self.notes)} | changes
        return Effect("key-1", started_at=datetime.now(UTC).timestamp(), on_note=self.notes.update, **given)

    def render(self, remote_id: str, **details: Any) -> RenderRef:
        return RenderRef(
            remote_id=remote_id, details={"model": MODEL, **details}, request=self.request(),
            submitted_at=datetime.now(UTC),
        )  # fmt: skip

    def submit(self, request: RenderRequest | None = None, **effect: Any) -> Any:
        return self.run(lambda provider: provider.submit(request or self.request(), self.effect(**effect)))

    def poll(self, remote_id: str) -> Any:
        [status] = self.run(lambda provider: provider.poll([self.render(remote_id)]))
        return status


@pytest.fixture
def desk(tmp_path: Path) -> Callable[..., Desk]:
    def build(url: str, **settings: Any) -> Desk:
        return Desk(tmp_path, url, **settings)

    return build


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(protocol="fal", canned=True, render_seconds=0)) as running:
        yield running
