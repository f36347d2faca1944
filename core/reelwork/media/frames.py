"""Frames of a video as pictures, evenly spread over its length."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from reelwork.media.probe import MediaInvalid, opened, pixel_aspect, unreadable, video_in

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from PIL.Image import Image

# Enough to judge by, and what is sent to a service stays small.
LONGEST_SIDE = 1024
"""Pixels. Larger frames are scaled down."""
QUALITY = 90
"""Of the JPEG files."""


def sample_frames(video: Path, count: int, folder: Path) -> tuple[Path, ...]:
    """Write up to `count` frames as JPEG files into a folder that exists, upright, and return them in order.

    A video of fewer frames gives each once. Blocks. Raises `MediaInvalid` when none can be decoded, `OSError` when
    one cannot be written.
    """
    if not count:
        return ()
    written: list[Path] = []
    for number, picture in enumerate(_pictures(video, count), 1):
        path = folder / f"frame-{number:02}.jpg"
        whole = BytesIO()
        picture.save(whole, "JPEG", quality=QUALITY)
        # Pillow does not notice that only a part of its last write found room on the disk. Python does.
        path.write_bytes(whole.getvalue())
        written.append(path)
    return tuple(written)


def _pictures(video: Path, count: int) -> list[Image]:
    pictures: list[Image] = []
    shown: set[int] = set()
    try:
        with opened(video) as container:
            stream = video_in(container, video)
            # PyAV's default, SLICE, keeps to one core for a video with one slice a frame.
            stream.thread_type = "AUTO"
            length = _length(container, stream)
            for part in range(count):
                # The middle of equal parts: neither a fade-in nor an end card alone.
                frame = _frame_at(container, stream, length * (part + 0.5) / count)
                if frame is None or frame.pts in shown:
                    continue
                if frame.pts is not None:
                    shown.add(frame.pts)
                pictures.append(as_shown(frame, stream))
    except (OSError, ValueError) as error:
        raise unreadable(video, error) from error
    if not pictures:
        raise MediaInvalid(f"{video.name} is damaged: no frame of it can be decoded")
    return pictures


def _length(container: InputContainer, stream: VideoStream) -> float:
    """Return the length in seconds; 0 when the file does not give it."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # A container counts in FFmpeg's AV_TIME_BASE, microseconds; a stream in a time base of its own.
    return container.duration / 1_000_000 if container.duration else 0.0


def _frame_at(container: InputContainer, stream: VideoStream, seconds: float) -> av.VideoFrame | None:
    """Return the frame that is shown at a time; None when none can be decoded."""
    # Times of frames begin at the stream's own start, which is not always 0.
    start = float((stream.start_time or 0) * (stream.time_base or 0))
    # Only a keyframe can be sought, so: the one before, and then frame by frame.
    container.seek(int((start + seconds) * 1_000_000), backward=True)
    last = None
    for frame in container.decode(stream):
        if last is not None and (frame.pts is None or frame.time > start + seconds + 1e-6):
            break
        last = frame
    return last


def as_shown(frame: av.VideoFrame, stream: VideoStream) -> Image:
    """Return a frame as a player shows it, upright and with square pixels, and not larger than a sample."""
    picture: Image = frame.to_image()  # type: ignore[no-untyped-call]
    aspect = pixel_aspect(stream)
    # A picture file has square pixels only.
    if aspect != 1:
        picture = picture.resize((max(round(picture.width * aspect), 1), picture.height))
    if frame.rotation:
        picture = picture.rotate(frame.rotation, expand=True)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return picture
