"""`reelwork spend`. Reads the ledger without models, so that it starts quickly."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.shared import common_options, shared
from reelwork.cli.stores import of_brand

if TYPE_CHECKING:
    from reelwork.store.spending import By, Spending


class Day(click.ParamType):  # type: ignore[type-arg]
    """A day in UTC: `2026-11-23`, `today`, `yesterday`, or `7d` for so many days ago."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the day that is meant."""
        # In UTC, as budgets count: in local time, today's spending would not add up to today's budget.
        today = datetime.now(UTC).date()
        named = {"today": today, "yesterday": today - timedelta(days=1)}
        try:
            if value in named:
                return named[value]
            if value.endswith("d") and value[:-1].isdecimal():
                return today - timedelta(days=int(value[:-1]))
            return date.fromisoformat(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a day; write {today}, today, yesterday or 7d.", param, ctx)


@click.command()
@click.option(
    "--by",
    type=click.Choice(["day", "month", "provider", "workflow", "run", "brand"]),
    default="day",
    show_default=True,
    help="Groups.",
)
@click.option("--brand", metavar="BRAND", help="Only the money of one brand.")
@click.option("--since", type=Day(), metavar="DAY", help="From this day on: 2026-11-23, today or 7d (days ago).")
@click.option("--until", type=Day(), metavar="DAY", help="To this day, included.")
@common_options()
def spend(by: By, brand: str | None, since: date | None, until: date | None) -> None:
    """Show what was spent by day, month, provider, workflow, run or brand. Days are UTC, as in [budget].

    \b
    POSTS     posts that have a price
    CHARGED   what providers, networks and plugins reported
    RESERVED  estimates that count until they are known not to be charged
    IN DOUBT  the part of it whose request is on its way or of unknown outcome: see reelwork reconcile
    RELEASED  estimates that are known not to be charged
    UNKNOWN   renders that may be charged and whose price is not known
    """
    from reelwork.settings.paths import store_path
    from reelwork.store.open import open_reader
    from reelwork.store.spending import as_json, total

    if since and until and until < since:
        raise click.UsageError(f"--until {until} is before --since {since}.")
    found: list[Spending] = []
    if (path := store_path(shared().store)).exists():
        with closing(open_reader(path)) as reader:
            found = of_brand(reader, brand).spending(by, since=since, until=until)
    if shared().json:
        click.echo(json.dumps(as_json(by, since, until, found), indent=2, ensure_ascii=False))
    elif found:
        _print_table(by, found, total(found))
    else:
        click.echo("Nothing was spent" + (" in these days." if since or until else " yet."))


def _print_table(by: str, found: list[Spending], total: Spending) -> None:
    from reelwork.cli.views.text import columns, line_width, paint
    from reelwork.money import dollars

    rows = [[by.upper(), "RENDERS", "PAID POSTS", "CHARGED", "RESERVED", "IN DOUBT", "RELEASED", "UNKNOWN"]]
    for one in (*found, total):
        money = [dollars(amount) for amount in (one.charged, one.reserved, one.in_doubt, one.released)]
        rows.append([one.name, str(one.renders), str(one.posts or ""), *money, str(one.unknown or "")])
    empty = {"PAID POSTS": not total.posts, "IN DOUBT": not total.in_doubt, "UNKNOWN": not total.unknown}
    kept = [index for index, name in enumerate(rows[0]) if not empty.get(name)]
    rows = [[row[index] for index in kept] for row in rows]
    widths = [max(len(row[index]) for row in rows) for index in range(1, len(rows[0]))]
    aligned = [[row[0], *(cell.rjust(width) for cell, width in zip(row[1:], widths, strict=True))] for row in rows]
    lines = columns(aligned, flexible=0, width=line_width())
    for line in lines[:-1]:
        click.echo(line)
    click.echo(paint(lines[-1], bold=True))
