"""`reelwork plugins`: what is installed, what is broken and why, and each plugin's settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reelwork.cli.completions import complete_plugins
from reelwork.cli.lazy import LazyGroup
from reelwork.cli.shared import common_options, shared

if TYPE_CHECKING:
    from reelwork.plugins.catalog import Broken, Catalog
    from reelwork.plugins.definition import Definition

COMMANDS = {
    "list": (
        "reelwork.cli.commands.plugins:list_plugins",
        "List the installed plugins, also those that are broken or off.",
    ),
    "show": ("reelwork.cli.commands.plugins:show_plugin", "Show a plugin: what it does, its hooks and settings."),
    "docs": ("reelwork.cli.commands.plugins:document_plugin", "Show all about a plugin, with examples to copy."),
    "new": ("reelwork.cli.commands.plugins_new:new_plugin", "Write a complete package for a plugin of your own."),
    "check": ("reelwork.cli.commands.plugins_check:check_plugins", "Check a plugin, a file or a package."),
    "install": ("reelwork.cli.commands.plugins_install:install_plugins", "Install packages with plugins."),
    "uninstall": ("reelwork.cli.commands.plugins_uninstall:uninstall_plugins", "Uninstall packages with plugins."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def plugins() -> None:
    """List, show, explain, write, check and install plugins."""


@click.command("list")
@common_options(plugins=True)
def list_plugins() -> None:
    """List the installed plugins with their hooks and where they come from, also those that are broken or off."""
    from reelwork.plugins.catalog import Catalog
    from reelwork.plugins.listing import listed

    catalog = Catalog()
    found = list(catalog.everything())
    if shared().json:
        click.echo(json.dumps(listed(catalog, found), indent=2, ensure_ascii=False))
    else:
        _print_list(found, catalog)


def _print_list(found: list[Definition | Broken], catalog: Catalog) -> None:
    from reelwork.cli.views.text import described, line_width, paint, tell
    from reelwork.plugins.catalog import Broken
    from reelwork.plugins.switched_off import BY

    rows = [["PLUGIN", "HOOKS", "FROM", "WHAT IT DOES"]]
    for item in found:
        if not isinstance(item, Broken):
            rows.append([item.name, ", ".join(_offers(item)), item.origin, item.summary])
    for line in described(rows, width=line_width()):
        tell(line)
    for item in found:
        if isinstance(item, Broken):
            tell(f"{paint('broken', fg='red')}  {item.problem.message}")
            if item.problem.hint:
                tell(f"        {item.problem.hint}")
    for note in (note for name in catalog.names() for note in catalog.taken(name)):
        tell(f"Note: {note}")
    for name, origin in sorted(catalog.off.items()):
        tell(f"{paint('off', fg='yellow')}     {name} ({origin}) is switched off {BY}.")


def _offers(item: Definition) -> list[str]:
    offers = list(item.hooks)
    if item.providers:
        offers.append(f"provider {', '.join(item.providers)}")
    if item.platforms:
        offers.append(f"platforms {', '.join(platform.name for platform in item.platforms)}")
    if item.webhooks:
        offers.append(f"webhooks {', '.join(item.webhooks)}")
    return offers


@click.command("show")
@click.argument("name", metavar="NAME", shell_complete=complete_plugins)
@common_options(plugins=True)
def show_plugin(name: str) -> None:
    """Show what a plugin does, its hooks and its settings. NAME is a plugin, a provider or a FILE.py."""
    from reelwork.cli.views.plugin_page import page, page_as_json
    from reelwork.cli.views.text import tell
    from reelwork.plugins.listing import entry_of

    definition = _definition(name)
    if shared().json:
        click.echo(json.dumps({**entry_of(definition), **page_as_json(definition)}, indent=2, ensure_ascii=False))
    else:
        tell("\n".join(page(definition)))


@click.command("docs")
@click.argument("name", metavar="NAME", shell_complete=complete_plugins)
@common_options(plugins=True)
def document_plugin(name: str) -> None:
    """Show a plugin's documentation: what `show` says, its hooks, its account and examples for a workflow.

    NAME is a plugin, a provider or a FILE.py. The text is made from the plugin's own code.
    """
    from reelwork.cli.views.plugin_docs import docs_as_json, docs_page
    from reelwork.cli.views.text import tell
    from reelwork.plugins.listing import entry_of

    definition = _definition(name)
    called = name if name.endswith(".py") else definition.name
    if shared().json:
        document = {**entry_of(definition), **docs_as_json(definition, called)}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        tell("\n".join(docs_page(definition, called)))


def _definition(name: str) -> Definition:
    from reelwork.plugins.catalog import Broken, Catalog

    catalog = Catalog()
    if name.endswith(".py"):
        return catalog.get_file(Path(name))
    if name in catalog.names():
        return catalog.get(name)
    good = (item for item in catalog.everything() if not isinstance(item, Broken))
    offering = next((item for item in good if name in item.providers), None)
    return offering or catalog.get(name)
