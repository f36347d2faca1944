"""Lost answers at real servers: a webhook with the request's own token settles them, if it is true."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest
from tests.core.server.conftest import PATIENCE, Machine, Running
from tests.core.server.test_webhooks_served import HOOK, SECRET, counted, until

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

LOST = "create:accept-then-500"
FLOW = """
[brief]
duration = 4
webhook = "https://studio.example.com/webhooks/router/:token"
[provider]
use = "videos-api"
dialect = "{dialect}"
base_url = "{videos}/{dialect}/v1"
model = "google/veo-3.1"
api_key = "env:ROUTER_KEY"
price_per_second = 0.1
poll_interval = 0.5
[plugins]
prompt_transform = []
post_download = []
publish = []
"""
KEYS = {**HOOK, "ROUTER_KEY": "sk-or-of-the-tests"}


def ready(machine: Machine) -> Running:
    (machine.folder / "reelwork.toml").write_text(
        '[webhooks_in.router]\nscheme = "openrouter"\nsecrets = ["env:HOOK_SECRET"]\n', encoding="utf-8"
    )
    return machine.start(**KEYS).until_ready()


def playing(server: Running, *faults: str, render: float = 3) -> Any:
    return run_simulator(
        SimulatorSettings(
            canned=True,
            render_seconds=render,
            webhook=f"{server.url}/webhooks/router/:token",
            webhook_secret=SECRET,
            faults=faults,
        )
    )


def run(machine: Machine, videos: RunningSimulator, prompt: str) -> Any:
    text = FLOW.format(videos=videos.base_url, dialect="openrouter")
    (machine.folder / "flow.toml").write_text(text, encoding="utf-8")
    return machine.reelwork("run", prompt, "--workflow", "flow.toml", "--yes", "--json", **KEYS)


def jobs(machine: Machine) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(machine.store)) as db:
        return list(db.execute("SELECT jobs.status, effects.state FROM jobs JOIN effects ON job_id = jobs.id"))


def creates(videos: RunningSimulator) -> int:
    return len([one for one in videos.requests(method="POST") if one["path"].endswith("/videos")])


@pytest.mark.parametrize(
    "faults", [(), ("webhook:duplicate",), ("webhook:forged",)], ids=["once", "twice", "forged"]
)
def test_a_lost_answer_is_settled_by_the_webhook_of_its_render(machine: Machine, faults: tuple[str, ...]) -> None:
    server = ready(machine)
    with playing(server, f"{LOST}*1", *faults) as videos:
        # OpenRouter has no list, so nothing but a person could settle it before.
        held = run(machine, videos, "a calm sea")
        assert (held.returncode, jobs(machine)) == (3, [("held", "unknown")]), held.stderr
        until(lambda: jobs(machine) == [("done", "confirmed")], server)
        assert creates(videos) == 1
        [made] = videos.jobs()
    with closing(sqlite3.connect(machine.store)) as db:
        assert db.execute("SELECT remote_id, money FROM effects").fetchall() == [(made["id"], "charged")]
        [seen] = db.execute("SELECT seen FROM effects").fetchone()
    assert (json.loads(seen)["row"], json.loads(seen)["handle"]) == (10, "done")
    if faults == ("webhook:forged",):
        assert counted(server)["forged"] >= 1


def test_a_webhook_that_comes_before_the_answer_is_lost_settles_it_at_once(machine: Machine) -> None:
    server = ready(machine)
    with playing(server, "create:accept-then-slow=4*1", "webhook:early", render=0) as videos:
        text = FLOW.format(videos=videos.base_url, dialect="openrouter")
        text = text.replace("poll_interval", "submit_timeout = 2\npoll_interval")
        (machine.folder / "flow.toml").write_text(text, encoding="utf-8")
        done = machine.reelwork("run", "a calm sea", "--workflow", "flow.toml", "--yes", "--json", **KEYS)
        assert (done.returncode, jobs(machine)) == (0, [("done", "confirmed")]), done.stderr
        assert creates(videos) == 1


@pytest.mark.parametrize("lie", ["webhook:unknown-id", "webhook:other-id"])
def test_a_webhook_that_lies_changes_nothing(machine: Machine, lie: str) -> None:
    server = ready(machine)
    with playing(server, f"{LOST}@nth=2", f"{lie}@nth=2") as videos:
        first = run(machine, videos, "a calm sea")
        assert first.returncode == 0, first.stderr
        held = run(machine, videos, "a lighthouse at dawn")
        assert held.returncode == 3, held.stderr
        until(lambda: [one for one in videos.webhooks() if one["answer"] == 204][1:], server)
        # Judged again, and held again: then the server has read back what was named.
        until(lambda: resumed(machine) == ["resumed", "held"], server)
        assert jobs(machine) == [("done", "confirmed"), ("held", "unknown")]
        assert creates(videos) == 2
    with closing(sqlite3.connect(machine.store)) as db:
        assert db.execute("SELECT count(*), sum(remote_id IS NOT NULL) FROM effects").fetchone() == (2, 1)


def resumed(machine: Machine) -> list[str]:
    """Return what the held job's story says since the webhook."""
    with closing(sqlite3.connect(machine.store)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM events ORDER BY seq")]
    return names[names.index("resumed") :] if "resumed" in names else []


def test_a_kill_after_the_webhook_is_taken_settles_it_at_the_next_start(machine: Machine) -> None:
    server = ready(machine)
    with playing(server, f"{LOST}*1", render=2) as videos:
        with closing(sqlite3.connect(machine.store, isolation_level=None)) as other:
            held = run(machine, videos, "a calm sea")
            assert held.returncode == 3, held.stderr
            noted = "SELECT count(*) FROM effects WHERE json_extract(evidence, '$.\"reelwork:named\"') IS NOT NULL"
            ends = time.monotonic() + PATIENCE
            while other.execute(noted).fetchone() != (1,):
                assert time.monotonic() < ends, server.text
                time.sleep(0.002)
            server.kill()
        again = machine.start(**KEYS).until_ready()
        until(lambda: jobs(machine) == [("done", "confirmed")], again)
        assert creates(videos) == 1
