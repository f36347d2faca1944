"""Finds plugins and loads them, each only when it is asked for.

Nothing is imported until something asks for it by name, and a plugin that fails to import is an error of those
workflows only that name it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from reelwork.errors import NotFound, PluginFailed, describe
from reelwork.ids import fingerprint
from reelwork.plugins.definition import Definition, define, has_hooks
from reelwork.plugins.guard import IMPORTING, Callee, at_once, loading
from reelwork.plugins.package_names import OURS, normalized, origin_of, package_of
from reelwork.plugins.switched_off import SwitchedOff, note_unknown, off_error
from reelwork_hooks import specs
from reelwork_hooks.errors import PluginInvalid, ReelworkError
from reelwork_hooks.models import Platform
from reelwork_hooks.provider import Provider

GROUP = "reelwork.plugins"
COMMANDS = "reelwork.commands"


@dataclass(frozen=True)
class Broken:
    """A plugin that could not be loaded, and why."""

    name: str
    origin: str
    problem: ReelworkError


class Catalog:
    """Every plugin that is installed, loaded one by one when asked for."""

    def __init__(self, entry_points: Iterable[EntryPoint] | None = None, *, noting: bool = True) -> None:
        """With `noting`, names that are to be off and are not installed are logged."""
        of_environment = entry_points is None
        if entry_points is None:
            entry_points = importlib.metadata.entry_points(group=GROUP)
        by_name: dict[str, list[EntryPoint]] = {}
        for entry in entry_points:
            known = by_name.setdefault(entry.name, [])
            # One distribution seen twice (say, a checkout that is also on the path) is one plugin.
            if all(origin_of(entry) != origin_of(other) or entry.value != other.value for other in known):
                known.append(entry)
        self._entries: dict[str, EntryPoint | None] = {}
        """By the name that tells it apart: its own, or `package:name` when another has that. None: no package's."""
        self._shared: dict[str, list[str]] = {}
        """For a name that several packages use, none of them Reelwork itself: the qualified name of each."""
        for name, entries in by_name.items():
            self._register(name, entries)
        self._loaded: dict[str, Definition] = {}
        self._broken: dict[str, ReelworkError] = {}
        switched = SwitchedOff.now()
        self.off: dict[str, str] = {} if not switched.names else self._covered_by(switched)
        """What is switched off and never imported, by its name: the package and version."""
        self.unknown_off: list[str] = _unknown(switched) if of_environment else []
        """The names that are to be off and that nothing installed goes by."""
        if noting:
            note_unknown(self.unknown_off)

    def _covered_by(self, switched: SwitchedOff) -> dict[str, str]:
        off = {}
        for name, entry in self._entries.items():
            plain = name.rpartition(":")[2]
            # A name that several packages share names all of theirs.
            names = (name, plain) if plain in self._shared else (name,)
            if entry is not None and switched.covers(package_of(entry), *names):
                off[name] = origin_of(entry)
        return off

    def _register(self, name: str, entries: Sequence[EntryPoint]) -> None:
        # A package that takes the name of a built-in plugin, by mistake or to be run in its place, gets a qualified
        # name. So an older workflow still means what it meant.
        ours = [entry for entry in entries if package_of(entry) == OURS]
        plain = (ours or list(entries))[0] if ours or len(entries) == 1 else None
        if plain is not None:
            self._entries[name] = plain
        others = [entry for entry in entries if entry is not plain]
        self._entries |= {f"{package_of(entry)}:{name}": entry for entry in others}
        if plain is None:
            self._shared[name] = [f"{package_of(entry)}:{name}" for entry in entries]

    def _several(self, name: str) -> PluginInvalid:
        qualified = self._shared[name]
        origins = [origin_of(entry) for one in qualified if (entry := self._entries[one]) is not None]
        return PluginInvalid(
            f"The plugin name {name!r} is used by {' and '.join(origins)}.",
            hint=f"Say which is meant: {' or '.join(map(repr, qualified))}.",
        )

    def name_of(self, name: str) -> str | None:
        """Return the unique name of a plugin, given that or `package:name`; None when there is none."""
        if name in self._entries or name in self._shared:
            return name
        package, _, plain = name.rpartition(":")
        if (qualified := f"{normalized(package)}:{plain}") in self._entries:
            return qualified
        entry = self._entries.get(plain)
        return plain if entry is not None and package_of(entry) == normalized(package) else None

    def taken(self, name: str) -> Iterator[str]:
        """Yield a note for each other package that brings a plugin under the name of this one of ours."""
        ours = self._entries.get(name)
        if ours is None or package_of(ours) != OURS:
            return
        for other, entry in sorted(self._entries.items()):
            if entry is not None and other != name and other.rpartition(":")[2] == name:
                yield f"{name} is Reelwork's own plugin; that of {origin_of(entry)} is {other!r}."

    def names(self) -> list[str]:
        """Return the names of all installed plugins, loaded or not, but for those that are switched off."""
        return sorted(self._entries.keys() - self.off.keys())

    def entry_of(self, name: str) -> EntryPoint | None:
        """Return where an installed plugin comes from; None for one that no package brings."""
        return self._entries.get(self.name_of(name) or name)

    def check_on(self, name: str, hint: str = "") -> None:
        """Raise `PluginInvalid` for a plugin that is switched off."""
        known = self.name_of(name) or name
        if known in self.off:
            raise off_error("plugin", known, self.off[known], hint)

    def get(self, name: str) -> Definition:
        """Load a plugin by name.

        Raises `NotFound`, or `PluginInvalid` when it is switched off or breaks the contract.
        """
        if name not in self._loaded:
            known = self.name_of(name)
            if known is None:
                raise NotFound("plugin", name, self.names())
            if known != name:
                return self.get(known)
            if name in self._shared:
                raise self._several(name)
            self.check_on(name)
            entry = self._entries[name]
            assert entry is not None
            if name in self._broken:
                raise self._broken[name]
            try:
                self._loaded[name] = _load_entry(name, entry)
            except ReelworkError as error:
                # Not tried again: an import that failed may have taken its whole time limit.
                self._broken[name] = error
                raise
        return self._loaded[name]

    def add(self, name: str, target: Any) -> Definition:
        """Make a plugin class or module known that no distribution brings. Raises `PluginInvalid`."""
        self._entries.setdefault(name, None)
        # What a program hands over is not what is installed under that name.
        self.off.pop(name, None)
        self._loaded[name] = _define(name, target, "this program")
        return self._loaded[name]

    def get_file(self, path: Path) -> Definition:
        """Load a single-file plugin. Raises `PluginInvalid`."""
        key = str(path.resolve())
        if key not in self._loaded:
            self._loaded[key] = _load_file(path)
        return self._loaded[key]

    def everything(self) -> Iterator[Definition | Broken]:
        """Yield all installed plugins, those that fail to load included."""
        for name in self.names():
            try:
                yield self.get(name)
            except ReelworkError as problem:
                entry = self._entries[name]
                yield Broken(name, "this program" if entry is None else origin_of(entry), problem)

    def provider(self, name: str) -> type[Provider]:
        """Return a provider by name.

        Raises `NotFound`, or `PluginInvalid` when several plugins bring a provider of that name.
        """
        return self.home_of_provider(name).providers[name.rpartition(":")[2]]

    @cached_property
    def _built_in_platforms(self) -> dict[str, Platform]:
        return _by_name(self.get("platforms").platforms) if "platforms" in self.names() else {}

    def platform(self, name: str, extra: Mapping[str, Platform] | None = None) -> Platform:
        """Return a platform by name or alias; `extra` ones of the workflow come first."""
        if extra and name in extra:
            return extra[name]
        package, _, plain = name.rpartition(":")
        if package:
            found = (item for item in self._loadable() if _is_from(item, package))
            homes = [item for item in found if plain in _by_name(item.platforms)]
        # Only files that were asked for can differ here: to ask every plugin would import them all.
        elif name in self._built_in_platforms:
            homes = [self.get("platforms"), *(item for item in self._files() if name in _by_name(item.platforms))]
        else:
            homes = [definition for definition in self._loadable() if name in _by_name(definition.platforms)]
        if not homes:
            others = _by_name(platform for definition in self._loadable() for platform in definition.platforms)
            raise NotFound("platform", name, {**others, **(extra or {})}, hint=self._off_ones())
        _check_single("platform", name, homes)
        return _by_name(homes[0].platforms)[plain]

    def origin_of_provider(self, name: str) -> str:
        """Return the distribution a provider comes from. Raises as `provider` does."""
        return self.home_of_provider(name).origin

    def home_of_provider(self, provider: str) -> Definition:
        """Return the plugin that brings a provider. Raises as `provider` does."""
        package, _, plain = provider.rpartition(":")
        if package:
            homes = [item for item in self._loadable() if plain in item.providers and _is_from(item, package)]
        # Only the plugin of that name is imported. All others together may take seconds.
        elif provider in self._entries and provider in (own := self.get(provider)).providers:
            homes = [own, *(item for item in self._files() if provider in item.providers)]
        else:
            homes = [definition for definition in self._loadable() if provider in definition.providers]
            # What comes with Reelwork keeps its name, whatever else is installed.
            homes = [home for home in homes if _is_from(home, OURS)] or homes
        if not homes:
            known = {name for definition in self._loadable() for name in definition.providers}
            raise NotFound("provider", provider, known, hint=f"{self._broken_ones()} {self._off_ones()}".strip())
        _check_single("provider", provider, homes)
        return homes[0]

    def home_of_webhooks(self, scheme: str) -> tuple[Definition, str]:
        """Return the plugin that brings a scheme of webhooks, and the scheme's name there; a file brings one.

        Raises `NotFound`, or `PluginInvalid` when several plugins bring one of that name.
        """
        if scheme.endswith(".py"):
            home = self.get_file(Path(scheme))
            if len(home.webhooks) != 1:
                brings = ", ".join(home.webhooks) or "none"
                raise PluginInvalid(f"{scheme} must bring one scheme of webhooks, and brings {brings}.")
            return home, next(iter(home.webhooks))
        package, _, plain = scheme.rpartition(":")
        homes = [item for item in self._loadable() if plain in item.webhooks]
        homes = [item for item in homes if _is_from(item, package or OURS)] or ([] if package else homes)
        if not homes:
            known = {name for item in self._loadable() for name in item.webhooks}
            raise NotFound("scheme of webhooks", scheme, known, hint=self._off_ones())
        _check_single("scheme of webhooks", scheme, homes)
        return homes[0], plain

    def _broken_ones(self) -> str:
        """Return a hint that names the broken plugins, as one of them may bring it; empty if none is broken."""
        problems = [item.problem.message for item in self.everything() if isinstance(item, Broken)]
        return " ".join(["A plugin that cannot be used may bring it.", *problems]) if problems else ""

    def _off_ones(self) -> str:
        """Return a hint that names what is switched off; empty if nothing is."""
        return f"What is switched off may bring it: {', '.join(sorted(self.off))}." if self.off else ""

    def _loadable(self) -> Iterator[Definition]:
        """Yield whatever can be loaded: installed plugins first, then the files that were asked for."""
        yield from (item for item in self.everything() if isinstance(item, Definition))
        yield from self._files()

    def _files(self) -> list[Definition]:
        """Return the plugin files that were asked for."""
        return [item for key, item in self._loaded.items() if key not in self._entries]


