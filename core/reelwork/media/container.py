"""The kinds of video files, recognised by their first bytes. Names and labels of servers do not count."""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD = 512
"""Bytes that are enough to tell."""
# EBML's element DocType (RFC 8794): WebM and Matroska begin with the same four bytes.
_DOC_TYPE = re.compile(rb"\x42\x82.{0,8}?(webm|matroska)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of video file."""

    ending: str
    media_type: str


MP4 = Container(".mp4", "video/mp4")
QUICKTIME = Container(".mov", "video/quicktime")
WEBM = Container(".webm", "video/webm")
MATROSKA = Container(".mkv", "video/x-matroska")
AVI = Container(".avi", "video/x-msvideo")
MPEG_TS = Container(".ts", "video/mp2t")
GIF = Container(".gif", "image/gif")
UNKNOWN = Container(".video", "application/octet-stream")


def is_picture(head: bytes) -> bool:
    """Return whether these first bytes are a still picture: a link may lead to one that stands for the video."""
    webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    # A still picture in the boxes of MP4: only the brand tells it from a film.
    avif = head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"heic", b"mif1")
    return webp or avif or head.startswith((b"\xff\xd8\xff", b"\x89PNG", b"BM"))


def container_of(head: bytes) -> Container:
    """Return the kind of file that begins with these bytes."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        # QuickTime is older than `ftyp`: its files may begin with any of these boxes.
        return QUICKTIME if head[8:10] == b"qt" or head[4:8] != b"ftyp" else MP4
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        named = _DOC_TYPE.search(head)
        return WEBM if named is not None and named[1] == b"webm" else MATROSKA
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return AVI
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    # A transport stream has this byte at the beginning of each of its packets of 188 bytes.
    return MPEG_TS if len(head) > 188 and head[0] == head[188] == 0x47 else UNKNOWN
