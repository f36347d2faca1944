import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from reelwork_film_shelf import FilmShelf

from reelwork.testing import Asked, StorageConformance, StoredFiles, serving


class Shelf:
    """A WebDAV server that holds its files in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.url = ""

    def __call__(self, asked: Asked) -> tuple[int, Any]:
        if asked.method == "GET":
            found = self.files.get(asked.path)
            return (404, {}) if found is None else (200, found)
        if asked.method == "PUT":
            self.files[asked.path] = asked.body
            return 201, {}
        if (data := self.files.pop(asked.path, None)) is None:
            return 404, {}
        self.files["/" + asked.headers["destination"].rpartition("/")[2]] = data
        return 201, {}

    def digests(self) -> dict[str, str]:
        """Return what a reader finds, under the addresses of the plugin, which are those of the proxy."""
        return {f"{self.url}{path}": hashlib.sha256(data).hexdigest() for path, data in self.files.items()}

    def write(self, address: str, data: bytes) -> None:
        self.files["/" + address.rpartition("/")[2]] = data


class TestStoresWholeFiles(StorageConformance):
    """Killed anywhere, with requests lost, doubled and cut, it reports only files that are there."""

    plugin = FilmShelf
    name = "film-shelf"
    environment: ClassVar[Mapping[str, str]] = {"SHELF_TOKEN": "t0k3n-of-the-shelf"}
    shelves: ClassVar[dict[Path, Shelf]] = {}

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[StoredFiles]:
        shelf = self.shelves[folder] = Shelf()
        with serving(shelf) as url:
            yield StoredFiles(shelf.digests, url, shelf.write)

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        self.shelves[folder].url = url
        return {"base_url": url, "token": "env:SHELF_TOKEN"}
