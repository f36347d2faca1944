"""`mastodon` runs the suite that authors run, against a real server that ignores the key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.services.mastodon.conftest import running

from reelwork.testing import Counterpart, PublisherConformance


@pytest.fixture(scope="class", autouse=True)
def _with_the_program(program: Path) -> None:
    """Skips where there is none."""


class TestSnac(PublisherConformance):
    name = "mastodon"
    brief: ClassVar[Mapping[str, Any]] = {"privacy": "public"}
    every = 4

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        with running(folder / "snac") as server:
            token = server.person.token()
            (folder / "token").write_text(token)
            yield Counterpart(lambda: [post["id"] for post in server.person.posts(token)], server.url)

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {"instance": url, "access_token": f"file:{folder / 'token'}"}
