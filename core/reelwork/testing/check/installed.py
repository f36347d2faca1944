"""Checks of an installed distribution: its plugins and its commands, as `reelwork` would find them."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint

from reelwork.plugins.catalog import GROUP
from reelwork.plugins.package_names import OURS, normalized
from reelwork.testing.check.commands import check_commands
from reelwork.testing.check.findings import Finding
from reelwork.testing.check.package import COMMANDS
from reelwork.testing.check.requirements import check_requirements
from reelwork_hooks.errors import InvalidInput


@dataclass(frozen=True)
class Installed:
    """A distribution that is installed."""

    dist: Distribution

    @property
    def origin(self) -> str:
        """The distribution's name and version."""
        return f"{self.dist.name} {self.dist.version}"

    @property
    def plugins(self) -> list[str]:
        """Return its plugins, each by a name that no other package can have."""
        return [f"{normalized(self.dist.name)}:{name}" for name in self._group(GROUP)]

    @property
    def commands(self) -> list[EntryPoint]:
        """The commands it brings."""
        return list(self._group(COMMANDS).values())

    def _group(self, group: str) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in self.dist.entry_points.select(group=group)}

    def findings(self) -> Iterator[Finding]:
        """Check the distribution as such: its requirements and commands."""
        yield from check_requirements(self.dist.name, self.dist.requires or ())
        yield from check_commands(self.commands, self.origin)


def find_installed(name: str) -> Installed | None:
    """Return an installed distribution; None when there is none of that name.

    Raises `InvalidInput` when it brings nothing for Reelwork.
    """
    try:
        found = Installed(importlib.metadata.distribution(name))
    # `distribution` raises ValueError for an empty name.
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None
    if not found.plugins and not found.commands:
        raise InvalidInput(
            f"{found.origin} is installed, and brings no plugin and no command for Reelwork.",
            hint=f'Plugins and commands are named under [project.entry-points."{GROUP}"] and "{COMMANDS}".',
        )
    return found


def findings_about(entry: EntryPoint | None) -> Iterator[Finding]:
    """Check the distribution that brings an installed plugin."""
    if entry is None or entry.dist is None:
        return
    if normalized(entry.dist.name) == OURS:
        # Of the built-in plugins each is its own; a command that lacks an extra says nothing about them.
        yield from check_requirements(entry.dist.name, entry.dist.requires or ())
        return
    yield from Installed(entry.dist).findings()
