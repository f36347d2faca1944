"""Finds the other open requests that what is listed may belong to, as far as the list tells."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from reelwork.ledger.comparison import TEXTS, Asked, Compared, Entry, Fields, may_be_taken, same_value
from reelwork.ledger.sending_record import sent_of
from reelwork.store.readings import Read
from reelwork.store.records import EffectRow


def rivals_among(effect: EffectRow, others: Sequence[EffectRow]) -> tuple[EffectRow, ...]:
    """Return those open requests that are not identical to this one.

    Of identical requests each may take what any of them made. If one of several different posts took what another
    one made, that one would be missed there and sent a second time.
    """
    return tuple(one for one in others if not is_identical(effect, one))


def is_identical(one: EffectRow, other: EffectRow) -> bool:
    """Return whether two requests asked for the same."""
    if one.fingerprint and other.fingerprint:
        return one.fingerprint == other.fingerprint
    return bool(body := sent_of(one).body) and body == sent_of(other).body


def claims(rival: EffectRow, entry: Entry, asked: Asked, read: Read) -> bool:
    """Return whether an entry may be what another request made, as far as this list tells."""
    fields = json.loads(rival.asked)
    if not fields:
        # A store of an older version does not tell what it asked for.
        return True
    seen = seen_before(entry.id, read, rival)
    theirs = replace(asked, key=rival.key, fields=fields, earliest=None)
    return may_be_taken(replace(entry, seen_before=seen), theirs)


def seen_before(id_: str, read: Read, effect: EffectRow) -> bool:
    """Return whether an id was listed before a request was sent."""
    sent = sent_of(effect)
    return sent.known and read.first_seen.get(id_, read.number) <= sent.reading


def is_worded_alike(one: Fields, other: Fields) -> bool:
    """Return whether two requests share a text, or have none. Many plugins compare nothing else."""
    ours, theirs = ({name for name in TEXTS if fields.get(name)} for fields in (one, other))
    if not ours and not theirs:
        return True
    return any(same_value(name, one[name], other[name]) for name in ours & theirs)


def without_shared(
    compared: Compared, rivals: Sequence[EffectRow], asked: Asked, read: Read
) -> tuple[Compared, tuple[EffectRow, ...]]:
    """Take out of those that fit the ones that another open request may have made, and return these requests."""
    # An entry with our own reference is ours, whatever else it says.
    told = [one for one in compared.fits if one.ref != asked.key]
    shared = {one.id: [rival for rival in rivals if claims(rival, one, asked, read)] for one in told}
    free = tuple(one for one in compared.fits if not shared.get(one.id))
    near = (*compared.near, *(one for one in compared.fits if shared.get(one.id)))
    known = {rival.key: rival for claimed in shared.values() for rival in claimed}
    return replace(compared, fits=free, near=near), tuple(known.values())
