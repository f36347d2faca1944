"""The Sora 2 tutorial's two ways to make many videos, with asyncio and httpx in place of JavaScript.

    python benchmarks/tutorial_ways.py chunks|limiter URL RENDERS PER_MINUTE AT_ONCE INTERVAL

`chunks` is its `BatchVideoGenerator`: as many at once as allowed, and the next chunk when the last one of this
chunk is done. `limiter` is its `RateLimiter`: one create after another, each followed by a pause of a minute
divided by the limit. Both look at each video by itself, as its `waitForVideo`, and count a video that was refused
as failed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx


class Service:
    """The tutorial's `openai.videos`."""

    def __init__(self, client: httpx.AsyncClient, interval: float) -> None:
        self.client = client
        self.interval = interval

    async def generate(self, prompt: str) -> str:
        answer = await self.client.post("/v1/videos", json={"prompt": prompt, "model": "sora-2", "seconds": "4"})
        answer.raise_for_status()
        return str(answer.json()["id"])

    async def wait_for_video(self, video_id: str) -> None:
        while True:
            video = (await self.client.get(f"/v1/videos/{video_id}")).json()
            if video["status"] == "completed":
                return
            if video["status"] == "failed":
                raise RuntimeError("Video generation failed")
            await asyncio.sleep(self.interval)


class BatchVideoGenerator:
    """A chunk at a time."""

    def __init__(self, service: Service, max_concurrent: int) -> None:
        self.service = service
        self.max_concurrent = max_concurrent

    async def generate_batch(self, prompts: list[str]) -> None:
        for start in range(0, len(prompts), self.max_concurrent):
            chunk = prompts[start : start + self.max_concurrent]
            await asyncio.gather(*(self.generate_single(prompt) for prompt in chunk))

    async def generate_single(self, prompt: str) -> bool:
        try:
            await self.service.wait_for_video(await self.service.generate(prompt))
        except (httpx.HTTPError, RuntimeError):
            return False
        return True


class RateLimiter:
    """One request at a time, and a pause after each."""

    def __init__(self, requests_per_minute: int) -> None:
        self.delay = 60 / requests_per_minute
        self.turn = asyncio.Lock()

    async def add(self, act: Callable[[], Awaitable[Any]]) -> Any:
        async with self.turn:
            try:
                return await act()
            finally:
                await asyncio.sleep(self.delay)


async def limited(service: Service, prompts: list[str], requests_per_minute: int) -> None:
    limiter = RateLimiter(requests_per_minute)
    waits = []
    for prompt in prompts:
        try:
            video_id = await limiter.add(lambda prompt=prompt: service.generate(prompt))
        except httpx.HTTPError:
            continue
        waits.append(asyncio.create_task(service.wait_for_video(video_id)))
    await asyncio.gather(*waits, return_exceptions=True)


async def main(way: str, url: str, renders: int, per_minute: int, at_once: int, interval: float) -> None:
    prompts = [f"Wave number {number}" for number in range(renders)]
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        service = Service(client, interval)
        if way == "chunks":
            await BatchVideoGenerator(service, at_once).generate_batch(prompts)
        else:
            await limited(service, prompts, per_minute)


if __name__ == "__main__":
    _, way, url, *numbers, interval = sys.argv
    renders, per_minute, at_once = map(int, numbers)
    asyncio.run(main(way, url, renders, per_minute, at_once, float(interval)))
