"""Where the log goes, and what its lines say."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

PROMPT = "A lighthouse in the fog"
SMALL = ("--duration", "0.5", "--resolution", "480p")
FAILS = (
    "@hookimpl\ndef post_download(self, clip):\n    self.context.log.info('looking')\n    raise OSError('no room')"
)


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_both_logs_before_or_after_the_command(cli, folder: Path, plugin) -> None:
    logs = ("--log-file", "combined.log", "--error-log", "error.log")
    assert cli(*logs, "run", PROMPT, *SMALL).code == 0
    combined = (folder / "combined.log").read_text()
    assert "INFO reelwork.job: started: A lighthouse in the fog job=" in combined
    assert "completed" in combined
    assert (folder / "error.log").read_text() == ""
    assert cli("run", PROMPT, *SMALL, "--plugin", plugin(FAILS), *logs).code == 1
    assert (folder / "combined.log").read_text().startswith(combined), "a log is added to, never begun anew"
    errors = (folder / "error.log").read_text()
    assert "no room" in errors
    assert "event=failed" in errors


def test_json_lines_have_one_id_for_each_job(cli, folder: Path, plugin) -> None:
    options = ("--takes", "2", "--publish-takes", "all", "--log-file", "log", "--log-json")
    cli("run", PROMPT, *SMALL, "--plugin", plugin(FAILS), *options)
    written = json_lines((folder / "log").read_text())
    jobs = {line["job"] for line in written if "job" in line}
    assert jobs == {job["id"] for job in cli("jobs", "list", "--json").json}
    for job in jobs:
        own = [line for line in written if line.get("job") == job]
        events = [line.get("event") for line in own]
        assert events[0] == "started"
        assert events[-1] == "failed"
        times = [line["duration_ms"] for line in own if "duration_ms" in line]
        assert times == sorted(times)
        assert times[-1] > 0
        assert any(line["logger"] == "reelwork.plugin.mine" for line in own), "a plugin's own line has no job"
        assert len({line["run"] for line in own}) == 1
    for line in written:
        assert datetime.fromisoformat(line["time"]).tzinfo is not None
        assert line["level"] in ("info", "warning", "error")


def test_json_alone_makes_standard_error_a_log(cli) -> None:
    outcome = cli("run", PROMPT, *SMALL, "--log-json")
    assert outcome.code == 0
    assert [line["event"] for line in json_lines(outcome.err) if "event" in line][-1] == "completed"


def test_what_ends_a_command_is_in_the_error_log(cli, folder: Path) -> None:
    assert cli("run", "nothing.toml", "--error-log", "error.log").code == 2
    assert "There is no file nothing.toml" in (folder / "error.log").read_text()


def test_a_log_that_cannot_be_written_is_said_before_anything_is_sent(cli, kept) -> None:
    outcome = cli("run", PROMPT, *SMALL, "--log-file", "no/such/folder/x.log")
    assert outcome.code == 2
    assert "no/such/folder/x.log cannot be written" in outcome.err
    assert kept() == []


def test_secrets_stay_out(cli, folder: Path, plugin, monkeypatch) -> None:
    monkeypatch.setenv("MY_KEY", "s3cr3t-value-0123")
    says = (
        "@hookimpl\ndef pre_moderate(self, content):\n"
        "    key = self.context.secret('env:MY_KEY')\n"
        "    self.context.log.warning('calling with %s and Authorization: Bearer abcdefghijkl', key)"
    )
    assert cli("run", PROMPT, *SMALL, "--plugin", plugin(says), "--log-file", "log", "--log-json").code == 0
    text = (folder / "log").read_text()
    assert "calling with ***" in text
    assert "s3cr3t" not in text
    assert "abcdefghijkl" not in text
