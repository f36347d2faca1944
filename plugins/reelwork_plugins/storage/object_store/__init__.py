"""`storage`: stores every video in object storage (S3 and compatible, Google Cloud, Azure Blob) or a folder."""

from __future__ import annotations

from importlib.util import find_spec

from reelwork_plugins.storage.object_store.bucket import NotStored
from reelwork_plugins.storage.object_store.config import StorageConfig
from reelwork_plugins.storage.object_store.plugin import Storage
from reelwork_plugins.storage.object_store.uploads import Taken

__all__ = ["NotStored", "Storage", "StorageConfig", "Taken"]

if find_spec("obstore") is None:
    _missing = ModuleNotFoundError("obstore is not installed")
    # The extra that installs it, for the message that shows this error.
    _missing.reelwork_extra = "storage"  # type: ignore[attr-defined]
    raise _missing
