"""Running work of the studio with progress, signals and a summary: what `run`, `resume` and `retry` share."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NoReturn

import click

from reelwork.cli.common import shared
from reelwork.cli.log import show_log
from reelwork.cli.progress import choose_display
from reelwork.cli.signals import Signals
from reelwork.results import RunResult
from reelwork.studio import Studio

Asking = Callable[[], AbstractContextManager[None]]
Work = Callable[[Studio, Asking], Coroutine[Any, Any, RunResult]]


def drive(
    work: Work,
    *,
    workflow: Path | None = None,
    out: Path | None = None,
    settings: Mapping[str, Any] | None = None,
) -> NoReturn:
    """Do the work, show how it goes and what came of it, and end with the exit code that says so."""
    said = shared()
    display = choose_display(json=said.json)
    show_log(verbose=said.verbose, write=display.note)
    studio = Studio(
        workflow,
        store=said.store,
        out=out,
        settings=settings,
        watchers=[display],
        on_progress=display.progress,
        on_begin=display.begin,
    )
    with studio, display:
        signals = Signals(studio.stop, display.note, display.close)
        result = signals.run(work(studio, signals.asking))
    show_log(verbose=said.verbose)
    code = signals.exit_code or result.exit_code
    _show(result, code, as_json=said.json)
    click.get_current_context().exit(code)


def _show(result: RunResult, code: int, *, as_json: bool) -> None:
    from reelwork.cli.summary import result_as_json, summary

    if as_json:
        click.echo(json.dumps(result_as_json(result, code), indent=2, ensure_ascii=False))
    else:
        click.echo(summary(result))
