"""`reelwork webhooks`: those that servers send, and how each stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.lazy import LazyGroup
from reelwork.cli.shared import common_options, shared
from reelwork.cli.stores import store_if_there

if TYPE_CHECKING:
    from reelwork.store.outbox import TargetRow

COMMANDS = {
    "list": (
        "reelwork.cli.commands.webhooks:list_webhooks",
        "List the webhooks that are sent, and how each stands.",
    ),
    "deliveries": (
        "reelwork.cli.commands.webhook_deliveries:list_deliveries",
        "List what was sent, what waits and what was given up.",
    ),
    "resend": ("reelwork.cli.commands.webhook_deliveries:resend", "Send a delivery again."),
    "on": ("reelwork.cli.commands.webhooks:turn_on", "Turn a webhook on again."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def webhooks() -> None:
    """Show the webhooks that `reelwork serve` sends, and what was delivered; send something again."""


@click.command("list")
@common_options()
def list_webhooks() -> None:
    """List the webhooks that servers of this store send, and how each stands."""
    from reelwork.cli.views.text import columns, line_width

    with store_if_there() as store:
        found: Sequence[TargetRow] = [] if store is None else store.webhook_targets()
    if shared().json:
        click.echo(json.dumps([_as_json(one) for one in found], indent=2, ensure_ascii=False))
    elif found:
        rows = [["NAME", "STATE", "WAITING", "WHY"]]
        rows += [[one.name, _state(one), str(one.waiting), one.reason] for one in found]
        for line in columns(rows, flexible=3, width=line_width()):
            click.echo(line)
    else:
        click.echo("No webhooks yet. A server sends those under [webhooks.NAME] in its reelwork.toml.")


def _state(one: TargetRow) -> str:
    since = one.off_at or one.failing_since
    word = "off" if one.off_at else "failing" if one.failing_since else "on"
    return (
        word if since is None else f"{word} since {datetime.fromtimestamp(since, UTC).astimezone():%Y-%m-%d %H:%M}"
    )


def _as_json(one: TargetRow) -> dict[str, Any]:
    def moment(seconds: float | None) -> str | None:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()

    # Without the address: many services put their secret into it.
    return {
        "name": one.name,
        "events": list(one.events),
        "brand": one.brand or None,
        "waiting": one.waiting,
        "failing_since": moment(one.failing_since),
        "off_at": moment(one.off_at),
        "reason": one.reason,
    }


@click.command("on")
@click.argument("name", metavar="NAME")
@common_options(json=False)
def turn_on(name: str) -> None:
    """Turn a webhook on again. What happened meanwhile is not sent."""
    from reelwork.errors import NotFound
    from reelwork.settings.paths import store_path
    from reelwork.store.open import open_store
    from reelwork.studio.sync import run_to_end

    with closing(open_store(store_path(shared().store))) as store:
        known = {one.name: one for one in store.webhook_targets()}
        if name not in known:
            raise NotFound("webhook", name, known, hint="List them with: reelwork webhooks list")
        was_off = run_to_end(store.turn_on(name))
    click.echo(f"On: {name}. It gets what happens from now on." if was_off else f"{name} is on already.")
