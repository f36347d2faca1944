"""The commands that a package brings, imported as `reelwork` would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint
from typing import Any

import click

from reelwork.plugins.guard import IMPORTING, Callee, loading
from reelwork.testing.check.findings import Finding, error, warning
from reelwork_hooks.errors import ReelworkError


def check_commands(entries: Iterable[EntryPoint], origin: str) -> Iterator[Finding]:
    """Check the commands of a package, which must be importable."""
    for entry in entries:
        about = f"command {entry.name}"
        callee = Callee("command", entry.name, origin)
        try:
            # Under the guard, as `reelwork` imports it: an import may fail in any way, or hang.
            command: Any = loading(callee, "could not be loaded", entry.load, seconds=IMPORTING)
        except ReelworkError as problem:
            yield error(about, f"is not usable: {problem.message}", problem.hint)
            continue
        if not isinstance(command, click.Command):
            yield error(
                about,
                f"is of the type {type(command).__name__}, not a click command.",
                "Write @click.command() above it.",
            )
        elif not command.help:
            yield warning(about, "has no help; `reelwork --help` cannot say what it does.", "Write a docstring.")
