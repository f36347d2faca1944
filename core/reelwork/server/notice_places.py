"""The hosts that Apprise connects to, judged before it does: it opens its connections itself.

What it connects to then is judged again, by `net/own_sockets`. Not all that it sends goes by a socket of Python's.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

from reelwork.net.addresses import refusal, refused_as_written


def hosts_of(service: Any) -> Iterator[str]:
    """Yield the hosts that a service of Apprise is given in its address: none where the service names its own."""
    # In the address of Slack and its like, a token stands where others have their host.
    if any("{host}" in form for form in getattr(service, "templates", ())) and getattr(service, "host", None):
        yield str(service.host)
    # Mail goes to a server that the address may name apart.
    if getattr(service, "smtp_host", None):
        yield str(service.smtp_host)


def refused(service: Any, *, asking: bool) -> str:
    """Return why a service must not be reached; empty if it may. `asking` looks up what names lead to."""
    for host in hosts_of(service):
        plain = host.strip("[]")
        if why := refused_as_written(plain) or (_leads_to(plain) if asking else ""):
            return why
    return ""


def _leads_to(host: str) -> str:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        # Whoever connects says so.
        return ""
    # One is enough: which of them Apprise takes is not known here.
    reasons = (refusal(ipaddress.ip_address(str(at[0]).partition("%")[0])) for *_, at in found)
    return next(filter(None, reasons), "")
