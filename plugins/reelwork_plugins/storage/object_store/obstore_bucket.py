"""Objects in S3, Google Cloud Storage and Azure Blob Storage, through obstore."""

# obstore's blocking calls are used, from a thread. After one of its `async` calls a process that ends at once may
# abort (PyO3/pyo3-async-runtimes#40).

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO

from reelwork_hooks import Asset
from reelwork_plugins.files import why
from reelwork_plugins.storage.object_store.bucket import Exists, Labels, NotStored, Progress, Stored
from reelwork_plugins.storage.object_store.errors import explained_errors

if TYPE_CHECKING:
    from obstore.store import AzureStore, GCSStore, S3Store

# The smallest that S3 takes. Each part is held in memory, four at a time.
PART = 5 << 20
"""Bytes of one part of a large upload."""
PARTS_AT_ONCE = 4
# The store itself makes such a request create-only. obstore holds it in memory whole, so larger files go in parts.
LARGEST_WHOLE = 8 << 20
"""Bytes up to which a file goes in one request."""


@dataclass(frozen=True)
class ObjectBucket:
    """A bucket or container of an object store, and the prefix of all its keys."""

    store: S3Store | GCSStore | AzureStore
    root: str
    """Its address, such as `s3://bucket`."""
    prefix: str = ""

    def address(self, key: str) -> str:
        """Return the address of an object, such as `s3://bucket/prefix/key`."""
        return f"{self.root}/{self._path(key)}"

    def _path(self, key: str) -> str:
        return f"{self.prefix}/{key}" if self.prefix else key

    def head(self, key: str) -> Stored | None:
        """Return the object stored under a key, without its contents; None if there is none. Raises `NotStored`."""
        import obstore

        with explained_errors(self.address(key)):
            try:
                size = obstore.head(self.store, self._path(key))["size"]
                # An empty object has no first byte: a range of it is an error.
                if size == 0:
                    return Stored(0)
                # Only an answer to GET carries the metadata here; its first byte is enough.
                answer = obstore.get(self.store, self._path(key), options={"range": (0, 1)})
            except FileNotFoundError:
                return None
            attributes = {str(name).lower(): value for name, value in answer.attributes.items()}
            return Stored(answer.meta["size"], attributes.get("sha256"))

    def read(self, key: str) -> bytes | None:
        """Return a small object's bytes; None if there is none. Raises `NotStored`."""
        import obstore

        with explained_errors(self.address(key)):
            try:
                answer = obstore.get(self.store, self._path(key))
                return bytes(answer.bytes())
            except FileNotFoundError:
                return None

    def digest(self, key: str) -> str:
        """Return the SHA-256 of an object. Raises `NotStored`."""
        import obstore

        digest, path = hashlib.sha256(), self._path(key)
        with explained_errors(self.address(key)):
            meta = obstore.head(self.store, path)
            for start in range(0, meta["size"], PART):
                end = min(start + PART, meta["size"])
                # `if_match`: pieces of two versions would give the hash of neither.
                piece = obstore.get(self.store, path, options={"range": (start, end), "if_match": meta["e_tag"]})
                digest.update(piece.bytes())
        return digest.hexdigest()

    def write(self, key: str, data: bytes, media_type: str, *, replace: bool) -> None:
        """Write a small object. Raises `Exists` unless `replace`, and `NotStored`."""
        self._put_whole(key, data, {"Content-Type": media_type}, replace=replace)

    def upload(self, key: str, asset: Asset, labels: Labels, *, replace: bool, progress: Progress) -> None:
        """Upload a file, whole or not at all. Raises `Exists` unless `replace`, and `NotStored`."""
        attributes = {"Content-Type": asset.media_type, **labels}
        if asset.bytes <= LARGEST_WHOLE:
            with _reading(asset):
                data = asset.path.read_bytes()
            _check_unchanged(asset, hashlib.sha256(data).hexdigest())
            self._put_whole(key, data, attributes, replace=replace)
            progress(len(data))
            return
        self._put_in_parts(key, asset, attributes, replace=replace, progress=progress)

    def _put_whole(self, key: str, data: bytes, attributes: Labels, *, replace: bool) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with explained_errors(self.address(key)):
            try:
                obstore.put(
                    self.store,
                    self._path(key),
                    data,
                    attributes=dict(attributes),
                    mode="overwrite" if replace else "create",
                    use_multipart=False,
                )
            except AlreadyExistsError:
                raise Exists(key) from None

    def _put_in_parts(
        self, key: str, asset: Asset, attributes: Labels, *, replace: bool, progress: Progress
    ) -> None:
        import obstore

        with explained_errors(self.address(key)):
            # What the parts' iterator raises makes obstore abort the upload: no object comes into being.
            obstore.put(
                self.store,
                self._path(key),
                self._parts(key, asset, replace=replace, progress=progress),
                attributes=dict(attributes),
                chunk_size=PART,
                max_concurrency=PARTS_AT_ONCE,
            )

    def _parts(self, key: str, asset: Asset, *, replace: bool, progress: Progress) -> Iterator[bytes]:
        digest, handed = hashlib.sha256(), 0
        with _reading(asset):
            file = asset.path.open("rb")
        with file:
            while part := _next_part(file, asset):
                digest.update(part)
                yield part
                handed += len(part)
                progress(handed)
        _check_unchanged(asset, digest.hexdigest())
        # Completing a multipart upload replaces what is there, so the last look is taken just before.
        if not replace and self._head_in_another_thread(key) is not None:
            raise Exists(key)

    def _head_in_another_thread(self, key: str) -> Stored | None:
        """Call `head` from another thread."""
        # obstore asks for the next part in the middle of its own call, and panics when a call is made inside a
        # call.
        with ThreadPoolExecutor(1) as other:
            return other.submit(self.head, key).result()

    def link(self, key: str, life: timedelta) -> str:
        """Return a presigned address for reading. Raises `NotStored` when these credentials cannot sign."""
        import obstore

        with explained_errors(self.address(key)):
            return obstore.sign(self.store, "GET", self._path(key), life)


def _next_part(file: BinaryIO, asset: Asset) -> bytes:
    with _reading(asset):
        return file.read(PART)


@contextmanager
def _reading(asset: Asset) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotStored(
            f"storage: {asset.path} cannot be read: {why(error)}", hint="Retry the job from its download."
        ) from error


def _check_unchanged(asset: Asset, digest: str) -> None:
    if digest != asset.sha256:
        raise NotStored(
            f"storage: {asset.path} has changed since it was made: its SHA-256 is no longer {asset.sha256}",
            hint="Retry the job from its download.",
        )
