"""The changes of an installation, and whether it brought what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reelwork.plugins.package_names import OURS
from reelwork.plugins.packages.inventory import Inventory
from reelwork.plugins.packages.running import Loaded, load


@dataclass(frozen=True)
class Changes:
    """The packages before and after."""

    before: Inventory
    after: Inventory

    @property
    def added(self) -> list[str]:
        """The packages that were not there."""
        return sorted(self.after.packages.keys() - self.before.packages.keys())

    @property
    def removed(self) -> list[str]:
        """The packages that are no longer there."""
        return sorted(self.before.packages.keys() - self.after.packages.keys())

    @property
    def moved(self) -> dict[str, tuple[str, str]]:
        """The packages of another version than before: both versions."""
        both = sorted(self.before.packages.keys() & self.after.packages.keys())
        pairs = {name: (self.before.packages[name], self.after.packages[name]) for name in both}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    @property
    def any(self) -> bool:
        """True if anything is other than before."""
        return self.before.packages != self.after.packages

    @property
    def of_reelwork(self) -> list[str]:
        """Reelwork, and packages it needs, that are of another version or gone."""
        return sorted({*self.moved, *self.removed} & {OURS, *self.before.needed})


@dataclass(frozen=True)
class Brought:
    """The plugins and commands that a package brings."""

    package: str
    version: str
    plugins: tuple[Loaded, ...]
    off: tuple[str, ...]
    commands: tuple[str, ...]
    others: tuple[str, ...]
    """The packages with plugins that it needs: some packages only gather others."""

    @property
    def nothing(self) -> bool:
        """True if neither it nor a package that it needs brings a plugin or a command."""
        return not (self.plugins or self.off or self.commands or self.others)

    @property
    def broken(self) -> list[Loaded]:
        """The plugins that cannot be used."""
        return [one for one in self.plugins if one.problem]


def brought_by(asked: Sequence[str], changes: Changes) -> list[Brought]:
    """Return what the packages bring, and what other packages with plugins bring that came with them.

    Each plugin is loaded in a process of its own. What is switched off is not loaded.
    """
    inventory, found = changes.after, []
    with_them = [name for name in changes.added if name in inventory.with_plugins and name not in asked]
    for package in (*asked, *with_them):
        names = inventory.brought_by(package)
        off = tuple(name for name in names if name in inventory.off)
        plugins = tuple(load(name) for name in names if name not in off)
        version = inventory.packages.get(package, "")
        others = tuple(sorted(inventory.reached_from(package) & inventory.with_plugins))
        found.append(Brought(package, version, plugins, off, tuple(inventory.commands_of(package)), others))
    return found
