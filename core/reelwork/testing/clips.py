"""Tiny real videos: they play, and every check of a download accepts them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from fractions import Fraction
from functools import cache
from pathlib import Path


def write_video(
    path: Path,
    *,
    seconds: float = 1.0,
    width: int = 64,
    height: int = 64,
    fps: int = 10,
    turned: int = 0,
    pixel: tuple[int, int] = (1, 1),
) -> Path:
    """Write an H.264 video whose pictures differ from each other. Returns `path`; its folder must exist.

    `turned` is by how many degrees, against the clock, a player turns what is stored. `pixel` is the shape of its
    pixels, width to height: a player stretches what is stored.
    """
    import av
    from PIL import Image

    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(*pixel)
        if turned:
            stream.set_display_rotation(turned)
        for number in range(max(1, round(seconds * fps))):
            picture = Image.new("RGB", (width, height), (number * 20 % 256, 80, 120))
            frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
            out.mux(stream.encode(frame))
        # An encoder holds pictures back: without this the last ones are missing.
        out.mux(stream.encode())
    return path


@cache
def sample_video() -> Path:
    """Return a video of one second and 854x480 pixels, written once for a process and removed at its end."""
    return write_video(passing_folder() / "sample.mp4", width=854, height=480)


def passing_folder() -> Path:
    """Return a new folder that is removed when the process ends."""
    # Not a TemporaryDirectory: it warns when the interpreter has to clean it up.
    folder = tempfile.mkdtemp(prefix="reelwork-sample-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
