"""Options that commands share, before or after the command's name: `--store`, `--verbose`, `--json` and logging."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from reelwork.cli.no_plugin import no_plugin_option

F = TypeVar("F", bound=Callable[..., Any])


class Shared:
    """The values of the options that commands share."""

    store: str | None = None
    server: str | None = None
    """The address of a server that is to do it; None for this machine."""
    verbose: bool = False
    json: bool = False
    log_file: str | None = None
    error_log: str | None = None
    log_json: bool = False

    @property
    def log_to_stderr(self) -> bool:
        """True if the log, as JSON, is all that standard error shows."""
        return self.log_json and not self.log_file and not self.error_log


def shared(ctx: click.Context | None = None) -> Shared:
    """Return the shared options of the command that is running."""
    # One object at the root, since the options may come before or after the command's name.
    root = (ctx or click.get_current_context()).find_root()
    if not isinstance(root.obj, Shared):
        root.obj = Shared()
    return root.obj


def common_options(*, json: bool = True, log: bool = False, plugins: bool = False) -> Callable[[F], F]:
    """Add the shared options to a command. Their values are read with `shared()`."""

    def decorate(function: F) -> F:
        if json:
            function = _flag("--json", "json", "Print one JSON document on standard output.")(function)
        if log:
            function = _log_options(function)
        if plugins:
            function = no_plugin_option(function)
        function = _flag("-v", "--verbose", "verbose", "Show the log and error details.")(function)
        return _option("--store", "PATH", "Path of the store.")(function)

    return decorate


def server_option(function: F) -> F:
    """Add `--server` to the root command."""
    text = "Do it at this server (reelwork serve): run, resume, review, schedule, mcp, and much of jobs."
    return _option("--server", "URL", text)(function)


def _log_options(function: F) -> F:
    lines = "Write the log as JSON lines, to the log files or else to standard error."
    function = _flag("--log-json", "log_json", lines)(function)
    function = _option("--error-log", "FILE", "Append only the log's errors to this file.")(function)
    return _option("--log-file", "FILE", "Append the log to this file, one line per event.")(function)


def _option(name: str, metavar: str, text: str) -> Callable[[F], F]:
    # Eager: `--json` and the log must be known before another option fails.
    return click.option(name, metavar=metavar, help=text, expose_value=False, is_eager=True, callback=_keep)


def _flag(*names_and_help: str) -> Callable[[F], F]:
    *names, text = names_and_help
    return click.option(*names, is_flag=True, help=text, expose_value=False, is_eager=True, callback=_keep)


def _keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    # Only what was given: an option that is left out after the command must not undo one before it.
    if value and parameter.name:
        setattr(shared(ctx), parameter.name, value)
