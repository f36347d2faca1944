"""The tutorial's limiter counts in one process; here every process that uses the store counts together."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from reelwork import Studio

PROMPTS = ["A cat playing with yarn", "Sunset over mountains", "Busy city street at night"]
LIMITS = {"limits": {"requests_per_minute": 2}}


def creates(simulator: Any) -> int:
    return len(simulator.requests("/v1/videos", "POST"))


async def reason_to_wait(prompt: str) -> str:
    """Ask for one more, and give up as soon as it has to wait."""
    async with Studio(settings=LIMITS) as studio:
        running = asyncio.create_task(studio.run(prompt, duration=4))
        while not (reasons := [job.reason for job in studio.jobs(statuses=("active",)) if job.reason]):
            assert not running.done()
            await asyncio.sleep(0.01)
        studio.stop()
        await running
    return reasons[0]


def a_minute_later(store: Path) -> None:
    """Everything that is written down with a time happened a minute earlier."""
    with closing(sqlite3.connect(store)) as db, db:
        db.execute("UPDATE calls SET at = at - 60")
        db.execute("UPDATE gates SET opens_at = opens_at - 60")


def test_two_processes_share_one_window_that_slides(simulator: Any, tmp_path: Path) -> None:
    in_another_process(PROMPTS[:2])
    assert creates(simulator) == 2
    assert "2 requests in the last minute, the most allowed" in asyncio.run(reason_to_wait(PROMPTS[2]))
    assert creates(simulator) == 2

    a_minute_later(tmp_path / "data" / "reelwork" / "store.db")
    with Studio() as studio:
        assert studio.resume_sync().ok
    assert creates(simulator) == 3


def in_another_process(prompts: list[str]) -> None:
    Path("prompts.txt").write_text("\n".join(prompts), encoding="utf-8")
    command = [sys.executable, "-m", "reelwork", "run", "prompts.txt", "--duration", "4"]
    limits = {"REELWORK_LIMITS_REQUESTS_PER_MINUTE": "2"}
    done = subprocess.run(command, env={**os.environ, **limits}, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_no_more_are_under_way_than_allowed(start: Any, cli: Any, away: Path) -> None:
    simulator = start(render_seconds=0.1)
    away.joinpath("prompts.txt").write_text("\n".join(PROMPTS[:2]), encoding="utf-8")
    done = cli("-v", "run", "prompts.txt", "--duration", "4", "--set", "limits.concurrent=1")
    assert done.code == 0
    first, second = sorted(simulator.jobs(), key=lambda job: job["created_at"])
    assert first["ended_at"] <= second["created_at"]


def test_processes_that_share_a_store_never_ask_for_more_than_the_service_takes(start: Any, away: Path) -> None:
    simulator = start(render_seconds=0.1, refuse_above=2)
    for name in "abc":
        away.joinpath(f"{name}.txt").write_text(
            "\n".join(f"{prompt} {name}" for prompt in PROMPTS), encoding="utf-8"
        )
    limits = {**os.environ, "REELWORK_LIMITS_CONCURRENT": "2", "REELWORK_PROVIDER_POLL_INTERVAL": "0.05"}
    command = [sys.executable, "-m", "reelwork", "run", "{}.txt", "--duration", "4", "--yes"]
    processes = [
        subprocess.Popen([part.format(name) for part in command], env=limits, stdout=subprocess.DEVNULL)
        for name in "abc"
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0]
    assert len(simulator.jobs()) == 9
    assert [request["status"] for request in simulator.requests("/v1/videos", "POST")] == [200] * 9
