"""`reelwork schedule list`, `show` and `next`. They only read."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.shared import common_options, shared
from reelwork.cli.stores import store_if_there

if TYPE_CHECKING:
    from reelwork.schedules.spec import Schedule
    from reelwork.store.reader import SyncReader
    from reelwork.store.schedules import SlotRow

EMPTY = 'No schedules yet. Add one: reelwork schedule add NAME FILE --cron "0 9 * * 1"'
SHOWN = 20
"""Slots that `show` shows."""


@click.command("list")
@common_options()
def list_schedules() -> None:
    """List the schedules with their next times."""
    from reelwork.schedules.as_json import as_json, foreseen, last_fired, there

    now = time.time()
    with store_if_there() as store:
        found = [
            (one, last_fired(store, one.name), foreseen(store, one.name))
            for one in (there(store.schedules()) if store is not None else ())
            if store is not None
        ]
    if shared().json:
        listed = [as_json(one, now, last, short) for one, last, short in found]
        click.echo(json.dumps(listed, indent=2, ensure_ascii=False))
    elif found:
        _print_list(found, now)
    else:
        click.echo(EMPTY)


def _print_list(found: list[tuple[Schedule, SlotRow | None, dict[str, str]]], now: float) -> None:
    from reelwork.cli.views.schedules import next_in_words
    from reelwork.cli.views.text import columns, line_width, paint, tell

    rows = [["NAME", "NEXT", "FILE AND RULE"]]
    for one, _, _ in found:
        what = f"{Path(one.spec.file).name}: {one.spec.rule.text}"
        rows.append([one.name, next_in_words(one, now, short=True), what])
    for line in columns(rows, flexible=-1, width=line_width()):
        click.echo(line)
    for one, _, short in found:
        for told in short.values():
            tell(paint(f"{one.name}, next: {told}", fg="red"))
        if (pause := one.paused_at(now)) is not None and pause.note:
            tell(f"{one.name} is paused: {pause.note}")
        if one.row.trouble:
            tell(paint(f"{one.name} cannot fire: {one.row.trouble}", fg="red"))


@click.command("show")
@click.argument("name", metavar="NAME")
@click.option("--limit", default=SHOWN, show_default=True, type=click.IntRange(1), help="How many times to show.")
@common_options()
def show_schedule(name: str, limit: int) -> None:
    """Show a schedule, and what became of its times, the newest first."""
    from reelwork.schedules.as_json import as_json, foreseen, slot_as_json
    from reelwork.schedules.rotation import number_used

    now = time.time()
    with _found(name) as (store, schedule):
        slots = store.slots(name, limit)
        last = next((slot for slot in slots if slot.state == "fired"), None)
        used, short = number_used(store.used_rows(name)), foreseen(store, name)
    if shared().json:
        document = {
            **as_json(schedule, now, last, short),
            "rows_used": used,
            "slots": [slot_as_json(slot) for slot in slots],
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _print_page(schedule, slots, used, now)


@contextmanager
def _found(name: str) -> Iterator[tuple[SyncReader, Schedule]]:
    """Open the store and find a schedule. Raises `NotFound`."""
    from reelwork.schedules.spec import found_in

    with store_if_there() as store:
        schedule = found_in([] if store is None else store.schedules(), name)
        assert store is not None
        yield store, schedule


def _print_page(schedule: Schedule, slots: list[SlotRow], used: int, now: float) -> None:
    from reelwork.cli.views.schedules import next_in_words
    from reelwork.cli.views.text import columns, described, line_width, paint, tell
    from reelwork.schedules.ping_address import shown

    spec = schedule.spec
    facts = [
        ["rule", spec.rule.text],
        ["file", spec.file],
        *([["settings", spec.workflow]] if spec.workflow else []),
        ["next", next_in_words(schedule, now)],
        ["missed", spec.missed if spec.missed != "once" else f"once, within {spec.grace}"],
        ["overlap", spec.overlap],
        *([["jitter", f"less than {spec.jitter}"]] if spec.jitter_seconds else []),
        ["no room", f"{spec.on_budget} (on_budget)"],
        *([["rows", f"{used} used; at the end: {spec.at_end}"]] if spec.is_batch else []),
        *([["ping", shown(spec.ping) or ""]] if spec.ping else []),
    ]
    click.echo(paint(schedule.name, bold=True))
    for line in described(facts, width=line_width()):
        click.echo(line)
    if schedule.row.trouble:
        tell(paint(f"It cannot fire: {schedule.row.trouble}", fg="red"))
    rows = [[slot.key, str(slot.state), slot.run_id or "", slot.reason] for slot in slots]
    if rows:
        click.echo()
    for line in columns([["TIME", "STATE", "RUN", "WHY"], *rows], flexible=-1, width=line_width()) if rows else []:
        click.echo(line.rstrip())


@click.command("next")
@click.argument("name", metavar="NAME")
@common_options()
def next_firings(name: str) -> None:
    """Show the next five firings of a schedule, with the zone and its offset from UTC at that time."""
    from reelwork.cli.views.schedules import at_in_words, next_in_words
    from reelwork.schedules.as_json import firing_as_json, foreseen, upcoming

    now = time.time()
    with _found(name) as (store, schedule):
        found, short = upcoming(schedule, now), foreseen(store, name)
    zone = schedule.spec.tz
    if shared().json:
        listed: list[dict[str, Any]] = [firing_as_json(*one, schedule.spec, short) for one in found]
        click.echo(json.dumps(listed, indent=2))
    elif not found:
        click.echo(f"{name}: {next_in_words(schedule, now)}")
    for firing, due in [] if shared().json else found:
        told = short.get(firing.key, "")
        click.echo(f"{at_in_words(due, zone)}  {told}".rstrip())
