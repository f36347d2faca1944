"""The command line: a thin user of `reelwork.studio`. Each command's module is imported when it is called."""

from __future__ import annotations


def main() -> None:
    """The `reelwork` command."""
    from reelwork.cli.streams import keep_going

    outlets = keep_going()
    from reelwork.cli.app import asks_for_json, reelwork, words

    arguments = words()
    try:
        reelwork(arguments, prog_name="reelwork")
    except SystemExit as end:
        if outlets is None:
            raise
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
        raise SystemExit(outlets.ending(code, as_json=asks_for_json(arguments))) from None
