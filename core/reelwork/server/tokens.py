"""Tokens: who may do what at a server. Only a hash of each is stored."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol

from reelwork.errors import NotFound
from reelwork.store.tokens import TokenRow, Tokens
from reelwork_hooks.errors import InvalidInput

PREFIX = "rwt_"
"""The beginning of each token, by which scanners of secrets and a person recognise one."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")


class Scope(StrEnum):
    """A right at a server."""

    READ = "read"
    """To see jobs, videos, money and events."""
    RUN = "run"
    """To start workflows of the server's folder by their names, and to read."""
    APPROVE = "approve"
    """To decide about held jobs and to cancel, and to read."""
    ADMIN = "admin"
    """Everything."""


def allows(scopes: Iterable[str], wanted: Scope) -> bool:
    """Return whether a token with these scopes may do something."""
    # Who starts or decides must see what became of it.
    held = set(scopes)
    return wanted in held or Scope.ADMIN in held or (wanted == Scope.READ and bool(held.intersection(Scope)))


def new_token() -> str:
    """Return a new token of 256 random bits."""
    return f"{PREFIX}{secrets.token_urlsafe(32)}"


def hashed(token: str) -> str:
    """Return the hash by which a token is recognised."""
    # A fast hash is enough: nobody can guess 256 random bits, as they could a password.
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


class TokenStore(Tokens, Protocol):
    """The part of a store that keeps tokens."""

    def tokens(self) -> list[TokenRow]:
        """Return every token, by name."""
        ...


def check_name(name: str) -> None:
    """Raise `InvalidInput` for what cannot be the name of a token."""
    if not NAME.match(name):
        raise InvalidInput(
            f"{name!r} cannot be the name of a token.",
            money="Nothing was changed.",
            hint="Use letters, digits, dots, dashes, @ and underscores.",
        )


def check_brand(brand: str, scopes: Iterable[str]) -> None:
    """Raise `InvalidInput` for a token of one brand that may do everything."""
    # Whoever may name code, secrets and settings can name those of another brand.
    if brand and Scope.ADMIN in set(scopes):
        raise InvalidInput(
            f"A token of the brand {brand} cannot have the scope admin.",
            money="Nothing was changed.",
            hint="Give it read, run or approve.",
        )


async def add(store: TokenStore, name: str, scopes: Iterable[str], now: float, brand: str = "") -> str:
    """Make a token and return it; it cannot be shown again. With a brand, it is limited to that.

    Raises `InvalidInput`.
    """
    check_name(name)
    check_brand(brand, scopes)
    token = new_token()
    # In the order in which they are listed, each once.
    held = tuple(scope.value for scope in Scope if scope in set(scopes))
    if not await store.add_token(TokenRow(name, hashed(token), held, now, brand)):
        raise InvalidInput(
            f"A token named {name!r} already exists.",
            money="Nothing was changed.",
            hint=f"Choose another name, or remove it first: reelwork tokens remove {name}",
        )
    return token


async def remove(store: TokenStore, name: str) -> None:
    """Remove a token; it is refused from then on. Raises `NotFound`."""
    if not await store.remove_token(name):
        known = [token.name for token in store.tokens()]
        raise NotFound("token", name, known, hint="List them with: reelwork tokens list")
