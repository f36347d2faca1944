"""What doctor and plan say is about what was asked, in words that fit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import Answer, VideoServer

Serve = Callable[..., VideoServer]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_named_and_no_render_is_spoken_of(desk: Desk, serve: Serve, status: int) -> None:
    refusal = Answer({"error": {"message": "Incorrect API key provided"}}, status)
    server = serve(show=lambda *_: refusal, listing=lambda *_: refusal, other=lambda *_: refusal)
    said = desk.reelwork("doctor", desk.workflow(server.origin))
    assert said.code == 1
    assert "Incorrect API key provided" in said.out
    assert "Check api_key and auth_header under [provider]." in said.out
    assert "render goes on" not in said.out
    assert "reelwork-doctor" not in said.out
    assert "a video that does not exist" in said.out
