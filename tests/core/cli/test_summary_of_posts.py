"""The end of a run names each post that was not made, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from reelwork.cli.views.summary import summary
from reelwork.studio.results import JobResult, RunResult


def told(**facts: Any) -> str:
    job = JobResult(
        id="job-00000001", run="run", status="held", step="publish", prompt="A lighthouse", provider="preview",
        created_at=datetime.now(UTC), **facts,
    )  # fmt: skip
    return summary(RunResult(run="run", jobs=(job,)))


def test_each_post_that_was_not_made_has_a_line_with_its_reason() -> None:
    text = told(
        reason="board: the day's quota is used up. Resume the job tomorrow. Published to wall.",
        held_posts={"board": "board: the day's quota is used up. Resume the job tomorrow."},
        failed_posts={"shop": "the token is not valid. Sign in again: reelwork accounts add shop --replace"},
    )
    assert "  held       board: the day's quota is used up. Resume the job tomorrow.\n" in text
    assert (
        "  failed     shop: the token is not valid. Sign in again: reelwork accounts add shop --replace\n" in text
    )
    assert "reason" not in text


def test_a_single_one_is_the_reason_of_the_job() -> None:
    text = told(reason="board: the network is down", failed_posts={"board": "the network is down"})
    assert "  reason     board: the network is down\n" in text
    assert "failed     board" not in text
