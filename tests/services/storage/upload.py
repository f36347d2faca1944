"""Runs the hook of `storage` once, as the engine does, in a process of its own: its peak memory is told.

Reads `{"settings", "file", "job", "work", "give_up_at"}` as JSON from the first argument, and prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reelwork.plugins.context import PluginContext
from reelwork.redaction.redactor import Redactor
from reelwork_hooks import Asset, Brief, Clip, HttpClient, Job, Prompt, ReelworkError, RenderFacts, Role, Spec
from reelwork_plugins.storage.object_store import Storage, StorageConfig

CREATED = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def no_http(trust: Sequence[str]) -> HttpClient:
    raise AssertionError("storage asked for an HTTP client")


def peak_kib() -> int:
    """The largest resident size of this process. `ru_maxrss` begins with that of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def job_of(name: str) -> Job:
    return Job(
        id=name, run="run1", workflow="launch", provider="preview", created_at=CREATED,
        brief=Brief(prompt="A cat", model="sora-2"), prompt=Prompt(text="A cat", title="Ein Kätzchen"), row="Köln",
        spec=Spec(width=64, height=36, aspect_ratio="16:9", resolution="480p", duration=1),
        render=RenderFacts(provider="preview", remote_id="video_123", status="completed"),
    )  # fmt: skip


async def run(plugin: Storage, clip: Clip, job: Job, give_up_at: float | None, seen: list[float]) -> Clip:
    """The hook, cancelled as by its time limit once it has told of so many per cent."""
    task = asyncio.create_task(plugin.post_download(clip, job))
    while give_up_at is not None and not task.done():
        await asyncio.sleep(0.01)
        if seen and seen[-1] >= give_up_at:
            task.cancel()
    return await task


def upload(order: dict[str, Any]) -> dict[str, Any]:
    seen: list[float] = []
    context = PluginContext(
        "storage", work_dir=Path(order["work"]), output_dir=Path(order["work"]), base_dir=Path(order["work"]),
        http_factory=no_http, redactor=Redactor(), on_progress=lambda job, share, text: seen.append(share),
    )  # fmt: skip
    clip = Clip(video=Asset.from_file(Path(order["file"]), Role.VIDEO))
    plugin = Storage(StorageConfig(**order["settings"]), context)
    try:
        stored = asyncio.run(run(plugin, clip, job_of(order["job"]), order["give_up_at"], seen))
        answer: dict[str, Any] = {"stored_at": stored.video.stored_at}
        if seconds := order.get("public_seconds"):
            answer["public_url"] = asyncio.run(plugin.public_url(stored.video, seconds))
    except ReelworkError as error:
        answer = {"error": type(error).__name__, "message": error.explained()}
    except asyncio.CancelledError:
        answer = {"error": "CancelledError"}
    return {**answer, "progress": seen, "peak_mb": peak_kib() / 1024, "sha256": clip.video.sha256}


if __name__ == "__main__":
    print(json.dumps(upload(json.loads(sys.argv[1]))))
