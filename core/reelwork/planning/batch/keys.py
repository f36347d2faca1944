"""The keys by which the jobs of a batch are found again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from reelwork.ids import fingerprint
from reelwork.planning.batch.reading import Rows
from reelwork.plugins.pipeline import Pipeline

LOOPBACK = ("localhost", "127.0.0.1", "::1")
PORTS = {"http": "80", "https": "443"}


def base_of(rows: Rows, pipeline: Pipeline, salt: str = "") -> str:
    """Return the beginning of the keys: where it is made, and the file."""
    # Neither the spelling of the host nor the name of the secret is part of it: neither makes other videos, and a
    # new key would pay for the whole batch again.
    settings = pipeline.workflow.provider.settings
    # Resolved: a link to the file is the same batch.
    named = [str(rows.path.resolve()), str(settings.get("account", "")), salt]
    return f"{origin_of(pipeline.workflow.provider.model_dump())}.{fingerprint(named)[:20]}"


def origin_of(provider: Mapping[str, Any]) -> str:
    """Return a short hash of who makes the videos of a workflow: its provider, server and model."""
    where = [provider.get("use"), place_of(str(provider.get("base_url", ""))), provider.get("model")]
    return fingerprint(where)[:12]


def kin_of(provider: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the provider and model: workflows that share them make each other's copies, at any server."""
    # Servers on this machine are told apart: a rehearsal is made there, and what it made is no copy of a real film.
    place = place_of(str(provider.get("base_url", "")))
    here = place if place.startswith("127.0.0.1:") else "elsewhere"
    return (str(provider.get("use")), str(provider.get("model")), here)


def place_of(url: str) -> str:
    """Return an address in one spelling: host, port and path.

    >>> place_of("HTTP://LocalHost:80/v1/")
    '127.0.0.1:80'
    """
    try:
        parts = urlsplit(url.strip())
        port = str(parts.port or "") or PORTS.get(parts.scheme.lower(), "")
    except ValueError:
        return url
    host = (parts.hostname or "").rstrip(".")
    # The client adds these parts itself where they are missing, so both spellings are one server.
    path = parts.path.rstrip("/").removesuffix("/videos").removesuffix("/v1")
    return f"{'127.0.0.1' if host in LOOPBACK else host}:{port}{path}" if host else url.strip()


def origin_in(key: str) -> str:
    """Return the origin within a key; empty for a key of the earlier kind."""
    # Keys of earlier versions have a hash without a dot there.
    origin, dot, _ = key.split(":", 2)[1].partition(".")
    return origin if dot else ""


def base_in(key: str) -> str:
    """Return the part of a key that all keys of its batch share."""
    return key.split(":", 2)[1]
