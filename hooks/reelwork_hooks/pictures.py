"""Reads the pictures that a brief refers to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from reelwork_hooks.briefs import Reference
from reelwork_hooks.errors import InvalidInput

# By the first bytes, not by the file's ending: a part under a wrong type is refused.
_KINDS = ((b"\xff\xd8\xff", "image/jpeg", ".jpg"), (b"\x89PNG\r\n\x1a\n", "image/png", ".png"))


# A part without a file name or a media type is answered 400 (openai/openai-java#640).
@dataclass(frozen=True, slots=True)
class Picture:
    """A reference picture as it is uploaded."""

    name: str
    """A name that every server reads alike, with the ending of its kind."""
    content: bytes
    """The file's bytes."""
    media_type: str
    """`image/jpeg`, `image/png` or `image/webp`, by the bytes."""


def is_url(reference: Reference) -> bool:
    """Return whether a reference is on the web rather than a file."""
    return urlsplit(reference.source).scheme.lower() in ("http", "https")


def read_picture(reference: Reference, base_dir: Path) -> Picture:
    """Return the file a reference names, below `base_dir` unless it is absolute. Blocks.

    Raises `InvalidInput` when it cannot be read or is no JPEG, PNG or WebP.
    """
    path = base_dir / Path(reference.source).expanduser()
    try:
        content = path.read_bytes()
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InvalidInput(f"the reference picture {path} cannot be read: {why}") from error
    media_type, ending = _kind(content)
    if not media_type:
        raise InvalidInput(
            f"the reference picture {path} is no JPEG, PNG or WebP file", hint="Convert it to one of these."
        )
    # Only ASCII without quotes survives every server's reading of a multipart header.
    stem = "".join(letter for letter in path.stem if letter.isascii() and (letter.isalnum() or letter in "-_"))
    return Picture(f"{stem or 'reference'}{ending}", content, media_type)


def _kind(content: bytes) -> tuple[str, str]:
    for start, media_type, ending in _KINDS:
        if content.startswith(start):
            return media_type, ending
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp", ".webp"
    return "", ""
