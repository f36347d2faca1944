"""Facts about whose code is running: whether it is foreign, such as a plugin's, and whether the process is ours."""

from __future__ import annotations

import sys
from contextvars import ContextVar

in_plugin: ContextVar[bool | None] = ContextVar("in_plugin", default=None)
"""True where foreign code runs in this context; None where that is unknown, as in a thread a plugin started."""


def process_is_ours() -> bool:
    """Return whether this is the command line and not a program that embeds Reelwork."""
    # The command line sits above this and begins without it: it is looked for, not imported.
    command_line = sys.modules.get("reelwork.cli.terminal.plugin_output")
    return bool(getattr(command_line, "active", False))
