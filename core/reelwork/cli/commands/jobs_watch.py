"""`reelwork jobs watch`: what other processes do, read from the store. It never drives a job itself."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, NoReturn, Protocol

import click

from reelwork.cli.completions import complete_jobs_and_runs
from reelwork.cli.shared import common_options, shared
from reelwork.store.statuses import Status, exit_code

if TYPE_CHECKING:
    from reelwork.cli.views.live_jobs import Seen
    from reelwork.store.reader import SyncReader
    from reelwork.store.records import JobHead
    from reelwork.studio.next_words import Vantage

# A store of a hundred thousand jobs takes a while to read. Watching must not take a core from those who work.
PAUSE = 1.0
"""Seconds between two readings, or four times as long as a reading takes, if that is more."""
MANY = 200
"""Above this number of jobs, only so many are read and shown while they are active; the others are counted."""
MOST_ROWS = 30
"""Lines of the table at the end of many jobs."""
NOBODY = "No process works on these jobs. Start one: reelwork resume"
NO_SERVER = "No process works on these jobs. To post them at their times, start one: reelwork serve"
# A process that ends and one that takes over leave a gap. Only a longer one means that nobody works.
LOOKS_BEFORE_NOBODY = 3


class Picture(Protocol):
    """Something that shows the watched jobs."""

    def show(self, seen: Sequence[Seen], counts: Mapping[str, int]) -> None:
        """Show how some of them stand, and how many of all have each status."""

    def note(self, text: str) -> None:
        """Print a line that stays."""

    def close(self) -> None:
        """Give the terminal back."""


@click.command("watch")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_jobs_and_runs)
@common_options()
def watch_jobs(names: tuple[str, ...]) -> None:
    """Watch jobs that other processes work on, until all have ended: those NAMEd by a job's or a run's id, or all.

    Nothing is started, sent or changed. The exit code says how the jobs ended. If no process works on them, the
    command says so; without a terminal it then ends with exit code 3 (1 if a job has failed).
    """
    from reelwork.cli.stores import NO_JOBS
    from reelwork.cli.vantage import vantage
    from reelwork.cli.views.live_jobs import look
    from reelwork.cli.views.text import tell
    from reelwork.settings.paths import store_path
    from reelwork.store.open import open_reader
    from reelwork.studio.job_names import find_named
    from reelwork.studio.next_words import HERE

    path = store_path(shared().store)
    if not path.exists():
        for name in names:
            find_named(NO_JOBS, name)
        _end([], {}, HERE)
    with closing(open_reader(path)) as reader:
        watched = [row.id for name in names for row in find_named(reader, name)]
        picture = _choose()
        try:
            counts = _watch(reader, ids := dict.fromkeys(watched), picture, all_of_them=not names)
        except KeyboardInterrupt:
            picture.close()
            tell("Stopped watching. The jobs continue in the processes that work on them.", err=True)
            click.get_current_context().exit(130)
        finally:
            picture.close()
        shown = list(ids) if shared().json or len(ids) <= MANY else list(ids)[:MOST_ROWS]
        seen = look(reader, shown)
        at = vantage(reader)
    _end(seen, counts, at)


def _watch(
    reader: SyncReader, watched: dict[str, None], picture: Picture, *, all_of_them: bool
) -> Mapping[str, int]:
    """Read until everything watched has ended; return the number of jobs of each status."""
    # Where nobody sits to start a process, it ends as soon as none works on them: a script would wait for ever.
    from reelwork.cli.views.live_jobs import look
    from reelwork.cli.views.text import is_terminal

    idle, ended = 0, set[str]()
    while True:
        began = time.monotonic()
        if all_of_them:
            # Others may add jobs meanwhile. Those that have ended stay in the picture.
            watched |= dict.fromkeys(head.id for head in reader.heads((Status.ACTIVE,)))
        heads = reader.some_heads(list(watched))
        counts = Counter(head.status for head in heads)
        picture.show(look(reader, _worth_showing(heads, ended)), counts)
        if not counts[Status.ACTIVE]:
            return counts
        idle = 0 if reader.anybody_works() else idle + 1
        if idle == LOOKS_BEFORE_NOBODY:
            picture.note(_nobody(look(reader, [head.id for head in heads if head.status == Status.ACTIVE][:MANY])))
            if not is_terminal(err=True) or shared().json:
                # A person at a terminal may start a process now and go on watching. A script would wait for
                # nothing.
                return counts
        # So it takes a fifth of the time at most, however large the store is.
        time.sleep(max(PAUSE, 4 * (time.monotonic() - began)))


def _nobody(seen: Sequence[Seen]) -> str:
    """Return what it takes to go on with jobs that nobody works on."""
    return NO_SERVER if all(one.view.post_wait == "time" for one in seen) else NOBODY


def _worth_showing(heads: Sequence[JobHead], ended: set[str]) -> list[str]:
    """Return all of a few jobs; of many those that have ended since the last reading and the first active ones."""
    if len(heads) <= MANY:
        return [head.id for head in heads]
    news = [head.id for head in heads if head.status != Status.ACTIVE and head.id not in ended]
    ended.update(news)
    return news + list(islice((head.id for head in heads if head.status == Status.ACTIVE), MANY))


def _choose() -> Picture:
    from reelwork.cli.views.text import is_terminal

    if is_terminal(err=True) and not shared().json:
        from reelwork.cli.views.watch_live import LivePicture

        return LivePicture()
    return PlainPicture()


class PlainPicture:
    """A line whenever a job has moved on."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, str]] = {}

    def show(self, seen: Sequence[Seen], counts: Mapping[str, int]) -> None:
        """Print what is new; of many jobs only how each ended."""
        from reelwork.cli.views.text import count
        from reelwork.studio.wording import label_of

        total = sum(counts.values())
        if total > MANY and not self._told:
            self.note(f"watching {count(total, 'job')}: only how each one ends is shown")
        for one in seen:
            now = (one.view.status, one.doing)
            if self._told.get(one.view.id) != now:
                self._told[one.view.id] = now
                if total <= MANY or one.view.status != Status.ACTIVE:
                    told = ": ".join(part for part in now if part)
                    self.note(f"{label_of(one.view)}: {told}{f'; {one.again}' if one.again else ''}")

    def note(self, text: str) -> None:
        """Print a line."""
        from reelwork.cli.views.text import tell

        tell(text, err=True)

    def close(self) -> None:
        """Nothing to give back."""


