"""Mistakes built in on purpose, one at a time: the suite must find each, or it proves nothing.

Each is code that runs in every command of a test before anything of Reelwork is used. Most texts pass two doors,
where they enter and where they are shown; then the mistake is in what both use.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

WHOLE = bool(os.environ.get("REELWORK_POISON"))
EACH = 3
"""Without `REELWORK_POISON` every third mistake is tried: each is a run of its own."""


@dataclass(frozen=True)
class Mistake:
    """One mistake: its code, where it shows, and what the suite must complain of."""

    code: str
    place: str
    sort: str
    complaint: str

    def build_in(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        """Have every command that is started from now on begin with it."""
        # Python imports a module of this name by itself, before it runs anything.
        (folder / "sitecustomize.py").write_text(self.code, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(folder))


def some(mistakes: dict[str, Mistake]) -> list[str]:
    """Return the names of those that are tried."""
    return list(mistakes)[:: 1 if WHOLE else EACH]
