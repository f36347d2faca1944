"""The tokens by which programs and persons enter a server, as the store holds them."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class TokenRow(NamedTuple):
    """One token. The token itself is nowhere: only a hash of it, by which it is recognised."""

    name: str
    """Who has it: a person or a program."""
    hash: str
    scopes: tuple[str, ...]
    created_at: float
    brand: str = ""
    """The one brand that it sees and acts on; empty for all."""
    person: str = ""
    """Whose it is, where that is not its name: a browser's token has a name of its own."""

    @property
    def who(self) -> str:
        """The person or program that it stands for."""
        return self.person or self.name


class LinkRow(NamedTuple):
    """A link by which a person signs in at a browser, once."""

    hash: str
    """Of its code, which is nowhere."""
    name: str
    scopes: tuple[str, ...]
    expires_at: float
    brand: str = ""
    """The one brand that the person sees and acts on; empty for all."""


class Tokens(Protocol):
    """Keeps the tokens by which programs and persons enter a server."""

    async def add_token(self, token: TokenRow) -> bool:
        """Add a token; False, and nothing is changed, when its name is taken."""
        ...

    async def remove_token(self, name: str) -> bool:
        """Remove a token; False when there is none of that name."""
        ...


class Links(Protocol):
    """Keeps the links by which persons sign in at a browser."""

    async def add_link(self, link: LinkRow) -> None:
        """Add a link to sign in with, and forget those that are too old."""

    async def use_link(self, hash_: str, token: TokenRow, now: float) -> TokenRow | None:
        """Use a link up and add its token, under a free name; None when it was used or is too old."""
        ...
