"""Public addresses in a suite: the video of its jobs, served on 127.0.0.1 as a storage would serve it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reelwork.plugins.context import PluginContext
from reelwork.plugins.pipeline import Pipeline
from reelwork.testing.recordings import Asked
from reelwork.testing.services import Answering
from reelwork_hooks.errors import InvalidInput
from reelwork_hooks.models import Asset


def file_service(video: Path) -> Answering:
    """Return a service that has this video and nothing else."""

    def answer(asked: Asked) -> tuple[int, Any]:
        there = asked.method == "GET" and asked.path == f"/{video.name}"
        return (200, video.read_bytes()) if there else (404, {"error": "not found"})

    return answer


def offer_addresses(pipeline: Pipeline, service: str, video: Path) -> None:
    """Let the plugins get addresses at such a service, as from a storage plugin of the workflow."""

    async def address(asset: Asset, seconds: float) -> str:
        if asset.path != video:
            raise InvalidInput(f"{asset.path.name} has no public address: the suite serves the job's video only.")
        return f"{service}/{video.name}"

    for instance in pipeline.instances.values():
        if isinstance(instance.context, PluginContext):
            instance.context.give_address = address
