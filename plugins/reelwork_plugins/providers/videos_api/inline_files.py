"""Stores a video that came within the answer to a create, which some servers give only once."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

from pydantic import JsonValue


def decode(text: str) -> bytes:
    """Return the bytes of base64 text, with or without a `data:` prefix. Raises `binascii.Error`."""
    return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)


def keep(folder: Path, remote_id: str, text: str) -> str:
    """Write the video so that it survives a power cut, and return its file's name. Blocks.

    Raises `OSError` and `binascii.Error`.
    """
    # An id is the server's word: as a file name it could be `../../…`.
    name = f"{hashlib.sha256(remote_id.encode()).hexdigest()[:32]}.mp4"
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{name}.part"
    with part.open("wb") as file:
        file.write(decode(text))
        file.flush()
        # Before the name: otherwise a power cut may leave a file of that name without its bytes.
        os.fsync(file.fileno())
    part.replace(folder / name)
    return name


def find(folder: Path, name: JsonValue) -> Path | None:
    """Return the stored file of this name, if it is there."""
    # A bare name only: no stored detail may lead out of the folder.
    path = folder / name if isinstance(name, str) and Path(name).name == name else None
    return path if path is not None and path.is_file() else None