def _end(seen: Sequence[Seen], counts: Mapping[str, int], at: Vantage) -> NoReturn:
    from reelwork.cli.views.statuses import counted_by_status, status_word
    from reelwork.cli.views.text import columns, count, line_width, squeezed, tell
    from reelwork.studio.next_words import job_as_json
    from reelwork.studio.wording import label_of
    from reelwork.text import one_line

    total = sum(counts.values())
    code = exit_code(counts)
    if shared().json:
        jobs = [job_as_json(one.view, at) for one in seen]
        document = {"exit_code": code, "counts": dict(counts), "jobs": jobs}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    elif not seen:
        tell("There is nothing to watch: no job is active.")
    else:
        rows = []
        for one in seen:
            name = label_of(one.view)
            named = "" if name == one.view.short else squeezed(name, line_width() * 2 // 5)
            rows.append([one.view.short, one.view.status, named, one_line(one.doing)])
        for row, line in zip(rows, columns(rows, flexible=-1, width=line_width()), strict=True):
            click.echo(line.replace(row[1], status_word(row[1]), 1))
        if total > len(seen):
            click.echo(f"… and {total - len(seen)} more: reelwork jobs list --limit {total}")
        click.echo(f"{count(total, 'job')}: {counted_by_status(counts)}.")
    click.get_current_context().exit(code)
