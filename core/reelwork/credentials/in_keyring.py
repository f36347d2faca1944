"""The secrets of accounts in the system's keyring."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reelwork_hooks.errors import InvalidInput

KEYRING_SERVICE = "reelwork"
NOTHING_KEPT = "Nothing was changed."


def read(name: str) -> dict[str, str]:
    """Return the values of an account in the keyring. Raises `InvalidInput`."""
    text = _keyring("get_password", KEYRING_SERVICE, name)
    if text is None:
        raise InvalidInput(
            f"The keyring has no entry for the account {name!r}.",
            hint=f"Add it again: reelwork accounts add KIND --name {name} --keyring --replace",
        )
    try:
        return {str(key): str(value) for key, value in json.loads(text).items()}
    except (ValueError, AttributeError):
        # Not chained: the error carries the text.
        raise InvalidInput(f"The keyring's entry for the account {name!r} cannot be read.") from None


def put(name: str, secret: Mapping[str, str]) -> None:
    """Store an account's secrets in the keyring. Raises `InvalidInput`."""
    _keyring("set_password", KEYRING_SERVICE, name, json.dumps(dict(secret)))


def delete(name: str) -> None:
    """Take an account out of the keyring. Raises `InvalidInput`."""
    if _keyring("get_password", KEYRING_SERVICE, name) is not None:
        _keyring("delete_password", KEYRING_SERVICE, name)


def _keyring(call: str, *arguments: str) -> Any:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError as error:
        raise InvalidInput(
            "The system's keyring needs a package that is not installed.",
            money=NOTHING_KEPT,
            hint='Install it: pip install "reelwork[keyring]"',
        ) from error
    try:
        return getattr(keyring, call)(*arguments)
    except KeyringError as error:
        # Backends put what they were given into some of their messages: only the kind is shown.
        raise InvalidInput(
            f"The system's keyring did not work ({type(error).__name__}).",
            money=NOTHING_KEPT,
            hint="Unlock it, or leave out --keyring: the account is then stored in a file that only you can read.",
        ) from None
