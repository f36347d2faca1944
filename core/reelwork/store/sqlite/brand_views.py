"""Limits a connection that reads to what belongs to one brand.

Each table is hidden behind a view of the same name, which SQLite finds first. So every question of such a
connection is limited, also one that is written later, and a table that is not named here is empty.
"""

from __future__ import annotations

import sqlite3

_OF_JOBS = "EXISTS (SELECT 1 FROM main.jobs WHERE jobs.id = {job} AND jobs.brand = :brand)"
# By the index of jobs that have a brand, and from there by that of each job's events: there are very many.
_OF_ITS_JOBS = "(SELECT id FROM main.jobs WHERE brand = :brand AND brand <> '')"
_OF_SCHEDULES = "(SELECT name FROM main.schedules WHERE json_extract(spec, '$.brand') = :brand)"
_OF_RUNS = "(SELECT id FROM main.runs WHERE brand = :brand AND brand <> '')"
# What people have dealt with for one brand is kept under a name of its own: see `deal_with` in `causes`.
_DEALT_WITH = """
    SELECT cause, max(until) AS until, at, by FROM (
      SELECT iif(own, substr(cause, length(:brand) + 2), cause) AS cause, until, at, by FROM (
        SELECT *, substr(cause, 1, length(:brand) + 1) = :brand || ' ' AS own FROM main.dealt_with)
      WHERE own OR instr(cause, ' ') = 0)
    GROUP BY cause
"""
# Why all posts are stopped may be another brand's business.
_POST_STOPS = """
    SELECT scope, at, by, iif(scope = '*', '', note) AS note FROM main.post_stops
    WHERE scope IN ('*', 'brand ' || :brand)
"""
VIEWS = {
    "runs": "SELECT rowid AS rowid, * FROM main.runs WHERE brand = :brand AND brand <> ''",
    "jobs": "SELECT rowid AS rowid, * FROM main.jobs WHERE brand = :brand AND brand <> ''",
    "effects": "SELECT rowid AS rowid, * FROM main.effects WHERE brand = :brand AND brand <> ''",
    "renders": f"SELECT rowid AS rowid, * FROM main.renders WHERE {_OF_JOBS.format(job='renders.job_id')}",
    "render_requests": (
        "SELECT * FROM main.render_requests WHERE EXISTS (SELECT 1 FROM main.renders JOIN main.jobs"
        " ON jobs.id = renders.job_id WHERE renders.id = render_requests.render_id AND jobs.brand = :brand)"
    ),
    "events": f"SELECT rowid AS rowid, * FROM main.events WHERE job_id IN {_OF_ITS_JOBS}",
    "review_links": f"SELECT * FROM main.review_links WHERE {_OF_JOBS.format(job='review_links.job_id')}",
    "removed_jobs": f"SELECT * FROM main.removed_jobs WHERE run_id IN {_OF_RUNS}",
    "schedules": "SELECT rowid AS rowid, * FROM main.schedules WHERE json_extract(spec, '$.brand') = :brand",
    "slots": (
        f"SELECT rowid AS rowid, * FROM main.slots WHERE schedule IN {_OF_SCHEDULES}"
        f" AND (run_id IS NULL OR run_id IN {_OF_RUNS})"
    ),
    "tokens": "SELECT * FROM main.tokens WHERE brand = :brand",
    "post_stops": _POST_STOPS,
    "dealt_with": _DEALT_WITH,
    # Numbers, and whether this is a backup: nothing of anybody.
    "counters": "SELECT * FROM main.counters",
    "facts": "SELECT * FROM main.facts WHERE name = 'backup_taken_at'",
}
"""By table, what of it belongs to the brand `:brand`."""


# There is a connection for each thread and brand. With the 2 MB that SQLite takes, ten brands could take a GB.
CACHE_SIZE = 256
"""KiB of pages that a limited connection keeps."""


def limit_to_brand(db: sqlite3.Connection, brand: str) -> None:
    """Hide everything on this connection that does not belong to a brand."""
    db.execute(f"PRAGMA cache_size = -{CACHE_SIZE}")
    # A view takes no parameters.
    literal = "'" + brand.replace("'", "''") + "'"
    tables = [row[0] for row in db.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'")]
    for table in tables:
        if not table.startswith("sqlite_"):
            view = VIEWS.get(table, f"SELECT * FROM main.{table} WHERE 0").replace(":brand", literal)
            db.execute(f"CREATE TEMP VIEW {table} AS {view}")
