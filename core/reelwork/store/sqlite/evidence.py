"""The evidence in the store: how effects were sent and what readings of lists showed, on an open connection.

A *place* is an account at an endpoint.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelwork.errors import Cold
from reelwork.store.readings import EchoRow, ListRow, Owner, Read
from reelwork.store.sqlite import jobs

if TYPE_CHECKING:
    from reelwork.store.commands import Send
    from reelwork.store.records import EffectRow
    from reelwork.store.sending import Sending

ACTS = "acts"
# The newest are the likeliest to be listed still. An account may have thousands.
MOST_CONTROLS = 20
"""Effects read on each side to find a control for one in doubt."""
TRYING = 0.5
"""Seconds between two tries to send behind the first request at a place, while that one is on its way."""
# A batch that goes well brings a control with each render. Each would start a lookup for each held job.
PAUSE = 5.0
"""Seconds for which a held job is not judged again."""


def next_number(db: sqlite3.Connection, name: str) -> int:
    """Increase a counter and return it."""
    # Counters give the order of sendings, answers and readings. A clock that is set would change their order.
    row = db.execute(
        "INSERT INTO counters(name, value) VALUES (?, 1) ON CONFLICT(name) DO UPDATE SET value = value + 1"
        " RETURNING value",
        (name,),
    ).fetchone()
    return int(row[0])


def last_number(db: sqlite3.Connection, name: str) -> int:
    """Return the number that a counter has reached; 0 if it has not begun."""
    row = db.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def salt(db: sqlite3.Connection, fresh: str) -> str:
    """Return the store's salt for hashing credentials. If there is none yet, `fresh` is stored and returned."""
    db.execute("INSERT OR IGNORE INTO facts(name, value) VALUES ('salt', ?)", (fresh,))
    return str(db.execute("SELECT value FROM facts WHERE name = 'salt'").fetchone()[0])


def keep_sending(db: sqlite3.Connection, effect: EffectRow, act: Send, sending: Sending) -> None:
    """Store how an effect is sent."""
    before = json.loads(effect.how)
    how = json.loads(sending.how)
    how["place"] = sending.place
    # That of the first sending stays: what was listed between two sendings may be what the first one made.
    how["reading"] = before.get("reading", last_number(db, _readings(sending.place)))
    how["cold_wait"] = sending.cold_wait
    db.execute(
        "UPDATE effects SET account = ?, alias = ?, model = ?, spec = ?, asked = ?, how = ? WHERE key = ?",
        (act.account, sending.alias, sending.model, sending.spec, sending.asked, json.dumps(how), effect.key),
    )


def keep_answer(db: sqlite3.Connection, effect: EffectRow, answered: str, now: float) -> None:
    """Record that an effect was confirmed by its own answer: it is a control from now on."""
    db.execute(
        "UPDATE effects SET answered_no = ?, how = json_set(how, '$.answered', json(?)) WHERE key = ?",
        (next_number(db, ACTS), answered, effect.key),
    )
    how = json.loads(effect.how)
    if how.get("cold_wait") is not None:
        db.execute(
            "INSERT OR IGNORE INTO warm(place, model, opens_at) VALUES (?, ?, ?)",
            (how["place"], effect.model, now + float(how["cold_wait"])),
        )


def wake_held(db: sqlite3.Connection, effect: EffectRow, now: float) -> None:
    """Wake the jobs held in doubt at the same place: another effect was confirmed, so more is known there."""
    # Only jobs that this process drives; others are judged again when somebody resumes them. And only those held at
    # the step of this effect: a job held at another step waits for a person, and may pay when it is woken.
    doubted = db.execute(
        "SELECT DISTINCT job_id FROM effects WHERE account = ? AND kind = ? AND state = 'unknown'",
        (effect.account, effect.kind),
    ).fetchall()
    if not doubted or not db.execute("SELECT 1 FROM sqlite_temp_schema WHERE name = 'scopes'").fetchone():
        return
    ids = json.dumps([row[0] for row in doubted])
    held = db.execute(
        "SELECT id FROM jobs WHERE status = 'held' AND step = ? AND updated_at < ?"
        " AND id IN (SELECT value FROM json_each(?)) AND id IN (SELECT job_id FROM temp.scopes)",
        (effect.kind, now - PAUSE, ids),
    ).fetchall()
    jobs.wake(db, [row[0] for row in held], now, statuses=("held",))


def cold_limit(db: sqlite3.Connection, kind: str, act: Send, now: float) -> Cold | None:
    """Return the limit on a second request to a place until the first has settled or had time to be listed."""
    if act.sending is None or act.sending.cold_wait is None:
        return None
    account = act.account if kind == "submit" else ""
    row = db.execute(
        "SELECT opens_at FROM warm WHERE place = ? AND model = ?", (act.sending.place, act.sending.model)
    ).fetchone()
    if row is not None:
        # A clock that was set back would put the time far into the future. Nothing waits longer than it ever
        # should.
        if not now < row[0] <= now + act.sending.cold_wait:
            return None
        return Cold(row[0], "an earlier request may not be listed there yet", account=account)
    until = _first_in_doubt(db, kind, act, act.sending, now)
    return None if until is None else Cold(until, "waiting for the first request there", account=account)


