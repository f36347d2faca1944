from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from reelwork.net.client import Http
from reelwork.plugins.context import PluginContext
from reelwork.redaction.redactor import Redactor
from reelwork_hooks import (
    Asset,
    Brief,
    Clip,
    Context,
    HttpClient,
    Job,
    Platform,
    Post,
    Prompt,
    RenderFacts,
    Role,
    Spec,
)
from reelwork_plugins.platforms import register_platforms
from reelwork_plugins.simulator import RunningSimulator

NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


@pytest.fixture
def simulator(shared: RunningSimulator) -> Iterator[RunningSimulator]:
    """The simulator that the folder's tests share, as it was when it began."""
    shared.restart()
    shared.simulation.log.clear()
    shared.set_faults([])
    yield shared
    shared.set_faults([])


@pytest.fixture
def clients() -> list[Http]:
    """Every HTTP client that was made for a context."""
    return []


@pytest.fixture
def run_and_close(clients: list[Http]) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs what may use the network, and closes the clients in the loop they were used in."""

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        async def within() -> Any:
            try:
                return await work
            finally:
                for client in clients:
                    await client.aclose()

        return asyncio.run(within())

    return run


@pytest.fixture
def context_for(tmp_path: Path, clients: list[Http]) -> Callable[[str], Context]:
    """A real context for a plugin instance, below the test's own folder, with a clock that stands still."""

    def build(name: str) -> Context:
        redactor = Redactor()

        def client(trust: Sequence[str]) -> HttpClient:
            clients.append(Http(trust=trust, redactor=redactor))
            return clients[-1]

        return PluginContext(
            name,
            work_dir=tmp_path / "work" / name,
            output_dir=tmp_path / "out",
            base_dir=tmp_path,
            http_factory=client,
            redactor=redactor,
            clock=lambda: NOW,
        )

    return build


@pytest.fixture(scope="session")
def platform() -> Callable[[str], Platform]:
    """A platform that comes with the product, by its name."""
    return {platform.name: platform for platform in register_platforms()}.__getitem__


@pytest.fixture
def make_job() -> Callable[..., Job]:
    """A finished job; any field may be given."""

    def build(idea: str = "A cat playing with yarn", **fields: Any) -> Job:
        given: dict[str, Any] = {
            "id": "1j9qk2m4xw3vbt7c",
            "run": "1j9qk2m000000000",
            "workflow": "launch",
            "brief": Brief(prompt=idea, duration=1),
            "spec": Spec(width=64, height=36, aspect_ratio="16:9", resolution="480p", duration=1, fps=10),
            "provider": "preview",
            "created_at": datetime(2026, 11, 20, 8, 0, tzinfo=UTC),
            "prompt": Prompt(text=idea),
            "render": RenderFacts(
                provider="preview", remote_id="video_123", status="completed", cost=Decimal("0.10")
            ),
        }
        return Job(**(given | fields))

    return build


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., Clip]:
    """A real one-second H.264 clip with a thumbnail; another grey gives another file."""

    def build(grey: int = 90, width: int = 64, height: int = 36) -> Clip:
        folder = tmp_path / "downloads"
        folder.mkdir(exist_ok=True)
        path = folder / f"{grey}-{width}x{height}.mp4"
        encode(path, Image.new("RGB", (width, height), (grey, 60, 120)))
        picture = path.with_suffix(".jpg")
        Image.new("RGB", (width, height), (grey, 60, 120)).save(picture)
        size = {"width": width, "height": height}
        video = Asset.from_file(path, Role.VIDEO, **size, duration=1.0, fps=10.0, codec="h264")
        return Clip(video=video).adding(Asset.from_file(picture, Role.THUMBNAIL, **size))

    return build


@pytest.fixture
def make_post() -> Callable[..., Post]:
    """A post of a clip for a job; any field may be given."""

    def build(clip: Clip, job: Job, **fields: Any) -> Post:
        given: dict[str, Any] = {"destination": "gallery", "clip": clip, "platform": job.platform}
        return Post(**(given | fields))

    return build


def encode(path: Path, picture: Image.Image, frames: int = 10) -> None:
    with av.open(str(path), "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
        for _ in range(frames):
            file.mux(stream.encode(av.VideoFrame.from_image(picture)))
        file.mux(stream.encode())
