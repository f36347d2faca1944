"""`reelwork schedule`: adding, looking, pausing, firing and removing, as a person does it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

WORKFLOW = """
[brief]
prompt = "A lighthouse in the fog"
duration = 0.5
resolution = "480p"

[schedule]
cron = "0 9 * * 1"
tz = "Europe/Berlin"
"""
PAID = """
[provider]
use = "videos-api"
base_url = "http://127.0.0.1:9"
price_per_second = "0.10"

[brief]
prompt = "A lighthouse in the fog"
duration = 4
"""


@pytest.fixture(autouse=True)
def workflow(folder: Path) -> Path:
    (folder / "ads.toml").write_text(WORKFLOW, encoding="utf-8")
    return folder / "ads.toml"


def test_the_rule_comes_from_the_workflow_unless_an_option_gives_one(cli) -> None:
    added = cli("schedule", "add", "weekly", "ads.toml")
    assert added.code == 0, added.err
    assert "weekly: ads.toml, 0 9 * * 1 Europe/Berlin, free each time." in added.out
    assert "next: Mon " in added.out
    changed = cli("schedule", "add", "weekly", "ads.toml", "--every", "6h", "--json").json
    assert (changed["cron"], changed["every"]) == (None, "6h")
    assert len(cli("schedule", "list", "--json").json) == 1


def test_next_shows_five_firings_with_zone_and_offset(cli) -> None:
    cli("schedule", "add", "weekly", "ads.toml")
    lines = cli("schedule", "next", "weekly").out.splitlines()
    assert len(lines) == 5
    assert all(line.startswith("Mon ") and " 09:00 Europe/Berlin (UTC+0" in line for line in lines)
    told = cli("schedule", "next", "weekly", "--json").json
    assert [one["zone"] for one in told] == ["Europe/Berlin"] * 5
    assert all(one["key"][-5:] == "09:00" for one in told)


def test_a_pause_is_shown_with_its_note_and_ends(cli) -> None:
    cli("schedule", "add", "weekly", "ads.toml")
    paused = cli("schedule", "pause", "weekly", "--note", "holiday")
    assert "Paused: weekly, until you resume it: reelwork schedule resume weekly." in paused.out
    assert "weekly is paused: holiday" in cli("schedule", "list").out
    assert cli("schedule", "next", "weekly").out == "weekly: paused: holiday\n"
    assert "Resumed: weekly. Next: Mon " in cli("schedule", "resume", "weekly").out
    again = cli("schedule", "resume", "weekly")
    assert again.code == 2
    assert "is not paused" in again.err
    assert cli("schedule", "pause", "weekly", "--until", "2020-01-01T10:00").code == 2


def test_what_is_due_is_fired_made_and_published(cli, folder: Path) -> None:
    cli("schedule", "add", "weekly", "ads.toml")
    done = cli("schedule", "run-now", "weekly", "--json")
    assert done.code == 0, done.err
    assert [job["status"] for job in done.json["jobs"]] == ["done"]
    assert list((folder / "reelwork-out").rglob("*.mp4"))
    (slot,) = cli("schedule", "show", "weekly", "--json").json["slots"]
    assert (slot["state"], slot["reason"]) == ("fired", "by hand")
    nothing = cli("schedule", "run", "--once")
    assert (nothing.code, nothing.out) == (0, "Nothing was due.\n")


def test_once_fires_what_was_missed_and_drives_it(cli, kept, tmp_path: Path) -> None:
    cli("schedule", "add", "minutely", "ads.toml", "--every", "1m")
    backdate(tmp_path, 90)
    done = cli("schedule", "run", "--once", "--json")
    assert done.code == 0, done.err
    assert [slot["state"] for slot in done.json["slots"]] == ["fired"]
    assert done.json["jobs"] == {"done": 1}
    assert [job.status for job in kept()] == ["done"]


def backdate(tmp_path: Path, seconds: float) -> None:
    """Let every schedule have been added so much earlier, as if that time had passed."""
    import sqlite3

    db = sqlite3.connect(tmp_path / "data" / "reelwork" / "store.db")
    with db:
        db.execute(
            "UPDATE schedules SET added_at = added_at - :seconds, decided_until = decided_until - :seconds,"
            " spec = json_set(spec, '$.anchor', json_extract(spec, '$.anchor') - :seconds)",
            {"seconds": seconds},
        )
    db.close()


@pytest.mark.skipif(not hasattr(signal, "SIGTERM"), reason="needs signals")
def test_a_server_fires_until_it_is_told_to_stop(cli, tmp_path: Path) -> None:
    cli("schedule", "add", "minutely", "ads.toml", "--every", "1m")
    backdate(tmp_path, 90)
    command = [sys.executable, "-m", "reelwork", "schedule", "run"]
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)
    assert server.stdout is not None
    assert server.stdout.readline().startswith("minutely  ")
    server.send_signal(signal.SIGTERM)
    _, err = server.communicate(timeout=60)
    assert server.returncode == 128 + signal.SIGTERM, err
    assert "stopping; everything can be resumed" in err
    assert "Traceback" not in err


def test_money_must_be_agreed_to_when_it_is_added(cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEOS_API_KEY", "a-key")
    (folder / "paid.toml").write_text(PAID, encoding="utf-8")
    refused = cli("schedule", "add", "paid", "paid.toml", "--every", "1h")
    assert refused.code == 2
    assert "$0.40" in refused.err
    assert "Add --yes to agree to each firing" in refused.err
    assert cli("schedule", "list", "--json").json == []
    agreed = cli("schedule", "add", "paid", "paid.toml", "--every", "1h", "--yes", "--json")
    assert agreed.json["agreed"] == {"cost": "0.4", "public": []}
    (folder / "paid.toml").write_text(f"{PAID}\n[budget]\nper_day = 2\n", encoding="utf-8")
    covered = cli("schedule", "add", "paid", "paid.toml", "--every", "1h", "--json")
    assert covered.json["agreed"] is None
    assert covered.json["notes"] == ["24 firings in a day cost $9.60; the budget per_day = $2.00 has room for 5."]


def test_remove_keeps_what_was_fired_and_cancels_on_wish(cli, tmp_path: Path) -> None:
    cli("schedule", "add", "weekly", "ads.toml")
    cli("schedule", "run-now", "weekly")
    removed = cli("schedule", "remove", "weekly", "--cancel", "--json").json
    assert removed == {"removed": "weekly", "open_jobs": [], "cancelled": True}
    gone = cli("schedule", "show", "weekly")
    assert gone.code == 2
    assert "There is no schedule named 'weekly'" in gone.err
    cli("schedule", "add", "weekly", "ads.toml")
    assert len(cli("schedule", "show", "weekly", "--json").json["slots"]) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("weekly", "nothing.toml"), "There is no file nothing.toml"),
        (("weekly", "ads.toml", "--cron", "0 9 * *"), "4 fields"),
        (("weekly", "ads.toml", "--tz", "Mars/One"), "no time zone"),
        (("weekly", "ads.toml", "--at", "2020-01-01T10:00"), "never comes again"),
        (("weekly", "ads.toml", "--every", "1h", "--jitter", "1h"), "not shorter"),
        (("a/b", "ads.toml"), "cannot be used"),
        (("weekly", "ads.toml", "--workflow", "ads.toml"), "is a workflow itself"),
    ],
)
def test_what_cannot_be_added_is_refused_and_nothing_is_kept(cli, arguments: tuple[str, ...], says: str) -> None:
    outcome = cli("schedule", "add", *arguments)
    assert outcome.code == 2
    assert says in outcome.err
    assert cli("schedule", "list").out.startswith("No schedules yet.")


def test_lists_and_pages_are_json_on_wish(cli) -> None:
    assert cli("schedule", "list", "--json").json == []
    cli("schedule", "add", "weekly", "ads.toml")
    assert json.loads(cli("schedule", "show", "weekly", "--json").out)["missed"] == "once"


def test_a_row_whose_job_failed_is_given_back(cli, folder: Path) -> None:
    (folder / "ideas.csv").write_text("id,prompt\nheron,A heron on a frozen lake\n", encoding="utf-8")
    settings = WORKFLOW.partition("[schedule]")[0].replace('prompt = "A lighthouse in the fog"\n', "")
    broken = settings + '[plugins]\npublish = ["gallery"]\n[plugin.gallery]\nfolder = "blocked"\n'
    (folder / "set.toml").write_text(broken, encoding="utf-8")
    assert cli("schedule", "add", "ideas", "ideas.csv", "--workflow", "set.toml", "--every", "2d").code == 0
    (folder / "blocked").write_text("a file stands where the gallery is to be", encoding="utf-8")
    fired = cli("schedule", "run-now", "ideas")
    assert fired.code == 1, fired.out + fired.err
    assert "All 1 rows" in cli("schedule", "run-now", "ideas").err
    listed = cli("schedule", "requeue", "ideas", "--json").json
    assert [(row["row"], row["given_back"]) for row in listed["rows"]] == [("heron", True)]
    again = cli("schedule", "requeue", "ideas")
    assert again.out == "No row of ideas was used by a job that failed.\n"
    (folder / "blocked").unlink()
    assert cli("schedule", "run-now", "ideas").code == 0
    kept = cli("schedule", "requeue", "ideas", "heron")
    assert (kept.code, "is done" in kept.err, "Nothing was changed" in kept.err) == (2, True, True)
    assert cli("schedule", "requeue", "ideas", "egret").code == 2
    assert [job["status"] for job in cli("jobs", "list", "--json").json] == ["done", "cancelled"]
