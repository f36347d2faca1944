"""The examples of the API's page, run at a real server."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.core.server.conftest import Machine, new_machine  # noqa: F401

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
ADDRESS = "http://127.0.0.1:8686"


def test_each_example_answers_as_the_page_says(new_machine: Callable[[], Machine]) -> None:  # noqa: F811
    machine = new_machine()
    made = machine.reelwork("run", "A harbour at dawn", "--provider", "preview", "--duration", "1", "--yes")
    assert made.returncode == 0, made.stderr
    workflow = '[brief]\nprompt = "A harbour"\nduration = 1\n[provider]\nuse = "preview"\n'
    (machine.folder / "harbour.toml").write_text(workflow)
    token = json.loads(machine.reelwork("tokens", "add", "shop", "--scope", "run", "--json").stdout)["token"]
    server = machine.start().until_ready()
    examples = re.findall(r"```sh\n\$ (.*?)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) >= 5
    for command, shown in examples:
        done = subprocess.run(
            ["bash", "-c", command.replace(ADDRESS, server.url)],
            cwd=machine.folder, env=machine.environ(TOKEN=token), capture_output=True, text=True, check=False,
            timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        pattern = ".*".join(map(re.escape, shown.strip().split("…")))
        assert re.fullmatch(pattern, done.stdout.strip(), re.DOTALL), f"$ {command}\n{done.stdout}"
