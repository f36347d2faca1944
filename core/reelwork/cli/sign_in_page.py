"""The page of a sign-in, shown at the terminal and opened in the browser."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Mapping
from threading import Thread

import click


def has_browser(environ: Mapping[str, str] | None = None) -> bool:
    """Return whether a browser with windows can be opened here."""
    environ = os.environ if environ is None else environ
    # On Linux, `webbrowser` would start a browser for the terminal, which takes it away from us.
    return sys.platform in ("darwin", "win32") or bool(
        environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY") or environ.get("BROWSER")
    )


class AtTerminal:
    """The person at the terminal, for `studio.sign_in`."""

    def __init__(self, no_browser: bool) -> None:
        self._opens = not no_browser and has_browser()
        # Without a terminal, nothing can be pasted: whoever opens the address brings the answer by the browser.
        self.has_browser = self._opens or (not no_browser and not sys.stdin.isatty())

    def visit(self, address: str) -> None:
        """Show the page on which to allow it, and open it if there is a browser."""
        click.echo("Allow it on this page:" if not self._opens else "Your browser opens this page:", err=True)
        click.echo(f"  {address}", err=True)
        if self._opens:
            # Some browsers, such as one that BROWSER names, end only when their window is closed. The answer comes
            # before that.
            Thread(target=_open, args=(address,), daemon=True).start()

    def paste(self) -> str:
        """Ask for the code, or for the address that the browser ended at."""
        question = "Paste the code shown there, or the address the browser ended at"
        if sys.stdin.isatty():
            answer: str = click.prompt(question, hide_input=True, err=True)
            return answer
        click.echo(f"{question}:", err=True)
        return sys.stdin.readline()

    def type_code(self, address: str, code: str) -> None:
        """Show a code, and where to type it."""
        click.echo(f"Open {address} on any device, and type this code there: {code}", err=True)
        click.echo("Waiting …", err=True)


def _open(address: str) -> None:
    if not webbrowser.open(address):
        click.echo("The browser could not be opened; open the page yourself.", err=True)