def _unknown(switched: SwitchedOff) -> list[str]:
    """Return the names that no installed plugin, and no package with a command, goes by."""
    if switched.unknown:
        for entry in importlib.metadata.entry_points(group=COMMANDS):
            switched.covers(package_of(entry))
    return switched.unknown


def _check_single(kind: str, name: str, homes: Sequence[Definition]) -> None:
    """Raises `PluginInvalid` when several plugins bring something of one name."""
    if len(homes) > 1:
        both = " and ".join(f"{home.name!r} ({home.origin})" for home in homes)
        raise PluginInvalid(
            f"The {kind} name {name!r} is used by the plugins {both}.",
            hint="Say which package is meant, as in package:name, or rename it in a plugin of your own.",
        )


def _by_name(platforms: Iterable[Platform]) -> dict[str, Platform]:
    return {name: platform for platform in platforms for name in (platform.name, *platform.aliases)}


def _is_from(definition: Definition, package: str) -> bool:
    return normalized(definition.origin.partition(" ")[0]) == normalized(package)


def _load_entry(name: str, entry: EntryPoint) -> Definition:
    try:
        return _define(name, _import(name, origin_of(entry), entry.load), origin_of(entry))
    except PluginInvalid as error:
        # Built-in plugins need this very version. `packaging`, which compares versions, takes long to import.
        if entry.dist is not None and normalized(entry.dist.name) == "reelwork":
            raise
        from reelwork.plugins.needed_version import too_new

        upgrade = too_new(entry.dist)
        if not upgrade:
            raise
        raise PluginInvalid(error.message, money=error.money, hint=upgrade) from error


