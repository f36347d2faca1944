"""The folders of a person where Reelwork's own files lie: data, configuration and cache.

On every system they are those of https://specifications.freedesktop.org/basedir-spec/latest/. They never move: a
store that is looked for elsewhere is an empty one, and what it knew would be paid for again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_USUAL = {"XDG_CACHE_HOME": "~/.cache", "XDG_CONFIG_HOME": "~/.config", "XDG_DATA_HOME": "~/.local/share"}


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for what can be found out again."""
    return _folder("XDG_CACHE_HOME", environ)


def config_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for accounts."""
    return _folder("XDG_CONFIG_HOME", environ)


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for the store."""
    return _folder("XDG_DATA_HOME", environ)


def _folder(variable: str, environ: Mapping[str, str]) -> Path:
    named = Path(environ.get(variable, ""))
    # The specification says that a relative one is to be ignored.
    return (named if named.is_absolute() else Path(_USUAL[variable]).expanduser()) / "reelwork"
