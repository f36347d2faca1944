"""`bluesky` runs the suite that authors run, against a real server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from reelwork.testing import Counterpart, PublisherConformance


@pytest.fixture(scope="class", autouse=True)
def _with_a_server(request: pytest.FixtureRequest, pds: Any) -> None:
    TestBluesky.pds = pds


class TestBluesky(PublisherConformance):
    name = "bluesky"
    brief: ClassVar[Mapping[str, Any]] = {"privacy": "public"}
    every = 4
    pds: ClassVar[Any]

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        person = self.pds.person()
        (folder / "handle").write_text(person.handle)
        (folder / "password").write_text(person.password)
        # Newest first, as the server lists them.
        yield Counterpart(lambda: [post["uri"] for post in reversed(self.pds.posts(person))], self.pds.url)

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        handle = (folder / "handle").read_text()
        return {"service": url, "identifier": handle, "password": f"file:{folder / 'password'}"}
