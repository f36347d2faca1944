"""`thumbnail`: a still picture that stands for the video."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from reelwork_hooks import Asset, Clip, Config, Job, Phase, Plugin, ReelworkError, Role, hookimpl
from reelwork_plugins.files import made_once
from reelwork_plugins.finishing.one_pass import recipe
from reelwork_plugins.finishing.pixels import pixel_aspect

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from PIL.Image import Image

# Clear of a fade-in at the start and an end card.
_SAMPLES = (0.12, 0.3, 0.5, 0.7, 0.88)
"""Parts of the length at which frames are compared."""
# A file of this name is used again. So a change of the code that gives another picture needs another number.
_RECIPE = "1"
"""Part of the file's name."""
_PIL_FORMATS = {"jpeg": "JPEG", "webp": "WEBP", "png": "PNG"}
_ENDINGS = {"jpeg": "jpg", "webp": "webp", "png": "png"}
_MEDIA_TYPES = {"jpeg": "image/jpeg", "webp": "image/webp", "png": "image/png"}


class ThumbnailConfig(Config):
    """Settings of `thumbnail`."""

    width: Annotated[int, Field(ge=16, le=4096)] = 640
    """Pixels. A narrower video is not made larger."""
    format: Literal["jpeg", "webp", "png"] = "jpeg"
    quality: Annotated[int, Field(ge=1, le=100)] = 85
    """Quality of a JPEG or WebP picture; PNG loses nothing."""
    at: Annotated[float, Field(ge=0)] | None = None
    """Seconds into the video (the last frame when it is shorter). By default the most detailed of a few frames."""


class UnreadableVideo(ReelworkError):
    """The video cannot be decoded."""

    money = "The video is kept as downloaded; nothing was posted."


class Thumbnail(Plugin):
    """Adds a thumbnail to the clip: the most detailed of a few frames, or the one at a given second."""

    Config = ThumbnailConfig
    phase = Phase.EDIT
    may_change = ()
    config: ThumbnailConfig

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip:
        """Return the clip with its thumbnail. Calling it again gives the same file.

        Raises `UnreadableVideo` when no frame can be decoded.
        """

        def write(part: Path) -> None:
            _save(_picture(clip.video.path, self.config), part, self.config)

        ending = f".{_ENDINGS[self.config.format]}"
        path = made_once(self.context.work_dir, self._name(clip.video), ending, write)
        width, height = _size(path)
        media_type = _MEDIA_TYPES[self.config.format]
        asset = Asset.from_file(path, Role.THUMBNAIL, width=width, height=height, media_type=media_type)
        return clip.adding(asset)

    def _name(self, video: Asset) -> str:
        return recipe(_RECIPE, video.sha256, self.config.model_dump_json())


def _picture(video: Path, config: ThumbnailConfig) -> Image:
    """Return the chosen frame, upright, at the configured width."""
    import av

    try:
        with av.open(str(video)) as container:
            if not container.streams.video:
                raise _unreadable(video, "it holds no video stream")
            stream = container.streams.video[0]
            # PyAV's default, SLICE, keeps to one core for a video with one slice a frame.
            stream.thread_type = "AUTO"
            frame = _chosen(container, stream, config.at)
            if frame is None:
                raise _unreadable(video, "no frame of it can be decoded")
            return _scaled(frame, stream, config.width)
    except (OSError, ValueError) as error:
        raise _unreadable(video, str(error)) from error


def _unreadable(video: Path, why: str) -> UnreadableVideo:
    return UnreadableVideo(
        f"no thumbnail could be made: {video} cannot be read as a video ({why})",
        hint="Play the file to see whether it is whole, then run `reelwork jobs retry` for this job.",
    )


def _chosen(container: InputContainer, stream: VideoStream, at: float | None) -> av.VideoFrame | None:
    length = _length(container, stream)
    if at is not None:
        return _frame_at(container, stream, min(at, length) if length else at)
    best: tuple[float, av.VideoFrame] | None = None
    for part in _SAMPLES:
        frame = _frame_at(container, stream, part * length)
        if frame is not None and (best is None or _detail(frame) > best[0]):
            best = (_detail(frame), frame)
    return best[1] if best else None


def _length(container: InputContainer, stream: VideoStream) -> float:
    """Return the length in seconds; 0 when the file does not give it."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # A container counts in FFmpeg's AV_TIME_BASE, microseconds; a stream in a time base of its own.
    return container.duration / 1_000_000 if container.duration else 0.0


def _frame_at(container: InputContainer, stream: VideoStream, seconds: float) -> av.VideoFrame | None:
    """Return the first frame at or after a time, or the last one before it at the end of the video."""
    # Times of frames begin at the stream's own start, which is not always 0.
    start = float((stream.start_time or 0) * (stream.time_base or 0))
    # Only a keyframe can be sought, so: the one before, and then frame by frame.
    container.seek(int((start + seconds) * 1_000_000), backward=True)
    last = None
    for frame in container.decode(stream):
        last = frame
        if frame.pts is None or frame.time >= start + seconds - 1e-6:
            return frame
    return last


def _detail(frame: av.VideoFrame) -> float:
    """Return the amount of detail in a frame: its edges and its spread of brightness.

    Black, white and flat frames get about 0.
    """
    from PIL import ImageFilter, ImageStat

    height = max(round(160 * frame.height / frame.width), 16)
    small = _as_picture(frame.reformat(width=160, height=height)).convert("L")
    # Without its border: FIND_EDGES leaves the outermost pixels as they were.
    edges = small.filter(ImageFilter.FIND_EDGES).crop((1, 1, small.width - 1, small.height - 1))
    return ImageStat.Stat(edges).mean[0] + 0.25 * ImageStat.Stat(small).stddev[0]


def _scaled(frame: av.VideoFrame, stream: VideoStream, width: int) -> Image:
    from PIL import Image

    picture = _as_picture(frame)
    aspect = pixel_aspect(stream)
    # A picture file has square pixels only.
    if aspect != 1:
        wide = max(round(picture.width * aspect), 1)
        picture = picture.resize((wide, picture.height), Image.Resampling.LANCZOS)
    if frame.rotation:
        picture = picture.rotate(frame.rotation, expand=True)
    if picture.width <= width:
        return picture
    height = max(round(picture.height * width / picture.width), 1)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _as_picture(frame: av.VideoFrame) -> Image:
    picture: Image = frame.to_image()  # type: ignore[no-untyped-call]
    return picture


def _save(picture: Image, part: Path, config: ThumbnailConfig) -> None:
    """Write the picture, without any metadata."""
    options = {} if config.format == "png" else {"quality": config.quality}
    whole = BytesIO()
    picture.save(whole, _PIL_FORMATS[config.format], **options)
    # Pillow does not notice that only a part of its last write found room on the disk. Python does.
    part.write_bytes(whole.getvalue())


def _size(path: Path) -> tuple[int, int]:
    from PIL import Image

    with Image.open(path) as picture:
        return picture.size
