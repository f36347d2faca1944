"""The C2PA manifest of a downloaded video: found by its box, and checked where the library is installed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from reelwork.media.provenance import WITH_EXTRA, Provenance, read_provenance
from reelwork_hooks.errors import InvalidInput, ReelworkError
from reelwork_hooks.models import ProviderManifest

log = logging.getLogger("reelwork.media")

# C2PA 2.x, "Embedding manifests into BMFF-based assets".
_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
# It comes soon after the first box. A file may have millions of boxes of eight bytes.
_MOST_BOXES = 1000


def holds_manifest(path: Path) -> bool:
    """Return whether an MP4 or QuickTime file has a box for a C2PA manifest. Does not check it."""
    try:
        with path.open("rb") as file:
            boxes = islice(_boxes(file, path.stat().st_size), _MOST_BOXES)
            return any(head[4:8] == b"uuid" and head[8:24] == _UUID for head in boxes)
    # The video is paid for: what it says of its origin must not fail its job.
    except OSError as error:
        log.warning("%s was not searched for a manifest: %s", path, error)
        return False


def _boxes(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the beginning of each box, without the long form of its length."""
    while len(head := file.read(24)) >= 8:
        start, length = file.tell() - len(head), int.from_bytes(head[:4], "big")
        if length == 1:
            length, head = int.from_bytes(head[8:16], "big"), head[:8] + head[16:] + file.read(8)
        yield head
        # A length of 0 is up to the end of the file. Less than a head is no box.
        if length < 8:
            return
        file.seek(min(start + length, size))


def manifest_of(path: Path) -> ProviderManifest | None:
    """Return what the manifest of a download says; None if it has none, or cannot be read."""
    if not holds_manifest(path):
        return None
    try:
        found = read_provenance(path)
    except InvalidInput as error:
        return ProviderManifest(state="unchecked", problem=_unchecked(error))
    except ReelworkError as error:
        return ProviderManifest(state="invalid", problem=error.message)
    return None if found is None else _facts(found)


def _facts(found: Provenance) -> ProviderManifest:
    return ProviderManifest(
        state="valid" if found.valid else "invalid",
        signer=found.manifest.signer or found.manifest.organisation,
        source=found.ai,
        problem="; ".join(found.problems),
    )


def _unchecked(error: InvalidInput) -> str:
    return f"the package c2pa-python is not installed. {WITH_EXTRA}" if error.hint == WITH_EXTRA else error.message
