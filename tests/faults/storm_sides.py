"""The destinations of the storm, and what their own logs say of the books at its end."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sides import SIDES, SILENT, NetworkSide
from wall import Wall

from reelwork.store.records import EffectRow

# A wall that cannot be asked stands for the others.
# So does one that knows a post by its key, as a receiver of webhooks does.
# Threads is Instagram once more, beside a storage.
_LEFT_OUT = ("linkedin-person", "threads", "webhook")
NETWORKS = tuple(name for name in SIDES if name not in SILENT and not name.startswith(_LEFT_OUT))
REFRESHED = "access:expire=305"
"""A token is refreshed 300 seconds before it ends."""


class Destination(ABC):
    """A destination of a round."""

    @abstractmethod
    def begin(self, folder: Path) -> Mapping[str, Any]:
        """Return the publishers of a workflow that posts here, and their tables."""

    @abstractmethod
    def fail(self, faults: Sequence[str]) -> None:
        """Let these go wrong."""

    @abstractmethod
    def deafen(self) -> None:
        """Answer no lookup for a while."""

    @abstractmethod
    def heal(self) -> None:
        """Let nothing go wrong any more."""

    @abstractmethod
    def posts(self) -> list[Any]:
        """Everything that was posted."""

    @abstractmethod
    def twice(self) -> Iterator[str]:
        """Say what was posted more than once."""

    @abstractmethod
    def has(self, effect: EffectRow) -> bool:
        """Return whether a post of the books is there."""

    @abstractmethod
    def unknown_to(self, effects: Sequence[EffectRow]) -> Iterator[str]:
        """Say what is there and in no books."""

    def environment(self, folder: Path) -> Mapping[str, str]:
        """What the processes of a round find in their environment."""
        return {}

    @abstractmethod
    def close(self) -> None:
        """Stop."""


class WallThere(Destination):
    """The wall: its posts are known by the key of their effect."""

    def __init__(self, *, honours_keys: bool) -> None:
        self.wall = Wall(honours_keys=honours_keys)

    def begin(self, folder: Path) -> Mapping[str, Any]:
        return {"plugins": ["wall"], "plugin": {"wall": {"url": self.wall.url}}}

    def fail(self, faults: Sequence[str]) -> None:
        self.wall.faults += faults

    def deafen(self) -> None:
        self.wall.deaf = 3

    def heal(self) -> None:
        self.wall.faults.clear()
        self.wall.deaf = 0

    def posts(self) -> list[Any]:
        return list(self.wall.posts)

    def twice(self) -> Iterator[str]:
        for key, times in Counter(self.wall.posts).items():
            for _ in range(times - 1):
                yield f"posted twice: {key}, {times} times"

    def has(self, effect: EffectRow) -> bool:
        return effect.key in self.wall.posts

    def unknown_to(self, effects: Sequence[EffectRow]) -> Iterator[str]:
        keys = {effect.key for effect in effects if effect.state != "intended"}
        yield from (f"{key} was posted, and the ledger does not know" for key in self.wall.posts if key not in keys)

    def close(self) -> None:
        self.wall.close()


class NetworkThere(Destination):
    """A network that the simulator plays: its posts are known by their titles, of which each job has its own."""

    def __init__(self, name: str) -> None:
        side = SIDES[name]()
        assert isinstance(side, NetworkSide)
        # Due every few seconds. With tokens that end at once, as in the matrix, all processes would wait for the
        # account's lock before each call, and a loaded machine would come to no end.
        side.always = tuple(REFRESHED if one.startswith("access:") else one for one in side.always)
        self.side = side

    def begin(self, folder: Path) -> Mapping[str, Any]:
        return self.side.begin(folder, self.side.url)

    def environment(self, folder: Path) -> Mapping[str, str]:
        return self.side.environment(folder)

    def fail(self, faults: Sequence[str]) -> None:
        self.side.simulator.set_faults([*self.side.always, *faults])

    def deafen(self) -> None:
        self.fail(["list:drop*3"])

    def heal(self) -> None:
        self.side.fail("")

    def posts(self) -> list[Any]:
        return self.side.simulator.posts()

    def twice(self) -> Iterator[str]:
        for title, times in Counter(map(_title, self.posts())).items():
            for _ in range(times - 1):
                yield f"posted twice: {title!r}, {times} times"

    def has(self, effect: EffectRow) -> bool:
        return effect.remote_id in {post["id"] for post in self.posts()}

    def unknown_to(self, effects: Sequence[EffectRow]) -> Iterator[str]:
        known = {effect.remote_id for effect in effects}
        open_ = sum(effect.state in ("sent", "unknown") for effect in effects)
        orphans = [post["id"] for post in self.posts() if post["id"] not in known]
        if len(orphans) > open_:
            yield f"{len(orphans)} posts belong to no act, and {open_} acts are in doubt: {orphans}"

    def close(self) -> None:
        self.side.close()


def _title(post: Mapping[str, Any]) -> str:
    """Return the title of a post, which begins its text where the network has no field for it."""
    return str(post.get("title") or str(post.get("text", json.dumps(post))).partition("\n")[0])


def destination(kind: str) -> Destination:
    """Return the destination that a round posts to."""
    return NetworkThere(kind) if kind in NETWORKS else WallThere(honours_keys=kind == "KEY")
