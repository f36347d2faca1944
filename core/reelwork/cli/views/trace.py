"""`--trace-hooks`: each call of a hook on standard error, while it happens."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

VARIABLE = "REELWORK_TRACE_HOOKS"
_META = "reelwork.cli.views.trace"


def trace_option(function: F) -> F:
    """Add `--trace-hooks` to a command. What it says is read by `traced`."""
    return click.option(
        "--trace-hooks",
        is_flag=True,
        help=f"Show each call of a hook, its time and what it changed. Also: {VARIABLE}=1.",
        expose_value=False,
        callback=_keep,
    )(function)


def _keep(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta[_META] = value


def traced(
    write: Callable[[str], None] | None = None, environ: Mapping[str, str] = os.environ
) -> Callable[[str], None] | None:
    """Return the trace's writer, to standard error by default; None if no trace was asked for."""
    asked = click.get_current_context().meta.get(_META) or environ.get(VARIABLE, "") not in ("", "0")
    return (write or _to_stderr) if asked else None


def _to_stderr(text: str) -> None:
    click.echo(text, err=True)
