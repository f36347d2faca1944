"""Names of packages, as they are written in a qualified name such as `acme-board:gallery`."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

OURS = "reelwork"
"""The package whose names no other can take."""


def package_of(entry: EntryPoint) -> str:
    """Return the name of the package that brings it, as it is written in a qualified name."""
    return normalized(_name_and_version(entry.dist)[0]) if entry.dist is not None else entry.module


def normalized(package: str) -> str:
    """Return a package's name as the indexes compare it (PEP 503).

    >>> normalized("Acme_Board")
    'acme-board'
    """
    return re.sub(r"[-_.]+", "-", package).lower()


def origin_of(entry: EntryPoint) -> str:
    """Return the package and version that bring it."""
    # A test or a loader of its own may make an entry point without a distribution.
    dist = entry.dist
    return " ".join(_name_and_version(dist)) if dist is not None else entry.value


# A distribution reads and parses its whole metadata for each of them, and one package brings many plugins.
@cache
def _name_and_version(dist: Distribution) -> tuple[str, str]:
    return dist.name, dist.version
