"""`reelwork posts`: stop all posts at once, and start them again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.lazy import LazyGroup
from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.store.post_stops import PostStop

COMMANDS = {
    "stop": ("reelwork.cli.commands.posts:stop_posts", "Let no post leave until you start them again."),
    "start": ("reelwork.cli.commands.posts:start_posts", "Let posts leave again."),
    "list": ("reelwork.cli.commands.posts:list_stops", "List what is stopped, since when, by whom and why."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def posts() -> None:
    """Stop all posts at once, or those to one destination, publisher or account, and start them again.

    Every process on this store obeys: a running `reelwork serve` too. Videos are still made and finished.
    """


@click.command("stop")
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--by", default="", metavar="WHO", help="Who stops them, for others to see. [default: your login]")
@click.option("--note", default="", metavar="TEXT", help="Why, for whoever reads it later.")
@common_options()
def stop_posts(name: str | None, by: str, note: str) -> None:
    """Let no post leave until `reelwork posts start`; with NAME, none to that destination, publisher or account.

    A post that has left when this command ends is not taken back.
    """
    from reelwork.cli.schedules import opened_store
    from reelwork.credentials.accounts import Accounts
    from reelwork.plugins.catalog import Catalog
    from reelwork.studio.stopping import names_in_use, stop
    from reelwork.studio.sync import run_to_end

    async def work() -> tuple[PostStop, int]:
        async with opened_store() as (store, now):
            known = names_in_use(store, Catalog(), Accounts().entries())
            made = await stop(store, name, now, known=known, by=by or _login(), note=note)
            return made, store.posts_under_way()

    made, left = run_to_end(work())
    if shared().json:
        click.echo(json.dumps({**_as_json(made), "under_way": left}, indent=2, ensure_ascii=False))
        return
    click.echo(f"{_what(made)} stopped. Start them again: reelwork posts start{_named(made)}")
    if left:
        click.echo(f"{left} had left before that, and may still be published.", err=True)


@click.command("start")
@click.argument("name", metavar="[NAME]", required=False)
@common_options()
def start_posts(name: str | None) -> None:
    """Let posts leave again: all of them, or with NAME those that were stopped by that name."""
    from reelwork.cli.schedules import opened_store
    from reelwork.studio.stopping import start
    from reelwork.studio.sync import run_to_end

    async def work() -> tuple[list[PostStop], list[PostStop]]:
        async with opened_store() as (store, _):
            return await start(store, name), store.post_stops()

    started, still = run_to_end(work())
    if shared().json:
        told = {"started": list(map(_as_json, started)), "stopped": list(map(_as_json, still))}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for one in started:
        click.echo(f"{_what(one)} started.")
    if not started:
        click.echo("No posts were stopped.")
    for one in still:
        click.echo(f"Still stopped: {_what(one).lower() if not _named(one) else _what(one)}.", err=True)


@click.command("list")
@common_options()
def list_stops() -> None:
    """List what is stopped, since when, by whom and why."""
    from reelwork.cli.stores import store_if_there

    with store_if_there() as store:
        stops = [] if store is None else store.post_stops()
    if shared().json:
        click.echo(json.dumps(list(map(_as_json, stops)), indent=2, ensure_ascii=False))
    elif stops:
        _show(stops)
    else:
        click.echo("No posts are stopped.")


def _show(stops: Sequence[PostStop]) -> None:
    from reelwork.cli.views.text import columns, line_width

    rows = [["POSTS TO", "SINCE", "BY", "NOTE"]]
    rows += [[_named(one).strip() or "everywhere", f"{_at(one):%Y-%m-%d %H:%M}", one.by, one.note] for one in stops]
    for line in columns(rows, flexible=3, width=line_width()):
        click.echo(line)


def _at(stop: PostStop) -> datetime:
    return datetime.fromtimestamp(stop.at, UTC).astimezone()


def _named(stop: PostStop) -> str:
    from reelwork.store.post_stops import EVERYTHING

    return "" if stop.scope == EVERYTHING else f" {stop.scope}"


def _what(stop: PostStop) -> str:
    return f"Posts to{_named(stop)}" if _named(stop) else "All posts"


def _as_json(stop: PostStop) -> dict[str, Any]:
    since = datetime.fromtimestamp(stop.at, UTC).isoformat()
    return {"name": _named(stop).strip() or None, "since": since, "by": stop.by, "note": stop.note}


def _login() -> str:
    import getpass

    # Without a name in the environment or the system, such as in a container, the stop has none.
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
