"""The root command: its options, the table of commands, and what an error becomes."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from reelwork.cli.lazy import LazyGroup
from reelwork.cli.shared import common_options, server_option, shared
from reelwork.cli.vantage import AFAR
from reelwork.version import __version__

EXIT_CODES = """\b
Exit codes:
  0    everything is done
  1    something failed
  2    not possible as written; nothing was sent
  3    something is held, was rejected or is overdue
  130  stopped with Ctrl-C (143: with SIGTERM);
       to continue: reelwork resume"""

# Short helps stand here, so that `--help` and completion need not import the commands.
COMMANDS = {
    "run": ("reelwork.cli.commands.run:run", "Make and publish videos from a prompt, a workflow or a batch file."),
    "plan": ("reelwork.cli.commands.run:plan", "Show what `run` would send, publish and cost, and send nothing."),
    "resume": ("reelwork.cli.commands.resume:resume", "Resume jobs that stopped. Never pays twice."),
    "serve": (
        "reelwork.cli.commands.serve:serve",
        "Fire schedules and drive all jobs for as long as it runs, and answer over HTTP.",
    ),
    "jobs": ("reelwork.cli.commands.jobs:jobs", "List, show, open, watch, retry, cancel or resolve jobs."),
    "review": (
        "reelwork.cli.commands.review:review",
        "Review posts before they are made.",
    ),
    "schedule": (
        "reelwork.cli.commands.schedule:schedule",
        "Run workflows on a schedule: add, list, pause and remove schedules.",
    ),
    "posts": ("reelwork.cli.commands.posts:posts", "Stop all posts at once, and start them again."),
    "reconcile": (
        "reelwork.cli.commands.reconcile:reconcile",
        "Look up the outcome of everything in doubt. Sends nothing.",
    ),
    "spend": ("reelwork.cli.commands.spend:spend", "Show what was spent, by day, provider, workflow or run."),
    "store": ("reelwork.cli.commands.store:store", "Check the store, back it up, or remove what is old."),
    "accounts": (
        "reelwork.cli.commands.accounts:accounts",
        "List, add and remove the accounts that publishers use.",
    ),
    "tokens": ("reelwork.cli.commands.tokens:tokens", "List, add and remove the tokens of a server."),
    "webhooks": ("reelwork.cli.commands.webhooks:webhooks", "List the webhooks that are sent; turn one on again."),
    "mcp": ("reelwork.cli.commands.mcp:mcp", "Let an AI agent plan, start and watch workflows of a server."),
    "plugins": ("reelwork.cli.commands.plugins:plugins", "List, show, explain, write, check and install plugins."),
    "providers": ("reelwork.cli.commands.providers:providers", "List providers with their prices, or show one."),
    "provenance": (
        "reelwork.cli.commands.provenance:provenance",
        "Show the C2PA manifest of a file: its signer and its history.",
    ),
    "doctor": (
        "reelwork.cli.commands.doctor:doctor",
        "Check this machine and a workflow for problems.",
    ),
    "init": ("reelwork.cli.commands.init:init", "Write a first workflow."),
    "schema": ("reelwork.cli.commands.schema:schema", "Write the JSON schema of workflow files, for editors."),
    "completion": ("reelwork.cli.commands.completion:completion", "Print the completion script of a shell."),
}

AS_JSON = "reelwork.as_json"


def words() -> list[str]:
    """Return the command line as text."""
    # Under `LC_ALL=C` Python reads bytes above ASCII as half characters. They are UTF-8 all the same.
    return [_as_utf8(word) for word in sys.argv[1:]]


def _as_utf8(word: str) -> str:
    try:
        return os.fsencode(word).decode("utf-8")
    except UnicodeError:
        return word


def _refuse_what_is_no_text(args: list[str]) -> None:
    """Raises `click.UsageError` for a word that holds bytes which are no text, and names no file."""
    for word in args:
        path = word.partition("=")[2] if word.startswith("--") and "=" in word else word
        # Such a name may belong to a file. In any other word the store could not keep it.
        if not _is_text(word) and not os.path.lexists(path):
            from reelwork.text import cleaned

            raise click.UsageError(f"'{cleaned(word)}' cannot be used: it is not text in UTF-8.")


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def asks_for_json(args: list[str]) -> bool:
    """Return whether a command line asks for JSON."""
    # By its words: a mistyped command line is never parsed to its end, and its error must be JSON too.
    return "--json" in (args[: args.index("--")] if "--" in args else args)


def _tell_programs(error: click.ClickException, as_json: bool) -> None:
    if as_json:
        from reelwork.cli.errors import report_mistyped

        report_mistyped(error)


def _check_served(args: list[str]) -> None:
    """Refuse what would be done on this machine although a server is named."""
    words = [word for word in args if not word.startswith("-")]
    if " ".join(words[:1]) not in AFAR and " ".join(words[:2]) not in AFAR:
        raise click.UsageError(f"--server does not go with {' '.join(words[:2])}; it goes with: {', '.join(AFAR)}.")


class Root(LazyGroup):
    """Ends every command with a message that a person can act on, and the right exit code."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run a command line, and leave the environment as it was."""
        # `--no-plugin` sets a variable. Whoever calls commands from Python calls the next one without it.
        before = dict(os.environ)
        try:
            return super().main(*arguments, **options)
        finally:
            for name in os.environ.keys() - before.keys():
                del os.environ[name]
            os.environ.update(before)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the options before the command's name."""
        as_json = asks_for_json(args)
        try:
            _refuse_what_is_no_text(args)
            ctx = super().make_context(info_name, args, parent, **extra)
        except click.ClickException as error:
            _tell_programs(error, as_json)
            raise
        ctx.meta[AS_JSON] = as_json
        return ctx

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn what it raises into a message and an exit code."""
        try:
            if shared(ctx).server:
                _check_served([*ctx._protected_args, *ctx.args])
            return super().invoke(ctx)
        except click.exceptions.Exit:
            raise
        except click.ClickException as error:
            _tell_programs(error, ctx.meta.get(AS_JSON, False))
            raise
        # While jobs are driven, `Signals` takes Ctrl-C. Here it ends a question, or a command that drives no jobs.
        except (KeyboardInterrupt, click.Abort):
            click.echo("\nStopped. Nothing more was sent.", err=True)
            ctx.exit(130)
        except Exception as error:
            from reelwork.cli.errors import report

            ctx.exit(report(error, ctx))


@click.group(
    cls=Root,
    table=COMMANDS,
    extensible=True,
    texts={"simulator": "Serve a free video API on this machine, with faults on request."},
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@server_option
@common_options(json=False, log=True, plugins=True)
@click.version_option(__version__, prog_name="reelwork")
def reelwork() -> None:
    """Make AI videos and publish them, through plugins. Never pays twice, never posts twice.

    \b
      reelwork run "A golden retriever in a sunny garden"
      reelwork run workflow.toml
      reelwork run prompts.csv --workflow workflow.toml
    """
