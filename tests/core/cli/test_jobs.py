from __future__ import annotations

from pathlib import Path

import pytest

PROMPT = "A lighthouse in the fog"
SMALL = ("--duration", "0.5", "--resolution", "480p")


@pytest.fixture
def made(cli) -> str:
    """The id of a job that is done."""
    return str(cli("run", PROMPT, *SMALL, "--platform", "youtube", "--json").json["jobs"][0]["id"])


def test_no_jobs_yet(cli, tmp_path: Path) -> None:
    outcome = cli("jobs", "list")
    assert outcome.code == 0
    assert "No jobs yet" in outcome.out
    assert not (tmp_path / "data").exists(), "looking must not make a store"


def test_jobs_are_listed_newest_first(cli, made: str) -> None:
    cli("run", "short")
    lines = cli("jobs", "list").out.splitlines()
    assert lines[0].split()[:2] == ["JOB", "STATUS"]
    assert "rejected" in lines[1]
    assert "youtube" in lines[2]
    assert made[-8:] in lines[2]
    assert len(cli("jobs", "list", "--status", "done").out.splitlines()) == 2
    assert len(cli("jobs", "list", "--limit", "1").out.splitlines()) == 2


def test_jobs_as_json(cli, made: str) -> None:
    [job] = cli("jobs", "list", "--json").json
    assert job["id"] == made
    assert job["status"] == "done"
    assert job["cost"] == "0"
    assert cli("jobs", "list", "--run", job["run"], "--json").json == [job]
    assert cli("jobs", "list", "--run", "none", "--json").json == []


@pytest.mark.parametrize("part", [slice(None), slice(0, 12), slice(-8, None)])
def test_a_job_is_shown_by_its_id_or_a_part_of_it(cli, made: str, part: slice) -> None:
    outcome = cli("jobs", "show", made[part])
    assert outcome.code == 0, outcome.err
    for told in (made, PROMPT, "optimized for youtube", "preview", "gallery: published", "receipt", "confirmed"):
        assert told in outcome.out
    assert "submitted" in outcome.out


def test_a_job_as_json_has_its_effects_and_its_story(cli, made: str) -> None:
    job = cli("jobs", "show", made, "--json").json
    assert [(effect["kind"], effect["state"]) for effect in job["effects"]] == [
        ("submit", "confirmed"),
        ("publish", "confirmed"),
    ]
    assert [event["name"] for event in job["events"]][-1] == "done"
    assert job["render"]["state"] == "completed"


def test_a_job_that_is_not_done_says_what_to_do_next(cli, plugin) -> None:
    name = plugin("@hookimpl\ndef pre_moderate(self, content): return Verdict.hold('looks odd')")
    job = cli("run", PROMPT, *SMALL, "--plugin", name, "--json").json["jobs"][0]
    shown = cli("jobs", "show", job["id"]).out
    assert "held for a person by 'mine': looks odd" in shown
    assert f"reelwork resume {job['id'][-8:]}" in shown


def test_a_held_job_goes_on_once_the_cause_is_gone(cli, folder: Path, plugin) -> None:
    gate = folder / "open"
    body = f"@hookimpl\ndef pre_moderate(self, content):\n    import os\n    if not os.path.exists({str(gate)!r}):"
    name = plugin(body + "\n        return Verdict.hold('the gate is shut')")
    job = cli("run", PROMPT, *SMALL, "--plugin", name, "--json").json["jobs"][0]
    assert cli("resume").code == 3
    gate.touch()
    outcome = cli("resume", job["id"][-8:])
    assert outcome.code == 0, outcome.err
    assert "1 done" in outcome.out


def test_a_run_is_resumed_by_its_id(cli, plugin, folder: Path) -> None:
    name = plugin("@hookimpl\ndef pre_moderate(self, content): return Verdict.hold('wait')")
    run = cli("run", PROMPT, *SMALL, "--takes", "2", "--plugin", name, "--json").json["run"]
    assert len(cli("resume", run, "--json").json["jobs"]) == 2


def test_nothing_to_resume(cli) -> None:
    outcome = cli("resume")
    assert outcome.code == 0
    assert "nothing to resume" in outcome.out


def test_retrying_a_rejected_job_asks_moderation_again(cli) -> None:
    job = cli("run", "short", "--json").json["jobs"][0]
    outcome = cli("jobs", "retry", job["id"])
    assert outcome.code == 3
    assert "rejected by 'rules'" in outcome.out
