"""Access control: programs and pages of this machine may send requests, other pages in a browser may not."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from reelwork_plugins.simulator.json_answer import Json

READS = ("GET", "HEAD", "OPTIONS")


class AccessControl:
    """Passes on requests that may be answered. The rest get 403 and are not logged."""

    def __init__(self, app: ASGIApp, *, host: str, names: Iterable[str]) -> None:
        self._app = app
        self._names = {name.lower() for name in ("localhost", host, socket.gethostname(), *names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        why = self._refusal(Request(scope)) if scope["type"] == "http" else ""
        app: ASGIApp = Json({"error": {"message": why}}, 403) if why else self._app
        await app(scope, receive, send)

    def _refusal(self, request: Request) -> str:
        # A page can point its own name at our address (DNS rebinding), and would then read our answers as its own.
        # Its name is in `Host`. An address there is safe: it cannot be pointed elsewhere.
        host = _host(f"//{request.headers.get('host', '')}")
        if not self._is_known(host):
            name = host or "NAME"
            return f"the simulator does not answer to {host!r}; if it should, start it with --allow-host {name}"
        if request.method in READS:
            return ""
        # A page can send a form anywhere without asking, though it cannot read the answer (CSRF). Its origin shows.
        origin = request.headers.get("origin")
        if origin is not None and not self._is_known(_host(origin), pages=True):
            return f"a page from {origin} may not change anything here"
        site = request.headers.get("sec-fetch-site", "none")
        if origin is None and site == "cross-site":
            return "a page from elsewhere may not change anything here"
        return ""

    def _is_known(self, host: str, *, pages: bool = False) -> bool:
        """Return whether a name or address is one of ours. Pages of other machines, even by address, are not."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return host in self._names or host.endswith(".localhost")
        return address.is_loopback or not pages or host in self._names


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
