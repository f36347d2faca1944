"""Reads video files: the facts they state, and proof that they can be played to the end."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from reelwork_hooks.errors import Unavailable

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MISSING_SHARE = 0.03
MISSING_SECONDS = 0.25
"""A stream may end earlier than the file announces by both of these together."""
MOST_STRETCHED = 8
"""The width of a pixel by its height, or the other way round, up to which a file is believed."""
_HEAD = 512  # Bytes that are enough to tell text from video.
_TEXT_SHOWN = 80
_HEAD_PACKETS = 8


class MediaInvalid(Unavailable):
    """The file is not the video it should be."""

    hint = "Downloading it once more may help."


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """The facts that a video file states about itself."""

    width: int
    height: int
    """Pixels, as shown: a player may turn what is stored on its side, or stretch pixels that are not square."""
    fps: float
    """Frames per second, on average; 0 when the file does not say."""
    duration: float
    """Seconds."""
    codec: str
    frames: int | None
    has_audio: bool


def text_instead_of_video(head: bytes) -> str:
    """Return the first words of a page or a JSON answer that came instead of a video; else empty."""
    start = head[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n")
    # The length of an MP4's first box may begin with the byte of one of these signs.
    if not start.startswith((b"<", b"{", b"[")) or head[4:8] == b"ftyp":
        return ""
    shown = " ".join(start.decode("utf-8", errors="replace").split())
    return shown[:_TEXT_SHOWN] + ("…" if len(shown) > _TEXT_SHOWN else "")


def probe(path: Path) -> MediaFacts:
    """Return the facts that the file announces, and how its first picture is shown. Raises `MediaInvalid`."""
    _check_content(path)
    try:
        with opened(path) as container:
            stream = video_in(container, path)
            facts = _facts(container, stream)
            head = islice((packet for packet in container.demux(stream) if packet.size), _HEAD_PACKETS)
            return _shown(facts, _last_picture(stream, list(head)))
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def check_playable(path: Path) -> MediaFacts:
    """Read the file to its end and decode its first and last pictures.

    Decodes only what it must, so a long file takes little longer than a short one. Raises `MediaInvalid`,
    which says what is wrong: empty, no video, or cut off.
    """
    _check_content(path)
    try:
        with opened(path) as container:
            stream = video_in(container, path)
            announced = _facts(container, stream)
            stream.thread_type = "AUTO"
            found = _demux(container, stream)
            _check_complete(path, announced, found)
            announced = _shown(announced, _check_picture(path, stream, "first", found.head))
            _check_picture(path, stream, "last", found.tail)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    return MediaFacts(
        announced.width, announced.height, announced.fps or found.frames / found.length,
        announced.duration or found.length, announced.codec, found.frames, announced.has_audio,
    )  # fmt: skip


def _check_content(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise MediaInvalid(f"{path.name} cannot be read: {error.strerror}") from error
    if not head:
        raise MediaInvalid(f"{path.name} is empty (0 bytes)")
    text = text_instead_of_video(head)
    if text:
        kind = "an HTML or XML page" if text.startswith("<") else "JSON"
        raise MediaInvalid(f"{path.name} is not a video: it looks like {kind}: {text}")


def opened(path: Path) -> InputContainer:
    """Open a video for reading. Raises `OSError` or `ValueError`."""
    # Imported late: commands that read no video start without loading FFmpeg.
    import av

    return av.open(str(path), "r")


def video_in(container: InputContainer, path: Path) -> VideoStream:
    """Return the first stream of pictures. Raises `MediaInvalid`."""
    if not container.streams.video:
        raise MediaInvalid(f"{path.name} holds no picture, only {container.format.long_name}")
    return container.streams.video[0]


def pixel_aspect(stream: VideoStream) -> float:
    """Return the width of a pixel by its height; 1 where the file does not say, or nothing that can be shown."""
    aspect = float(stream.sample_aspect_ratio or 1)
    # A file may state any number. Stretched by thousands, a picture would take all memory.
    return aspect if 1 / MOST_STRETCHED <= aspect <= MOST_STRETCHED else 1.0


def _facts(container: InputContainer, stream: VideoStream) -> MediaFacts:
    import av

    if stream.duration is not None and stream.time_base is not None:
        duration = float(stream.duration * stream.time_base)
    else:
        duration = (container.duration or 0) / av.time_base
    return MediaFacts(
        width=max(round(stream.codec_context.width * pixel_aspect(stream)), 1),
        height=stream.codec_context.height,
        fps=float(stream.average_rate or 0),
        duration=duration,
        codec=stream.codec_context.name,
        # 0 is FFmpeg's word for a number that the file does not state.
        frames=stream.frames or None,
        has_audio=bool(container.streams.audio),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """The pictures that are really in a file."""

    length: float
    """Seconds."""
    frames: int
    head: list[Packet[VideoStream]]
    """The first packets: enough for one picture."""
    tail: list[Packet[VideoStream]]
    """The last packets, from the last key picture on: all that the last picture needs."""


def _demux(container: InputContainer, stream: VideoStream) -> _Found:
    frames, start, end = 0, math.inf, -math.inf
    head: list[Packet[VideoStream]] = []
    tail: list[Packet[VideoStream]] = []
    for packet in container.demux(stream):
        # `demux` ends with an empty packet that flushes the decoder.
        if packet.pts is None or packet.is_corrupt or not packet.size:
            continue
        if packet.is_keyframe:
            tail = []
        tail.append(packet)
        if frames < _HEAD_PACKETS:
            head.append(packet)
        frames += 1
        start = min(start, float(packet.pts * packet.time_base))
        end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return _Found(max(end - start, 0.0), frames, head, tail)


def _check_complete(path: Path, announced: MediaFacts, found: _Found) -> None:
    whole = announced.duration
    few = announced.frames is not None and found.frames < announced.frames * (1 - MISSING_SHARE) - 1
    if not found.frames or few or found.length < whole * (1 - MISSING_SHARE) - MISSING_SECONDS:
        raise MediaInvalid(f"{path.name} is cut off at {found.length:.1f} of {whole:.1f} s")


def _check_picture(path: Path, stream: VideoStream, which: str, packets: list[Packet[VideoStream]]) -> VideoFrame:
    last = _last_picture(stream, packets)
    if last is None or last.is_corrupt:
        raise MediaInvalid(f"{path.name} is damaged: its {which} picture cannot be decoded")
    return last


def _last_picture(stream: VideoStream, packets: list[Packet[VideoStream]]) -> VideoFrame | None:
    """Return the last picture that can be decoded from packets; None if one of them is damaged."""
    decoder = stream.codec_context
    # A decoder that has been drained takes no packet until it is flushed (FFmpeg, `avcodec_flush_buffers`).
    decoder.flush_buffers()
    last: VideoFrame | None = None
    try:
        # None drains it: a decoder holds pictures back to put them in order.
        for packet in (*packets, None):
            for frame in decoder.decode(packet):
                last = frame
    except (OSError, ValueError):
        return None
    return last


def _shown(facts: MediaFacts, picture: VideoFrame | None) -> MediaFacts:
    """Return the facts with the sides as a player shows them."""
    # The turn is a note of the file's, which FFmpeg tells with the pictures. Degrees of either sign.
    on_its_side = picture is not None and round(picture.rotation / 90) % 2 == 1
    return replace(facts, width=facts.height, height=facts.width) if on_its_side else facts


def unreadable(path: Path, error: Exception) -> MediaInvalid:
    """Return the error that says why a file cannot be read."""
    # A box that reaches past the end of the file shows an MP4 that was cut off, for which FFmpeg has many words.
    there, needed = path.stat().st_size, _announced_bytes(path)
    if needed > there:
        return MediaInvalid(f"{path.name} is cut off at {there} of {needed} bytes")
    reason = getattr(error, "strerror", None) or type(error).__name__
    return MediaInvalid(f"{path.name} cannot be read as a video: {reason}")


def _announced_bytes(path: Path) -> int:
    """Return the bytes an MP4 file needs for its top-level boxes (ISO/IEC 14496-12) to fit; 0 for other files."""
    at, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            header = file.read(16)
            if len(header) < 8 or (at == 0 and header[4:8] != b"ftyp"):
                break
            length = int.from_bytes(header[:4], "big")
            # 1 is followed by a length of 64 bits. 0 means up to the end of the file.
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            if length < 8:
                break
            at += length
    return at
