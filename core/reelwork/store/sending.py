"""The way an effect is sent, as it is stored with the effect."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sending:
    """The way an effect is sent. The effect is settled by this, whatever the settings are later."""

    place: str
    """The account and endpoint."""
    how: str
    """As JSON: run, credential, key, body, clocks."""
    alias: str = ""
    model: str = ""
    spec: str = ""
    asked: str = "{}"
    cold_wait: float | None = None
    """Seconds to wait at most for the first one at a place to show up before a second leaves; None: none is waited
    for."""
