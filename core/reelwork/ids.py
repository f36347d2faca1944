"""Names for things: short sortable ids and stable hashes."""

from __future__ import annotations

import json
import time
from functools import lru_cache
from typing import Any

LONGEST_ID = 2048
"""Characters of another side's id."""
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no letter that looks like another (https://www.crockford.com/base32.html)."""


def new_id() -> str:
    """Return a new id of sixteen characters: seven of time, so that ids sort by age, and nine of chance."""
    # Here and below, since commands that only read make neither ids nor hashes, and OpenSSL takes a while to load.
    import secrets

    # Seven digits of base 32 hold the seconds of a thousand years. Nine hold 45 random bits, for the ids that
    # several processes make in one second.
    return _encoded_time(int(time.time())) + _encode(secrets.randbits(45), 9)


SHORT = 8
"""Characters of an id that are shown: the last ones, since the first are the time."""


def short_id(job_id: str) -> str:
    """Return enough of an id to name the job: wherever a job is named, the end of its id will do."""
    return job_id[-SHORT:]


def fingerprint(value: Any) -> str:
    """Return a stable hash of a JSON value: 32 hex digits, the same in every process."""
    import hashlib

    # Fingerprints are stored with requests and rows. Any other spelling would make everything that was sent before
    # look changed.
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@lru_cache(maxsize=1)
def _encoded_time(seconds: int) -> str:
    return _encode(seconds, 7)


def _encode(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, rest = divmod(number, 32)
        digits.append(ALPHABET[rest])
    return "".join(reversed(digits))


def is_clean(id_: str) -> bool:
    """Return whether another side's id can be stored and sent back unchanged. Else it is refused, never changed."""
    return 0 < len(id_) <= LONGEST_ID and id_.isprintable() and id_ == id_.strip()
