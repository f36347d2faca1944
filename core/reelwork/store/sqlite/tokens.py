"""The store on SQLite: the tokens by which programs and persons enter a server."""

from __future__ import annotations

import json
import sqlite3
from itertools import chain, count

from reelwork.store.sqlite.base import SqliteParts
from reelwork.store.tokens import LinkRow, TokenRow

_COLUMNS = "name, hash, scopes, created_at, brand, person"
_NEW = f"INTO tokens ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"


class SqliteTokens(SqliteParts):
    """The part of a store that changes tokens."""

    async def add_token(self, token: TokenRow) -> bool:
        """Add a token; False, and nothing is changed, when its name is taken."""

        def change(db: sqlite3.Connection) -> bool:
            return db.execute(f"INSERT OR IGNORE {_NEW}", _values(token)).rowcount == 1

        return await self._db.run(change)

    async def remove_token(self, name: str) -> bool:
        """Remove a token; False when there is none of that name."""
        return await self._db.run(lambda db: db.execute("DELETE FROM tokens WHERE name = ?", (name,)).rowcount == 1)

    async def add_link(self, link: LinkRow) -> None:
        """Add a link to sign in with, and forget those that are too old."""

        def change(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM links WHERE expires_at <= ?", (self._clock(),))
            values = (link.hash, link.name, json.dumps(link.scopes), link.expires_at, link.brand)
            db.execute("INSERT INTO links(hash, name, scopes, expires_at, brand) VALUES (?, ?, ?, ?, ?)", values)

        await self._db.run(change)

    async def use_link(self, hash_: str, token: TokenRow, now: float) -> TokenRow | None:
        """Use a link up and add its token, under a free name; None when it was used or is too old."""

        def change(db: sqlite3.Connection) -> TokenRow | None:
            # In one transaction: of two browsers with one link, one gets in.
            if db.execute("DELETE FROM links WHERE hash = ? AND expires_at > ?", (hash_, now)).rowcount != 1:
                return None
            made = token._replace(name=_free_name(db, token.name))
            db.execute(f"INSERT {_NEW}", _values(made))
            return made

        return await self._db.run(change)


def link_with(db: sqlite3.Connection, hash_: str, now: float) -> LinkRow | None:
    """Return the link with this hash, if it can still be used."""
    row = db.execute(
        "SELECT hash, name, scopes, expires_at, brand FROM links WHERE hash = ? AND expires_at > ?", (hash_, now)
    ).fetchone()
    return None if row is None else LinkRow(row[0], row[1], tuple(json.loads(row[2])), *row[3:])


def _free_name(db: sqlite3.Connection, name: str) -> str:
    taken = {row[0] for row in db.execute("SELECT name FROM tokens")}
    return next(one for one in chain([name], (f"{name}-{number}" for number in count(2))) if one not in taken)


def all_tokens(db: sqlite3.Connection) -> list[TokenRow]:
    """Return every token, by name."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM tokens ORDER BY name")
    return [_token(row) for row in rows]


def token_with(db: sqlite3.Connection, hash_: str) -> TokenRow | None:
    """Return the token with this hash; None if there is none."""
    row = db.execute(f"SELECT {_COLUMNS} FROM tokens WHERE hash = ?", (hash_,)).fetchone()
    return None if row is None else _token(row)


def _token(row: sqlite3.Row) -> TokenRow:
    name, hash_, scopes, *others = row
    return TokenRow(name, hash_, tuple(json.loads(scopes)), *others)


def _values(token: TokenRow) -> tuple[str | float, ...]:
    return (token.name, token.hash, json.dumps(token.scopes), token.created_at, token.brand, token.person)
