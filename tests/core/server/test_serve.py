"""`reelwork serve` as a process: it starts, answers, and ends in time."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from tests.core.cli.conftest import cli, folder  # noqa: F401
from tests.core.server.conftest import Machine


def test_it_is_ready_answers_and_ends_with_a_signal(machine: Machine, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(tmp_path / "notify"))
        notified.settimeout(60)
        server = machine.start(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="3000000").until_ready()
        assert server.client.get("/healthz").text == "ok\n"
        assert server.client.get("/readyz").text == "ready\n"
        names = {family.name for family in text_string_to_metric_families(server.client.get("/metrics").text)}
        assert {"reelwork_jobs", "reelwork_step_seconds", "reelwork_reviews_pending"} <= names
        code, seconds = server.stop()
        assert (code, seconds < 10) == (0, True), server.text
        notified.setblocking(False)
        lines: list[str] = []
        while not lines or not lines[-1].startswith("STOPPING"):
            lines.append(notified.recv(4096).decode())
        assert f"READY=1\nSTATUS=Serving {server.url}" in lines
        assert "WATCHDOG=1" in lines
        assert "Traceback" not in server.text


def test_what_is_wrong_is_said_before_anything_is_started(cli: Callable[..., Any]) -> None:  # noqa: F811
    public = cli("serve", "--host", "0.0.0.0", "--port", "0")
    assert (public.code, "there is no token yet" in public.err) == (2, True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = cli("serve", "--port", port)
        assert (refused.code, f"Cannot listen on 127.0.0.1 port {port}" in refused.err) == (2, True)
        # It can be checked beside a server that runs.
        checked = cli("serve", "--check", "--port", port)
    assert (checked.code, checked.out[:5]) == (0, "Fine.")
