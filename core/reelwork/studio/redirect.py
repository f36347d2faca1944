"""Where the answer of a sign-in comes back to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from reelwork.credentials.oauth.code_flow import NOTHING_STORED, OUT_OF_BAND
from reelwork.net.loopback import LOCALHOST, Listener
from reelwork_hooks.accounts import OAuth
from reelwork_hooks.errors import InvalidInput


@asynccontextmanager
async def redirect_of(oauth: OAuth, listener: Listener) -> AsyncIterator[tuple[str, Listener | None]]:
    """Yield the redirect address and what listens there; None where the person pastes the code."""
    if oauth.redirect == "paste":
        yield oauth.redirect_uri or OUT_OF_BAND, None
        return
    if not oauth.redirect_uri:
        host = "localhost" if oauth.redirect == "localhost" else LOCALHOST
        yield listener.address(host), listener
        return
    if oauth.redirect_uri == listener.address():
        yield oauth.redirect_uri, listener
        return
    # With no port, the network lets us choose one, as it does for programs (RFC 8252, 7.3).
    parts = urlsplit(oauth.redirect_uri)
    port = parts.port or 0
    at_port = Listener(port, parts.path)
    try:
        await at_port.open()
    except OSError as error:
        raise InvalidInput(
            f"The sign-in needs port {port} of this machine, and it is taken: {error.strerror}.",
            money=NOTHING_STORED,
            hint="End the program that uses it, and start again.",
        ) from error
    try:
        yield oauth.redirect_uri if port else at_port.address(parts.hostname or LOCALHOST), at_port
    finally:
        at_port.close()
