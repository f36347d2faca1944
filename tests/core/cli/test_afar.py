"""`--server`: the same commands at a server elsewhere, with the same lines as there."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from tests.core.server.conftest import Machine, new_machine  # noqa: F401

from reelwork.store.commands import SetJob
from reelwork.store.records import HELD
from reelwork.store.sqlite.store import SqliteStore

FREE = '[brief]\nprompt = "A harbour at dawn"\nduration = 1\n[provider]\nuse = "preview"\n[posts]\nunasked = true\n'
PAID = (
    '[brief]\nprompt = "A harbour at dawn"\nduration = 4\n'
    '[provider]\nuse = "videos-api"\nbase_url = "http://127.0.0.1:9/v1"\napi_key = "env:PAID_KEY"\n'
    'model = "sora-2"\nprice_per_second = 0.10\n'
)


REVIEWED = FREE.replace("[brief]\n", '[review]\nalways = true\n[brief]\ncaption = "Rain"\n')


class Pair:
    """A machine with a server, and one without a store that asks it."""

    def __init__(self, there: Machine, here: Machine) -> None:
        self.there, self.here = there, here
        for name, text in (("free", FREE), ("paid", PAID), ("reviewed", REVIEWED)):
            (there.folder / f"{name}.toml").write_text(text)
        made = ("tokens", "add", "ana", "--scope", "run", "--scope", "approve", "--json")
        self.token = json.loads(there.reelwork(*made).stdout)["token"]
        self.server = there.start("serve", "--port", "0", PAID_KEY="sk-of-nobody-1234567890").until_ready()

    def afar(self, *arguments: str, token: str | None = None) -> CompletedProcess[str]:
        environ = {"REELWORK_TOKEN": self.token if token is None else token}
        done = self.here.reelwork("--server", self.server.url, *arguments, **environ)
        assert "Traceback" not in done.stderr
        return done

    def as_there(self, text: str) -> str:
        """What is shown, with the commands as they are typed on the server's machine."""
        return _without_ages(text.replace(f"reelwork --server {self.server.url} ", "reelwork "))


@pytest.fixture(scope="module")
def pair(new_machine: Callable[[], Machine]) -> Pair:  # noqa: F811
    return Pair(new_machine(), new_machine())


def test_a_run_is_started_waited_for_and_shown_as_one_of_this_machine(pair: Pair) -> None:
    done = pair.afar("run", "--workflow", "free", "A lighthouse in the rain", "--title", "Rain", "--json")
    assert done.returncode == 0, done.stderr
    (job,) = json.loads(done.stdout)["jobs"]
    assert (job["status"], job["prompt"].startswith("A lighthouse in the rain")) == ("done", True)
    for command in (
        ("jobs", "list"),
        ("jobs", "list", "--status", "done", "--search", "lighthouse", "--limit", "1"),
        ("jobs", "list", "--status", "failed"),
        ("jobs", "show", job["id"]),
        ("jobs", "show", job["id"][-8:]),
    ):
        for form in ((), ("--json",)):
            here, there = pair.afar(*command, *form), pair.there.reelwork(*command, *form)
            assert here.returncode == there.returncode == 0
            assert _without_ages(here.stdout) == _without_ages(there.stdout), command
    assert not pair.here.store.exists()


def _without_ages(text: str) -> str:
    """What is shown, however long ago it was."""
    return " ".join(re.sub(r"\b\d+ (s|min)\b", "some time", text).split())


def test_a_long_list_comes_page_by_page(pair: Pair) -> None:
    for _ in range(2):
        assert pair.afar("run", "--workflow", "free").returncode == 0
    first = pair.afar("jobs", "list", "--limit", "1")
    assert "and more" in first.stderr
    named = first.stderr.split("--cursor ")[1].split()[0]
    rest = json.loads(pair.afar("jobs", "list", "--json", "--cursor", named).stdout)
    whole = json.loads(pair.afar("jobs", "list", "--json").stdout)
    assert [job["id"] for job in rest] == [job["id"] for job in whole[1:]]


