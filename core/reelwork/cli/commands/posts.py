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
    "stop": ("reelwork.cli.commands.posts:stop_posts", "Stop posts until you start them again."),
    "start": ("reelwork.cli.commands.posts:start_posts", "Start posts again."),
    "list": ("reelwork.cli.commands.posts:list_stops", "List what is stopped, since when, by whom and why."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def posts() -> None:
    """Stop all posts at once, or those to one destination, publisher or account, or of one brand, and start them
    again.

    Every process on this store obeys: a running `reelwork serve` too. Videos are still made and finished.
    """


@click.command("stop")
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--brand", metavar="BRAND", help="The posts of this brand.")
@click.option("--by", default="", metavar="WHO", help="Who stops them, for others to see. [default: your login]")
@click.option("--note", default="", metavar="TEXT", help="The reason, for others to read.")
@common_options()
def stop_posts(name: str | None, brand: str | None, by: str, note: str) -> None:
    """Stop all posts until `reelwork posts start`; with NAME, those to that destination, publisher or account.

    With --brand, the posts of that brand are stopped, wherever they go.

    A post that was already sent when this command ends is not undone.
    """
    from reelwork.cli.schedules import opened_store
    from reelwork.credentials.accounts import Accounts
    from reelwork.plugins.catalog import Catalog
    from reelwork.studio.stopping import brands_in_use, names_in_use, stop
    from reelwork.studio.sync import run_to_end

    scope = _scope(name, brand)

    async def work() -> tuple[PostStop, int]:
        async with opened_store() as (store, now):
            known = brands_in_use(store) if brand else names_in_use(store, Catalog(), Accounts().entries())
            made = await stop(store, scope, now, known=known, by=by or _login(), note=note)
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
@click.option("--brand", metavar="BRAND", help="The posts of this brand.")
@common_options()
def start_posts(name: str | None, brand: str | None) -> None:
    """Start posts again: all of them, or with NAME or --brand those that were stopped under that name."""
    from reelwork.cli.schedules import opened_store
    from reelwork.studio.stopping import start
    from reelwork.studio.sync import run_to_end

    scope = _scope(name, brand)

    async def work() -> tuple[list[PostStop], list[PostStop]]:
        async with opened_store() as (store, _):
            return await start(store, scope), store.post_stops()

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
        what = _what(one)
        click.echo(f"Still stopped: {what[:1].lower()}{what[1:]}.", err=True)


def _scope(name: str | None, brand: str | None) -> str | None:
    """Return what a stop is for. Raises `UsageError` for two things at once."""
    from reelwork.store.post_stops import brand_scope

    if name is not None and brand is not None:
        raise click.UsageError("Give a NAME or --brand, not both.")
    return name if brand is None else brand_scope(brand)


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

    rows = [["POSTS", "SINCE", "BY", "NOTE"]]
    rows += [[_where(one), f"{_at(one):%Y-%m-%d %H:%M}", one.by, one.note] for one in stops]
    for line in columns(rows, flexible=3, width=line_width()):
        click.echo(line)


def _at(stop: PostStop) -> datetime:
    return datetime.fromtimestamp(stop.at, UTC).astimezone()


def _named(stop: PostStop) -> str:
    """Return what names the stop in a command."""
    from reelwork.store.post_stops import EVERYTHING

    if stop.brand:
        return f" --brand {stop.brand}"
    return "" if stop.scope == EVERYTHING else f" {stop.scope}"


def _where(stop: PostStop) -> str:
    return f"of {stop.brand}" if stop.brand else f"to{_named(stop)}" if _named(stop) else "everywhere"


def _what(stop: PostStop) -> str:
    return f"Posts {_where(stop)}" if _named(stop) else "All posts"


def _as_json(stop: PostStop) -> dict[str, Any]:
    since = datetime.fromtimestamp(stop.at, UTC).isoformat()
    name = None if stop.brand else _named(stop).strip() or None
    return {"name": name, "brand": stop.brand or None, "since": since, "by": stop.by, "note": stop.note}


def _login() -> str:
    import getpass

    # Without a name in the environment or the system, such as in a container, the stop has none.
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
