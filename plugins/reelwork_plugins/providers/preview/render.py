"""Draws a preview clip and writes it as MP4: H.264, yuv420p, BT.709, no sound track."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random

import av
from av.video.stream import VideoStream
from PIL import Image

from reelwork_hooks import RenderRequest
from reelwork_plugins.encoding import repeatable
from reelwork_plugins.providers.preview.card import Card, Words
from reelwork_plugins.providers.preview.colour import Planes, choose_palette
from reelwork_plugins.providers.preview.lettering import printable
from reelwork_plugins.providers.preview.scenery import RIDGES, Backdrop, Landscape, Photograph, read_picture

DEFAULT_FPS = 30
_BT709, _LIMITED_RANGE = 1, 1


def render_preview(
    path: Path,
    request: RenderRequest,
    *,
    label: str = "PREVIEW",
    facts: Mapping[str, str] = {},
    on_progress: Callable[[float], None] | None = None,
) -> None:
    """Write the clip that stands for this request.

    It has the requested width, height, frame rate and length, to the frame, and no sound track. The same request
    gives the same bytes on the same machine. `facts` are added to the line of facts. The first reference, when it
    is a picture or clip on this machine, becomes the background. `on_progress` gets 0 to 100 after each frame; an
    error that it raises stops the render.

    `path` appears complete or not at all. Raises `OSError` when it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        _encode(part, request, _pictures(request, label, facts), on_progress)
        # Before the name: a file of this name counts as a finished render, also after a power cut.
        with part.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def frame_count(request: RenderRequest) -> int:
    """Return the number of frames in the clip: at least one."""
    return max(round(request.spec.duration * (request.spec.fps or DEFAULT_FPS)), 1)


def _pictures(request: RenderRequest, label: str, facts: Mapping[str, str]) -> Iterator[Planes]:
    spec, fps, frames = request.spec, request.spec.fps or DEFAULT_FPS, frame_count(request)
    rng = _dice(request)
    palette = choose_palette(rng, RIDGES)
    picture, note = _reference(request)
    backdrop: Backdrop = (
        Landscape(spec.width, spec.height, palette, rng)
        if picture is None
        else Photograph(spec.width, spec.height, picture, palette.zenith, frames / fps)
    )
    words = Words(label, request.prompt, [*_facts(request, fps, facts), *note])
    card = Card(spec.width, spec.height, words, palette.accent, fps, frames)
    for index in range(frames):
        planes = backdrop.at(index / fps)
        card.draw(planes, index)
        yield planes


def _dice(request: RenderRequest) -> Random:
    """Return random numbers that depend on prompt and seed only, so that each has a look of its own."""
    # Not `hash()`, which is another in each process: a render that is drawn again must give the same bytes.
    text = f"{request.prompt}\0{request.negative_prompt}\0{request.spec.seed}"
    return Random(int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()))


def _facts(request: RenderRequest, fps: int, more: Mapping[str, str]) -> list[str]:
    spec = request.spec
    facts = [f"{spec.width} × {spec.height}", f"{fps} fps", f"{spec.duration:g} s"]
    facts += [request.model] if request.model else []
    facts += ["hd"] if spec.quality == "hd" else []
    facts += [f"seed {spec.seed}"] if spec.seed is not None else []
    facts += [f"{name} {value}" for name, value in more.items()]
    facts += [f"without {request.negative_prompt}"] if request.negative_prompt else []
    return [text if len(text) <= 60 else text[:59] + "…" for text in map(printable, facts)]


def _reference(request: RenderRequest) -> tuple[Image.Image | None, list[str]]:
    """Return the background picture, and the words about a reference that cannot be shown."""
    if not request.references:
        return None, []
    source = request.references[0].source
    if source.startswith(("http://", "https://")):
        return None, [printable(f"reference {source.rsplit('/', 1)[-1][:40]} (not fetched)")]
    picture = read_picture(Path(source))
    return picture, [] if picture else [f"reference {Path(source).name[:40]} (cannot be read)"]


def _encode(
    path: Path,
    request: RenderRequest,
    pictures: Iterator[Planes],
    on_progress: Callable[[float], None] | None,
) -> None:
    frames = frame_count(request)
    # `faststart` puts the index before the data, so that a player can begin before it has the whole file.
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = _video_stream(container.add_stream("libx264", rate=request.spec.fps or DEFAULT_FPS), request)
        for index, planes in enumerate(pictures):
            container.mux(stream.encode(_frame(planes)))
            if on_progress is not None:
                on_progress(100 * (index + 1) / frames)
        container.mux(stream.encode(None))


def _video_stream(stream: VideoStream, request: RenderRequest) -> VideoStream:
    crf = "18" if request.spec.quality == "hd" else "23"
    stream.options = {"preset": "veryfast", "crf": crf, "g": str(2 * (request.spec.fps or DEFAULT_FPS))}
    stream.width, stream.height, stream.pix_fmt = request.spec.width, request.spec.height, "yuv420p"
    context = stream.codec_context
    repeatable(context)
    # Without these, players guess from the frame's size, and small clips get the colours of BT.601.
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    context.color_range = _LIMITED_RANGE
    return stream


def _frame(planes: Planes) -> av.VideoFrame:
    width, height = planes.y.size
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, picture in zip(frame.planes, (planes.y, planes.u, planes.v), strict=True):
        # FFmpeg pads each row of a plane for its own alignment.
        padded = picture.crop((0, 0, plane.line_size, picture.height))
        plane.update(padded.tobytes())
    return frame
