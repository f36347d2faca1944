"""`llm-rewrite` in a whole run: moderated as it comes out, paid for once, shown by plans, kept through kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

WORKFLOW = """
[brief]
prompt = "A lighthouse in the fog"
duration = 4
resolution = "720p"

[provider]
use = "videos-api"
base_url = "{url}"
dialect = "sora"
price_per_second = "0.10"

[budget]
per_run = 5

[plugins]
prompt_transform = ["llm-rewrite"]

[plugin.llm-rewrite]
base_url = "{url}"
model = "small"
input_price = 1
output_price = 4

[plugin.rules]
block = ["morning light"]
"""
LIT = "A lighthouse in the fog, in soft morning light"


@pytest.fixture
def simulator(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningSimulator]:
    monkeypatch.setenv("VIDEOS_API_KEY", "a-key")
    with run_simulator(SimulatorSettings(canned=True, render_seconds=0)) as running:
        (folder / "fog.toml").write_text(WORKFLOW.format(url=running.base_url).replace("morning light", "chainsaw"))
        yield running


def asked(simulator: RunningSimulator, operation: str) -> int:
    return len([one for one in simulator.requests() if one["operation"] == operation])


def test_moderation_sees_what_the_model_wrote_before_anything_is_paid_for(
    cli, folder: Path, simulator: RunningSimulator
) -> None:
    (folder / "fog.toml").write_text(WORKFLOW.format(url=simulator.base_url))
    (job,) = cli("run", "fog.toml", "--json").json["jobs"]
    assert job["status"] == "rejected"

    assert asked(simulator, "create") == 0
    # What the brief says passes: it is the answer that is stopped.
    plan = cli("plan", "fog.toml")
    assert plan.code == 3
    assert "would be rejected by 'rules'" in plan.out


def test_a_plan_asks_nobody_and_shows_what_is_known(cli, simulator: RunningSimulator) -> None:
    before = cli("plan", "fog.toml")
    assert "Not asked, since asking costs money: llm-rewrite (prompt_transform)." in before.out
    assert "Plugin calls: at most $0.04 more (llm-rewrite)." in before.out
    assert LIT not in before.out
    assert asked(simulator, "completion") == 0
    assert cli("run", "fog.toml").code == 0
    after = cli("plan", "fog.toml")
    assert LIT in after.out
    assert "llm-rewrite changed the prompt:" in after.out
    assert "Not asked" not in after.out
    assert asked(simulator, "completion") == 1


def test_a_second_run_sends_the_same_words_and_pays_for_them_once(cli, simulator: RunningSimulator) -> None:
    for _ in range(2):
        assert cli("run", "fog.toml").code == 0
    assert asked(simulator, "completion") == 1
    creates = [one["fields"]["prompt"] for one in simulator.requests() if one["operation"] == "create"]
    assert creates == [LIT, LIT]
    shown = [cli("jobs", "show", job["id"]).out for job in cli("jobs", "list", "--json").json]
    assert [page.count("llm-rewrite paid for a rewrite by small") for page in shown] == [0, 1]
    assert all("+ A lighthouse in the fog, in soft morning light" in page for page in shown)


def test_an_answer_that_cannot_be_used_stops_the_job_or_keeps_the_texts(cli, simulator: RunningSimulator) -> None:
    simulator.set_faults(["completion:refuse"])
    (job,) = cli("run", "fog.toml", "--json").json["jobs"]
    assert job["status"] == "failed"
    assert "gave no usable answer: the model refused" in job["reason"]
    assert "What plugins paid for it is counted." in job["reason"]
    assert "Traceback" not in job["reason"]
    assert asked(simulator, "create") == 0
    (job,) = cli("run", "fog.toml", "--set", "plugin.llm-rewrite.on_error=keep", "--json").json["jobs"]
    assert job["status"] == "done"
    (create,) = [one for one in simulator.requests() if one["operation"] == "create"]
    assert create["fields"]["prompt"] == "A lighthouse in the fog"


def test_a_budget_without_room_for_a_rewrite_asks_nobody(cli, simulator: RunningSimulator) -> None:
    outcome = cli("run", "fog.toml", "--set", "budget.per_run=0.41", "--json")
    assert asked(simulator, "completion") == 0, outcome.out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "seen", "chats"),
    [("completion:slow=60", "completion", 2), ("render:slow=9", "poll", 1)],
    ids=["asking", "made"],
)
def test_a_killed_process_neither_changes_the_prompt_nor_pays_for_a_second_video(
    cli: Callable[..., object], simulator: RunningSimulator, fault: str, seen: str, chats: int
) -> None:
    simulator.set_faults([fault])
    started = subprocess.Popen(
        [sys.executable, "-m", "reelwork", "run", "fog.toml"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ},
    )  # fmt: skip
    try:
        wait_for(lambda: asked(simulator, seen) > 0)
    finally:
        started.send_signal(signal.SIGKILL)
        started.wait()
    simulator.set_faults([])
    cli("resume")
    assert asked(simulator, "completion") == chats
    assert asked(simulator, "create") == 1
    (create,) = [one for one in simulator.requests() if one["operation"] == "create"]
    assert create["fields"]["prompt"] == LIT


def wait_for(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.05)
