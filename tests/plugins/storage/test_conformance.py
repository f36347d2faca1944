"""The built-in storages of folders run the suite that authors run.

`REELWORK_CONFORMANCE=full` kills at every change of a file; otherwise it is a sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reelwork.testing import StorageConformance, StoredFiles


class TestLocal(StorageConformance):
    name = "local"
    every = 3

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[StoredFiles]:
        yield StoredFiles.below(folder / "kept")

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {"folder": str(folder / "kept")}


class TestFolder(StorageConformance):
    """`storage` with a folder of this machine."""

    name = "storage"
    every = 3

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[StoredFiles]:
        yield StoredFiles.below(folder / "kept")

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {"url": (folder / "kept").as_uri(), "key": "{row}{job}/{sha256}.mp4"}
