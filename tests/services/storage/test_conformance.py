"""`storage` runs the suite that authors run, against real object stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from reelwork.testing import StorageConformance, StoredFiles

from .conftest import ACCOUNT_KEY, S3, Azure, Server

SEVERAL_PARTS = 12_000_000


class ObjectStore(StorageConformance):
    name = "storage"
    size = SEVERAL_PARTS
    kind: ClassVar[str]
    service: ClassVar[str] = "moto"
    server: ClassVar[Server]
    environment: ClassVar[Mapping[str, str]] = {
        "STORE_ID": "AKIDEXAMPLE",
        "STORE_KEY": "wJalrXUtnFEMI",
        "STORE_TOKEN": "ya29.example",
    }
    shops: ClassVar[dict[Path, S3 | Azure]] = {}

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def serves(cls, request: pytest.FixtureRequest) -> None:
        cls.server = request.getfixturevalue(cls.service)

    def shop(self) -> S3 | Azure:
        # Google's client writes a hyphen as `%2D`, which moto does not read in the name of a bucket.
        return S3(self.server, self.kind, f"clips{uuid4().hex[:12]}")

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[StoredFiles]:
        shop = self.shops[folder] = self.shop()
        # Not `make`: it empties the whole server, where other cases are being played.
        shop.make_again()
        below = shop.settings(0)["url"].removesuffix("/brand")

        def digests() -> dict[str, str]:
            return {f"{below}/{name}": shop.get(name)["sha256"] for name in shop.names()}

        def write(address: str, data: bytes) -> None:
            shop.put(address.removeprefix(f"{below}/"), data)

        yield StoredFiles(digests, f"http://127.0.0.1:{self.server.port}", write)
        if isinstance(shop, S3):
            shop.client.close()

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        port = urlsplit(url).port
        assert port is not None
        return {**self.shops[folder].settings(port), "retry_seconds": 2, "key": "{row}/{job}/{sha256}.mp4"}


class TestS3(ObjectStore):
    kind = "s3"


class TestS3InOneRequest(ObjectStore):
    """Small files, which the store itself makes create-only."""

    kind = "s3"
    size = 300_000


class TestGoogle(ObjectStore):
    kind = "gcs"


class TestAzure(ObjectStore):
    kind = "azure"
    service = "azurite"
    environment: ClassVar[Mapping[str, str]] = {"STORE_KEY": ACCOUNT_KEY}

    def shop(self) -> S3 | Azure:
        return Azure(self.server)
