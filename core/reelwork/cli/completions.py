"""Names that the shell completes: jobs, runs, plugins, providers, platforms, starters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# More than anybody looks through, and quick to read while a person waits for the Tab key.
MOST_JOBS = 200
"""The newest jobs are offered."""


def complete_jobs(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return ids of jobs, each with its status and prompt."""
    return [item for view in _views(ctx) for item in _job_items(view, incomplete)]


def complete_jobs_and_runs(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return ids of jobs, and of runs that have several."""
    views = list(_views(ctx))
    runs: dict[str, int] = {}
    for view in views:
        runs[view.run] = runs.get(view.run, 0) + 1
    several = {run: f"a run of {number} jobs" for run, number in runs.items() if number > 1}
    return [*(item for view in views for item in _job_items(view, incomplete)), *_items(several, incomplete)]


def complete_plugins(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return names of installed plugins."""
    return _items(_names()["plugins"], incomplete)


def complete_providers(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return names of providers."""
    return _items(_names()["providers"], incomplete)


def complete_platforms(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return names of platforms."""
    return _items(_names()["platforms"], incomplete)


def complete_heights(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the usual height classes. A provider may take others."""
    from reelwork.planning.frame_size import HEIGHTS

    return _items(dict.fromkeys(HEIGHTS, ""), incomplete)


def complete_ratios(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the usual aspect ratios. A provider may take others."""
    from reelwork.planning.frame_size import WIDE_SIDES

    return _items(dict.fromkeys(WIDE_SIDES, ""), incomplete)


def complete_files(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete files."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def _items(names: Mapping[str, str], incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name, help=text) for name, text in names.items() if name.startswith(incomplete)]


def _job_items(view: Any, incomplete: str) -> Iterator[CompletionItem]:
    from click.shell_completion import CompletionItem

    from reelwork.cli.views.text import shortened

    text = shortened(f"{view.status}  {view.prompt}", 60)
    if view.short.startswith(incomplete):
        yield CompletionItem(view.short, help=text)
    elif view.id.startswith(incomplete):
        yield CompletionItem(view.id, help=text)


def _views(ctx: click.Context) -> Iterator[Any]:
    from reelwork.cli.stores import store_if_there
    from reelwork.studio.job_view import view_of
    from reelwork_hooks.errors import ReelworkError

    try:
        # In the command's context, so that `--store` on the line that is completed counts.
        with ctx.scope(cleanup=False), store_if_there() as store:
            rows = store.jobs(limit=MOST_JOBS) if store is not None else []
    except ReelworkError:
        return  # The Tab key in a shell is no place for messages.
    yield from map(view_of, rows)


# --- names that plugins bring ------------------------------------------------------------------------------


def _names() -> dict[str, dict[str, str]]:
    from reelwork.cli.extensions import fingerprint
    from reelwork.plugins.switched_off import SwitchedOff
    from reelwork.user_folders import cache_folder

    # To know the names, every plugin is imported. So they are stored until a distribution is installed or removed.
    path = cache_folder() / "completion.json"
    now = " ".join((fingerprint(), *SwitchedOff.now().names))
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["installed"] == now:
            return {kind: dict(kept[kind]) for kind in ("plugins", "providers", "platforms")}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    found = _loaded_names()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"installed": now, **found}), encoding="utf-8")
    except OSError:
        pass  # Without it, the next completion is only slower.
    return found


def _loaded_names() -> dict[str, dict[str, str]]:
    from reelwork.plugins.catalog import Broken, Catalog

    plugins: dict[str, str] = {}
    providers: dict[str, str] = {}
    platforms: dict[str, str] = {}
    for item in Catalog().everything():
        if isinstance(item, Broken):
            plugins[item.name] = "cannot be loaded"
            continue
        plugins[item.name] = item.summary
        providers |= dict.fromkeys(item.providers, item.summary)
        platforms |= {platform.name: f"{platform.aspect_ratio}" for platform in item.platforms}
    return {"plugins": plugins, "providers": providers, "platforms": platforms}
