"""The address that is listened on: bound before anything is driven, and told apart by who can reach it."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from reelwork.errors import WorkflowInvalid
from reelwork.net.addresses import PORTS, Origin

NOT_STARTED = "Nothing was started."


def public_origin(url: str, option: str = "--public-url") -> Origin:
    """Return the origin that an option names. Raises `WorkflowInvalid`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    bare = parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in ("http", "https") or not parts.hostname or not bare:
        raise WorkflowInvalid(
            f"{option} {url!r} is not an address such as https://studio.example.com.", money=NOT_STARTED
        )
    return Origin(parts.scheme, parts.hostname, port or PORTS[parts.scheme])


def origin(url: str) -> Origin | None:
    """Return the origin that a header names; None if it is none."""
    try:
        return public_origin(url)
    except WorkflowInvalid:
        return None


def host_and_port(text: str) -> tuple[str, int]:
    """Return the parts of `ADDRESS:PORT`. Raises `WorkflowInvalid`."""
    try:
        parts = urlsplit(f"//{text}")
        host, port, whole = parts.hostname, parts.port, parts.netloc == text
    except ValueError:
        host, port, whole = None, None, False
    if not host or port is None or not whole:
        raise WorkflowInvalid(
            f"--webhooks-listen {text!r} is not an address with a port such as 0.0.0.0:8687.", money=NOT_STARTED
        )
    return host, port


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address. Raises `WorkflowInvalid`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        why = error.strerror or str(error)
        raise WorkflowInvalid(
            f"--host {host}: not an address of this machine: {why}.", money=NOT_STARTED
        ) from error
    try:
        # So that a server that is started again gets its port: the old connections hold it for a minute
        # (TIME_WAIT).
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        why = error.strerror or str(error)
        raise WorkflowInvalid(
            f"Cannot listen on {host} port {port}: {why}.",
            money=NOT_STARTED,
            hint="Choose another --port, or end what listens there.",
        ) from error
    return bound


def origin_of(bound: socket.socket) -> Origin:
    """Return the address of a bound socket."""
    host, port = bound.getsockname()[:2]
    return Origin("http", host, port)


def reaches_others(bound: socket.socket) -> bool:
    """Return whether other machines can reach a bound socket."""
    # By what was bound, not by what was asked for: a name may mean any address.
    return not ipaddress.ip_address(bound.getsockname()[0].partition("%")[0]).is_loopback
