"""The identity of a provider or destination at the other side, and a hash of its credentials.

An instance's name is the workflow's own: renamed, or configured twice, it is still the same account there.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from typing import Any

from reelwork.credentials.named_secrets import named_secrets
from reelwork.ids import fingerprint
from reelwork_hooks.errors import ReelworkError
from reelwork_hooks.plugin import Config, Context


def credential(config: Config, context: Context, account_name: str | None, salt: str) -> str | None:
    """Return a keyed hash of all an instance signs in with; None when that cannot be read now."""
    try:
        secrets = [context.secret(one.reference) for one in named_secrets("", {}, config)]
        account = _account(context, account_name)
    except ReelworkError:
        return None
    return _hashed([*secrets, account], salt)


def destination(plugin: str, instance: Any, config: Config | None) -> str:
    """Return the plugin's name and the identity of its account, as far as it can be told."""
    # The plugin knows best who it posts as; then the account; only then the settings, where any change makes
    # another destination.
    own = getattr(instance, "identity", None)
    if isinstance(own, str) and own:
        return f"{plugin} {own}"
    name = getattr(instance, "account_name", None)
    context = getattr(instance, "context", None)
    if name and context is not None:
        try:
            return f"{plugin} {_account(context, str(name))}"
        except ReelworkError:
            return f"{plugin} {name}"
    # What its units cost is no part of who posts: with it, a corrected price would post everything again.
    priced = {"units"} if getattr(getattr(instance, "units", None), "rates", None) else set[str]()
    settings = {} if config is None else config.model_dump(mode="json", warnings=False, exclude=priced)
    return f"{plugin} {fingerprint(settings)}"


def _account(context: Context, name: str | None) -> str:
    """Return what names an account and does not change when its tokens do."""
    if not name:
        return ""
    account = context.account(name)
    return str(getattr(account, "identity", "") or account.name)


def _hashed(values: Iterable[str], salt: str) -> str:
    # As JSON, so that `["ab", "c"]` and `["a", "bc"]` differ. Keyed with the store's own salt, so that a short
    # password cannot be looked up in a table of hashes.
    text = json.dumps(list(values), ensure_ascii=True)
    return hmac.new(salt.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]