def _define(name: str, target: Any, origin: str) -> Definition:
    # To inspect a class may run its code, too.
    return loading(Callee("plugin", name, origin), "cannot be inspected", lambda: define(name, target, origin))


def _import(name: str, origin: str, load: Callable[[], Any]) -> Any:
    found: list[Any] = []
    try:
        at_once(Callee("plugin", name, origin), "import", lambda: found.append(load()), seconds=IMPORTING)
    except ReelworkError as error:
        raised = error.__cause__ if isinstance(error, PluginFailed) else error
        problem = error.problem if isinstance(error, PluginFailed) else describe(error)
        raise PluginInvalid(
            f"The plugin {name!r} ({origin}) could not be imported: {problem}",
            hint=_missing_hint(raised) or "Fix or uninstall it; other plugins are not affected.",
        ) from raised
    return found[0]


def _missing_hint(error: BaseException | None) -> str:
    extra = getattr(error, "reelwork_extra", None)
    return f'Install what it needs with: pip install "reelwork[{extra}]"' if extra else ""


def _load_file(path: Path) -> Definition:
    if not path.is_file():
        raise PluginInvalid(f"The plugin file {path} does not exist.")
    # Two files of the same name in different folders are different modules.
    name = f"reelwork_file_{path.stem}_{fingerprint(str(path.resolve()))[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginInvalid(f"The plugin file {path} is not Python source.")
    module = importlib.util.module_from_spec(spec)
    run = spec.loader.exec_module
    # Pydantic looks annotations up in sys.modules while the file's classes are being made.
    sys.modules[name] = module
    try:
        _import(path.name, str(path), lambda: run(module))
        return _define(path.stem.replace("_", "-"), _single_target(module, path), str(path))
    except ReelworkError:
        # The next import must not find half a module.
        del sys.modules[name]
        raise


