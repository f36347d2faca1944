"""Plugins of the fault matrix's workflows: what a post goes out with, and where its network fetches the video."""

from __future__ import annotations

import struct
import zlib

from reelwork_hooks import Asset, Clip, Config, Job, Phase, Plugin, Role, hookimpl

WORDS = "1\n00:00:00,000 --> 00:00:01,000\nGulls over the harbour\n"


class Dresser(Plugin):
    """Gives a video captions and a picture of its own."""

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip:
        """Return the clip with both, in files of the job's."""
        captions, picture = (clip.video.path.with_name(f"{job.id}.{end}") for end in ("en.srt", "png"))
        captions.write_text(WORDS)
        picture.write_bytes(_picture())
        dressed = (
            Asset.from_file(captions, Role.CAPTIONS, media_type="application/x-subrip"),
            Asset.from_file(picture, Role.THUMBNAIL),
        )
        return clip.replace(assets=(*clip.assets, *dressed))


class ShelfConfig(Config):
    address: str
    """Of a server that has every file under its path."""


class Shelf(Plugin):
    """A storage that leaves a video where it is, and gives addresses."""

    Config = ShelfConfig
    config: ShelfConfig
    phase = Phase.STORE

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip:
        """Return the clip as it is."""
        return clip

    async def public_url(self, asset: Asset, seconds: float) -> str:
        """Return the address of a file."""
        return f"{self.config.address}{asset.path}"


def _picture(side: int = 16) -> bytes:
    """Return a grey picture."""
    rows = zlib.compress((b"\0" + b"\x80" * side) * side)
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*one) for one in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
