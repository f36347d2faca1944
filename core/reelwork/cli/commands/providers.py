"""`reelwork providers`: who makes videos, what each can do, and what it costs."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.completions import complete_files, complete_providers
from reelwork.cli.lazy import LazyGroup
from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.cli.views.provider_page import Shown
    from reelwork.plugins.catalog import Catalog
    from reelwork.plugins.definition import Definition

COMMANDS = {
    "list": ("reelwork.cli.commands.providers:list_providers", "List the providers with their prices."),
    "show": (
        "reelwork.cli.commands.providers:show_provider",
        "Show a provider: settings, models, prices, what is shut down.",
    ),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def providers() -> None:
    """List and show providers."""


@click.command("list")
@common_options(plugins=True)
def list_providers() -> None:
    """List the providers of the installed plugins, with their prices and what happens after a crash."""
    from reelwork.cli.views.provider_page import look_at, page_as_json
    from reelwork.plugins.catalog import Catalog
    from reelwork.plugins.definition import Definition

    homes = [item for item in Catalog().everything() if isinstance(item, Definition)]
    found = [look_at(name, home) for home in homes for name in home.providers]
    if shared().json:
        click.echo(json.dumps([page_as_json(shown) for shown in found], indent=2, ensure_ascii=False))
    else:
        _print_list(found)


def _print_list(found: list[Shown]) -> None:
    from reelwork.cli.views.text import count, described, line_width, tell

    rows = [["PROVIDER", "FROM", "PRICE A SECOND", "KNOWS", "WHAT IT IS"]]
    for shown in found:
        known = sum(ability.model is not None for ability in shown.abilities)
        summary = (inspect.getdoc(shown.kind) or "").partition("\n")[0]
        rows.append(
            [shown.name, shown.home.origin, _prices(shown), count(known, "model") if known else "", summary]
        )
    tell("\n".join(described(rows, width=line_width())))


def _prices(shown: Shown) -> str:
    from reelwork.money import dollars

    prices = sorted({one.can.price.per_second for one in shown.abilities if one.can.price is not None})
    if not prices:
        return "by settings"
    return dollars(prices[0]) if len(prices) == 1 else f"{dollars(prices[0])} to {dollars(prices[-1])}"


@click.command("show")
@click.argument("name", metavar="NAME", shell_complete=complete_providers)
@click.option("--model", "models", multiple=True, metavar="NAME", help="Only this model; give it again for more.")
@click.option(
    "--workflow",
    type=Path,
    metavar="FILE.toml",
    help="With the settings of this workflow.",
    shell_complete=complete_files,
)
@common_options(plugins=True)
def show_provider(name: str, models: tuple[str, ...], workflow: Path | None) -> None:
    """Show a provider: its settings, what it can do with each known model, prices with dates, what is shut down.

    No server is asked; `reelwork doctor WORKFLOW` does that.
    """
    from reelwork.cli.views.provider_page import look_at, page, page_as_json
    from reelwork.cli.views.text import tell
    from reelwork.plugins.catalog import Catalog

    catalog = Catalog()
    settings = _settings(name, workflow, catalog) if workflow is not None else None
    shown = look_at(name, _home(name, catalog), settings=settings, models=models)
    if shared().json:
        click.echo(json.dumps(page_as_json(shown), indent=2, ensure_ascii=False))
    else:
        tell("\n".join(page(shown)))


def _home(name: str, catalog: Catalog) -> Definition:
    from reelwork.plugins.definition import Definition

    # Raises, with the nearest name, for a provider that there is not.
    catalog.provider(name)
    found = (item for item in catalog.everything() if isinstance(item, Definition) and name in item.providers)
    return next(found)


def _settings(name: str, path: Path, catalog: Catalog) -> dict[str, Any]:
    """Return the workflow's settings for this provider, checked. Raises `WorkflowInvalid`."""
    from pydantic import ValidationError

    from reelwork.errors import WorkflowInvalid
    from reelwork.settings.validation import explain
    from reelwork.settings.workflow import load

    loaded = load(path)
    table = loaded.workflow.provider
    if table.use != name:
        raise WorkflowInvalid(f"{path} uses the provider {table.use!r}, not {name!r}.")
    model = catalog.provider(name).Config
    try:
        model.model_validate(table.settings)
    except ValidationError as error:
        raise explain(error, model, str(path), text=loaded.text, section="provider") from error
    return table.settings
