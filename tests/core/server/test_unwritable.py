"""A server whose store cannot be written says so on its pages, sends nothing, and goes on once there is room."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from tests.core.server.conftest import PATIENCE, Machine, Running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="limits the files of another process"),
]
FREE = '[brief]\nprompt = "A harbour at dawn"\nduration = 0.5\nresolution = "480p"\n[posts]\nunasked = true\n'


@pytest.fixture
def server(machine: Machine) -> Iterator[Running]:
    """A server whose output goes through a pipe: what limits its files does not limit that."""
    output = machine.folder / "served.txt"
    with output.open("wb") as file, subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file) as copy:
        command, pipe = machine.command("serve", "--port", "0"), copy.stdin
        assert pipe is not None
        with subprocess.Popen(
            command, cwd=machine.folder, env=machine.environ(), stdout=pipe, stderr=pipe
        ) as process:
            pipe.close()
            started = Running(process, output).until_ready()
            until(lambda: ready(started).status_code == 200, started)
            yield started
            process.kill()
            started.client.close()


def fill(server: Running, *, full: bool) -> None:
    """Let the server write no byte to any file, as on a full disk; or let it write again."""
    import resource

    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0 if full else hard, hard))


def until(reached: Callable[[], bool], server: Running) -> None:
    ends = time.monotonic() + PATIENCE
    while not reached():
        assert server.process.poll() is None, server.text
        assert time.monotonic() < ends, server.text
        time.sleep(0.2)


def ready(server: Running) -> httpx.Response:
    return server.client.get("/readyz")


def test_a_server_waits_for_room_says_so_and_goes_on_by_itself(machine: Machine, server: Running) -> None:
    (machine.folder / "free.toml").write_text(FREE)
    token = machine.reelwork("tokens", "add", "desk", "--scope", "run").stdout.split()[0]
    asked = {"authorization": f"Bearer {token}", "idempotency-key": "one-key-for-both"}

    def start() -> httpx.Response:
        return server.client.post("/api/v1/runs", json={"workflow": "free"}, headers=asked)

    fill(server, full=True)
    assert ready(server).status_code == 503
    assert ready(server).text.startswith("not ready: the store cannot be written, so nothing is sent. Make room")
    # No name, no path: everybody may ask that.
    assert str(machine.folder) not in ready(server).text
    refused = start()
    assert (refused.status_code, refused.json()["money"]) == (503, "It acts only once.")
    until(lambda: "could not be written" in server.client.get("/").text, server)
    page = server.client.get("/").text
    for told in (
        f"The store {machine.store} could not be written",
        "What was not written down was not sent. What was sent is looked up, not sent again.",
        "Until then no job is driven and no schedule fires.",
        "Make room on the disk",
        "Not driving jobs",
    ):
        assert told in page
    # Every page has it, and none of its readers ends the server.
    assert "could not be written" in server.client.get("/jobs").text
    fill(server, full=False)
    until(lambda: ready(server).status_code == 200, server)
    assert "could not be written" not in server.client.get("/").text
    [job] = start().json()["jobs"]
    until(lambda: server.client.get(f"/api/v1/jobs/{job}").json()["status"] == "done", server)
    assert len(server.client.get("/api/v1/jobs").json()["items"]) == 1
    assert server.text.count("could not be written") == 1
    assert "the store can be written again" in server.text
    assert server.stop()[0] == 0


def test_a_server_that_waits_for_room_ends_when_it_is_told_to(server: Running) -> None:
    fill(server, full=True)
    server.until_told("could not be written")
    code, seconds = server.stop()
    assert code == 0, server.text
    assert seconds < 10
    assert "Traceback" not in server.text


def test_a_store_that_is_gone_ends_the_server(machine: Machine, server: Running) -> None:
    machine.store.rename(machine.folder / "elsewhere.db")
    until(lambda: ready(server).status_code != 200, server)
    assert server.process.wait(PATIENCE) == 1
    assert "was removed, moved or replaced while it was in use" in server.text


@pytest.mark.parametrize("words", [(), ("--check",)])
def test_one_that_finds_a_full_disk_ends_so_that_it_is_started_again(machine: Machine, words: tuple[str]) -> None:
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    done = subprocess.run(
        machine.command("serve", "--port", "0", *words),
        cwd=machine.folder, env=machine.environ(), preexec_fn=limit,
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    # The unit for systemd does not start again what ends with 2.
    assert done.returncode == 1, done.stderr
    assert "cannot be used" in done.stderr
    assert "Make room on the disk" in done.stderr
