"""What a job that stopped advises: the command it names is one that helps, and what it means for money is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

PROMPT = "A lighthouse in the fog"
WORKFLOW = """
[provider]
use = "videos-api"
base_url = "{url}"
dialect = "{dialect}"
model = "sora-2"
price_per_second = 0.1
poll_interval = 0.05
gone_after = 2

[brief]
duration = 4

[plugins]
post_download = ["local"]
"""
HOLDS = """
@hookimpl
def pre_moderate(self, content):
    return Verdict.hold("it speaks of fog", "weather") if content.stage != "post" else None
"""
CHANGES = """
@hookimpl
def prompt_transform(self, prompt):
    return prompt.replace(text=prompt.text + ", at dawn")
"""
FAILS = """
@hookimpl
def pre_moderate(self, content):
    raise OSError("the service is out of reach")
"""


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(canned=True, render_seconds=0.05)) as running:
        yield running


@pytest.fixture
def run(simulator: RunningSimulator, folder: Path, cli: Any) -> Callable[..., Any]:
    """Run the prompt at the simulator, under these faults; gives the one job."""

    def job(*options: str, faults: tuple[str, ...] = (), dialect: str = "sora") -> Any:
        simulator.set_faults(list(faults))
        (folder / "live.toml").write_text(WORKFLOW.format(url=simulator.url_of(dialect), dialect=dialect))
        outcome = cli("run", PROMPT, "--workflow", "live.toml", "--yes", "--json", *options)
        [only] = outcome.json["jobs"]
        return only

    return job


def creates(simulator: RunningSimulator) -> int:
    return len([request for request in simulator.requests() if request["operation"] == "create"])


def test_a_video_that_is_gone_is_made_anew_by_retry_alone(run, cli, simulator) -> None:
    job = run(faults=("content:expired",))
    assert job["status"] == "failed"
    assert "is no longer available" in job["reason"]
    assert "jobs retry" in job["next"]
    assert "pays for a new render" in job["next"]
    assert cli("resume").code == 1
    asked = cli("jobs", "retry", job["id"])
    assert (asked.code, "estimated at $0.40" in asked.err) == (2, True)
    assert creates(simulator) == 1
    simulator.set_faults([])
    retried = cli("jobs", "retry", job["id"], "--yes")
    assert retried.code == 0, retried.out
    assert "Spent: $0.40 (by earlier runs of the same jobs: $0.40)" in retried.out
    assert creates(simulator) == 2


def test_a_video_that_was_gone_is_fetched_when_it_is_back(run, cli, simulator) -> None:
    run(faults=("content:expired",))
    simulator.set_faults([])
    assert cli("resume").code == 0
    assert creates(simulator) == 1


def test_a_render_that_is_lost_is_told_in_whole_words(run) -> None:
    assert "it is not made again automatically." in run(faults=("poll:404",))["reason"]


def test_a_refusal_that_is_not_about_the_prompt(run, cli, simulator) -> None:
    job = run(faults=("create:401",))
    assert job["status"] == "rejected"
    assert job["next"].startswith(f"fix what it names, then: reelwork jobs retry {job['id'][-8:]}")
    simulator.set_faults([])
    assert cli("jobs", "retry", job["id"], "--yes").code == 0


def test_many_refusals_name_the_command_once(cli, simulator, folder) -> None:
    simulator.set_faults(["create:401"])
    (folder / "live.toml").write_text(WORKFLOW.format(url=simulator.url_of("sora"), dialect="sora"))
    (folder / "rows.txt").write_text("".join(f"{PROMPT}, view {number}\n" for number in range(9)))
    told = cli("run", "rows.txt", "--workflow", "live.toml", "--yes").out
    assert "next  fix what they name, then: reelwork jobs retry " in told


def test_over_a_budget_there_is_nothing_to_resolve(run, cli) -> None:
    job = run("--set", "budget.per_day=0.1")
    assert (job["status"], job["hold"]) == ("held", "over-budget:per_day")
    assert job["next"] == f"reelwork resume {job['id'][-8:]} --set budget.per_day=AMOUNT  (with a higher amount)"
    resolved = cli("jobs", "resolve", job["id"])
    assert "there is nothing to decide" in resolved.out
    assert "jobs resolve" not in resolved.out


def test_moderation_that_could_not_answer_leaves_nothing_to_resolve(run, cli, plugin) -> None:
    job = run("--plugin", plugin(FAILS))
    assert (job["status"], job["hold"]) == ("held", "moderation-silent")
    assert cli("jobs", "show", job["id"], "--json").json["hold"] == "moderation-silent"
    assert job["next"] == f"reelwork resume {job['id'][-8:]}"


def test_an_approved_brief_and_a_held_prompt_are_told_apart(run, cli, plugin) -> None:
    job = run("--plugin", plugin(HOLDS), "--plugin", plugin(CHANGES, "changes.py"))
    assert job["reason"].startswith("the brief is held for a person by 'mine'")
    assert job["hold"] == "moderation"
    shown = cli("jobs", "resolve", job["id"]).out
    assert "the brief" in shown
    assert "Nothing was changed. Decide with --approve or --reject." in shown
    again = cli("jobs", "resolve", job["id"], "--approve").out
    assert "the final prompt is held for a person by 'mine'" in again
    assert cli("jobs", "resolve", job["id"], "--approve").code == 0


@pytest.mark.parametrize("command", [("jobs", "cancel"), ("jobs", "resolve", "--reject")])
def test_the_money_of_a_job_that_was_ended_in_doubt(run, cli, command) -> None:
    job = run(faults=("create:accept-then-500",), dialect="sglang")
    assert job["status"] == "held"
    assert "Decide with --happened ID, --did-not-happen or --reject." in cli("jobs", "resolve", job["id"]).out
    ended = cli(*command, job["id"])
    assert "$0.40 stays counted as in doubt: what was sent may have happened, and be charged" in ended.out


def test_a_code_that_only_repeats_the_status_is_left_out(run) -> None:
    reason = run(faults=("create:400",), dialect="litellm")["reason"]
    assert "answered 400: " in reason


def test_one_job_left_unfinished_is_one(run, cli) -> None:
    run("--set", "budget.per_day=0.1")
    told = cli("run", PROMPT, "--workflow", "live.toml", "--yes").out
    assert "1 job of earlier runs of live.toml was left unfinished: reelwork resume continues it." in told
