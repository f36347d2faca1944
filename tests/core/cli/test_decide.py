"""`jobs resolve` and `jobs cancel`: what only a person can decide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

PROMPT = "A lighthouse in the fog"
SMALL = ("--duration", "0.5", "--resolution", "480p")

LOSES = '''
"""A publisher whose answer is lost: nobody can look whether the post is there."""
from reelwork_hooks import OutcomeUnknown, Plugin, Receipt, hookimpl


class Loses(Plugin):
    """Loses the answer to the first post."""

    @hookimpl
    def publish(self, post, job, effect):
        calls = self.context.work_dir / "calls"
        number = len(calls.read_text().splitlines()) if calls.exists() else 0
        with calls.open("a") as file:
            file.write(f"{effect.key}\\n")
        if number == 0:
            effect.note(upload="up-17")
            raise OutcomeUnknown("the connection was closed before an answer came")
        return Receipt(id=f"post-{number + 1}", url="https://net.example/2")
'''
HOLDS = """
@hookimpl
def pre_moderate(self, content):
    return Verdict.hold("it speaks of fog", "weather") if content.stage == "brief" else None
"""


@pytest.fixture
def lost(cli, folder: Path, tmp_path: Path) -> Any:
    """A job whose post may have gone out; gives its id and how often it was posted."""
    (folder / "loses.py").write_text(LOSES)
    assert cli("run", PROMPT, *SMALL, "--plugin", "loses.py", "--yes").code == 3
    [job] = cli("jobs", "list", "--json").json

    def posts() -> int:
        calls = tmp_path / "data/reelwork/store.db.files/work/loses/calls"
        return len(calls.read_text().splitlines())

    return job["id"], posts


def test_the_evidence_is_shown(cli, lost) -> None:
    job, _ = lost
    outcome = cli("jobs", "resolve", job)
    assert outcome.code == 3
    for told in ("Did it happen?", "publish at loses", "up-17", "connection was closed", "--did-not-happen"):
        assert told in outcome.out
    [question] = cli("jobs", "resolve", job, "--json").json["questions"]
    assert question["kind"] == "outcome"
    assert question["subject"] == "loses"
    assert question["key"] == f"reelwork-{job}-post-loses"


def test_what_happened_is_not_done_again(cli, lost) -> None:
    job, posts = lost
    outcome = cli("jobs", "resolve", job, "--happened", "post-1", "--json")
    assert outcome.code == 0, outcome.out + outcome.err
    [result] = outcome.json["jobs"]
    assert result["status"] == "done"
    assert result["receipts"]["loses"]["id"] == "post-1"
    assert posts() == 1


@pytest.mark.parametrize("remote_id", [" post-1", "post-1\n", "po\x1bst-1", "p" * 3000])
def test_an_id_that_cannot_be_kept_as_it_is_is_refused(cli, lost, remote_id: str) -> None:
    job, posts = lost
    outcome = cli("jobs", "resolve", job, "--happened", remote_id)
    assert outcome.code == 2
    assert "is not an id" in outcome.err
    assert "Nothing was changed" in outcome.err
    assert "\x1b" not in outcome.err
    assert cli("jobs", "resolve", job, "--json").json["questions"][0]["kind"] == "outcome"
    assert posts() == 1


def test_what_did_not_happen_is_done_once_more(cli, lost) -> None:
    job, posts = lost
    outcome = cli("jobs", "resolve", job, "--did-not-happen", "--destination", "loses", "--json")
    assert outcome.code == 0, outcome.out + outcome.err
    assert outcome.json["jobs"][0]["receipts"]["loses"]["id"] == "post-2"
    assert posts() == 2


def test_without_a_decision_a_resume_changes_nothing(cli, lost) -> None:
    _, posts = lost
    assert cli("resume").code == 3
    assert posts() == 1


def test_held_content_of_a_brand_with_reviewers_is_approved_by_one_of_them(cli, folder: Path, plugin) -> None:
    (folder / "reelwork.toml").write_text('brand = "acme"\n[brands.acme]\nreviewers = ["ana"]\n')
    cli("run", PROMPT, *SMALL, "--plugin", plugin(HOLDS))
    [job] = cli("jobs", "list", "--json").json
    for by in ((), ("--by", "ben")):
        refused = cli("jobs", "resolve", job["id"], "--approve", *by)
        assert (refused.code, "may not approve for the brand acme" in refused.err) == (2, True)
        assert "Nothing was changed, and nothing was posted." in refused.err
        assert "Its reviewers may: ana." in refused.err
    outcome = cli("jobs", "resolve", job["id"], "--approve", "--by", "ana")
    assert outcome.code == 0, outcome.err
    assert "ana" in cli("jobs", "show", job["id"]).out


def test_held_content_goes_on_when_it_is_approved(cli, plugin) -> None:
    cli("run", PROMPT, *SMALL, "--plugin", plugin(HOLDS))
    [job] = cli("jobs", "list", "--json").json
    shown = cli("jobs", "resolve", job["id"])
    assert shown.code == 3
    assert "Approve it?" in shown.out
    assert "it speaks of fog" in shown.out
    outcome = cli("jobs", "resolve", job["id"], "--approve")
    assert outcome.code == 0, outcome.out
    again = cli("jobs", "resolve", job["id"])
    assert (again.code, "there is nothing to decide" in again.out) == (0, True)


def test_held_content_ends_when_it_is_rejected(cli, plugin) -> None:
    cli("run", PROMPT, *SMALL, "--plugin", plugin(HOLDS))
    [job] = cli("jobs", "list", "--json").json
    outcome = cli("jobs", "resolve", job["id"], "--reject", "--json")
    assert outcome.code == 3
    assert outcome.json["jobs"][0]["status"] == "rejected"
    assert outcome.json["jobs"][0]["remote_id"] is None


def test_one_decision_at_a_time(cli, plugin) -> None:
    outcome = cli("jobs", "resolve", "x", "--approve", "--reject")
    assert outcome.code == 2
    assert "Give one of" in outcome.err


def test_a_decision_that_does_not_fit_is_refused(cli) -> None:
    cli("run", PROMPT, *SMALL)
    [job] = cli("jobs", "list", "--json").json
    assert cli("jobs", "resolve", job["id"], "--approve").code == 2
    assert cli("jobs", "resolve", job["id"], "--did-not-happen").code == 2


def test_a_cancelled_job_stays_ended(cli, plugin) -> None:
    cli("run", PROMPT, *SMALL, "--plugin", plugin(HOLDS))
    [job] = cli("jobs", "list", "--json").json
    outcome = cli("jobs", "cancel", job["id"])
    assert outcome.code == 0
    assert "1 job: 1 cancelled" in outcome.out
    assert "next" not in outcome.out
    assert "There is nothing to resume" in cli("resume").out
    assert cli("jobs", "cancel", job["id"]).code == 2
