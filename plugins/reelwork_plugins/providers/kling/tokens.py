"""The tokens that sign requests. A clock that is wrong spoils them; the server's own time mends them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from reelwork_hooks import Answer, Context, read_key
from reelwork_plugins.providers.kling.config import KlingConfig

# In a wrong time zone a clock is hours off. Beyond a day, the server's date may be what is wrong.
MOST_SECONDS = 86_400.0
"""The most by which a clock is corrected."""
# `Date` counts whole seconds, and an answer takes a moment.
SAME_SECONDS = 3.0
"""Clocks that differ by less agree."""


@dataclass(frozen=True, slots=True)
class Signed:
    """The header that signs one request, and the seconds by which our clock was corrected for it."""

    header: str
    correction: float


# A library is worth its weight where tokens are checked, which is at Kling's side.
def token(access_key: str, secret_key: str, now: float) -> str:
    """Return a JWT (HS256) that is valid for half an hour."""
    claims = {"iss": access_key, "exp": int(now) + 1800, "nbf": int(now) - 5}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signed}.{_text(hmac.digest(secret_key.encode(), signed.encode(), hashlib.sha256))}"


def _part(value: Any) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Signer:
    """Signs requests with the account's keys."""

    def __init__(self, config: KlingConfig, context: Context) -> None:
        self._keys, self._context = (config.access_key, config.secret_key), context
        self._correction = 0.0

    async def sign(self) -> Signed:
        """Sign one request. Raises what `read_key` raises."""
        access, secret = [await read_key(self._context, key) for key in self._keys]
        made = token(access, secret, self._context.now().timestamp() + self._correction)
        return Signed(f"Bearer {made}", self._correction)

    def learns(self, answer: Answer, used: Signed) -> bool:
        """Return whether a token was refused for its time, and the next one will have another."""
        off = self._off(answer) if is_about_time(answer) else None
        # Refused although it was made by the server's own time: the clock is not what is wrong. It would be asked
        # again for ever.
        if off is None or abs(off) > MOST_SECONDS or abs(off - used.correction) < SAME_SECONDS:
            return False
        if abs(off - self._correction) >= SAME_SECONDS:
            self._correction = off
            self._context.log.warning("%s; its time is used for the tokens", self.told(answer))
        return True

    def told(self, answer: Answer) -> str:
        """Say how this machine's clock differs from the server's."""
        off = self._off(answer)
        if off is None or abs(off) < SAME_SECONDS:
            return "its clock and this machine's agree, as far as it shows"
        words = f"{abs(off) / 60:.0f} min" if abs(off) >= 90 else f"{abs(off):.0f} s"
        return f"this machine's clock is {words} {'behind' if off > 0 else 'ahead of'} Kling's"

    def _off(self, answer: Answer) -> float | None:
        # A cache passes on the time at which it stored an answer.
        if answer.date is None or answer.age:
            return None
        return (answer.date - self._context.now()).total_seconds()


def is_about_time(answer: Answer) -> bool:
    """Return whether a token was refused for its time: not valid yet (1003), or expired (1004)."""
    return answer.status == 401 and answer.code in ("1003", "1004")
