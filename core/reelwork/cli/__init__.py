"""The command line: a thin user of `reelwork.studio`. Each command's module is imported when it is called."""

from __future__ import annotations

# More than `doctor` makes, which loads every plugin.
GARBAGE_AFTER = 200_000
"""New objects after which Python looks for garbage; its own default is 700."""
# A healthy thread ends at once. One that hangs must not keep the shell's prompt away.
GRACE = 1.0
"""Seconds for which the end of each remaining thread is waited for."""


def main() -> None:
    """Run the `reelwork` command."""
    import gc

    # Importing makes many objects and hardly any garbage. Looking for it all the time takes a tenth of the start.
    gc.set_threshold(GARBAGE_AFTER)
    from reelwork.cli.terminal.streams import keep_going

    # Before anything else is imported: an import may print, or fail on a closed stream.
    outlets = keep_going()
    from reelwork.cli.app import asks_for_json, reelwork, words

    arguments = words()
    try:
        reelwork(arguments, prog_name="reelwork")
    except SystemExit as end:
        if outlets is None:
            raise
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
        ending = outlets.ending(code, as_json=asks_for_json(arguments))
        _leave_threads_behind(ending)
        raise SystemExit(ending) from None
    finally:
        # Python looks through all objects once more as it ends. The system takes their memory back without that.
        gc.freeze()


def _leave_threads_behind(code: int) -> None:
    """End the process now if a plugin's thread would keep it from ending."""
    import sys

    # Then nothing has started a thread, and its import would only cost time.
    if "threading" not in sys.modules:
        return
    import threading

    def others() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one is not threading.main_thread() and not one.daemon]

    for thread in others():
        thread.join(timeout=GRACE)
    if others():
        import logging
        import os

        # Python would wait for them without end.
        # `os._exit` runs no exit handlers, so what the log still holds is written first.
        logging.shutdown()
        os._exit(code)
