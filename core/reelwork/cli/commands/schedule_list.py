"""`reelwork schedule list`, `show` and `next`. They only read."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from reelwork.cli.shared import common_options, shared
from reelwork.cli.stores import of_brand, store_if_there

EMPTY = 'No schedules yet. Add one: reelwork schedule add NAME FILE --cron "0 9 * * 1"'
SHOWN = 20
"""Slots that `show` shows."""


@click.command("list")
@click.option("--brand", metavar="BRAND", help="Only those of one brand.")
@common_options()
def list_schedules(brand: str | None) -> None:
    """List the schedules with their next times."""
    from reelwork.cli.views.schedules import listing
    from reelwork.cli.views.text import tell

    found = _schedules(brand)
    if shared().json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    elif found:
        tell("\n".join(listing(found)))
    else:
        tell(_as_typed(EMPTY))


def _schedules(brand: str | None) -> list[Any]:
    if shared().server:
        from reelwork.cli.schedules_afar import listed_afar

        return listed_afar(brand)
    from reelwork.schedules.as_json import listed

    with store_if_there() as store:
        return [] if store is None else listed(of_brand(store, brand), time.time())


@click.command("show")
@click.argument("name", metavar="NAME")
@click.option("--limit", default=SHOWN, show_default=True, type=click.IntRange(1), help="How many times to show.")
@common_options()
def show_schedule(name: str, limit: int) -> None:
    """Show a schedule, and the outcome of each of its times, the newest first."""
    from reelwork.cli.views.schedules import page
    from reelwork.cli.views.text import tell

    document = _story(name, limit)
    if shared().json:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        tell("\n".join(page(document)))


def _story(name: str, limit: int) -> Any:
    if shared().server:
        from reelwork.cli.schedules_afar import story_afar

        return story_afar(name, limit)
    from reelwork.schedules.as_json import story_of
    from reelwork.schedules.spec import found_in

    with store_if_there() as store:
        schedule = found_in([] if store is None else store.schedules(), name)
        assert store is not None
        return story_of(store, schedule, time.time(), limit)


@click.command("next")
@click.argument("name", metavar="NAME")
@common_options()
def next_firings(name: str) -> None:
    """Show the next five firings of a schedule, with the zone and its offset from UTC at that time."""
    from reelwork.cli.views.schedules import due_in_words, next_of
    from reelwork.cli.views.text import tell

    told, found = _next(name)
    if shared().json:
        click.echo(json.dumps(found, indent=2))
    elif found:
        tell("\n".join(f"{due_in_words(one)}  {one['shortage']}".rstrip() for one in found))
    else:
        tell(f"{name}: {next_of(told)}")


def _next(name: str) -> tuple[Any, list[Any]]:
    """Return a schedule with its next firings."""
    if shared().server:
        from reelwork.cli.schedules_afar import next_afar

        return next_afar(name)
    from reelwork.schedules.as_json import as_json, firing_as_json, foreseen, upcoming
    from reelwork.schedules.spec import found_in

    now = time.time()
    with store_if_there() as store:
        schedule = found_in([] if store is None else store.schedules(), name)
        assert store is not None
        short = foreseen(store, name)
    coming = [firing_as_json(*one, schedule.spec, short) for one in upcoming(schedule, now)]
    return as_json(schedule, now, None), coming


def _as_typed(text: str) -> str:
    """Return an advice as it is typed where this command was."""
    from reelwork.cli.vantage import vantage_afar

    return vantage_afar().typed(text) if shared().server else text
