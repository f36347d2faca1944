"""What cannot work is said at once: a wrong address, a port that does not speak https, a key pasted badly."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.ports import free_port
from tests.strangers.conftest import Desk, Ended
from tests.strangers.server import VideoServer


def waits(desk: Desk) -> list[str]:
    """The pauses that were told before the job ended."""
    [job] = desk.jobs()
    told = desk.reelwork("jobs", "history", str(job["id"]), "--json").json
    return [line["what"] for line in told["history"] if line["what"] in ("waiting", "retry")]


def ran(desk: Desk, origin: str, **environ: Any) -> Ended:
    provider = 'api_key = "env:VIDEO_KEY"' if environ else ""
    return desk.reelwork("run", desk.workflow(origin, provider=provider), "--yes", **environ)


@pytest.mark.parametrize("scheme", ["refused", "https"])
def test_an_address_that_cannot_work_is_not_tried_again(
    desk: Desk, serve: Callable[..., VideoServer], scheme: str
) -> None:
    server = serve()
    port = server.origin.rsplit(":", 1)[1]
    origin = f"http://127.0.0.1:{free_port()}" if scheme == "refused" else f"https://127.0.0.1:{port}"
    ended = ran(desk, origin)
    assert ended.code != 0
    assert {"refused": "Connection refused", "https": "is http:// meant?"}[scheme] in " ".join(ended.text.split())
    assert waits(desk) == []
    assert server.requests == []


@pytest.mark.parametrize("key", ["sk-hunter22 ", "\ufeffsk-hunter22", "sk-hun\x07ter22"])
def test_a_key_that_was_pasted_badly_is_named_before_anything_is_sent(
    desk: Desk, serve: Callable[..., VideoServer], key: str
) -> None:
    server = serve()
    ended = ran(desk, server.origin, VIDEO_KEY=key)
    assert ended.code != 0
    assert "env:VIDEO_KEY: the secret" in ended.text
    assert "provider.api_key" in ended.text
    assert "hunter" not in json.dumps(ended.text)
    assert server.requests == []


def test_a_key_that_no_header_can_carry_is_named(desk: Desk, serve: Callable[..., VideoServer]) -> None:
    server = serve()
    ended = ran(desk, server.origin, VIDEO_KEY="sk-hünter22")
    assert ended.code != 0
    assert "api_key" in ended.text
    assert "env:VIDEO_KEY" in ended.text
    assert "nter22" not in ended.text
    assert server.requests == []
