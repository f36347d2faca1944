"""Checks what a plugin declares of its accounts."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from reelwork.testing.check.findings import Finding, error, warning
from reelwork_hooks.accounts import AccountField, OAuth

_ASYNC = ("sign_in", "signed_in", "refreshed")


def check_sign_in(target: Any) -> Iterator[Finding]:
    """Check the account fields of a plugin, and the methods by which it signs in."""
    by_oauth = getattr(target, "oauth", None)
    own = [name for name in ("sign_in", "oauth") if getattr(target, name, None) is not None]
    fields = getattr(target, "account_fields", ())
    if not all(isinstance(field, AccountField) for field in fields):
        yield error("account_fields", "holds something else than AccountField values.")
        return
    names = [field.name for field in fields]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield error("account_fields", f"has the field {name!r} twice.")
    if fields and not own:
        yield error("account_fields", "are never asked for: nothing signs in.", "Write sign_in, or declare oauth.")
    if by_oauth is not None:
        yield from _check_oauth(target, by_oauth, names)
    for name in (*_ASYNC, *([] if by_oauth is None or isinstance(by_oauth, OAuth) else ["oauth"])):
        method = inspect.getattr_static(target, name, None)
        if method is not None and not _is_static_async(method):
            yield error(name, "is not a static `async def`.", "Write @staticmethod above it, and `async def`.")
    for field in fields:
        if not field.help:
            yield warning(f"account_fields: {field.name}", "does not say where to find it.", "Give it a help text.")


def _check_oauth(target: Any, by_oauth: Any, names: list[str]) -> Iterator[Finding]:
    if getattr(target, "signed_in", None) is None:
        yield error(
            "oauth", "signs in, and nothing says who it is then.", "Write signed_in, which returns Credentials."
        )
    if isinstance(by_oauth, OAuth) and not by_oauth.client_id and "client_id" not in names:
        yield error("oauth", "has no client_id.", 'Give it one, or declare AccountField("client_id").')
    if isinstance(by_oauth, OAuth) and by_oauth.pkce == "none" and by_oauth.client_auth == "none":
        yield warning("oauth", "has neither PKCE nor a client secret: a code that is stolen can be used.")


def _is_static_async(method: Any) -> bool:
    return isinstance(method, staticmethod) and inspect.iscoroutinefunction(method.__func__)
