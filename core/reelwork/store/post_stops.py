"""The stops that people set on posts, as the store holds them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple, Protocol

EVERYTHING = "*"
"""The scope of a stop for all posts of a store."""
# With a space, which no other name has that posts are stopped by: an account may be called as a brand is.
_OF_BRAND = "brand "


def brand_scope(brand: str) -> str:
    """Return the scope of a stop for all posts of a brand."""
    return f"{_OF_BRAND}{brand}"


def brand_of(scope: str) -> str:
    """Return the brand whose posts a stop of this scope holds; empty if it is no scope of a brand."""
    return scope.removeprefix(_OF_BRAND) if scope.startswith(_OF_BRAND) else ""


class PostStop(NamedTuple):
    """No post of this scope leaves from `at` on, until the stop is taken away."""

    scope: str
    """A destination, a plugin, an account, a brand as `brand_scope` names it, or `EVERYTHING`."""
    at: float
    by: str = ""
    """Who set it."""
    note: str = ""
    """The reason, for others to read."""

    @property
    def brand(self) -> str:
        """The brand whose posts it stops; empty if it is no stop of a brand."""
        return brand_of(self.scope)

    @property
    def what(self) -> str:
        """The posts that it stops, in words."""
        if self.scope == EVERYTHING:
            return "posts"
        return f"posts of {self.brand}" if self.brand else f"posts to {self.scope}"

    @property
    def words(self) -> str:
        """Say it as a job's reason."""
        what = f"{self.what} are stopped"
        who = f" by {self.by}" if self.by else ""
        return f"{what}{who}{f': {self.note}' if self.note else ''}"


def stop_for(stops: Iterable[PostStop], names: Collection[str]) -> PostStop | None:
    """Return the stop that holds for a post that goes by these names, if any; the widest first."""
    holding = [stop for stop in stops if stop.scope == EVERYTHING or stop.scope in names]
    return min(holding, key=lambda stop: (stop.scope != EVERYTHING, stop.at), default=None)


class PostStops(Protocol):
    """Keeps posts from leaving while a person has stopped them."""

    async def stop_posts(self, stop: PostStop) -> None:
        """Let no post of this scope leave from now on. Another stop of the same scope takes its place."""

    async def start_posts(self, scope: str) -> bool:
        """Take the stop of a scope away and let stopped posts go on; False when there is none."""
        ...
