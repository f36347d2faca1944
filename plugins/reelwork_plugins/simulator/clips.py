"""The files of finished jobs: drawn when they are first downloaded, then stored."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from uuid import uuid4

from reelwork_hooks import Reference, RenderRequest, Spec
from reelwork_hooks.models import AspectRatio, Resolution
from reelwork_plugins.simulator.asks import Ask
from reelwork_plugins.simulator.jobs import Job

_CANNED_FPS = 8
_RATIOS: tuple[AspectRatio, ...] = ("16:9", "9:16", "1:1", "21:9")
_ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}


class Clips:
    """Makes clips and stills in a folder. `canned`: plain grey clips, shared by all jobs of one length."""

    def __init__(self, folder: Path, *, canned: bool) -> None:
        self._folder = folder
        self._canned = canned
        self._locks: defaultdict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)
        # Drawing keeps a core busy; more at once would only make each of them late.
        self._drawing = asyncio.Semaphore(2)

    async def video(self, job: Job) -> Path:
        """Return the MP4 of a finished job. Raises `OSError` when it cannot be written."""
        if self._canned:
            path = self._folder / _canned_name(job.ask)
            return await self._made(path, lambda part: draw_canned(part, job.ask))
        return await self._made(self._path(job, ".mp4"), lambda part: self._draw(part, job))

    async def still(self, job: Job, variant: str) -> Path:
        """Return the `thumbnail` (WebP) or `spritesheet` (JPEG) of a finished job."""
        from reelwork_plugins.simulator.stills import write_spritesheet, write_thumbnail

        video = await self.video(job)
        if variant == "thumbnail":
            return await self._made(video.with_suffix(".webp"), lambda part: write_thumbnail(video, part))
        return await self._made(video.with_suffix(".jpg"), lambda part: write_spritesheet(video, part))

    def remove(self, job: Job) -> None:
        """Delete a job's files."""
        for ending in (".mp4", ".webp", ".jpg", *(f".reference{ending}" for ending in _ENDINGS.values())):
            self._path(job, ending).unlink(missing_ok=True)

    def _path(self, job: Job, ending: str) -> Path:
        # Hashed, since LiteLLM's ids hold base64, and with it slashes.
        return self._folder / f"{hashlib.sha256(job.id.encode()).hexdigest()[:32]}{ending}"

    async def _made(self, path: Path, make: Callable[[Path], None]) -> Path:
        if os.path.exists(path):  # noqa: ASYNC240 - a stat of a local file, once for each download
            return path
        async with self._locks[path]:
            # Another download of the same clip may have drawn it while this one waited for the lock.
            if not os.path.exists(path):  # noqa: ASYNC240
                part = path.with_name(f"{uuid4().hex}{path.suffix}")
                async with self._drawing:
                    await asyncio.to_thread(_make_whole, part, path, make)
        self._locks.pop(path, None)
        return path

    def _draw(self, path: Path, job: Job) -> None:
        from reelwork_plugins.providers.preview.render import render_preview

        picture = job.ask.picture
        references: tuple[Reference, ...] = ()
        if picture is not None:
            file = self._path(job, f".reference{_ENDINGS[picture.media_type]}")
            file.write_bytes(picture.content)
            references = (Reference(source=str(file)),)
        request = render_request(job.ask).replace(references=references)
        render_preview(path, request, label="SIMULATED", facts={"dialect": job.dialect})


def _make_whole(part: Path, path: Path, make: Callable[[Path], None]) -> None:
    try:
        make(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def render_request(ask: Ask) -> RenderRequest:
    """Return the request in the terms that every provider shares."""
    shape = Fraction(ask.width, ask.height)
    ratio = min(_RATIOS, key=lambda name: abs(Fraction(*map(int, name.split(":"))) - shape))
    side = min(ask.width, ask.height)
    resolution: Resolution = "480p" if side <= 480 else "720p" if side <= 720 else "1080p"
    spec = Spec(
        width=ask.width, height=ask.height, aspect_ratio=ratio, resolution=resolution, fps=ask.fps,
        duration=ask.duration, seed=ask.seed,
    )  # fmt: skip
    return RenderRequest(prompt=ask.prompt, negative_prompt=ask.negative_prompt, model=ask.model, spec=spec)


def _canned_size(ask: Ask) -> tuple[int, int]:
    """Return the asked size, each side even as H.264 needs."""
    return max(round(ask.width / 2) * 2, 2), max(round(ask.height / 2) * 2, 2)


def _canned_name(ask: Ask) -> str:
    width, height = _canned_size(ask)
    return f"canned-{width}x{height}-{round(ask.duration * 1000)}.mp4"


def draw_canned(path: Path, ask: Ask) -> None:
    """Write a plain grey clip of the asked length and size."""
    import av

    width, height = _canned_size(ask)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=_CANNED_FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast"}
        stream.codec_context.thread_count = 1
        for index in range(max(round(ask.duration * _CANNED_FPS), 1)):
            frame = av.VideoFrame(width, height, "yuv420p")
            for plane, grey in zip(frame.planes, (64 + index % 128, 128, 128), strict=True):
                plane.update(bytes([grey]) * plane.buffer_size)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
