"""`--no-plugin`: what is installed and must not be loaded by this command."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def no_plugin_option(function: F) -> F:
    """Add `--no-plugin` to a command."""
    return click.option(
        "--no-plugin",
        multiple=True,
        metavar="NAME",
        help="Do not load this plugin or package; repeat for more. Also: REELWORK_NO_PLUGINS=NAME,NAME.",
        expose_value=False,
        is_eager=True,
        callback=_switch_off,
    )(function)


def _switch_off(ctx: click.Context, _: click.Parameter, names: tuple[str, ...]) -> None:
    if not names or ctx.resilient_parsing:
        return
    from reelwork.plugins.switched_off import VARIABLE

    # By way of the environment: it also counts in the processes that a command starts.
    os.environ[VARIABLE] = ",".join((os.environ.get(VARIABLE, ""), *names))
    _check_installed(names)


def _check_installed(names: tuple[str, ...]) -> None:
    # A mistyped name is an error and no note: the plugin that was meant would be loaded, and could post.
    from reelwork.errors import NotFound
    from reelwork.plugins.catalog import Catalog

    catalog = Catalog(noting=False)
    for name in names:
        if not name.strip():
            raise click.BadParameter("It is empty. Name one, or leave the option out.", param_hint="--no-plugin")
        if set(catalog.unknown_off) & {part.strip() for part in name.split(",")}:
            problem = NotFound("plugin or package", name, catalog.names())
            raise click.BadParameter(f"{problem.message} {problem.hint}", param_hint="--no-plugin")