def test_money_is_agreed_to_and_jobs_are_decided_about(pair: Pair) -> None:
    refused = pair.afar("run", "--workflow", "paid")
    assert (refused.returncode, "for $0.40" in refused.stderr, "--yes" in refused.stderr) == (2, True, True)
    assert pair.afar("run", "--workflow", "paid", "--out", "x").returncode == 2
    # Nobody is there to ask: the job fails, and nothing was spent.
    failed = pair.afar("run", "--workflow", "paid", "--yes", "--json")
    assert failed.returncode == 1, failed.stderr
    job = json.loads(failed.stdout)["jobs"][0]["id"]
    assert pair.afar("resume", job).returncode == 1
    ended = pair.afar("jobs", "cancel", job)
    assert (ended.returncode, "cancelled" in ended.stdout) == (0, True), ended.stderr
    again = pair.afar("jobs", "cancel", job)
    assert (again.returncode, "is cancelled already" in again.stderr) == (2, True)
    store = SqliteStore(pair.there.store)
    assert asyncio.run(store.decide(job, SetJob(HELD, "submit-again", None, "its render failed")))
    store.close()
    unpaid = pair.afar("jobs", "retry", job)
    assert (unpaid.returncode, "new render" in unpaid.stderr) == (2, True)
    assert pair.afar("jobs", "cancel", job).returncode == 0


def test_a_review_is_shown_and_answered_as_one_of_this_machine(pair: Pair) -> None:
    held = pair.afar("run", "--workflow", "reviewed", "--json")
    assert held.returncode == 3, held.stderr
    (told,) = json.loads(held.stdout)["jobs"]
    job, server = told["id"], f"reelwork --server {pair.server.url}"
    assert told["next"] == f"{server} review show {job[-8:]}  (you decide)"
    assert f"next       {told['next']}" in pair.afar("resume", job).stdout
    assert json.loads(pair.afar("jobs", "show", job, "--json").stdout)["next"] == told["next"]
    (listed,) = json.loads(pair.afar("jobs", "list", "--status", "held", "--json").stdout)
    assert listed["next"] == told["next"]
    for command in (("review", "list"), ("review", "show", job), ("review", "show", job[-8:])):
        for form in ((), ("--json",)):
            here, there = pair.afar(*command, *form), pair.there.reelwork(*command, *form)
            assert here.returncode == there.returncode
            assert pair.as_there(here.stdout) == _without_ages(there.stdout), command
            assert (
                bool(form)
                or command[1] == "list"
                or f"reelwork --server {pair.server.url} review app" in here.stdout
            )
    seen = json.loads(pair.afar("review", "show", job, "--json").stdout)["version"]
    assert pair.afar("review", "edit", job, "--caption", "Fog", "--version", seen).returncode == 3
    stale = pair.afar("review", "approve", job, "--version", seen)
    assert (stale.returncode, "caption was 'Rain', is 'Fog' by ana." in stale.stderr) == (2, True), stale.stderr
    named = pair.afar("review", "approve", job, "--by", "Ben")
    assert (named.returncode, "the token says who decides" in named.stderr) == (2, True)
    option = pair.afar("review", "edit", job, "--option", "thumbnail=/etc/passwd")
    assert (option.returncode, "scope admin" in option.stderr) == (2, True)
    assert pair.afar("review", "redo", job).returncode == 3
    recorded = pair.afar("review", "approve", job, "--no-wait")
    assert (recorded.returncode, "The server acts on it" in recorded.stdout) == (0, True), recorded.stderr
    done = pair.afar("resume", job)
    assert (done.returncode, "published" in done.stdout) == (0, True), done.stderr
    late = pair.afar("review", "reject", job, "--reason", "too dark")
    assert f"{server} jobs show" in late.stderr
    assert (late.returncode, "posted by ana" in late.stderr) == (2, True)


