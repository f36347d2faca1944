"""The tutorial's combined and error logs, with one id for each job, timings, and no secret in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LOGS = ("--log-file", "combined.log", "--error-log", "error.log", "--log-json")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_job_is_followed_from_start_to_end(simulator: Any, cli: Any, away: Path) -> None:
    done = cli("run", "A cat playing with yarn", "--duration", "4", "--json", *LOGS)
    assert done.code == 0, done.err
    [job] = done.json["jobs"]
    own = [line for line in lines(away / "combined.log") if line.get("job") == job["id"]]
    events = [line["event"] for line in own if "event" in line]
    assert events[0] == "started"
    assert events[-1] == "completed"
    assert "A cat playing with yarn" in own[0]["message"]
    assert own[-1]["duration_ms"] > 0
    assert {"time", "level", "logger", "run"} <= set(own[-1])
    assert (away / "error.log").read_text(encoding="utf-8") == ""


def test_the_error_log_has_what_failed(start: Any, cli: Any, away: Path) -> None:
    start(faults=("render:fail=internal_error",))
    failed = cli("run", "A cat playing with yarn", "--duration", "4", "--json", *LOGS)
    [job] = failed.json["jobs"]
    [line] = lines(away / "error.log")
    assert (line["level"], line["job"], line["event"]) == ("error", job["id"], "failed")
    assert "internal_error" in line["message"]
    assert line in lines(away / "combined.log")


def test_a_long_prompt_is_cut_as_in_the_tutorial(simulator: Any, cli: Any, away: Path) -> None:
    prompt = "A cat playing with yarn, " * 10
    cli("run", prompt, "--duration", "4", *LOGS)
    started = next(line for line in lines(away / "combined.log") if line.get("event") == "started")
    assert prompt[:100] in started["message"]
    assert prompt[:110] not in started["message"]


def test_no_key_gets_into_a_log(start: Any, cli: Any, away: Path, monkeypatch: Any) -> None:
    key = "sk-live-0123456789abcdef"
    start(api_key=key)
    monkeypatch.setenv("VIDEOS_API_KEY", key)
    options = ("--duration", "4", "--set", "provider.api_key=env:VIDEOS_API_KEY")
    assert cli("-v", "run", "A cat playing with yarn", *options, *LOGS).code == 0
    assert key not in (away / "combined.log").read_text(encoding="utf-8")


def test_without_a_file_the_json_lines_go_to_standard_error(simulator: Any, cli: Any) -> None:
    done = cli("run", "A cat playing with yarn", "--duration", "4", "--log-json")
    assert done.code == 0
    events = [json.loads(line).get("event") for line in done.err.splitlines()]
    assert "completed" in events
