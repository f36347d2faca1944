"""The tutorial's first request, in Python and at the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import av

GARDEN = "A golden retriever playing in a sunny garden"


def test_one_command_makes_a_video_that_plays(simulator: Any, cli: Any) -> None:
    done = cli("run", GARDEN, "--duration", "8", "--json")
    assert done.code == 0, done.err
    [job] = done.json["jobs"]
    with av.open(str(job["video"])) as video:
        assert video.duration is not None
        assert abs(video.duration / av.time_base - 8) < 0.5
    [request] = simulator.requests("/v1/videos", "POST")
    assert request["fields"] == {"prompt": GARDEN, "model": "sora-2", "seconds": "8", "size": "1280x720"}


def test_what_the_model_cannot_do_is_said_before_anything_is_sent(simulator: Any, cli: Any) -> None:
    done = cli("run", GARDEN, "--duration", "10", "--resolution", "1080p", "--aspect-ratio", "16:9")
    assert done.code == 2
    assert "10 s; it makes 4, 8, 12, 16 or 20 s" in done.err
    assert "1920x1080 (1080p, 16:9); it makes 1280x720 or 720x1280" in done.err
    assert simulator.requests() == []


def test_the_tutorials_own_request_can_be_rehearsed(cli: Any) -> None:
    planned = cli("plan", GARDEN, "--duration", "10", "--resolution", "1080p", "--aspect-ratio", "16:9", "--json")
    assert planned.code == 0
    [job] = planned.json["jobs"]
    assert (job["spec"]["width"], job["spec"]["height"], job["spec"]["duration"]) == (1920, 1080, 10)


def test_the_price_is_known_before_it_is_paid(simulator: Any, cli: Any) -> None:
    planned = cli("plan", GARDEN, "--duration", "20", "--json")
    assert float(planned.json["cost"]) == 2.00
    over = cli("run", GARDEN, "--duration", "20", "--set", "budget.per_run=1")
    assert over.code == 2
    assert "This would cost $2.00; the budget per_run is $1.00." in over.err
    assert simulator.requests() == []


def test_the_python_example_prints_the_video(examples: Path, simulator: Any) -> None:
    done = subprocess.run(
        [sys.executable, examples / "first_video.py"],
        env=dict(os.environ), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    status, video = done.stdout.split()
    assert status == "done"
    assert Path(video).stat().st_size > 0
    assert len(simulator.jobs()) == 1


def test_the_same_request_is_free_as_a_preview(simulator: Any, cli: Any) -> None:
    done = cli("run", GARDEN, "--duration", "0.5", "--resolution", "480p", "--provider", "preview", "--json")
    assert [(job["provider"], job["status"]) for job in done.json["jobs"]] == [("preview", "done")]
    assert simulator.requests() == []
