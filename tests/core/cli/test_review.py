"""`reelwork review`: what waits, what is shown of it, and the answers of a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelwork.store.records import DONE, HELD, REJECTED

REEL = """
[review]
always = true
[brief]
prompt = "A lighthouse in the rain at night"
caption = "Rain"
hashtags = ["coast"]
duration = 0.5
resolution = "480p"
"""


@pytest.fixture
def reel(cli: Any, folder: Path) -> str:
    """A job whose post waits."""
    (folder / "reel.toml").write_text(REEL)
    assert cli("run", "reel.toml", "--no-sheet").code == 3
    [job] = cli("jobs", "list", "--json").json
    assert (job["status"], job["hold"]) == (HELD, "review")
    assert "reelwork review show" in job["next"]
    return str(job["id"])


def gallery(folder: Path) -> int:
    """The number of posts in the gallery."""
    page = folder / "reelwork-out" / "gallery" / "index.html"
    return page.read_text(encoding="utf-8").count("<video") if page.exists() else 0


def test_a_plan_says_what_waits_and_why(cli: Any, folder: Path) -> None:
    (folder / "reel.toml").write_text(REEL)
    assert "after a person's review: every post is reviewed" in cli("plan", "reel.toml").out
    [job] = cli("plan", "reel.toml", "--json").json["jobs"]
    assert job["posts"][0]["review"] == "every post is reviewed"
    first = cli("plan", "reel.toml", "--set", "review.always=false", "--set", "review.first_post=true")
    assert "the first post to an account is reviewed" in first.out
    none = cli("plan", "reel.toml", "--set", "review.always=false")
    assert "person's review" not in none.out


def test_what_waits_is_listed_and_shown_with_all_that_an_approval_is_for(cli: Any, reel: str) -> None:
    listed = cli("review", "list")
    assert (listed.code, reel[-8:] in listed.out, "gallery" in listed.out) == (0, True, True)
    shown = cli("review", "show", reel)
    assert shown.code == 3
    for told in (
        "every post is reviewed",
        "Rain",
        "#coast",
        "public",
        "yes, by the network's own label",
        "sha256",
        "review approve",
    ):
        assert told in shown.out
    document = cli("review", "show", reel, "--json").json
    [post] = document["posts"]
    assert (post["state"], post["caption"], post["hashtags"]) == ("waiting", "Rain", ["coast"])
    assert {file["role"] for file in post["files"]} == {"video", "thumbnail"}
    assert cli("review", "list", "--json").json[0]["version"] == document["version"] in shown.out
    assert cli("review", "show", "nothing").code == 2


def test_an_approval_of_another_version_is_refused_and_of_this_one_posts(cli: Any, reel: str, folder: Path) -> None:
    stale = cli("review", "approve", reel, "--version", "abc")
    assert (stale.code, "Nothing was changed, and nothing was posted." in stale.err) == (2, True)
    version = cli("review", "show", reel, "--json").json["version"]
    assert gallery(folder) == 0
    assert cli("review", "approve", reel, "--version", version, "--by", "Ana", "--json").code == 0
    assert gallery(folder) == 1
    assert cli("review", "list").out == "Nothing waits for a review.\n"
    [post] = cli("review", "show", reel, "--json").json["posts"]
    assert (post["state"], post["by"]) == ("posted", "Ana")


def test_a_recorded_answer_is_acted_on_by_the_next_resume(cli: Any, reel: str, folder: Path) -> None:
    recorded = cli("review", "approve", reel, "--no-wait")
    assert (recorded.code, "reelwork resume" in recorded.out) == (0, True)
    assert gallery(folder) == 0
    assert cli("resume").code == 0
    assert gallery(folder) == 1


def test_other_words_and_an_approval_in_one_act(cli: Any, reel: str, folder: Path) -> None:
    nothing = cli("review", "edit", reel)
    assert (nothing.code, "Say what to change" in nothing.err) == (2, True)
    unknown = cli("review", "edit", reel, "--option", "mood=calm")
    assert (unknown.code, "destination.gallery.mood" in unknown.err) == (2, True)
    edited = cli("review", "edit", reel, "--caption", "Fog", "--no-hashtags", "--approve")
    assert (edited.code, gallery(folder)) == (0, 1)
    assert "Fog" in (folder / "reelwork-out/gallery/index.html").read_text(encoding="utf-8")


def test_a_video_is_made_again_and_reviewed_again(cli: Any, reel: str, folder: Path) -> None:
    again = cli("review", "redo", reel)
    assert (again.code, gallery(folder)) == (3, 0)
    told = [event["name"] for event in cli("jobs", "show", reel, "--json").json["events"]]
    assert told.count("submitted") == 2
    rejected = cli("review", "reject", reel, "--reason", "too dark")
    assert (rejected.code, "too dark" in rejected.out) == (3, True)
    [job] = cli("jobs", "list", "--json").json
    assert (job["status"], "asks for a review again" in job["next"]) == (REJECTED, True)


def test_a_backup_of_what_waited_posts_nothing_twice(cli: Any, reel: str, folder: Path) -> None:
    assert cli("store", "backup", "kept.db").code == 0
    assert cli("review", "approve", reel).code == 0
    assert cli("store", "restore", "kept.db", "--yes").code == 0
    # Nobody has approved it in this store, and it is there: looking it up sends nothing.
    resumed = cli("resume")
    assert gallery(folder) == 1
    if resumed.code:
        assert cli("review", "approve", reel).code == 0
    [job] = cli("jobs", "list", "--json").json
    assert (job["status"], gallery(folder)) == (DONE, 1)