def _first_in_doubt(db: sqlite3.Connection, kind: str, act: Send, sending: Sending, now: float) -> float | None:
    rows = db.execute(
        "SELECT state, settle_at FROM effects WHERE account = ? AND kind = ? AND model = ?"
        " AND state IN ('sent', 'unknown') AND key <> ?",
        (act.account, kind, sending.model, act.key),
    ).fetchall()
    if any(state == "sent" for state, _ in rows):
        return now + TRYING
    longest = now + (sending.cold_wait or 0)
    waits = [float(settle_at) for _, settle_at in rows if settle_at is not None and now < settle_at <= longest]
    return max(waits, default=None)


def warm_up(db: sqlite3.Connection, place: str, model: str) -> None:
    """Record that the first request at a place was listed: others need not wait any longer."""
    db.execute(
        "INSERT INTO warm(place, model, opens_at) VALUES (?, ?, 0)"
        " ON CONFLICT(place, model) DO UPDATE SET opens_at = 0",
        (place, model),
    )


def keep_reading(db: sqlite3.Connection, place: str, ids: Iterable[str]) -> int:
    """Store which ids a reading listed; return its number."""
    # The first sighting stays: what was listed before a request was sent cannot be what it made.
    number = next_number(db, _readings(place))
    db.executemany("INSERT OR IGNORE INTO sightings VALUES (?, ?, ?)", [(place, id_, number) for id_ in ids])
    return number


def read(db: sqlite3.Connection, effect: EffectRow, place: str, ids: Sequence[str]) -> Read:
    """Store which ids a reading listed; return what is known about them."""
    number = keep_reading(db, place, ids)
    listed = json.dumps(list(ids))
    # The cross join makes SQLite begin with the few listed ids, not with all sightings of a place.
    first = db.execute(
        "SELECT remote_id, reading FROM json_each(?) AS listed CROSS JOIN sightings"
        " ON place = ? AND remote_id = listed.value",
        (listed, place),
    ).fetchall()
    owners = db.execute(
        "SELECT remote_id, effects.key, spec, asked, how, first_no, sent_no, answered_no"
        " FROM json_each(?) AS listed CROSS JOIN effects"
        " ON account IN (?, ?) AND kind = ? AND remote_id = listed.value WHERE effects.key <> ?",
        (listed, effect.account, effect.alias or effect.account, effect.kind, effect.key),
    ).fetchall()
    return Read(
        number=number,
        first_seen=dict(first),
        owners={**under_other_names(db, effect, ids), **{row[0]: _owner(effect, *row[1:]) for row in owners}},
        echoes=tuple(_echoes(db, place)),
        habits=habits(db, place),
    )


def _owner(effect: EffectRow, key: str, spec: str, asked: str, how: str, *numbers: int | None) -> Owner:
    """Return an owner of an id; one that was sent elsewhere is known by its key alone."""
    here, there = (_endpoint(json.loads(one)) for one in (effect.how, how))
    if here and there and here != there:
        # Its id here may stand for another render, so what it asked for may not show that this is its own.
        return Owner(key, spec, "{}", how="{}", first_no=None, sent_no=None, answered_no=None)
    return Owner(key, spec, asked, how, *numbers)


def under_other_names(db: sqlite3.Connection, effect: EffectRow, ids: Sequence[str]) -> dict[str, Owner]:
    """Return who owns ids on the list an effect was sent to, where its account is known by another name."""
    asked = _list_of(effect.how)
    # Where a post goes is named by its account there, not by the workflow.
    if asked is None or effect.kind != "submit":
        return {}
    rows = db.execute(
        "SELECT remote_id, effects.key, spec, asked, how FROM json_each(?) AS listed CROSS JOIN effects"
        " ON account IN (SELECT DISTINCT account FROM effects WHERE kind = ? AND remote_id IS NOT NULL)"
        " AND account <> ? AND kind = ? AND remote_id = listed.value",
        (json.dumps(list(ids)), effect.kind, effect.account, effect.kind),
    ).fetchall()
    # No controls: how they were sent and listed was learnt under the other name.
    return {
        row[0]: Owner(row[1], row[2], row[3], how="{}", first_no=None, sent_no=None, answered_no=None)
        for row in rows
        if _list_of(row[4]) == asked
    }


def _list_of(how: str) -> tuple[str, str] | None:
    """Return the endpoint and the credential an effect was sent with; None when they are not known."""
    sent = json.loads(how)
    endpoint, credential = _endpoint(sent), sent.get("credential")
    return (endpoint, credential) if endpoint and credential else None


