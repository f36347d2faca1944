"""`reelwork review appeal`: what moderation refused is appealed, listed, shown and decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelwork.store.records import DONE, HELD, REJECTED

PLAY = """
[brief]
prompt = "A stabbing in the theatre: the actors take a bow"
duration = 0.5
resolution = "480p"
[plugin.rules]
block = ["stabbing"]
[plugins]
publish = []
"""
BECAUSE = "It is a play, nobody is hurt"


@pytest.fixture
def play(cli: Any, folder: Path) -> str:
    """A job that moderation refused."""
    (folder / "play.toml").write_text(PLAY)
    run = cli("run", "play.toml", "--no-sheet")
    assert (run.code, "reelwork review appeal" in run.out) == (3, True)
    return only(cli)["id"]


def only(cli: Any) -> Any:
    [job] = cli("jobs", "list", "--json").json
    return job


def test_an_appeal_is_listed_and_shown_with_all_that_a_person_needs(cli: Any, play: str) -> None:
    assert only(cli)["next"].startswith(f'reelwork review appeal {play[-8:]} --because "TEXT"')
    assert cli("review", "appeal", play).code == 2
    made = cli("review", "appeal", play, "--because", BECAUSE, "--by", "Ann")
    assert (made.code, "the brief waits for a person until" in made.out) == (0, True)
    assert f"reelwork review show {play[-8:]}" in made.out
    job = only(cli)
    assert (job["status"], job["hold"], job["in_review"], job["appealable"]) == (HELD, "appeal", True, False)
    listed = cli("review", "list")
    assert (listed.code, "appeal: the brief" in listed.out) == (0, True)
    shown = cli("review", "show", play)
    assert shown.code == 3
    for told in ("the brief", "rules (reelwork", '"stabbing" is on the block list', "words", BECAUSE, "(Ann)",
                 "the actors take a bow", "All later stages are moderated", "$0.00, as",
                 "review approve"):  # fmt: skip
        assert told in shown.out
    [appeal] = cli("review", "show", play, "--json").json["appeals"]
    assert (appeal["stage"], appeal["plugin"], appeal["state"], appeal["waits"]) == (
        "brief",
        "rules",
        "waiting",
        True,
    )
    assert (appeal["appealed_by"], appeal["package"], appeal["because"]) == ("Ann", "reelwork", BECAUSE)


def test_an_approval_lets_the_job_go_on_and_its_story_tells_all(cli: Any, play: str) -> None:
    made = cli("review", "appeal", play, "--because", BECAUSE, "--json").json
    assert (made["job"], made["stage"], made["subject"], made["because"]) == (play, "brief", "the brief", BECAUSE)
    assert cli("review", "approve", play, "--by", "Ben", "--version", "abc").code == 2
    assert cli("review", "approve", play, "--by", "Ben").code == 0
    assert only(cli)["status"] == DONE
    story = cli("jobs", "show", play).out
    assert [name in story for name in ("appealed", "reviewed", "overruled")] == [True] * 3
    assert cli("review", "list").out == "Nothing waits for a review.\n"
    assert "approved by Ben" in cli("review", "show", play).out


def test_a_rejection_is_final_and_a_second_appeal_says_so(cli: Any, play: str) -> None:
    cli("review", "appeal", play, "--because", BECAUSE)
    rejected = cli("review", "reject", play, "--by", "Ben", "--reason", "children see it")
    assert (rejected.code, "the appeal was rejected by Ben: children see it" in rejected.out) == (3, True)
    assert (only(cli)["status"], "review appeal" in only(cli)["next"]) == (REJECTED, False)
    again = cli("review", "appeal", play, "--because", BECAUSE)
    assert again.code == 2
    assert "Ben has rejected an appeal against just this: children see it" in again.err
    assert "Nothing was changed; nothing more is spent or posted." in again.err


def test_what_is_final_cannot_be_appealed(cli: Any, folder: Path) -> None:
    (folder / "play.toml").write_text(PLAY.replace("A stabbing in the theatre: the actors take a bow", "Hi"))
    assert "review appeal" not in cli("run", "play.toml", "--no-sheet").out
    refused = cli("review", "appeal", only(cli)["id"], "--because", BECAUSE)
    assert (refused.code, "by 'rules' is final, so no person can overrule it" in refused.err) == (2, True)
    (folder / "play.toml").write_text(
        PLAY.replace('block = ["stabbing"]', 'block = ["stabbing"]\nfinal = ["words"]')
    )
    cli("run", "play.toml", "--no-sheet")
    newest = cli("jobs", "list", "--json").json[0]
    assert cli("review", "appeal", newest["id"], "--because", BECAUSE).code == 2


def test_of_a_brand_with_reviewers_only_they_overrule(cli: Any, folder: Path) -> None:
    (folder / "reelwork.toml").write_text('[brands.acme]\nreviewers = ["ben"]\n')
    (folder / "play.toml").write_text(f'brand = "acme"\n{PLAY}')
    cli("run", "play.toml", "--no-sheet")
    play = only(cli)["id"]
    assert cli("review", "appeal", play, "--because", BECAUSE, "--by", "eve").code == 0
    refused = cli("review", "approve", play, "--by", "eve")
    assert (refused.code, "eve may not approve for the brand acme" in refused.err) == (2, True)
    assert cli("review", "approve", play, "--by", "ben").code == 0


def test_in_a_table_of_many_the_command_is_named_once(cli: Any, folder: Path) -> None:
    (folder / "play.toml").write_text(PLAY)
    rows = "".join(f'{number},"A stabbing in the theatre, act {number}"\n' for number in range(10))
    (folder / "acts.csv").write_text(f"id,prompt\n{rows}")
    run = cli("run", "acts.csv", "--workflow", "play.toml", "--no-sheet")
    assert run.out.count("reelwork review appeal ID") == 1
