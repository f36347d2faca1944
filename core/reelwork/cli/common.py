"""What every command shares: `--store`, `--verbose` and `--json`, before or after the command's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Shared:
    """What was said by the options every command has."""

    store: str | None = None
    verbose: bool = False
    json: bool = False


def shared(ctx: click.Context | None = None) -> Shared:
    """The shared options of the command that is running."""
    root = (ctx or click.get_current_context()).find_root()
    if not isinstance(root.obj, Shared):
        root.obj = Shared()
    return root.obj


def common_options(*, json: bool = True) -> Callable[[F], F]:
    """Add the shared options to a command. Their values are read with `shared()`."""

    def decorate(function: F) -> F:
        if json:
            function = _flag("--json", "json", "Print one JSON document on standard output.")(function)
        function = _flag("-v", "--verbose", "verbose", "Show the log, and details of errors.")(function)
        return click.option(
            "--store",
            metavar="PATH",
            help="The file jobs are kept in.",
            expose_value=False,
            callback=_keep,
        )(function)

    return decorate


def _flag(*names_and_help: str) -> Callable[[F], F]:
    *names, text = names_and_help
    return click.option(*names, is_flag=True, help=text, expose_value=False, is_eager=True, callback=_keep)


def _keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value and parameter.name:
        setattr(shared(ctx), parameter.name, value)
