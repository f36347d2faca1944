"""The command as people run it: a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from tests.plugins.simulator.conftest import accepted, create_unanswered

from reelwork_plugins.simulator import read_log
from reelwork_plugins.simulator.command import simulator

RUN = [sys.executable, "-c", "from reelwork_plugins.simulator.command import simulator; simulator()"]


@contextmanager
def started(*options: str) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    process = subprocess.Popen(
        [*RUN, "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "error"},
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        address = re.search(r"ready at (http://127\.0\.0\.1:\d+) ", first)
        assert address, first + process.stdout.read()
        yield process, address[1], [first]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def rest(process: subprocess.Popen[str]) -> str:
    process.wait(timeout=30)
    assert process.stdout is not None
    return process.stdout.read()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_leaves_cleanly(number: signal.Signals) -> None:
    with started("--canned", "--render-seconds", "0") as (process, address, _):
        video = httpx.post(f"{address}/v1/videos", json={"prompt": "x"}, timeout=60).json()["id"]
        assert httpx.get(f"{address}/v1/videos/{video}/content", timeout=60).content[4:8] == b"ftyp"
        process.send_signal(number)
        output = rest(process)
    assert process.returncode == 0
    assert output.splitlines()[-1] == "The simulator has stopped."
    assert "Traceback" not in output


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
def test_it_says_how_to_point_a_workflow_at_it() -> None:
    options = (
        "--dialect",
        "vllm-omni",
        "--api-key",
        "sk-secret",
        "--webhook",
        "http://127.0.0.1:1/",
        "--fault",
        "poll:500",
    )
    with started(*options) as (process, address, _):
        process.send_signal(signal.SIGTERM)
        output = rest(process)
    table = tomllib.loads(output[output.index("[provider]") : output.index("\n\nEvents")])
    assert table["provider"] == {
        "use": "videos-api",
        "base_url": address,
        "dialect": "vllm-omni",
        "price_per_second": 0,
        "api_key": "env:SIMULATOR_KEY",
    }
    assert "sk-secret" not in output
    assert re.search(r"signed with whsec_\S{32}", output)
    assert f"only {address}/sora and {address}/openrouter send events" in output
    assert "Faults: poll:500" in output


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL to send")
def test_the_log_file_survives_a_kill(tmp_path: Path) -> None:
    log_file = tmp_path / "requests.jsonl"
    with started("--canned", "--log-file", str(log_file), "--fault", "create:accept-then-slow=600") as (
        process,
        address,
        _,
    ):
        create_unanswered(address, "paid", lambda: accepted(read_log(log_file)))
        process.kill()
        process.wait()
    (entry,) = read_log(log_file)
    assert entry["fields"] == {"prompt": "paid"}
    assert entry["job_id"].startswith("video_")
    assert entry["status"] is None


def test_help_lists_every_fault() -> None:
    shown = CliRunner().invoke(simulator, ["--help"], terminal_width=100).output
    for part in (
        "create:accept-then-drop",
        "content:redirect=TEXT",
        "webhook:late[=SECONDS]",
        "/_simulator/faults",
    ):
        assert part in shown


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--fault", "create:nonsense"], 2, "there is no create:nonsense"),
        (["--port", "70000"], 2, "70000 is no port"),
        (["--render-seconds", "-1"], 2, "0 seconds or more"),
        (["--webhook", "ftp://x"], 2, "not an http(s) address"),
        (["--host", "host.invalid"], 1, "no address of this machine"),
    ],
)
def test_mistakes_are_one_clear_error(options: list[str], code: int, message: str) -> None:
    result = CliRunner().invoke(simulator, options)
    assert result.exit_code == code
    assert message in result.output
    assert "Traceback" not in result.output


def test_a_taken_port_is_said_so() -> None:
    with started("--canned") as (_, address, _lines):
        result = CliRunner().invoke(simulator, ["--port", address.rsplit(":", 1)[1]])
    assert result.exit_code == 1
    assert "cannot listen on 127.0.0.1 port" in result.output
    assert "Choose another --port." in result.output


def test_importing_the_command_loads_no_server() -> None:
    code = (
        "import sys; import reelwork_plugins.simulator.command; "
        "print([name for name in ('starlette', 'uvicorn', 'pydantic', 'av', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
