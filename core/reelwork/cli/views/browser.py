"""Shows a run's videos in the browser, if there is one."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from reelwork.cli.views.text import tell
from reelwork.studio.results import RunResult


def show_in_browser(result: RunResult, sheets: Sequence[Path]) -> None:
    """Open the gallery page, else the contact sheet; say where it is when nothing can be opened."""
    page = _page(result) or next((sheet.as_uri() for sheet in sheets), None)
    if page is None:
        click.echo("There is nothing to show.", err=True)
    elif not (has_display() and _opened(page)):
        tell(f"No browser can be opened here. Open: {page}", err=True)


def _page(result: RunResult) -> str | None:
    urls = [receipt.url for job in result.jobs for receipt in job.receipts.values()]
    return next((url.partition("#")[0] for url in urls if url.startswith("file:")), None)


def has_display() -> bool:
    """Return whether a browser would be seen. A text browser would take over the terminal."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("BROWSER"))


def _opened(page: str) -> bool:
    import webbrowser

    try:
        return webbrowser.open(page)
    except webbrowser.Error:
        return False
