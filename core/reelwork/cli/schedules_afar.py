"""`schedule` at a server, with `--server`: the same lines as for schedules of this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from reelwork.cli.afar import agreed_to, client_of_server, jobs_of_run, wait_for
from reelwork.cli.shared import shared
from reelwork.cli.vantage import vantage_afar
from reelwork.cli.views.schedules import at_in_words, next_of, rule_words
from reelwork.cli.views.text import tell
from reelwork.errors import WorkflowInvalid

MOST = 200
"""Slots that are asked for at once."""


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
    lines = [f"{name}: {Path(told['file']).name}, {rule_words(told)}."]
    lines += [f"  next: {next_of(told)}", *(f"  note: {note}" for note in told["notes"])]
    tell("\n".join(lines))


def listed_afar(brand: str | None) -> list[Any]:
    """Return the schedules of the server."""
    with client_of_server() as client:
        return list(client.get("schedules", brand=brand)["items"])


def story_afar(name: str, limit: int) -> Any:
    """Return a schedule of the server with its newest slots."""
    with client_of_server() as client:
        return client.get("schedules", name, limit=min(limit, MOST))


def next_afar(name: str) -> tuple[Any, list[Any]]:
    """Return a schedule of the server with its next firings."""
    with client_of_server() as client:
        return client.get("schedules", name, limit=1), list(client.get("schedules", name, "next")["items"])


def pause_afar(name: str, note: str, end_of: Callable[[str], float | None]) -> None:
    """Pause a schedule of the server. `end_of` returns when the pause ends, by the zone of the schedule."""
    with client_of_server() as client:
        zone = client.get("schedules", name, limit=1)["tz"]
        end = end_of(zone)
        until = None if end is None else datetime.fromtimestamp(end, UTC).isoformat()
        client.post("schedules", name, "pause", body={"note": note, "until": until})
        told = client.get("schedules", name, limit=1)
    resumed = f"you resume it: {vantage_afar().typed(f'reelwork schedule resume {name}')}"
    _tell(told, f"Paused: {name}, until {resumed if end is None else at_in_words(end, zone)}.")


def resume_schedule_afar(name: str) -> None:
    """End the pause of a schedule of the server."""
    with client_of_server() as client:
        client.post("schedules", name, "resume", body={})
        told = client.get("schedules", name, limit=1)
    _tell(told, f"Resumed: {name}. Next: {next_of(told)}")


def _tell(told: Mapping[str, Any], sentence: str) -> None:
    if shared().json:
        kept = {key: value for key, value in told.items() if key not in ("rows_used", "slots")}
        click.echo(json.dumps({**kept, "last": None, "notes": []}, indent=2, ensure_ascii=False))
    else:
        tell(sentence)


def run_now_afar(name: str, *, yes: bool) -> NoReturn:
    """Fire a schedule of the server now, and wait for its jobs."""
    with client_of_server() as client:
        fired = agreed_to(client, ("schedules", name, "run-now"), {}, yes=yes)
        wait_for(client, jobs_of_run(client, fired["run"]), fired["run"])


def requeue_afar(name: str, rows: Sequence[str]) -> list[Mapping[str, Any]]:
    """Give rows of a schedule of the server back; returns what became of each."""
    with client_of_server() as client:
        told = client.post("schedules", name, "requeue", body={"rows": list(rows)})
    at = vantage_afar()
    return [{**one, "hint": at.typed(one["hint"])} for one in told["rows"]]


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
        tell(f"Removed: {name}. Jobs it has fired continue.")
