"""The place of whoever reads an advice, and its commands as they are typed there: with `--server`, from afar."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Protocol

from reelwork.cli.shared import shared

if TYPE_CHECKING:
    from reelwork.studio.next_words import Vantage

AFAR = (
    "mcp",
    *("run", "resume", "jobs list", "jobs show", "jobs cancel", "jobs retry"),
    *("review list", "review show", "review approve", "review reject", "review edit", "review redo"),
    *("review appeal", "review link", "review links", "review unlink"),
    *("schedule add", "schedule list", "schedule show", "schedule next", "schedule pause", "schedule resume"),
    *("schedule run-now", "schedule requeue", "schedule remove"),
)
"""The commands that a server can do."""
THERE = "on the server's machine: "
_COMMAND = re.compile(r"(?<![\w/.-])reelwork ((?!-)[a-z-]+(?: [a-z-]+)?)([^,;()`]*)")
_OF_THE_API = (
    (re.compile(r"GET /api/v1/jobs/(\S+)"), r"reelwork jobs show \1"),
    (re.compile(r"GET /api/v1/jobs\b"), "reelwork jobs list"),
    (re.compile(r"POST /api/v1/jobs/(\S+)/retry"), r"reelwork jobs retry \1"),
    (re.compile(r'or change it: "change": true'), "or remove that one: reelwork schedule remove NAME"),
    # A command takes a new key each time it is called. What failed so was not written down, so it was not done.
    (
        re.compile(r"send it again with the same [A-Za-z]+-[Kk]ey"),
        "look (reelwork jobs list) and do it again",
    ),
    (re.compile(r"reelwork --server URL "), "reelwork "),
)
"""What programs are told to do, and the commands for it."""


class Served(Protocol):
    """The part of a store that knows who works on it."""

    def served_at(self) -> list[str]:
        """Return where living processes answer over HTTP for the store."""
        ...


def vantage(store: Served) -> Vantage:
    """Return the place of whoever calls a command on the store of this machine."""
    from reelwork.studio.next_words import Vantage

    return Vantage(driven=bool(store.served_at()))


def vantage_afar() -> Vantage:
    """Return the place of whoever calls a command with `--server`."""
    from reelwork.studio.next_words import Vantage

    server = shared().server or ""
    return Vantage(driven=True, typed=lambda text: from_afar(text, server))


def from_afar(text: str, server: str) -> str:
    """Return an advice as it works where `--server` was given: as typed there, or said to belong elsewhere."""
    for words, command in _OF_THE_API:
        text = words.sub(command, text)
    found = list(_COMMAND.finditer(text))
    if found and not any(map(_goes_afar, found)):
        return f"{THERE}{text}" if text.startswith("reelwork") else f"{THERE.capitalize()}{text}"
    first = next((one.start() for one in found if not _goes_afar(one)), None)

    def typed(one: re.Match[str]) -> str:
        if _goes_afar(one):
            return f"reelwork --server {shlex.quote(server)} {one[1]}{one[2]}"
        return f"{THERE}{one[0]}" if one.start() == first else one[0]

    return _COMMAND.sub(typed, text)


def _goes_afar(command: re.Match[str]) -> bool:
    words = command[1].split()
    # Settings belong to whoever has the files: the API lets no caller name plugins, paths or addresses.
    return (words[0] in AFAR or " ".join(words) in AFAR) and " --set " not in command[2]
