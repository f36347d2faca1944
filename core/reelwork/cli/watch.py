"""`reelwork jobs watch`: what other processes do, read from the store. It never drives a job itself."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn, Protocol

import click

from reelwork.cli.common import common_options, shared
from reelwork.cli.names import complete_jobs_and_runs

if TYPE_CHECKING:
    from reelwork.cli.reading import Reader, Seen

PAUSE = 1.0
"""Seconds between two looks."""
NOBODY = "No process is working on them now. Go on with: reelwork resume"
LOOKS_BEFORE_NOBODY = 3


class Picture(Protocol):
    """Something that shows the watched jobs."""

    def show(self, seen: Sequence[Seen]) -> None:
        """Show how they stand."""

    def note(self, text: str) -> None:
        """A line that stays."""

    def close(self) -> None:
        """Give the terminal back."""


@click.command("watch")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_jobs_and_runs)
@common_options()
def watch_jobs(names: tuple[str, ...]) -> None:
    """Watch jobs that other processes work on, until all have ended: those NAMEd by a job's or a run's id, or all.

    Nothing is started, sent or changed. The exit code says how the jobs ended.
    """
    from reelwork.cli.jobs import NO_JOBS
    from reelwork.cli.output import tell
    from reelwork.cli.reading import reading
    from reelwork.locations import store_path
    from reelwork.lookup import find_named

    path = store_path(shared().store)
    if not path.exists():
        for name in names:
            find_named(NO_JOBS, name)
        _end([])
    with reading(path) as reader:
        watched = [row.id for name in names for row in find_named(reader, name)]
        picture = _choose()
        try:
            seen = _watch(reader, dict.fromkeys(watched), picture, all_of_them=not names)
        except KeyboardInterrupt:
            picture.close()
            tell("Stopped watching. The jobs go on wherever they are worked on.", err=True)
            click.get_current_context().exit(130)
        finally:
            picture.close()
    _end(seen)


def _watch(reader: Reader, watched: dict[str, None], picture: Picture, *, all_of_them: bool) -> list[Seen]:
    """Look until everything watched has ended."""
    idle = 0
    while True:
        if all_of_them:
            watched |= dict.fromkeys(row.id for row in reversed(reader.jobs(statuses=("active",))))
        seen = reader.look(list(watched))
        picture.show(seen)
        if all(one.view.status != "active" for one in seen):
            return seen
        idle = 0 if reader.somebody_works() else idle + 1
        if idle == LOOKS_BEFORE_NOBODY:
            picture.note(NOBODY)
        time.sleep(PAUSE)


def _choose() -> Picture:
    from reelwork.cli.output import is_terminal

    if is_terminal(err=True) and not shared().json:
        from reelwork.cli.watch_live import LivePicture

        return LivePicture()
    return PlainPicture()


class PlainPicture:
    """A line whenever a job has moved on."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, str]] = {}

    def show(self, seen: Sequence[Seen]) -> None:
        """Tell what is new."""
        for one in seen:
            now = (one.view.status, one.doing)
            if self._told.get(one.view.id) != now:
                self._told[one.view.id] = now
                self.note(f"{one.view.label}: {': '.join(part for part in now if part)}")

    def note(self, text: str) -> None:
        """A line of its own."""
        from reelwork.cli.output import tell

        tell(text, err=True)

    def close(self) -> None:
        """Nothing to give back."""


def _end(seen: Sequence[Seen]) -> NoReturn:
    from reelwork.cli.output import columns, count, line_width, one_line, status_word, tell

    statuses = [one.view.status for one in seen]
    code = 1 if {"failed", "cancelled"} & set(statuses) else 3 if set(statuses) - {"done"} else 0
    counts = {status: statuses.count(status) for status in dict.fromkeys(statuses)}
    if shared().json:
        jobs = [one.view.as_json() for one in seen]
        click.echo(json.dumps({"exit_code": code, "counts": counts, "jobs": jobs}, indent=2, ensure_ascii=False))
    elif not seen:
        tell("There is nothing to watch: no job is active.")
    else:
        rows = []
        for one in seen:
            named = "" if one.view.label == one.view.short else one.view.label
            rows.append([one.view.short, one.view.status, named, one_line(one.doing)])
        for row, line in zip(rows, columns(rows, flexible=-1, width=line_width()), strict=True):
            click.echo(line.replace(row[1], status_word(row[1]), 1))
        click.echo(
            f"{count(len(seen), 'job')}: {', '.join(f'{number} {name}' for name, number in counts.items())}."
        )
    click.get_current_context().exit(code)
