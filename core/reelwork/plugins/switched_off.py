"""Plugins that are switched off, by `--no-plugin` or the environment: they are never imported."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reelwork.plugins.package_names import normalized

if TYPE_CHECKING:
    from reelwork_hooks.errors import PluginInvalid

log = logging.getLogger("reelwork.plugins")

VARIABLE = "REELWORK_NO_PLUGINS"
BY = f"by --no-plugin or {VARIABLE}"


@dataclass
class SwitchedOff:
    """The names that are switched off, and which of them are installed."""

    names: tuple[str, ...] = ()
    """Names of plugins and of packages, as they were given."""
    found: set[str] = field(default_factory=set)
    """Those of them that something installed goes by."""

    @classmethod
    def now(cls, environ: Mapping[str, str] | None = None) -> SwitchedOff:
        """Return what the environment switches off. `--no-plugin` is written there, too."""
        given = (os.environ if environ is None else environ).get(VARIABLE, "").split(",")
        return cls(tuple(dict.fromkeys(name.strip() for name in given if name.strip())))

    def covers(self, package: str, *names: str) -> bool:
        """Return whether something is off: by its package, one of its names, or `package:name`."""
        plain = {name.rpartition(":")[2] for name in names}
        known = {package, *names, *(f"{package}:{name}" for name in plain)}
        hit = {given for given in self.names if given in known or _as_package(given) in known}
        self.found |= hit
        return bool(hit)

    @property
    def unknown(self) -> list[str]:
        """The names that nothing installed goes by."""
        return [name for name in self.names if name not in self.found]


def _as_package(given: str) -> str:
    package, colon, name = given.partition(":")
    return f"{normalized(package)}{colon}{name}"


def off_error(what: str, name: str, origin: str, hint: str = "") -> PluginInvalid:
    """Return the error for a plugin or command that is needed and switched off."""
    # Completion in a shell reads this file without the contract, whose import takes longer.
    from reelwork_hooks.errors import PluginInvalid

    back = f"To switch it on again, take it out of --no-plugin and {VARIABLE}."
    return PluginInvalid(f"The {what} {name!r} ({origin}) is switched off {BY}.", hint=f"{hint} {back}".strip())


_noted: set[str] = set()


def note_unknown(names: Iterable[str]) -> None:
    """Warn, once in a process, of names that are to be off and are not installed."""
    for name in names:
        if name not in _noted:
            _noted.add(name)
            log.warning("%s names %r, and nothing of that name is installed.", VARIABLE, name)
