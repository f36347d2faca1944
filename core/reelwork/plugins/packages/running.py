"""Runs the commands of installers, and looks at the environment in processes of their own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reelwork.errors import shortened
from reelwork.plugins.package_names import OURS
from reelwork.plugins.packages.environment import Command
from reelwork.plugins.packages.inventory import Inventory
from reelwork_hooks.errors import ReelworkError

# Longer than importing a plugin may take.
LOOK_SECONDS = 120.0
MOST_REASONS = 6
_QUIET = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "NO_COLOR": "1", "UV_NO_PROGRESS": "1"}
_CONFLICT = re.compile(
    r"ResolutionImpossible|conflicting dependencies|No solution found|no version of|unsatisfiable"
)
_MARKS = "×╰─▶│├┬❯ "


class InstallerFailed(ReelworkError):
    """An installer refused or failed. `conflict`: what is asked for does not fit to what is there."""

    def __init__(self, reason: str, *, conflict: bool) -> None:
        super().__init__(reason)
        self.conflict = conflict


@dataclass(frozen=True)
class Loaded:
    """A plugin, as a fresh process could load it."""

    name: str
    shown: Mapping[str, Any]
    """What `plugins docs --json` says of it; empty if it cannot be used."""
    problem: str = ""


@contextmanager
def constraints_of(inventory: Inventory) -> Iterator[Path]:
    """Write the file that keeps Reelwork and all it needs at their versions, for as long as it is needed."""
    with TemporaryDirectory(prefix="reelwork-") as folder:
        path = Path(folder) / "constraints.txt"
        names = (OURS, *inventory.needed)
        lines = [f"{name}=={inventory.packages[name]}" for name in names if name in inventory.packages]
        path.write_text("\n".join([*lines, ""]), "utf-8")
        yield path


def run(commands: Iterable[Command]) -> None:
    """Run the commands, one after the other. Raises `InstallerFailed` with the reason in short."""
    for command in commands:
        try:
            # No limit of time: an installer that is stopped midway leaves half of a package.
            done = subprocess.run(
                command.words, env={**os.environ, **_QUIET, **command.environ}, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", check=False,
            )  # fmt: skip
        except OSError as error:
            raise InstallerFailed(
                f"{command.words[0]} could not be run: {error.strerror}", conflict=False
            ) from None
        if done.returncode:
            reason = reason_in(done.stdout) or f"It ended with {done.returncode}."
            raise InstallerFailed(reason, conflict=bool(_CONFLICT.search(done.stdout)))


def reason_in(output: str) -> str:
    """Return why an installer failed, from what it printed."""
    # uv marks them with signs, pipx with words.
    lines = [line.strip(_MARKS).removeprefix("cause: ") for line in output.splitlines()]
    # pip tells a conflict in lines of their own, before the error.
    told: list[str] = []
    if "The conflict is caused by:" in lines:
        rest = lines[lines.index("The conflict is caused by:") + 1 :]
        told = rest[: rest.index("")] if "" in rest else rest
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    wanted = [line for line in (*told, *errors) if line and "ResolutionImpossible" not in line]
    if not wanted:
        notes = ("warning:", "hint:", "Resolved ", "Using ", "Prepared ")
        said = [line for line in lines if line and not line.startswith(notes)]
        # uv begins with the reason, and with long paths in it the lines that follow are many.
        begins = next((at for at, line in enumerate(said) if "No solution found" in line), None)
        wanted = said[-MOST_REASONS:] if begins is None else said[begins:]
    return shortened(" ".join(list(dict.fromkeys(wanted))[:MOST_REASONS]))


def look_again() -> Inventory:
    """Return what is installed now, as a fresh process sees it. Raises `ReelworkError`."""
    text = _fresh("-m", "reelwork.plugins.packages.inventory")
    try:
        return Inventory.from_json(text)
    except (ValueError, KeyError, TypeError):
        raise ReelworkError("A fresh process cannot see what is installed.", hint="See: reelwork doctor") from None


def load(name: str) -> Loaded:
    """Load a plugin in a fresh process, where it can do this one no harm."""
    try:
        shown = json.loads(_fresh("-m", "reelwork", "plugins", "docs", name, "--json"))
    except ValueError:
        return Loaded(name, {}, "The process that imported it ended without an answer.")
    if "error" in shown:
        return Loaded(name, {}, shortened(str(shown["error"]["message"])))
    return Loaded(name, shown)


def _fresh(*words: str) -> str:
    try:
        # -P: what lies in the folder where the person stands is not what is installed.
        done = subprocess.run(
            [sys.executable, "-P", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, encoding="utf-8", errors="replace", timeout=LOOK_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
