"""`reelwork reconcile` after a crash, against a server in the network and in processes of their own."""

from __future__ import annotations

import json
import time
from typing import Any

WORKFLOW = """
[brief]
prompt = "A quiet harbour at dawn, boats and gulls"
duration = 4
takes = {takes}
publish_takes = "all"
[provider]
use = "videos-api"
base_url = "{base_url}/v1"
model = "sora-2"
poll_interval = 0.2
settle_seconds = 0.5
[plugins]
prompt_transform = []
post_download = []
publish = ["gallery"]
"""


def crashed(simulator: Any, terminal: Any, takes: int = 2) -> Any:
    """Identical requests: one was accepted and its sender killed, the other, if any, never left."""
    server = simulator(faults=("create:accept-then-slow=30",))
    text = WORKFLOW.format(base_url=server.base_url, takes=takes) + "[limits]\nconcurrent = 1"
    (terminal.folder / "live.toml").write_text(text)
    terminal.run_killed("run", "live.toml", "--yes", until=lambda: len(server.jobs()) == 1)
    server.set_faults([])
    return server


def reconcile(terminal: Any, *options: str) -> tuple[int, dict[str, Any]]:
    code, output = terminal.run("reconcile", "--json", *options)
    return code, json.loads(output)


def test_a_request_whose_sender_was_killed_is_found_and_nothing_is_sent(simulator: Any, terminal: Any) -> None:
    server = crashed(simulator, terminal)
    (made,) = server.jobs()
    for options in (("--dry-run",), ()):
        code, document = reconcile(terminal, *options)
        (act,) = document["acts"]
        assert (code, document["exit_code"], document["settled"], document["in_doubt"]) == (0, 0, 1, 0)
        assert (act["state"], act["decided"], act["remote_id"]) == ("sent", "happened", made["id"])
        assert document["dry_run"] is bool(options)
    assert reconcile(terminal)[1]["acts"] == []
    assert len(server.requests(method="POST")) == 1
    code, output = terminal.run("resume")
    assert code == 0, output
    assert len(server.jobs()) == 2


def test_after_a_backup_was_put_in_use(simulator: Any, terminal: Any) -> None:
    server = crashed(simulator, terminal, takes=1)
    assert terminal.run("store", "backup", "backup.db")[0] == 0
    assert terminal.run("resume")[0] == 0
    code, output = terminal.run("store", "restore", "backup.db", "--yes")
    assert code == 0, output
    code, document = reconcile(terminal)
    # Both were restored at one moment, so either may come first.
    post, request = sorted(document["acts"], key=lambda act: act["kind"])
    (made,) = server.jobs()
    assert (code, request["decided"], request["remote_id"]) == (3, "happened", made["id"])
    assert (post["kind"], post["decided"], post["next"][:15]) == ("publish", "resume", "reelwork resume")
    code, output = terminal.run("resume")
    assert code == 0, output
    assert reconcile(terminal)[1]["acts"] == []
    assert len(server.requests(method="POST")) == 1
    assert len(list((terminal.folder / "reelwork-out" / "gallery" / "entries").glob("*.json"))) == 1


def test_who_cannot_be_asked_is_told_and_the_next_time_settles_it(simulator: Any, terminal: Any) -> None:
    server = crashed(simulator, terminal)
    server.set_faults(["list:500"])
    code, document = reconcile(terminal)
    (act,) = document["acts"]
    assert (code, act["decided"], act["next"]) == (3, "waiting", "reelwork reconcile")
    server.set_faults([])
    assert reconcile(terminal)[0] == 0
    assert len(server.requests(method="POST")) == 1


def test_a_job_somebody_works_on_is_left_to_them(simulator: Any, terminal: Any) -> None:
    server = simulator(faults=("create:accept-then-slow=4*1",))
    (terminal.folder / "live.toml").write_text(WORKFLOW.format(base_url=server.base_url, takes=1))
    process = terminal.start("run", "live.toml", "--yes")
    deadline = time.monotonic() + 30
    while not server.jobs() and time.monotonic() < deadline:
        time.sleep(0.02)
    code, document = reconcile(terminal)
    assert (code, document["acts"][0]["decided"]) == (3, "waiting")
    assert "another process holds this job" in document["acts"][0]["found"]
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert len(server.jobs()) == 1
