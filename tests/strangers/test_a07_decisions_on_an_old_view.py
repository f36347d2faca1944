"""A decision is about what was shown. When that has moved on, nothing is changed and nothing is paid."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import LOST, Answer, Asked, VideoServer

from reelwork.errors import WorkflowInvalid
from reelwork.plugins.catalog import Catalog
from reelwork.studio.studio import Studio
from reelwork.testing import FakeRemote, accepted_then_lost, lost_on_the_way, register
from reelwork_hooks import Idempotency

PROMPT = "A lighthouse in the rain at night"


@pytest.fixture
def remote(tmp_path: Path, film: bytes) -> FakeRemote:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(film)
    return FakeRemote(clip)


@pytest.fixture
def studio(tmp_path: Path, remote: FakeRemote) -> Any:
    catalog = Catalog()
    register(catalog, remote)
    workflow: dict[str, Any] = {
        "provider": {"use": "fake", "poll_interval": 0.01},
        "plugins": {"pre_moderate": [], "prompt_transform": [], "post_download": [], "publish": []},
        "brief": {"duration": 4},
    }
    with Studio(workflow, store=tmp_path / "store.db", out=tmp_path / "out", catalog=catalog) as made:
        yield made


def test_an_outcome_is_of_the_sending_that_was_shown(studio: Studio, remote: FakeRemote) -> None:
    remote.idempotency = Idempotency.NONE
    remote.faults = [lost_on_the_way, accepted_then_lost]
    (job,) = studio.run_sync(PROMPT).jobs
    assert studio.resolve_sync(job.id, decision="not-happened", attempt=1).status == "held"
    for old in ({"attempt": 1}, {}):
        with pytest.raises(WorkflowInvalid, match="was sent 2 times"):
            studio.resolve_sync(job.id, decision="not-happened", **old)
    assert (len(remote.creates), remote.calls) == (1, 2)
    done = studio.resolve_sync(job.id, decision="happened", remote_id="fake_1", attempt=2)
    assert (done.status, len(remote.creates)) == ("done", 1)


def test_two_that_want_a_new_render_get_one(studio: Studio, remote: FakeRemote) -> None:
    remote.outcome = "failed"
    (job,) = studio.run_sync(PROMPT).jobs
    shown = {job.id: studio.find(job.id).fence}

    async def both() -> list[Any]:
        wishes = (studio.retry(job.id, shown=shown), studio.retry(job.id, shown=shown))
        return list(await asyncio.gather(*wishes, return_exceptions=True))

    asyncio.run(both())
    assert len(remote.creates) == 2
    with pytest.raises(WorkflowInvalid, match="has changed since it was shown"):
        studio.retry_sync(job.id, shown=shown)
    assert len(remote.creates) == 2


def test_in_two_terminals_the_second_decision_is_refused(desk: Desk, serve: Callable[..., VideoServer]) -> None:
    def create(server: VideoServer, asked: Asked) -> Answer:
        if server.creates > 1:
            server.accept(asked)
        return LOST

    server = serve(create=create)
    desk.reelwork("run", desk.workflow(server.origin, provider='dialect = "litellm"'), "--yes")
    id_ = desk.jobs()[0]["id"]
    (question,) = desk.reelwork("jobs", "resolve", id_, "--json").json["questions"]
    assert question["attempt"] == 1
    assert desk.reelwork("jobs", "resolve", id_, "--did-not-happen").code == 3
    again = desk.reelwork("jobs", "resolve", id_, "--did-not-happen")
    assert again.code == 2, again.text
    assert "decide with --attempt 2" in " ".join(again.text.split())
    old = desk.reelwork("jobs", "resolve", id_, "--did-not-happen", "--attempt", "1")
    assert old.code == 2, old.text
    assert (server.creates, len(server.jobs)) == (2, 1)
