"""Two servers under one name of an account: each render is asked about where it was requested."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from reelwork import Studio
from reelwork.store.frozen import address_in
from reelwork_plugins.simulator.server import RunningSimulator
from reelwork_plugins.simulator.settings import SimulatorSettings

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[RunningSimulator]]:
    with ExitStack() as stack:
        logs = [tmp_path / "one.log", tmp_path / "two.log"]
        yield [stack.enter_context(RunningSimulator(SimulatorSettings(log_file=log))) for log in logs]


def workflow(folder: Path, name: str, address: str, prompt: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(
        f"""
        [brief]
        prompt = "{prompt}"
        duration = 4
        [provider]
        use = "videos-api"
        account = "main"
        base_url = "{address}"
        model = "sora-2"
        poll_interval = 0.1
        price_per_second = 0
        """
    )
    return path


@pytest.mark.slow
def test_a_render_is_asked_about_where_it_was_requested(
    tmp_path: Path, servers: list[RunningSimulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prompts = ("A ferry crosses the harbour at dawn", "A tram climbs the hill in the rain")
    named = zip(("first", "second"), servers, prompts, strict=True)
    files = [workflow(tmp_path, name, server.base_url, prompt) for name, server, prompt in named]

    for path, server in zip(files, servers, strict=True):
        with Studio(path, store=tmp_path / "store.db") as studio:
            asyncio.run(_left_once_it_renders(studio, server))
    # Both are due by then, and so are asked about in one round.
    time.sleep(1)
    # One process drives both: it has both workflows' providers, of one account.
    with Studio(store=tmp_path / "store.db") as studio:
        jobs = studio.resume_sync().jobs
    assert [(job.status, job.reason) for job in jobs] == [("done", "")] * 2
    ids = [server.jobs()[0]["id"] for server in servers]
    for own, other, server in zip(ids, reversed(ids), servers, strict=True):
        asked = server.settings.log_file.read_text() if server.settings.log_file else ""
        assert own in asked
        assert other not in asked


@pytest.mark.parametrize("frozen", ["", "{}", "[]", '{"workflow": null}', '{"workflow": {"provider": {}}}'])
def test_a_workflow_that_names_no_address_keeps_no_render_from_being_asked_about(frozen: str) -> None:
    assert address_in(frozen) == ""


async def _left_once_it_renders(studio: Studio, server: RunningSimulator) -> None:
    """Run a workflow, and leave its job to others as soon as its render is known here."""
    running = asyncio.ensure_future(studio.run())
    ends = time.monotonic() + 30
    while not server.jobs() or any(row.step == "submit" for row in studio.jobs()):
        assert time.monotonic() < ends
        await asyncio.sleep(0.02)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
