"""A provider that misbehaves: a clear outcome, and nothing that was paid for is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest


def write_workflow(folder: Any, base_url: str, extra: str = "") -> None:
    (folder / "live.toml").write_text(
        f"""
        [brief]
        prompt = "A quiet harbour at dawn, boats and gulls"
        duration = 4
        [provider]
        use = "videos-api"
        base_url = "{base_url}/v1"
        model = "sora-2"
        poll_interval = 0.1
        settle_seconds = 0.2
        gone_after = 1
        {extra}
        [plugins]
        prompt_transform = []
        post_download = []
        publish = []
        """
    )


def only_job(terminal: Any) -> dict[str, Any]:
    _, output = terminal.run("jobs", "list", "--json")
    listed = json.loads(output)
    (job,) = listed["jobs"] if isinstance(listed, dict) else listed
    return job


@pytest.mark.parametrize(
    "fault",
    [
        "content:html*1",
        "content:truncate*1",
        "content:empty*1",
        "content:500*2",
        "content:filename=../../evil.mp4",
        "poll:html*2",
        "poll:500*2",
        "poll:drop*2",
        "poll:unknown-status=rendering*3",
        "create:429:retry-after=0.1*2",
    ],
)
def test_what_passes_is_waited_out(simulator: Any, terminal: Any, fault: str) -> None:
    server = simulator(faults=(fault,), render_seconds=0.1)
    write_workflow(terminal.folder, server.base_url)
    code, output = terminal.run("run", "live.toml", "--yes")
    assert code == 0, output
    assert only_job(terminal)["status"] == "done"
    assert len(server.jobs()) == 1
    assert not list(terminal.folder.rglob("evil*"))


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("render:fail=moderation_blocked", "failed", "moderation_blocked"),
        ("poll:404", "held", "no longer knows"),
        ("content:expired", "failed", "paid for"),
        ("create:400", "rejected", "400"),
    ],
)
def test_what_stays_has_a_clear_outcome(simulator: Any, terminal: Any, fault: str, status: str, words: str) -> None:
    server = simulator(faults=(fault,), render_seconds=0.1)
    write_workflow(terminal.folder, server.base_url)
    code, output = terminal.run("run", "live.toml", "--yes")
    job = only_job(terminal)
    assert (job["status"], code) == (status, 1 if status == "failed" else 3), output
    assert words in output
    assert "Traceback" not in output


def test_a_lost_render_is_paid_for_again_only_with_a_yes(simulator: Any, terminal: Any) -> None:
    server = simulator(faults=("poll:404",), render_seconds=0.1)
    write_workflow(terminal.folder, server.base_url)
    code, output = terminal.run("run", "live.toml", "--yes")
    assert code == 3
    assert "pays for a new render" in output
    server.set_faults([])
    job = only_job(terminal)
    code, output = terminal.run("jobs", "retry", job["id"])
    assert code == 2, output
    assert len(server.jobs()) == 1
    code, output = terminal.run("jobs", "retry", job["id"], "--yes")
    assert code == 0, output
    assert len(server.jobs()) == 2


def test_a_redirect_to_a_private_address_is_not_followed(simulator: Any, terminal: Any) -> None:
    other = simulator()
    server = simulator(faults=(f"content:redirect={other.base_url}/secret",), render_seconds=0.1)
    write_workflow(terminal.folder, server.base_url)
    process = terminal.start("run", "live.toml", "--yes")
    try:
        wait_for(lambda: any("/content" in request["path"] for request in server.requests()))
        wait_for(lambda: "retry" in story(terminal))
    finally:
        process.kill()
        process.communicate()
    assert other.requests() == []
    server.set_faults([])
    code, output = terminal.run("resume")
    assert code == 0, output
    assert len(server.jobs()) == 1


def test_an_endless_body_is_cut_off_and_the_render_kept(simulator: Any, terminal: Any) -> None:
    server = simulator(faults=("content:endless",), render_seconds=0)
    write_workflow(terminal.folder, server.base_url)
    code, output = terminal.run("run", "live.toml", "--yes", "--set", "limits.largest_download=2")
    assert code == 1
    assert "2 MB" in output
    assert not list(terminal.folder.rglob("*.mp4"))
    server.set_faults([])
    code, output = terminal.run("resume")
    assert code == 0, output
    assert len(server.jobs()) == 1


def story(terminal: Any) -> str:
    job = only_job(terminal)
    _, output = terminal.run("jobs", "show", job["id"])
    return output


def wait_for(condition: Any, seconds: float = 30) -> None:
    import time

    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
