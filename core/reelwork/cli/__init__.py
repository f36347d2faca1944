"""The command line: a thin user of `reelwork.studio`. Each command's module is imported when it is called."""

from __future__ import annotations


def main() -> None:
    """The `reelwork` command."""
    from reelwork.cli.app import reelwork

    reelwork(prog_name="reelwork")
