"""`--trace-hooks` on a real command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SMALL = ("--duration", "0.5", "--resolution", "480p", "--platform", "youtube")


@pytest.mark.parametrize("command", ["run", "plan"])
def test_the_trace_goes_to_standard_error_and_leaves_the_answer_alone(cli: Any, folder: Path, command: str) -> None:
    outcome = cli(command, "A lighthouse at dawn", *SMALL, "--trace-hooks", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["jobs"]
    assert "hook  platform-style.prompt_transform (job " in outcome.err
    assert "        + A lighthouse at dawn, cinematic" in outcome.err
    assert ("hook  gallery.publish" in outcome.err) == (command == "run")


def test_the_variable_asks_for_it_too_and_nothing_is_traced_unasked(
    cli: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "hook  " not in cli("plan", "A lighthouse at dawn", *SMALL).err
    monkeypatch.setenv("REELWORK_TRACE_HOOKS", "0")
    assert "hook  " not in cli("plan", "A lighthouse at dawn", *SMALL).err
    monkeypatch.setenv("REELWORK_TRACE_HOOKS", "1")
    assert "hook  rules.pre_moderate" in cli("plan", "A lighthouse at dawn", *SMALL).err


def test_a_secret_a_plugin_read_is_masked(cli: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNATURE", "hunter2-hunter2")
    (folder / "signing.py").write_text(
        "from reelwork_hooks import Plugin, Prompt, hookimpl\n\n\n"
        "class Signing(Plugin):\n    '''Careless.'''\n\n    @hookimpl\n"
        "    def prompt_transform(self, prompt: Prompt) -> Prompt:\n"
        "        return prompt.replace(text=prompt.text + ' ' + self.context.secret('env:SIGNATURE'))\n"
    )
    outcome = cli("plan", "A lighthouse at dawn", *SMALL, "--plugin", "signing.py", "--trace-hooks")
    assert "hook  signing.prompt_transform" in outcome.err
    assert "hunter2" not in outcome.err
    assert "***" in outcome.err