def _single_target(module: ModuleType, path: Path) -> Any:
    found = [value for value in vars(module).values() if inspect.isclass(value) and has_hooks(value)]
    # A class that the file only imports, such as a base class, is not its plugin.
    classes = [value for value in dict.fromkeys(found) if value.__module__ == module.__name__]
    if len(classes) > 1:
        names = ", ".join(value.__name__ for value in classes)
        raise PluginInvalid(f"{path} holds several plugins ({names}).", hint="Put each in a file of its own.")
    if classes and has_hooks(module):
        raise PluginInvalid(
            f"{path} has hooks in the class {classes[0].__name__} and outside of it.",
            hint=f"Put them all into {classes[0].__name__}, register_… as a @staticmethod.",
        )
    if classes or has_hooks(module):
        return classes[0] if classes else module
    raise PluginInvalid(
        f"{path} holds no plugin: no class in it has a method marked with @hookimpl.",
        hint="Write @hookimpl above each hook: `from reelwork_hooks import hookimpl`.",
    )


class _Manager(pluggy.PluginManager):
    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        # Half of a plugin's attributes are Python's own, and each costs pluggy a search through its classes.
        return None if name.startswith("__") else super().parse_hookimpl_opts(plugin, name)


def new_manager() -> pluggy.PluginManager:
    """Return a pluggy manager that knows the hooks."""
    manager = _Manager(specs.PROJECT)
    manager.add_hookspecs(specs)
    return manager
