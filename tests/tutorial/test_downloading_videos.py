"""The tutorial's download: what arrives broken, too large or under a strange name is not taken for a video."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

PROMPT = "A lighthouse above a calm sea at dawn"


def one_job(outcome: Any) -> Any:
    [job] = outcome.json["jobs"]
    return job


def test_the_file_is_kept_under_its_hash_with_a_name_to_read(simulator: Any, cli: Any, away: Path) -> None:
    job = one_job(cli("run", PROMPT, "--duration", "4", "--json"))
    video = Path(job["video"])
    assert hashlib.sha256(video.read_bytes()).hexdigest() == video.stem
    [readable] = away.glob("reelwork-out/videos/by-name/*.mp4")
    assert "a-lighthouse-above" in readable.name
    assert readable.read_bytes() == video.read_bytes()
    [sidecar] = away.glob("reelwork-out/videos/*/*.json")
    assert json.loads(sidecar.read_text(encoding="utf-8"))["remote_id"] == job["remote_id"]


@pytest.mark.parametrize("fault", ["content:drop*1", "content:html*1"])
def test_a_broken_download_goes_on_without_a_second_render(start: Any, cli: Any, fault: str) -> None:
    simulator = start(faults=(fault,))
    assert one_job(cli("run", PROMPT, "--duration", "4", "--json"))["status"] == "done"
    assert len(simulator.requests("/v1/videos", "POST")) == 1


def test_a_truncated_one_is_continued_where_it_broke(start: Any, cli: Any) -> None:
    simulator = start(faults=("content:truncate*1",))
    cli("run", PROMPT, "--duration", "4")
    statuses = [request["status"] for request in simulator.requests() if request["operation"] == "content"]
    assert statuses == [200, 206]


def test_a_name_from_outside_is_not_used(start: Any, cli: Any, away: Path, tmp_path: Path) -> None:
    start(faults=("content:filename=../../outside.mp4",))
    assert one_job(cli("run", PROMPT, "--duration", "4", "--json"))["status"] == "done"
    assert list(tmp_path.rglob("outside*")) == []


def test_a_download_without_end_is_stopped(start: Any, cli: Any) -> None:
    start(faults=("content:endless",))
    stopped = one_job(cli("run", PROMPT, "--duration", "4", "--set", "limits.largest_download=0.1", "--json"))
    assert stopped["status"] == "failed"
    assert "larger than the" in stopped["reason"]


def test_an_expired_link_is_said_plainly(start: Any, cli: Any) -> None:
    start(faults=("content:expired",))
    gone = one_job(cli("run", PROMPT, "--duration", "4", "--set", "provider.gone_after=2", "--json"))
    assert gone["status"] == "failed"
    assert "was paid for and is no longer available" in gone["reason"]
