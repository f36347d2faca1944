"""The findings of a store check, in words that a person can act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["trouble", "note"]


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be, or worth knowing."""

    kind: str
    """A short name for programs, such as `stuck-job`."""
    level: Level
    """`trouble` needs a person; a `note` is no fault."""
    what: str
    means: str
    """For money, posts and videos."""
    hint: str
    names: tuple[str, ...] = ()
    """The jobs, effects or files it is about."""

    def as_json(self) -> dict[str, Any]:
        """Return the finding as programs get it."""
        return {
            "kind": self.kind,
            "level": self.level,
            "what": self.what,
            "means": self.means,
            "hint": self.hint,
            "names": list(self.names),
        }


@dataclass(frozen=True)
class Report:
    """The report of a store check."""

    store: str
    version: int
    bytes: int
    """Of the store's file."""
    file_bytes: int
    """Of the files beside it."""
    jobs: dict[str, int]
    """The number of jobs of each status."""
    removed: int
    """Jobs that were removed; their keys are still stored."""
    processes: int
    """The number of processes at work on the store now."""
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """True if nothing needs a person."""
        return all(finding.level == "note" for finding in self.findings)
