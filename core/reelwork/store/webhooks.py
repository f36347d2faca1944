"""Webhooks that came in, as the store hears of them, and the tokens that name a job to those who sign nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Protocol

HINT_SECONDS = 600.0
"""Seconds for which a hint about something that is not known yet is kept."""
EXTRA_POLL_SECONDS = 10.0
"""The least seconds between two polls of one render that webhooks asked for."""
MOST_AT_ONCE = 20
"""Renders of one account that are polled at once within `TOGETHER_SECONDS`, because of webhooks."""
# One request may report on all of them. Polled one by one, they would keep the process, and the provider, busy.
TOGETHER_SECONDS = 5.0
"""Seconds within which all others that webhooks are about are polled together."""
# A sender tries again for up to three days. What comes again after this makes one more poll, and nothing else.
SEEN_SECONDS = 86_400.0
"""Seconds for which it is known what came in."""
MOST_SEEN = 100_000
MOST_HINTS = 10_000

_MAC_LENGTH = 32
"""Hex digits: 128 bits, which nobody can guess."""


class Heard(StrEnum):
    """The outcome of a genuine webhook."""

    KNOWN = "accepted"
    """It is about a render that is known, which is polled now unless it has ended."""
    EARLY = "unknown"
    """Nothing of it is known, yet: it is kept for a while."""
    AGAIN = "duplicate"
    """It came before, and changed nothing."""


class Received(NamedTuple):
    """A genuine webhook."""

    account: str
    """The name under which it came in."""
    id: str
    """What it is known by when it comes again; empty if it has nothing of the kind."""
    remote_ids: tuple[str, ...] = ()
    job_id: str = ""
    """The job that the token in its address names."""


class WebhookStore(Protocol):
    """Hears of webhooks that came in."""

    async def hear(self, received: Received) -> Heard:
        """Make the renders that a webhook is about due for a poll, once for each webhook.

        In the same transaction it is noted, so that it is not heard twice. What is not known is kept for the
        render that may come: the webhook may be faster than the answer to its request.
        """
        ...


def render_token(salt: str, job_id: str) -> str:
    """Return what names a job in the address of a webhook that is not signed. Nobody can guess it."""
    return f"{job_id}-{_mac(salt, job_id)}"


def job_of_token(salt: str, token: str) -> str | None:
    """Return the job that a token names; None if it is none of ours."""
    import hmac

    job_id, _, mac = token.rpartition("-")
    genuine = hmac.compare_digest(mac.encode("utf-8", "replace"), _mac(salt, job_id).encode())
    return job_id if genuine and job_id else None


def _mac(salt: str, job_id: str) -> str:
    import hashlib
    import hmac

    key, text = salt.encode(), f"webhook {job_id}".encode("utf-8", "replace")
    return hmac.new(key, text, hashlib.sha256).hexdigest()[:_MAC_LENGTH]
