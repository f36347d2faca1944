"""Lists of names in SQL."""

from __future__ import annotations

from collections.abc import Iterable


# Written out and not bound: SQLite takes a partial index only for the very list it was made with.
def sql_list(names: Iterable[str]) -> str:
    """Return names of ours for `IN`: `('active', 'held')`."""
    return f"({', '.join(repr(str(name)) for name in names)})"