def _endpoint(sent: Mapping[str, Any]) -> str:
    # Two servers may give out equal ids. An owner at the wrong one would hide what was paid for here.
    if sent.get("endpoint"):
        return str(sent["endpoint"]).rstrip("/")
    # Earlier versions stored the address within the account's name.
    return next((part.rstrip("/") for part in sent.get("place", "").split(" ") if "://" in part), "")


def habits(db: sqlite3.Connection, place: str) -> ListRow:
    """Return how the list at a place has behaved so far."""
    row = db.execute("SELECT prompt, late, slowest, turned_up FROM lists WHERE place = ?", (place,)).fetchone()
    return ListRow(*row) if row else ListRow()


def _readings(place: str) -> str:
    return f"readings of {place}"


def _echoes(db: sqlite3.Connection, place: str) -> Iterable[EchoRow]:
    rows = db.execute("SELECT state, field, exact, differs, examples FROM echoes WHERE place = ?", (place,))
    for state, field, exact, differs, examples in rows.fetchall():
        yield EchoRow(state, field, exact, differs, tuple(json.loads(examples)))


def learn(db: sqlite3.Connection, place: str, echoes: Iterable[EchoRow], shown: ListRow) -> None:
    """Store how controls came back and how soon, in place of what was stored before."""
    db.executemany(
        "INSERT OR REPLACE INTO echoes(place, state, field, exact, differs, examples) VALUES (?, ?, ?, ?, ?, ?)",
        [(place, one.state, one.field, one.exact, one.differs, json.dumps(one.examples)) for one in echoes],
    )
    db.execute(
        "INSERT OR REPLACE INTO lists(place, prompt, late, slowest, turned_up) VALUES (?, ?, ?, ?, ?)",
        (place, shown.prompt, shown.late, shown.slowest, shown.turned_up),
    )


def controls(
    db: sqlite3.Connection, effect: EffectRow, columns: str
) -> tuple[list[sqlite3.Row], list[sqlite3.Row]]:
    """Return effects like one in doubt that their own answers confirmed: accepted before it, and sent after it."""
    if effect.first_no is None:
        return [], []
    like = "account = ? AND kind = ? AND spec = ? AND answered_no IS NOT NULL"
    values = (effect.account, effect.kind, effect.spec)
    older = db.execute(
        f"SELECT {columns} FROM effects WHERE {like} AND answered_no < ? ORDER BY answered_no DESC LIMIT ?",
        (*values, effect.first_no, MOST_CONTROLS),
    ).fetchall()
    later = db.execute(
        f"SELECT {columns} FROM effects WHERE {like} AND answered_no > ? AND sent_no > ?"
        " ORDER BY answered_no DESC LIMIT ?",
        (*values, effect.sent_no, effect.sent_no, MOST_CONTROLS),
    ).fetchall()
    return older, later


def newest_control(db: sqlite3.Connection, account: str, kind: str, model: str, columns: str) -> sqlite3.Row | None:
    """Return the newest effect of an account and model that its own answer confirmed."""
    row: sqlite3.Row | None = db.execute(
        f"SELECT {columns} FROM effects WHERE account = ? AND kind = ? AND model = ? AND answered_no IS NOT NULL"
        " ORDER BY answered_no DESC LIMIT 1",
        (account, kind, model),
    ).fetchone()
    return row


def request_of(db: sqlite3.Connection, account: str, remote_id: str) -> str | None:
    """Return the request of a stored render, as JSON; None if there is none."""
    row = db.execute(
        "SELECT request FROM renders JOIN render_requests ON render_id = renders.id"
        " WHERE account = ? AND remote_id = ? ORDER BY submitted_at DESC LIMIT 1",
        (account, remote_id),
    ).fetchone()
    return None if row is None else str(row[0])


def accounts_of(db: sqlite3.Connection, run_ids: Iterable[str]) -> list[str]:
    """Return the accounts at which jobs of these runs have an open render or a request in doubt."""
    rows = db.execute(
        "SELECT account FROM renders WHERE ended_at IS NULL AND job_id IN"
        "   (SELECT id FROM jobs WHERE run_id IN (SELECT value FROM json_each(:runs)))"
        " UNION SELECT account FROM effects WHERE kind = 'submit' AND state IN ('sent', 'unknown') AND job_id IN"
        "   (SELECT id FROM jobs WHERE run_id IN (SELECT value FROM json_each(:runs)))",
        {"runs": json.dumps(list(run_ids))},
    )
    return [row[0] for row in rows]


def sent_again(db: sqlite3.Connection, effect: EffectRow, columns: str) -> list[sqlite3.Row]:
    """Return effects of the same account that were sent again because they were believed not to have happened."""
    return db.execute(
        f"SELECT {columns} FROM effects WHERE account = ? AND kind = ? AND resent > 0 AND key <> ?"
        " ORDER BY sent_no DESC LIMIT ?",
        (effect.account, effect.kind, effect.key, MOST_CONTROLS),
    ).fetchall()
