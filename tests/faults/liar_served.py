"""The liar's real histories with `reelwork serve` in place of a command: asked over its API, and killed."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import httpx
from serve_calls import WAIT_SECONDS, caller, let_go_on, send, token_of, until_idle

READY = "Serving "


class Victim(Protocol):
    """Whoever kills the process at its moment."""

    victim: subprocess.Popen[bytes] | None


def serve_once(desk: Path, state: Victim, words: list[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Let a server do what a command would, until nothing goes on by itself or it is killed."""
    log = desk / "serve.log"
    begun = log.stat().st_size if log.exists() else 0
    token = token_of(desk)
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "reelwork", "--store", "store.db", "serve", "--port", "0"],
            cwd=desk, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    state.victim = process
    try:
        url = _address(log, begun, process)
        # A server that was killed answers nothing more.
        asyncio.run(_asked(url, token, desk, words))
    except (httpx.HTTPError, TimeoutError):
        pass
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(WAIT_SECONDS)
    state.victim = None
    return process.returncode, log.read_bytes()[begun:].decode("utf-8", "replace")


def _address(log: Path, begun: int, process: subprocess.Popen[bytes]) -> str:
    ends = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        said = log.read_bytes()[begun:].decode("utf-8", "replace")
        if READY in said:
            return said.partition(READY)[2].split()[0]
        time.sleep(0.02)
    raise TimeoutError(f"the server is not ready: {log.read_bytes()[begun:]!r}")


async def _asked(url: str, token: str, desk: Path, words: list[str]) -> None:
    async with asyncio.timeout(WAIT_SECONDS), caller(url, token) as http:
        if words[0] == "run":
            settings = tomllib.loads((desk / "workflow.toml").read_text(encoding="utf-8"))
            await send(http, _rows(desk, words[1]), {"out": str(desk / "out"), **settings}, words[1])
        await let_go_on(http)
        await until_idle(http)


def _rows(desk: Path, named: str) -> list[dict[str, Any]]:
    if not named.endswith(".jsonl"):
        return [{"prompt": named, "duration": 4}]
    return [json.loads(line) for line in (desk / named).read_text(encoding="utf-8").splitlines()]
