"""Clips of any size to store: a video that plays, filled up with bytes that no compression makes smaller."""

from __future__ import annotations

import random
import shutil
import struct
from pathlib import Path
from typing import Any

from reelwork.testing.clips import sample_video
from reelwork_hooks.models import Asset, Role

_CHUNK = 1 << 20


def padded_video(path: Path, size: int, seed: int) -> Path:
    """Write a video of about `size` bytes, other ones for each seed. Returns `path`, whose folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(sample_video(), path)
    chance = random.Random(seed)
    with path.open("ab") as file:
        missing = max(size - file.tell() - 8, 64)
        # A box that players pass over (ISO/IEC 14496-12, 8.1.2).
        file.write(struct.pack(">I4s", missing + 8, b"free"))
        while missing > 0:
            missing -= file.write(chance.randbytes(min(_CHUNK, missing)))
    return path


def assets_of(folder: Path, size: int, name: str = "video") -> list[dict[str, Any]]:
    """Write a video and a picture beside it, and return them as a clip's files, the video first."""
    video = padded_video(folder / f"{name}.mp4", size, seed=7)
    picture = folder / f"{name}.jpg"
    picture.write_bytes(random.Random(8).randbytes(4096))
    made = (Asset.from_file(video, Role.VIDEO), Asset.from_file(picture, Role.THUMBNAIL))
    return [asset.model_dump(mode="json") for asset in made]
