"""Reports of errors: lines on standard error, a JSON object when asked for, and an exit code."""

from __future__ import annotations

import json
import logging
from contextlib import suppress

import click

from reelwork.cli.logs import show_log
from reelwork.cli.shared import Shared, shared
from reelwork.cli.vantage import from_afar
from reelwork.cli.views.text import paint, tell
from reelwork.errors import Declined, PluginFailed, describe
from reelwork_hooks.errors import InvalidInput, ReelworkError

FAULT = "This is a fault in Reelwork; run again with -v for the details."

DETAILS = "For the details, run again with -v."


def report(error: Exception, ctx: click.Context) -> int:
    """Report an error to the person, and to a program that asked for JSON; return the exit code."""
    said = shared(ctx)
    problem = error if isinstance(error, ReelworkError) else _unexpected(error, said)
    if said.verbose:
        _show_details(error)
    elif said.log_file or said.error_log or said.log_json:
        _log(problem)
    code = exit_code(problem)
    if said.server:
        # The server's words, and those of this command: both as they are typed here.
        problem.hint = from_afar(problem.hint, said.server)
    # A plugin's traceback helps its author only, so it is offered and not shown.
    hint = problem.hint or (DETAILS if isinstance(problem, PluginFailed) and not said.verbose else "")
    tell(f"{paint('Error:', err=True, fg='red', bold=True)} {problem.message}", err=True)
    for line in (problem.money, hint):
        if line:
            tell(line, err=True)
    # After the text on standard error: both are wanted, and standard output must be the JSON document alone.
    if said.json:
        click.echo(json.dumps({"error": error_as_json(problem, code)}, indent=2, ensure_ascii=False))
    return code


def report_mistyped(error: click.ClickException) -> None:
    """Print the JSON object for a command line that cannot be understood. click tells the person."""
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    # Click does not say for every mistake which command it was made with.
    hint = f"See: {ctx.command_path if ctx is not None else 'reelwork'} --help"
    problem = InvalidInput(error.format_message(), hint=hint)
    document = {**error_as_json(problem, error.exit_code), "type": "UsageError"}
    click.echo(json.dumps({"error": document}, indent=2, ensure_ascii=False))


def exit_code(problem: ReelworkError) -> int:
    """Return 2 for a wrong or declined request, when nothing was sent; 1 otherwise."""
    return 2 if isinstance(problem, InvalidInput | Declined) else 1


def error_as_json(problem: ReelworkError, code: int) -> dict[str, object]:
    """Return the error as programs get it."""
    return {
        "type": type(problem).__name__,
        "message": problem.message,
        "money": problem.money,
        "hint": problem.hint,
        "exit_code": code,
    }


def _unexpected(error: Exception, said: Shared) -> ReelworkError:
    return ReelworkError(describe(error), hint="" if said.verbose else FAULT)


def _log(problem: ReelworkError) -> None:
    """Write the error that ended the command to the log's files, too."""
    with suppress(ReelworkError):  # The log itself may be what is wrong.
        show_log(verbose=False)
        logging.getLogger("reelwork.cli").error("%s", problem.explained())


def _show_details(error: Exception) -> None:
    """Log the traceback."""
    # By way of the log, where secrets are masked: a traceback may show a header or an address with a key.
    with suppress(ReelworkError):
        show_log(verbose=True)
    logging.getLogger("reelwork.cli").error("details of the error below", exc_info=error)