def test_a_schedule_is_added_by_the_name_of_a_workflow_and_removed(pair: Pair) -> None:
    rule = ("--cron", "0 9 * * 1", "--tz", "Europe/Berlin")
    added = pair.afar("schedule", "add", "weekly", "free", *rule)
    assert (added.returncode, "weekly: free.toml, 0 9 * * 1 Europe/Berlin." in added.stdout) == (0, True), (
        added.stderr
    )
    assert "next: Mon " in added.stdout
    there = json.loads(pair.there.reelwork("schedule", "list", "--json").stdout)
    assert [(one["name"], one["cron"], one["agreed"]) for one in there] == [("weekly", "0 9 * * 1", None)]
    twice = pair.afar("schedule", "add", "weekly", "free.toml", *rule)
    assert (twice.returncode, "There is a schedule named 'weekly'." in twice.stderr) == (2, True)
    unpaid = pair.afar("schedule", "add", "dear", "paid", *rule)
    assert (unpaid.returncode, "for $0.40" in unpaid.stderr) == (2, True)
    agreed = pair.afar("schedule", "add", "dear", "paid", *rule, "--yes", "--json")
    assert json.loads(agreed.stdout)["agreed"] == {"cost": "0.4", "public": []}
    for wrong in ("../free", "/etc/passwd", "rows.csv"):
        refused = pair.afar("schedule", "add", "evil", wrong, *rule)
        assert (refused.returncode, "a file is not sent to a server" in refused.stderr) == (2, True)
    ping = pair.afar("schedule", "add", "pinged", "free", *rule, "--ping", "https://evil.example/x")
    assert (ping.returncode, "scope admin" in ping.stderr) == (2, True)
    removed = pair.afar("schedule", "remove", "weekly")
    assert (removed.returncode, "scope admin" in removed.stderr) == (2, True)
    admin = json.loads(pair.there.reelwork("tokens", "add", "boss", "--scope", "admin", "--json").stdout)["token"]
    done = pair.afar("schedule", "remove", "weekly", token=admin)
    assert (done.returncode, done.stdout) == (0, "Removed: weekly. Jobs it has fired continue.\n"), done.stderr
    again = pair.afar("schedule", "remove", "weekly", token=admin)
    assert (again.returncode, "There is no schedule named 'weekly'" in again.stderr) == (2, True)


def test_schedules_are_looked_at_and_changed_as_on_this_machine(pair: Pair) -> None:
    rule = ("--cron", "0 9 * * 1", "--tz", "Europe/Berlin")
    assert pair.afar("schedule", "add", "yearly", "free", *rule).returncode == 0
    (pair.there.folder / "rows.csv").write_text("id,prompt\none,A lighthouse in the rain\n")
    batch = ("schedule", "add", "rows", "rows.csv", "--workflow", "paid.toml", *rule, "--yes")
    assert pair.there.reelwork(*batch, PAID_KEY="x").returncode == 0
    paused = pair.afar("schedule", "pause", "yearly", "--note", "a holiday", "--until", "2037-01-05T18:00")
    assert paused.stdout == "Paused: yearly, until Mon 2037-01-05 18:00 Europe/Berlin (UTC+01:00).\n", paused.stderr
    for command in (("list",), ("show", "yearly"), ("show", "rows", "--limit", "1"), ("next", "rows")):
        for form in ((), ("--json",)):
            here, there = pair.afar("schedule", *command, *form), pair.there.reelwork("schedule", *command, *form)
            assert (here.returncode, here.stdout) == (there.returncode, there.stdout), (command, here.stderr)
            assert here.stdout
    resumed = pair.afar("schedule", "resume", "yearly")
    assert resumed.stdout.startswith("Resumed: yearly. Next: Mon "), resumed.stderr
    for_good = pair.afar("schedule", "pause", "yearly", "--json")
    assert json.loads(for_good.stdout)["paused"] == {"note": "", "until": None}
    fired = pair.afar("schedule", "run-now", "yearly", "--json")
    assert (fired.returncode, json.loads(fired.stdout)["counts"]) == (0, {"done": 1}), fired.stderr
    # Agreed to when it was added. Nobody answers there: the job fails, nothing is spent, and its row goes back.
    assert pair.afar("schedule", "run-now", "rows").returncode == 1
    given = pair.afar("schedule", "requeue", "rows")
    assert given.stdout == "one (A lighthouse in the rain): given back\n", given.stderr
    assert pair.afar("schedule", "requeue", "rows").stdout == "No row of rows was used by a job that failed.\n"
    unknown = pair.afar("schedule", "pause", "none")
    assert (unknown.returncode, "There is no schedule named 'none'" in unknown.stderr) == (2, True)
    for wrong in (("run",), ("run-now", "yearly", "--open")):
        refused = pair.afar("schedule", *wrong)
        assert (refused.returncode, "does not go with" in refused.stderr) == (2, True), refused.stderr


