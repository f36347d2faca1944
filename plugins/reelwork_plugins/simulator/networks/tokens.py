"""Tokens that say what they are for: a simulator that is started again still knows those that it gave out."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass

# It keeps nobody out: it tells a token of a simulator from any other text.
_KEY = b"reelwork simulator"
ANYONE = "rehearsal"
"""The name of the account that is there from the start."""
# Another text than the account's name: what is a secret is masked wherever it is written.
OPEN_TOKEN = "rehearsal-token"
"""Its token, which is always accepted where the simulator has no key."""


@dataclass(frozen=True, slots=True)
class Token:
    """Who may do what, and until when."""

    network: str
    account: str
    scopes: tuple[str, ...]
    ends: float | None = None
    """None: it does not end."""
    refresh: bool = False
    """It is good for nothing but for a new access token."""

    def written(self) -> str:
        """Return it as it is given out."""
        facts = [self.network, self.account, list(self.scopes), self.ends, self.refresh]
        body = base64.urlsafe_b64encode(json.dumps(facts).encode()).decode().rstrip("=")
        return f"sim-{body}.{_signature(body)}"

    def allows(self, scopes: tuple[str, ...]) -> bool:
        """Return whether one of these scopes, or one that holds it, was granted."""
        return any(scope in self.scopes or scope.partition(":")[0] in self.scopes for scope in scopes)


def read_token(text: str) -> Token | None:
    """Return a token that a simulator gave out; None for any other text."""
    body, _, signature = text.removeprefix("sim-").partition(".")
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), _signature(body).encode()):
        return None
    try:
        network, account, scopes, ends, refresh = json.loads(
            base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        )
    except (ValueError, binascii.Error):
        return None
    return Token(network, account, tuple(scopes), ends, refresh)


def _signature(body: str) -> str:
    return hmac.new(_KEY, body.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:20]
