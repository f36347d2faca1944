"""The place where a storage plugin puts files, as its author describes it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class StoredFiles:
    """The files of a storage, new and empty for each case, read without the plugin."""

    digests: Callable[[], Mapping[str, str]]
    """The SHA-256 of each file that a reader finds there now, by its address, written as the plugin reports it."""
    url: str = ""
    """The address of the service on 127.0.0.1, without a slash at its end. Empty where there is none, as for a
    folder."""
    write: Callable[[str, bytes], None] | None = None
    """Puts other bytes at an address, as another program would. Leave it out where nobody can."""

    @classmethod
    def below(cls, folder: Path) -> StoredFiles:
        """Return the files below a folder, under their `file://` addresses."""
        return cls(lambda: _digests(folder), write=_write)


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                found[path.absolute().as_uri()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _write(address: str, data: bytes) -> None:
    Path(unquote(urlsplit(address).path)).write_bytes(data)
