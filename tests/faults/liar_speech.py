"""Other protocols of a server that lies: it hears in the words of the Videos protocol, and speaks in its own.

So every lie about lists, times, answers and restarts is told in each protocol as that protocol would tell it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from liar_traits import BEYOND, LIES, Lie, Trait
from liar_values import CREATES, Ask, Entry, Render, Reply

if TYPE_CHECKING:
    from liar_server import LiarServer


class Speech:
    """The Videos protocol, and the walls of `liar_publishers`."""

    once_for_an_upload: ClassVar[bool] = True
    """One upload makes one post, however often it is asked for."""
    key_seconds: ClassVar[float] = float("inf")
    """Seconds for which keys are honoured at most."""

    def creates(self, ask: Ask) -> bool:
        """Tell a create, which is paid for or posted, from everything else."""
        return ask.method == "POST" and ask.path == CREATES

    def heard(self, server: LiarServer, ask: Ask) -> Ask:
        """The same in the words of the Videos protocol."""
        return replace(ask, upload=ask.headers.get("x-upload", ""))

    def said(self, server: LiarServer, ask: Ask, reply: Reply) -> Reply:
        """An answer in words of its own."""
        return reply

    def own(self, server: LiarServer, ask: Ask) -> Reply | None:
        """The answer to what the Videos protocol has no word for."""
        return None

    def refusal(self, server: LiarServer, ask: Ask) -> Reply | None:
        """The answer to a create that is refused for what it is."""
        return None

    def lists(self, render: Render, ask: Ask) -> bool:
        """Tell the renders that this list is about from others."""
        return True

    def names(self, server: LiarServer, render: Render, id_: str) -> bool:
        """Tell the render that an id asks for from others."""
        return render.id == id_


def told(value: Any, shape: Callable[[Entry], Any]) -> Any:
    """An answer in which every entry has another shape."""
    if isinstance(value, Entry):
        return shape(value)
    if isinstance(value, dict):
        return {name: told(one, shape) for name, one in value.items()}
    return [told(one, shape) for one in value] if isinstance(value, list) else value


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """An answer some fields of which have other names."""
    if isinstance(value, dict):
        return {names.get(name, name): renamed(one, names) for name, one in value.items()}
    return [renamed(one, names) for one in value] if isinstance(value, list) else value


def when(entry: Entry) -> Any:
    """The time of an entry in ISO's form, unless its form is a lie; None when it is left out."""
    said = entry.get("created_at")
    if isinstance(said, int) and not isinstance(said, bool) and 1e9 < said < 1e11:
        return datetime.fromtimestamp(said, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return said


def lies_about(names: tuple[str, ...], own: tuple[Trait, ...], without: tuple[Lie, ...] = ()) -> tuple[Lie, ...]:
    """The lies that can be told where only these traits show, and those of a protocol's own."""
    known = (lie for lie in LIES if lie.trait in names and lie not in without)
    return (*known, *(Lie(trait.name, value) for trait in own for value in trait.lies))


def beyond_about(names: tuple[str, ...], own: tuple[Trait, ...], more: tuple[Lie, ...] = ()) -> tuple[Lie, ...]:
    """The same of lies that no client can survive."""
    known = (lie for lie in BEYOND if lie.trait in names)
    return (*known, *more, *(Lie(trait.name, value) for trait in own for value in trait.beyond))


LISTS = (
    "order", "page size", "cursor", "list cut", "listed after", "cached", "kept for", "list wrapped in",
    "list answers", "list also has", "others make", "hides", "deletes", "ids", "restart", "create answers",
    "acts after", "lost answers look like", "busy answers", "Date", "headers",
)  # fmt: skip
"""Traits that show wherever there is a list."""
TIMES = ("created_at given", "created_at", "created_at means", "created_at is off by")
