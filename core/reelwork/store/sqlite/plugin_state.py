"""The store on SQLite: values that plugins keep."""

from __future__ import annotations

import sqlite3

from reelwork.store.sqlite.base import SqliteParts


class SqlitePluginState(SqliteParts):
    """The part of a store that keeps values for the instances of plugins."""

    async def set_plugin_value(self, instance: str, key: str, value: str | None, expect: str | None) -> bool:
        """Change a value from what is expected, or remove it; False, and nothing is changed, if it is another."""

        def change(db: sqlite3.Connection) -> bool:
            if value_of(db, instance, key) != expect:
                return False
            if value is None:
                db.execute("DELETE FROM plugin_state WHERE instance = ? AND key = ?", (instance, key))
            else:
                db.execute("INSERT OR REPLACE INTO plugin_state VALUES (?, ?, ?)", (instance, key, value))
            return True

        return await self._db.run(change)


def value_of(db: sqlite3.Connection, instance: str, key: str) -> str | None:
    """Return a value that an instance keeps; None if there is none."""
    query = "SELECT value FROM plugin_state WHERE instance = ? AND key = ?"
    row = db.execute(query, (instance, key)).fetchone()
    return None if row is None else str(row[0])
