"""The name by which a person knows an account, where only its identity is at hand."""

from __future__ import annotations

from reelwork.credentials.accounts import Accounts
from reelwork_hooks.errors import InvalidInput


def known_as(principal: str, accounts: Accounts | None = None) -> str:
    """Return who posts, such as `@shop (x https://api.x.com x 4071)`; as given if no account has that identity.

    `principal` is a plugin with an identity, as a destination is known by it.
    """
    try:
        entries = (accounts or Accounts()).entries().values()
    except InvalidInput:
        # A file that cannot be read keeps posts back, and they say so.
        return principal
    for entry in entries:
        name = entry.shown.get("identifier", "")
        if name and entry.identity and principal.partition(" ")[2] == entry.identity and name not in principal:
            return f"{name} ({principal})"
    return principal
