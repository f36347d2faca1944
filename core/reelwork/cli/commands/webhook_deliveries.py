"""`reelwork webhooks deliveries` and `resend`: what was sent, and sending something again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.shared import common_options, shared
from reelwork.cli.stores import store_if_there

if TYPE_CHECKING:
    from reelwork.store.outbox import DeliveryRow

SHOWN = 50


@click.command("deliveries")
@click.argument("name", metavar="[NAME]", required=False)
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=SHOWN, show_default=True, metavar="N", help="Show at most N."
)
@common_options()
def list_deliveries(name: str | None, limit: int) -> None:
    """List deliveries to webhooks, or to one: the newest events first. Those that ended stay for 30 days."""
    from reelwork.cli.views.text import columns, line_width

    with store_if_there() as store:
        found: Sequence[DeliveryRow] = [] if store is None else store.deliveries(name, limit)
    if shared().json:
        click.echo(json.dumps([_as_json(one) for one in found], indent=2, ensure_ascii=False))
    elif found:
        rows = [["ID", "WEBHOOK", "EVENT", "JOB", "STATE", "TRIES", "WHY"]]
        rows += [
            [one.id, one.target, one.name, one.job_id[-8:], _state(one), str(one.attempts), one.reason]
            for one in found
        ]
        for line in columns(rows, flexible=6, width=line_width()):
            click.echo(line)
    else:
        click.echo("No deliveries yet." if name is None else f"No deliveries to {name} yet.")


def _state(one: DeliveryRow) -> str:
    at = datetime.fromtimestamp(one.when, UTC).astimezone()
    return f"{one.outcome}{' until' if one.outcome == 'waiting' else ''} {at:%Y-%m-%d %H:%M}"


def _as_json(one: DeliveryRow) -> dict[str, Any]:
    def moment(seconds: float) -> str:
        return datetime.fromtimestamp(seconds, UTC).isoformat()

    waits = one.outcome == "waiting"
    return {
        "id": one.id,
        "webhook": one.target,
        "event": one.name,
        "job": one.job_id,
        "at": moment(one.at),
        "state": one.outcome,
        "tries": one.attempts,
        "due_at": moment(one.when) if waits else None,
        "ended_at": None if waits else moment(one.when),
        "reason": one.reason,
    }


@click.command("resend")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@common_options(json=False)
def resend(ids: tuple[str, ...]) -> None:
    """Send deliveries again, with the same ids, by which receivers know them.

    ID is an id that `reelwork webhooks deliveries` shows, or at least 8 characters of its end. A server sends it.
    """
    from reelwork.settings.paths import store_path
    from reelwork.store.open import open_store
    from reelwork.studio.sync import run_to_end
    from reelwork.studio.webhook_deliveries import send_again

    with closing(open_store(store_path(shared().store))) as store:
        for id_ in ids:
            row = run_to_end(send_again(store, id_))
            click.echo(f"Due now: {row.name} of job {row.job_id} to {row.target}. A server sends it.")
