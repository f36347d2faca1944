"""The provider `preview`: previews drawn on this machine, stored in the instance's work folder."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from reelwork_hooks import (
    Capabilities,
    Context,
    Effect,
    Expired,
    FileSource,
    Found,
    Idempotency,
    NotDone,
    Price,
    Provider,
    ProviderConfig,
    Reference,
    Rejected,
    RenderRef,
    RenderRequest,
    RenderStatus,
    Submitted,
    Unavailable,
)
from reelwork_plugins.providers.preview.workshop import Progress, Task, Workshop

_FRAME_RATES = (12, 15, 24, 25, 30, 48, 50, 60)
_SHORTEST, _LONGEST = 0.5, 60.0
_LONG_SIDE, _SHORT_SIDE, _LEAST_SIDE = 2560, 1440, 64
# Seconds. A younger file may belong to another process that is still drawing it.
_LEFTOVER_AGE = 3600
_FREE = "Nothing was drawn; previews are free."

_CAPABILITIES = Capabilities(
    idempotency=Idempotency.KEY,
    shortest_duration=_SHORTEST,
    longest_duration=_LONGEST,
    # No side of these is longer than what is drawn.
    aspect_ratios=(
        "16:9",
        "9:16",
        "1:1",
        "21:9",
        "9:21",
        "4:3",
        "3:4",
        "3:2",
        "2:3",
        "5:4",
        "4:5",
        "2:1",
        "1:2",
    ),
    resolutions=("240p", "360p", "480p", "540p", "720p", "768p", "1080p"),
    default_resolution="720p",
    fps=_FRAME_RATES,
    default_fps=30,
    seed=True,
    negative_prompt=True,
    quality=("standard", "hd"),
    references=1,
    reference_roles=("first_frame",),
    # Those of the Videos protocol, so that a workflow that is rehearsed here works there.
    reference_types=("image/jpeg", "image/png", "image/webp"),
    metadata=True,
    price=Price(per_second=Decimal(0), as_of=date(2026, 11, 23), source="built in"),
    settle_seconds=0,
    key_seconds=float("inf"),
)


class PreviewConfig(ProviderConfig):
    """Settings of `preview`: those every provider has, with shorter waits."""

    poll_interval: Annotated[float, Field(gt=0)] = 0.2
    """Seconds between two polls of one render."""
    # Its files are on this machine: a missing one does not come back.
    gone_after: Annotated[float, Field(ge=0)] = 0
    """Seconds for which a missing render is asked for again."""


class PreviewProvider(Provider):
    """Draws a placeholder video of exactly the requested size, length and frame rate: free, offline, no key.

    The video is H.264 in MP4 without a sound track. It shows the prompt and the job's facts and is marked
    as a preview. Each render is two files in the instance's work folder, `ID.json` (the request) and
    `ID.mp4`; ID comes from the effect's key, so the same effect is never drawn as two renders. A render that a
    crash interrupted is drawn again by the next process that polls it.
    """

    Config = PreviewConfig
    rehearsal = True

    def __init__(self, config: ProviderConfig, context: Context) -> None:
        super().__init__(config, context)
        self._workshop = Workshop()

    def capabilities(self, model: str | None) -> Capabilities:
        """Return the capabilities, the same for every model's name.

        Any even size up to 2560x1440 (or 1440x2560), 0.5 to 60 seconds.
        """
        return _CAPABILITIES

    async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
        """Store the request; drawing starts at the first poll.

        Raises `Rejected` for a size, length or rate that cannot be drawn, and for a reference file that is not
        there. A reference on the web is not fetched: its name is shown instead.
        """
        _check(request)
        return await asyncio.to_thread(self._store, request, effect)

    async def find(self, request: RenderRequest, effect: Effect) -> Found[Submitted] | NotDone:
        """Look up whether this effect's request is stored here."""
        remote_id = _remote_id(effect)
        if self._request_file(remote_id).exists():
            return Found.one(Submitted(remote_id=remote_id))
        return NotDone(final=True, why="there is no request under its key")

    async def poll(self, renders: Sequence[RenderRef]) -> Sequence[RenderStatus]:
        """Return the status of each render. One that nobody is drawing is queued to be drawn."""
        return await asyncio.to_thread(lambda: [self._status(render.remote_id) for render in renders])

    async def fetch(self, render: RenderRef) -> FileSource:
        """Return the finished file.

        Raises `Unavailable` while it is being drawn, `Expired` when the render was cancelled or its files deleted.
        """
        path = self._video_file(render.remote_id)
        if self._cancel_file(render.remote_id).exists() or not self._request_file(render.remote_id).exists():
            raise Expired(f"preview render {render.remote_id} was cancelled or its files were deleted")
        if not path.exists():
            raise Unavailable(f"preview render {render.remote_id} is not drawn yet")
        return FileSource(path=path)

    async def cancel(self, render: RenderRef) -> bool:
        """Stop a render that is not finished."""
        return await asyncio.to_thread(self._cancel, render.remote_id)

    async def close(self) -> None:
        """Stop the drawing threads. Unfinished renders are drawn again at the next poll."""
        await asyncio.to_thread(self._workshop.close)

    def _store(self, request: RenderRequest, effect: Effect) -> Submitted:
        request = request.replace(references=self._resolved(request.references))
        remote_id = _remote_id(effect)
        # The first request under the key stays: a second call with it is the same effect.
        if not self._request_file(remote_id).exists():
            _write(self._request_file(remote_id), request.model_dump_json())
        return Submitted(remote_id=remote_id, poll_after=0.0)

    def _resolved(self, references: Sequence[Reference]) -> tuple[Reference, ...]:
        """Return the references with absolute paths. Raises `Rejected` for a file that is missing."""
        # Another process, in another folder, may draw it.
        resolved = []
        for reference in references:
            if not _on_the_web(reference):
                path = (self.context.base_dir / Path(reference.source).expanduser()).resolve()
                if not path.is_file():
                    raise Rejected(f"there is no reference picture {path}", code="reference", money=_FREE)
                reference = reference.replace(source=str(path))
            resolved.append(reference)
        return tuple(resolved)

    def _status(self, remote_id: str) -> RenderStatus:
        # First: the thread of another process may have finished the file after the cancellation.
        if self._cancel_file(remote_id).exists():
            return _failed(remote_id, "cancelled", "the render was cancelled before it was finished")
        if self._video_file(remote_id).exists() and self._request_file(remote_id).exists():
            self._workshop.forget(remote_id)
            return RenderStatus(
                remote_id=remote_id, state="completed", progress=100, charged=False, cost=Decimal(0)
            )
        request = self._kept_request(remote_id)
        if request is None:
            return RenderStatus(remote_id=remote_id, state="lost", error_message="its files are gone")
        return _reported(self._draw(remote_id, request))

    def _draw(self, remote_id: str, request: RenderRequest) -> Task:
        path = self._video_file(remote_id)
        facts = {name: str(value) for name, value in request.metadata.items()}

        def work(progress: Progress) -> None:
            # PyAV and Pillow are loaded only when something is drawn: naming the provider stays cheap.
            from reelwork_plugins.providers.preview.render import render_preview

            progress(0)
            self._sweep()
            render_preview(path, request, facts=facts, on_progress=progress)

        task = self._workshop.ask(remote_id, work)
        # Somebody deleted the video that this process drew.
        if task.state == "done" and not path.exists():
            self._workshop.forget(remote_id)
            task = self._workshop.ask(remote_id, work)
        return task

    def _cancel(self, remote_id: str) -> bool:
        if self._cancel_file(remote_id).exists():
            return True
        if self._video_file(remote_id).exists() or not self._request_file(remote_id).exists():
            return False
        # A file, since another process may be drawing it, or may begin to.
        _write(self._cancel_file(remote_id), "")
        self._workshop.stop(remote_id)
        return True

    def _kept_request(self, remote_id: str) -> RenderRequest | None:
        try:
            return RenderRequest.model_validate_json(self._request_file(remote_id).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def _sweep(self) -> None:
        """Remove the half-drawn files of killed processes."""
        for part in self.context.work_dir.glob(".preview_*.part"):
            with suppress(FileNotFoundError):
                if time.time() - part.stat().st_mtime > _LEFTOVER_AGE:
                    part.unlink()

    def _request_file(self, remote_id: str) -> Path:
        return self.context.work_dir / f"{remote_id}.json"

    def _video_file(self, remote_id: str) -> Path:
        return self.context.work_dir / f"{remote_id}.mp4"

    def _cancel_file(self, remote_id: str) -> Path:
        return self.context.work_dir / f"{remote_id}.cancelled"


def _remote_id(effect: Effect) -> str:
    return f"preview_{hashlib.sha256(effect.key.encode()).hexdigest()[:24]}"


def _on_the_web(reference: Reference) -> bool:
    return reference.source.startswith(("http://", "https://"))


def _check(request: RenderRequest) -> None:
    """Raise `Rejected` when the video asked for cannot be drawn."""
    spec = request.spec
    long, short = max(spec.width, spec.height), min(spec.width, spec.height)
    if spec.width % 2 or spec.height % 2:
        raise Rejected(f"{spec.size} has an odd side: H.264 video needs even ones", code="size", money=_FREE)
    if short < _LEAST_SIDE or short > _SHORT_SIDE or long > _LONG_SIDE:
        raise Rejected(f"{spec.size} is outside 64x64 to 2560x1440", code="size", money=_FREE)
    if not _SHORTEST <= spec.duration <= _LONGEST:
        raise Rejected(
            f"{spec.duration:g} s is outside {_SHORTEST:g} to {_LONGEST:g} s", code="duration", money=_FREE
        )
    if spec.fps is not None and spec.fps not in _FRAME_RATES:
        rates = ", ".join(map(str, _FRAME_RATES))
        raise Rejected(f"{spec.fps} fps is not among {rates}", code="fps", money=_FREE)


def _reported(task: Task) -> RenderStatus:
    if task.state == "failed":
        return _failed(task.name, "drawing_failed", task.error)
    if task.state in ("running", "done"):
        return RenderStatus(remote_id=task.name, state="running", progress=task.progress)
    return RenderStatus(remote_id=task.name, state="queued", progress=0)


def _failed(remote_id: str, code: str, message: str) -> RenderStatus:
    return RenderStatus(
        remote_id=remote_id,
        state="failed",
        error_code=code,
        error_message=message,
        charged=False,
        cost=Decimal(0),
    )


def _write(path: Path, text: str) -> None:
    """Write a small file so that it is there whole or not at all, even after a power cut."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