def test_mistakes_are_told_in_the_same_words(pair: Pair, tmp_path: Path) -> None:
    there, here = pair.there.reelwork("jobs", "show", "abcdefgh-none"), pair.afar("jobs", "show", "abcdefgh-none")
    assert here.returncode == there.returncode == 2
    assert here.stderr.splitlines()[0] == there.stderr.splitlines()[0]
    short = pair.afar("jobs", "show", "abc")
    assert f"List them: reelwork --server {pair.server.url} jobs list" in short.stderr
    stranger = pair.afar("run", "--workflow", "free", token="rwt_none")
    assert (stranger.returncode, "not known here" in stranger.stderr) == (2, True)
    assert "On the server's machine: Make one: reelwork tokens add" in stranger.stderr
    for asked, word in (
        (("spend",), "--server does not go with spend"),
        (("jobs", "open", "x"), "--server does not go with jobs open"),
        (("run", "--workflow", "none"), "There is no workflow named 'none'"),
        (("run", "rows.csv"), f"reelwork --server {pair.server.url} run --workflow NAME"),
        (("run", "--workflow", "free", "--set", "provider.use=fal"), "scope admin"),
        (("run", "--workflow", "free", "--input-reference", "/etc/passwd"), "scope admin"),
    ):
        done = pair.afar(*asked)
        assert (done.returncode, word in done.stderr) == (2, True), (asked, done.stderr)
    for url, word in (
        ("http://studio.example.com", "over https only"),
        ("studio", "is not an address"),
    ):
        done = pair.here.reelwork("--server", url, "jobs", "list", REELWORK_TOKEN="rwt_x")
        assert (done.returncode, word in done.stderr) == (2, True)


def test_a_server_that_is_not_there_is_said(pair: Pair) -> None:
    done = pair.here.reelwork("--server", "http://127.0.0.1:9", "jobs", "list")
    assert (done.returncode, "does not answer" in done.stderr) == (1, True)
    assert "On the server's machine: Start it with: reelwork serve" in done.stderr


def test_a_job_that_waits_for_its_time_needs_nobody_while_a_server_runs(
    new_machine: Callable[[], Machine],  # noqa: F811
) -> None:
    machine = new_machine()
    timed = FREE.replace("[brief]\n", '[brief]\npublish_at = "2037-01-05T18:00 Europe/Berlin"\n')
    (machine.folder / "timed.toml").write_text(timed)
    ended = machine.reelwork("run", "timed.toml")
    assert (ended.returncode, "next       reelwork serve  (posts it at its time)" in ended.stdout) == (3, True)
    (job,) = json.loads(machine.reelwork("jobs", "list", "--json").stdout)
    assert (job["post_wait"], job["next"].startswith("reelwork serve")) == ("time", True)
    watched = machine.reelwork("jobs", "watch", job["id"])
    assert (watched.returncode, "start one: reelwork serve" in watched.stderr) == (3, True)
    server = machine.start("serve", "--port", "0").until_ready()
    for command in (("jobs", "show", job["id"]), ("jobs", "history", job["id"])):
        told = machine.reelwork(*command)
        assert told.returncode == 0, told.stderr
        assert not re.search("reelwork (resume|serve)", told.stdout), told.stdout
    assert json.loads(machine.reelwork("jobs", "list", "--json").stdout)[0]["next"] == ""
    page = server.client.get(f"/jobs/{job['id']}").text
    assert "is posted Mon 2037-01-05" in page
    assert "Next:" not in page
    assert machine.reelwork("posts", "stop").returncode == 0
    assert server.client.get(f"/api/v1/jobs/{job['id']}").json()["next"] == ""
