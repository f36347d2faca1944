"""The store on SQLite: the tokens by which programs and persons enter a server."""

from __future__ import annotations

import json
import sqlite3

from reelwork.store.sqlite.base import SqliteParts
from reelwork.store.tokens import TokenRow

_COLUMNS = "name, hash, scopes, created_at"


class SqliteTokens(SqliteParts):
    """The part of a store that changes tokens."""

    async def add_token(self, token: TokenRow) -> bool:
        """Add a token; False, and nothing is changed, when its name is taken."""

        def change(db: sqlite3.Connection) -> bool:
            values = (token.name, token.hash, json.dumps(token.scopes), token.created_at)
            done = db.execute(f"INSERT OR IGNORE INTO tokens ({_COLUMNS}) VALUES (?, ?, ?, ?)", values)
            return done.rowcount == 1

        return await self._db.run(change)

    async def remove_token(self, name: str) -> bool:
        """Remove a token; False when there is none of that name."""
        return await self._db.run(lambda db: db.execute("DELETE FROM tokens WHERE name = ?", (name,)).rowcount == 1)


def all_tokens(db: sqlite3.Connection) -> list[TokenRow]:
    """Return every token, by name."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM tokens ORDER BY name")
    return [_token(row) for row in rows]


def token_with(db: sqlite3.Connection, hash_: str) -> TokenRow | None:
    """Return the token with this hash; None if there is none."""
    row = db.execute(f"SELECT {_COLUMNS} FROM tokens WHERE hash = ?", (hash_,)).fetchone()
    return None if row is None else _token(row)


def _token(row: sqlite3.Row) -> TokenRow:
    name, hash_, scopes, created_at = row
    return TokenRow(name, hash_, tuple(json.loads(scopes)), created_at)
