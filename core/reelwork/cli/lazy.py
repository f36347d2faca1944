"""A group of commands that imports a command's module only when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """Takes its commands from a table: name → (`module:attribute`, short help).

    An `extensible` group also has the commands that installed distributions bring.
    """

    def __init__(
        self,
        *args: Any,
        table: Mapping[str, tuple[str, str]],
        extensible: bool = False,
        texts: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(*args, **more)
        self.table = table
        self.extensible = extensible
        self.texts = texts or {}
        """Short helps of commands of other distributions, whose metadata holds none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the table's commands in its order, then those of other distributions."""
        return [*self.table, *self._installed()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command. Raises `ReelworkError` when one that is installed is broken."""
        if cmd_name in self.table:
            module, _, attribute = self.table[cmd_name][0].partition(":")
            command: click.Command = getattr(import_module(module), attribute)
            return command
        if not self.extensible or cmd_name.startswith("-"):
            return None
        from reelwork.cli.extensions import load

        return load(cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that begin so, without importing a command."""
        from click.shell_completion import CompletionItem

        texts = {name: text for name, (_, text) in self.table.items()}
        texts |= self._short_helps()
        found = [CompletionItem(name, help=text) for name, text in texts.items() if name.startswith(incomplete)]
        # Not `click.Group`'s own, which imports every command for its short help.
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called, or fail with the nearest name."""
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing and not args[0].startswith("-"):
            # Only for a mistake: each import here is paid by every command.
            from difflib import get_close_matches

            near = get_close_matches(args[0].lower(), self.list_commands(ctx), n=1, cutoff=0.5)
            guess = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"There is no command {args[0]!r}.{guess}")
        if command is None:
            return super().resolve_command(ctx, args)
        return args[0], command, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, without importing one."""
        rows = [(name, text) for name, (_, text) in self.table.items()]
        rows += self._short_helps().items()
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _short_helps(self) -> dict[str, str]:
        return {name: self.texts.get(name, f"Added by {origin}.") for name, origin in self._installed().items()}

    def _installed(self) -> dict[str, str]:
        if not self.extensible:
            return {}
        from reelwork.cli.extensions import origins

        return {name: origin for name, origin in origins().items() if name not in self.table}
