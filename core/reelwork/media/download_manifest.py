"""The C2PA manifest of a downloaded video: found by its box, and checked where the library is installed.

One that is not in the file, which only names its address, is reported and not fetched.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from reelwork.media.provenance import WITH_EXTRA, Provenance, read_provenance
from reelwork.media.remote_manifest import address_in, elsewhere
from reelwork_hooks.errors import InvalidInput, ReelworkError
from reelwork_hooks.models import ProviderManifest

log = logging.getLogger("reelwork.media")

# C2PA 2.x, "Embedding manifests into BMFF-based assets".
_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
# The XMP specification, part 3, "MPEG-4".
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_LONGEST_XMP = 1 << 20
"""Bytes that are searched for an address."""
# It comes soon after the first box. A file may have millions of boxes of eight bytes.
_MOST_BOXES = 1000


@dataclass(frozen=True)
class _Found:
    """The traces of a manifest in a file."""

    inside: bool = False
    """True if a box for it is in the file."""
    address: str = ""
    """The address that the file names for it; empty if it names none."""


def holds_manifest(path: Path) -> bool:
    """Return whether an MP4 or QuickTime file has a box for a C2PA manifest, or names one. Does not check it."""
    found = _searched(path)
    return found.inside or bool(found.address)


def _searched(path: Path) -> _Found:
    inside, address = False, ""
    try:
        with path.open("rb") as file:
            for head in islice(_boxes(file, path.stat().st_size), _MOST_BOXES):
                kind = head[8:24] if head[4:8] == b"uuid" else b""
                inside = inside or kind == _UUID
                if kind == _XMP:
                    address = address_in(file.read(_xmp_size(head)))
    # The video is paid for: what it says of its origin must not fail its job.
    except OSError as error:
        log.warning("%s was not searched for a manifest: %s", path, error)
    return _Found(inside, address)


def _xmp_size(head: bytes) -> int:
    length = int.from_bytes(head[:4], "big")
    # A smaller number means that the length is written elsewhere, or is up to the end of the file.
    return min(length - len(head), _LONGEST_XMP) if length > len(head) else _LONGEST_XMP


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
    found_there = _searched(path)
    if not found_there.inside:
        address = found_there.address
        return ProviderManifest(state="unchecked", problem=elsewhere(address)) if address else None
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
