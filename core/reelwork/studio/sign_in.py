"""Signing in to a service with a plugin, so that only an account that works is kept."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from reelwork.credentials.accounts import NOTHING_KEPT
from reelwork.net.client import Http
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.context import PluginContext
from reelwork.plugins.guard import Callee, within
from reelwork.process_output import protect
from reelwork.redaction.redactor import Redactor
from reelwork.settings.paths import here
from reelwork_hooks.errors import InvalidInput
from reelwork_hooks.plugin import Credentials

SignIn = Callable[[Mapping[str, str], PluginContext], Coroutine[Any, Any, Credentials]]
LONGEST_SIGN_IN = 300.0
"""Seconds."""


def sign_in_of(kind: str) -> SignIn:
    """Return the function by which a plugin signs in. Raises `InvalidInput` for one that has no accounts."""
    sign_in: SignIn | None = getattr(Catalog().get(kind).target, "sign_in", None)
    if sign_in is None:
        raise InvalidInput(
            f"The plugin {kind!r} has no accounts to add.",
            money=NOTHING_KEPT,
            hint="Those that need one say so: reelwork plugins show NAME",
        )
    return sign_in


async def signed_in(kind: str, sign_in: SignIn, given: Mapping[str, str], work_dir: Path) -> Credentials:
    """Sign in with what a person gave, its `password` masked wherever it is shown. Raises `ReelworkError`."""
    redactor = Redactor()
    # Before the first request, whose errors may quote it.
    redactor.add(given["password"])
    protect(redactor)
    http = Http(redactor=redactor)
    context = PluginContext(
        kind,
        work_dir=work_dir,
        output_dir=here(),
        base_dir=here(),
        http_factory=http.trusting,
        redactor=redactor,
    )
    try:
        callee = Callee("plugin", kind)
        answer: Any = await within(callee, "sign_in", sign_in(given, context), LONGEST_SIGN_IN)
    finally:
        await http.aclose()
    if not isinstance(answer, Credentials):
        raise callee.failed("sign_in", f"returned {type(answer).__name__}; it must return Credentials")
    return answer
