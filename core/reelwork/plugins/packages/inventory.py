"""The installed packages, the plugins and commands they bring, and what Reelwork needs. Imports no plugin.

Run as a program it prints this as JSON. So it is asked after an installation: what a process has read of its
environment may be old.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import Distribution, distributions, entry_points
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from reelwork.plugins.catalog import COMMANDS, Catalog
from reelwork.plugins.package_names import OURS, normalized, package_of


@dataclass(frozen=True)
class Inventory:
    """The packages of an environment, by their normalized names."""

    packages: Mapping[str, str]
    """The version of each package."""
    plugins: Mapping[str, str]
    """The package of each plugin, by the name that a workflow uses."""
    off: tuple[str, ...]
    """The plugins that are switched off."""
    commands: Mapping[str, str]
    """The package of each command that a package adds."""
    needed: tuple[str, ...]
    """The packages that Reelwork needs, and what these need, as far as they are installed."""
    needs: Mapping[str, tuple[str, ...]]
    """The packages that each package outside of Reelwork needs."""

    @classmethod
    def from_json(cls, text: str) -> Inventory:
        """Return what another process printed. Raises `ValueError`."""
        data: dict[str, Any] = json.loads(text)
        needs = {name: tuple(others) for name, others in data["needs"].items()}
        lists = {"off": tuple(data["off"]), "needed": tuple(data["needed"]), "needs": needs}
        return cls(**{**data, **lists})

    @property
    def with_plugins(self) -> set[str]:
        """The packages, other than Reelwork, that bring a plugin or a command."""
        return {*self.plugins.values(), *self.commands.values()} - {OURS}

    def reached_from(self, package: str) -> set[str]:
        """Return the packages that a package needs, and what these need, but for those that Reelwork needs."""
        found: set[str] = set()
        open_ = [package]
        while open_:
            new = set(self.needs.get(open_.pop(), ())) - found
            found |= new
            open_ += new
        return found

    def brought_by(self, package: str) -> list[str]:
        """Return the names of a package's plugins."""
        return sorted(name for name, home in self.plugins.items() if home == package)

    def commands_of(self, package: str) -> list[str]:
        """Return the names of a package's commands."""
        return sorted(name for name, home in self.commands.items() if home == package)


def look() -> Inventory:
    """Return what is installed, as this process sees it."""
    found: dict[str, Distribution] = {}
    for one in distributions():
        # The first of a name is the one that Python imports. A broken one has no name.
        if one.metadata["Name"]:
            found.setdefault(normalized(one.metadata["Name"]), one)
    catalog = Catalog(noting=False)
    homes = {name: catalog.entry_of(name) for name in (*catalog.names(), *catalog.off)}
    needed = _needed(found)
    return Inventory(
        packages={name: one.version for name, one in found.items()},
        plugins={name: package_of(entry) for name, entry in homes.items() if entry is not None},
        off=tuple(sorted(catalog.off)),
        commands={entry.name: package_of(entry) for entry in entry_points(group=COMMANDS)},
        needed=needed,
        needs={name: _required(one) for name, one in found.items() if name != OURS and name not in needed},
    )


def _needed(found: Mapping[str, Distribution]) -> tuple[str, ...]:
    ours = found.get(OURS)
    # With every extra of Reelwork's: a plugin that is in use may need what an extra brought.
    extras = (ours.metadata.get_all("Provides-Extra") or []) if ours is not None else []
    open_, known = [(OURS, frozenset(extras))], {(OURS, frozenset(extras))}
    while open_:
        name, asked = open_.pop()
        for requirement in _requirements(found.get(name), asked):
            one = (normalized(requirement.name), frozenset(requirement.extras))
            if one[0] in found and one not in known:
                known.add(one)
                open_.append(one)
    return tuple(sorted({name for name, _ in known} - {OURS}))


def _required(distribution: Distribution) -> tuple[str, ...]:
    return tuple(sorted({normalized(one.name) for one in _requirements(distribution, ())}))


def _requirements(distribution: Distribution | None, extras: Iterable[str]) -> list[Requirement]:
    kept = []
    for text in (distribution.requires or ()) if distribution is not None else ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": one}) for one in ("", *extras)):
            kept.append(requirement)
    return kept


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(look())))
