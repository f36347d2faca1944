"""Runs work of the studio with progress, signals and a summary, for `run`, `resume` and `retry`."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NoReturn

import click

from reelwork.cli.logs import show_log
from reelwork.cli.shared import shared
from reelwork.cli.signals import Signals
from reelwork.cli.terminal.streams import never_waiting
from reelwork.cli.vantage import vantage
from reelwork.cli.views.display import choose_display
from reelwork.cli.views.trace import traced
from reelwork.store.records import DONE, JobRow
from reelwork.studio.job_names import heads_of
from reelwork.studio.next_words import Vantage
from reelwork.studio.results import RunResult
from reelwork.studio.studio import Studio

Asking = Callable[[], AbstractContextManager[None]]
Work = Callable[[Studio, Asking], Coroutine[Any, Any, RunResult]]


def drive(
    work: Work,
    *,
    workflow: Path | None = None,
    out: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    no_sheet: bool = False,
    show: bool = False,
) -> NoReturn:
    """Do the work with a display, show the summary, and exit with its code."""
    said = shared()
    display = choose_display(json=said.json, log_only=said.log_to_stderr)
    show_log(verbose=said.verbose, write=display.note)
    open_at_first: set[str] = set()

    def begin(rows: Sequence[JobRow]) -> None:
        # By heads: the data of a hundred thousand jobs would be read only to see which are done.
        open_at_first.update(head.id for head in heads_of(rows) if head.status != DONE)
        display.begin(rows)

    studio = Studio(
        workflow,
        store=said.store,
        out=out,
        settings=settings,
        watchers=[display],
        on_progress=display.progress,
        on_begin=begin,
        on_trace=traced(None if said.json else display.note),
    )
    with studio, display:
        signals = Signals(studio.stop, display.note, display.close)
        # Only while jobs are under way. The summary afterwards may wait for its reader: nothing is lost by that.
        with never_waiting():
            result = signals.run(work(studio, signals.asking))
        # Without a new video, an earlier sheet still shows everything.
        made = any(job.id in open_at_first and job.video for job in result.jobs)
        sheets = _sheets(studio, result) if made and not no_sheet else []
        at = vantage(studio.store)
    show_log(verbose=said.verbose)
    # The signal comes first: a script must see that it was stopped, however the jobs stand.
    code = signals.exit_code or result.exit_code
    _show(result, code, sheets, at, as_json=said.json)
    if show:
        from reelwork.cli.views.browser import show_in_browser

        show_in_browser(result, sheets)
    click.get_current_context().exit(code)


def _sheets(studio: Studio, result: RunResult) -> list[Path]:
    from reelwork.studio.contact_sheet import write_sheets

    return write_sheets(studio.store, result)


def _show(result: RunResult, code: int, sheets: Sequence[Path], at: Vantage, *, as_json: bool) -> None:
    from reelwork.cli.views.summary import result_as_json, summary
    from reelwork.cli.views.text import tell

    if as_json:
        document = {**result_as_json(result, code, at), "sheets": [str(path) for path in sheets]}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        tell(summary(result, sheets, at))
