"""The words in which Meta's networks differ."""

from __future__ import annotations

from dataclasses import dataclass

from reelwork_hooks import InvalidInput, is_loopback


@dataclass(frozen=True, slots=True)
class Network:
    """One of Meta's networks, as its API spells it."""

    name: str
    """The plugin's name."""
    title: str
    version: str
    create: str
    """The edge at which a container is made."""
    publish: str
    posts: str
    """The edge that lists the account's posts."""
    limit: str
    status: str
    """The field with a container's status."""
    why: str
    """The field that says why a container failed."""
    text: str
    """The field of the text, in a container and in a post."""
    fields: str
    """The fields that are read of a post."""


def checked_service(given: str) -> str:
    """Return the address of a simulator that a person gave; empty for the network. Raises `InvalidInput`."""
    service = given.strip().rstrip("/")
    # The account's token goes there.
    if service and (not is_loopback(service) or not service.startswith(("http://", "https://"))):
        raise InvalidInput("service: give a simulator on this machine, since the account's token is sent there.")
    return service
