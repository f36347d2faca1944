"""The findings of a check about a plugin, and the report of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say: an error must be put right, a warning should be, a note is good to know."""

    level: Level
    about: str
    """Such as `publish`, `Config.token` or `pyproject.toml`."""
    message: str
    hint: str = ""


def error(about: str, message: str, hint: str = "") -> Finding:
    """Return a finding about what does not work, or not as its author thinks."""
    return Finding("error", about, message, hint)


def warning(about: str, message: str, hint: str = "") -> Finding:
    """Return a finding about what works, and will be regretted."""
    return Finding("warning", about, message, hint)


def note(about: str, message: str, hint: str = "") -> Finding:
    """Return a finding about what is as it should be, and good to know."""
    return Finding("note", about, message, hint)


@dataclass(frozen=True)
class Report:
    """All that was found about one plugin."""

    name: str
    origin: str
    findings: tuple[Finding, ...]

    def count(self, level: Level) -> int:
        """Return the number of findings of a level."""
        return sum(finding.level == level for finding in self.findings)

    @property
    def sorted(self) -> Sequence[Finding]:
        """Errors first."""
        return sorted(self.findings, key=lambda finding: LEVELS.index(finding.level))

    def as_json(self) -> dict[str, Any]:
        """Return the report as programs get it."""
        counts = {f"{level}s": self.count(level) for level in LEVELS}
        findings = [asdict(finding) for finding in self.sorted]
        return {"plugin": self.name, "origin": self.origin, **counts, "findings": findings}


def exit_code(reports: Sequence[Report]) -> int:
    """Return 1 when there is an error, else 0."""
    return int(any(report.count("error") for report in reports))
