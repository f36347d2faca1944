"""The store on SQLite: which causes people have dealt with, and which they were told of."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from reelwork.store.causes import (
    FORGOTTEN_SECONDS,
    GATHERING_SECONDS,
    NOTICE_SECONDS,
    DealtWith,
    Notice,
    NoticesDue,
)
from reelwork.store.sqlite.base import SqliteParts


class SqliteCauses(SqliteParts):
    """The part of a store that keeps causes."""

    async def deal_with(self, dealt: DealtWith) -> None:
        """Note that a person has dealt with a cause."""
        # For one brand alone: what failed for the same cause elsewhere was seen by nobody.
        cause = f"{self._only} {dealt.cause}" if self._only else dealt.cause
        values = (cause, dealt.until, dealt.at, dealt.by)
        text = "INSERT OR REPLACE INTO dealt_with(cause, until, at, by) VALUES (?, ?, ?, ?)"
        await self._db.run(lambda db: db.execute(text, values).rowcount)

    async def keep_notices(self, found: Sequence[Notice], whom: str = "") -> NoticesDue:
        """Store the causes that are there now for `whom`, and return what they are to be told."""
        return await self._db.run(lambda db: keep_notices(db, found, whom, self._clock()))

    async def put_off_notice(self, cause: str, seconds: float, whom: str = "") -> None:
        """Let a notice that `whom` could not be sent be due again after so many seconds."""
        first = self._clock() - GATHERING_SECONDS + seconds
        text = "UPDATE notices SET told_at = NULL, told_count = 0, first_at = ? WHERE whom = ? AND cause = ?"
        await self._db.run(lambda db: db.execute(text, (first, whom, cause)).rowcount)


def dealt_with(db: sqlite3.Connection) -> list[DealtWith]:
    """Return what people have dealt with, the latest first."""
    return [DealtWith(*row) for row in db.execute("SELECT cause, until, at, by FROM dealt_with ORDER BY at DESC")]


def keep_notices(db: sqlite3.Connection, found: Sequence[Notice], whom: str, now: float) -> NoticesDue:
    """Store the causes that are there now for `whom`, and return what they are to be told."""
    db.executemany(
        "INSERT INTO notices(whom, cause, words, count, first_at, seen_at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (whom, cause) DO UPDATE SET words = excluded.words, count = excluded.count, there = 1,"
        " seen_at = excluded.seen_at, first_at = CASE WHEN there THEN first_at ELSE excluded.first_at END",
        [(whom, one.cause, one.words, one.count, now, now) for one in found if one.is_news],
    )
    there = json.dumps([one.cause for one in found])
    news = json.dumps([one.cause for one in found if one.is_news])
    # Chosen and marked in one statement: of two servers one tells it. A time ahead is by a clock that was set back.
    due = db.execute(
        "UPDATE notices SET told_at = :now, told_count = count"
        " WHERE whom = :whom AND cause IN (SELECT value FROM json_each(:news)) AND first_at <= :now - :gathering"
        " AND count > told_count AND (told_at IS NULL OR told_at > :now OR told_at <= :now - :pause)"
        " RETURNING cause",
        {"whom": whom, "now": now, "news": news, "gathering": GATHERING_SECONDS, "pause": NOTICE_SECONDS},
    ).fetchall()
    # Of the same people alone: what others were told of may be no business of theirs, and is not mended by that.
    gone = db.execute(
        "SELECT cause, words, count, told_count FROM notices"
        " WHERE whom = ? AND there AND cause NOT IN (SELECT value FROM json_each(?)) ORDER BY cause",
        (whom, there),
    ).fetchall()
    # The time of the last notice stays: what comes back within the hour is not told again before it is over.
    db.execute(
        "UPDATE notices SET there = 0, told_count = 0"
        " WHERE whom = ? AND cause NOT IN (SELECT value FROM json_each(?))",
        (whom, there),
    )
    db.execute("DELETE FROM notices WHERE NOT there AND seen_at < ?", (now - FORGOTTEN_SECONDS,))
    told = [Notice(cause, words, count) for cause, words, count, told_count in gone if told_count]
    return NoticesDue(sorted(row[0] for row in due), told)
