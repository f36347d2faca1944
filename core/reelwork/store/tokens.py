"""The tokens by which programs and persons enter a server, as the store holds them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token. The token itself is nowhere: only a hash of it, by which it is recognised."""

    name: str
    """Who has it: a person or a program."""
    hash: str
    scopes: tuple[str, ...]
    created_at: float


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link by which a person signs in at a browser, once."""

    hash: str
    """Of its code, which is nowhere."""
    name: str
    scopes: tuple[str, ...]
    expires_at: float
