"""The store, opened to change its schedules, and the lines that tell what was done."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reelwork.cli.shared import shared
from reelwork.cli.views.schedules import next_in_words

if TYPE_CHECKING:
    from reelwork.schedules.spec import Schedule
    from reelwork.store.protocol import Store
    from reelwork.studio.session import Session


@asynccontextmanager
async def opened_store() -> AsyncIterator[tuple[Store, float]]:
    """Open the store to change it; yields it with the time. Raises `StoreInvalid`."""
    from reelwork.clock import Timeline
    from reelwork.settings.paths import store_path
    from reelwork.store.open import open_store

    clock = Timeline()
    store = open_store(store_path(shared().store), clock=clock)
    try:
        store.check_in_use()
        yield store, clock()
    finally:
        store.close()


@asynccontextmanager
async def opened_session() -> AsyncIterator[tuple[Session, float]]:
    """Open the store with what plans a firing."""
    from reelwork.plugins.catalog import Catalog
    from reelwork.studio.session import Session

    async with opened_store() as (store, now), Session(store, Catalog()) as session:
        yield session, now


def told_added(schedule: Schedule, notes: Sequence[str], now: float, *, cost: int | None) -> None:
    """Print a schedule that was added or changed."""
    from reelwork.cli.views.text import tell
    from reelwork.money import dollars, to_dollars

    if shared().json:
        from reelwork.schedules.as_json import as_json

        document = {**as_json(schedule, now, None), "notes": list(notes)}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    price = "at an unknown price" if cost is None else f"for {dollars(to_dollars(cost))}"
    price = f"{price if cost != 0 else 'free'} each time"
    lines = [
        f"{schedule.name}: {Path(schedule.spec.file).name}, {schedule.spec.rule.text}, {price}.",
        f"  next: {next_in_words(schedule, now)}",
        *(f"  note: {note}" for note in notes),
        "  It fires while a server is running: reelwork serve",
    ]
    tell("\n".join(lines))


def told(schedule: Schedule, now: float, sentence: str, notes: Sequence[str] = ()) -> None:
    """Print what was done with a schedule."""
    from reelwork.cli.views.text import tell

    if shared().json:
        from reelwork.schedules.as_json import as_json

        document = {**as_json(schedule, now, None), "notes": list(notes)}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        tell("\n".join([sentence, *(f"  note: {note}" for note in notes)]))
