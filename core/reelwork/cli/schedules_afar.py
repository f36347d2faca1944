"""`schedule add` and `remove` at a server, with `--server`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from reelwork.cli.afar import agreed_to, client_of_server
from reelwork.cli.shared import shared
from reelwork.cli.vantage import vantage_afar
from reelwork.cli.views.schedules import at_in_words
from reelwork.cli.views.text import tell
from reelwork.errors import WorkflowInvalid


def add_afar(
    name: str, file: Path, workflow: Path | None, given: Mapping[str, Any], *, today: bool, yes: bool
) -> None:
    """Add a schedule of one of the server's workflows."""
    if len(file.parts) != 1 or file.suffix.lower() not in ("", ".toml"):
        raise WorkflowInvalid(
            f"{file}: a file is not sent to a server.", money="Nothing was added.",
            hint="Name one of the server's workflows: reelwork schedule add NAME WORKFLOW",
        )  # fmt: skip
    if workflow is not None or "at_end" in given:
        raise click.UsageError("--workflow and --at-end belong to batch files, which do not go with --server.")
    body = {"name": name, "workflow": file.name.removesuffix(".toml"), **given}
    body |= {"today": True} if today else {}
    with client_of_server() as client:
        told = agreed_to(client, ("schedules",), body, yes=yes)
    if shared().json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    rule = next((told[key] for key in ("cron", "every", "at", "publish") if told[key]), "")
    lines = [f"{name}: {Path(told['file']).name}, {rule} {told['tz']}."]
    lines += [f"  next: {_next(told)}", *(f"  note: {note}" for note in told["notes"])]
    tell("\n".join(lines))


def _next(told: Mapping[str, Any]) -> str:
    found = told["next"]
    if found is None:
        return "paused" if told["paused"] else "never again"
    return at_in_words(datetime.fromisoformat(found["due"]).timestamp(), found["zone"])


def remove_afar(name: str, *, cancel: bool) -> None:
    """Remove a schedule of the server."""
    if cancel:
        ended = vantage_afar().typed("end its jobs with: reelwork jobs cancel ID")
        raise click.UsageError(f"--cancel does not go with --server; {ended}")
    with client_of_server() as client:
        told = client.delete("schedules", name)
    if shared().json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        tell(f"Removed: {name}. Jobs it has fired go on.")
