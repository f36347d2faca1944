"""The paths of the files beside a store."""

from __future__ import annotations

from pathlib import Path


def files_of(store: Path) -> Path:
    """Return the folder beside a store that holds downloads, plugins' work folders and owners' locks.

    It is one folder however the store is named: by a link or with `..`, others must find the same locks.
    """
    real = store.resolve()
    return real.with_name(real.name + ".files")
