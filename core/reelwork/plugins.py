"""Finding plugins and loading them, each only when it is asked for.

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

from reelwork.contract import Definition, define, has_hooks
from reelwork.errors import NotFound, PluginFailed, describe
from reelwork.guard import IMPORTING, Callee, at_once, loading
from reelwork.hook_history import too_new
from reelwork.identity import fingerprint
from reelwork_hooks import specs
from reelwork_hooks.errors import PluginInvalid, ReelworkError
from reelwork_hooks.models import Platform
from reelwork_hooks.provider import Provider

GROUP = "reelwork.plugins"


@dataclass(frozen=True)
class Broken:
    """A plugin that could not be loaded, and why."""

    name: str
    origin: str
    problem: ReelworkError


class Catalog:
    """Every plugin that is installed, loaded one by one when asked for."""

    def __init__(self, entry_points: Iterable[EntryPoint] | None = None) -> None:
        if entry_points is None:
            entry_points = importlib.metadata.entry_points(group=GROUP)
        self._entries: dict[str, list[EntryPoint]] = {}
        for entry in entry_points:
            known = self._entries.setdefault(entry.name, [])
            # One distribution seen twice (say, a checkout that is also on the path) is one plugin.
            if all(_origin(entry) != _origin(other) or entry.value != other.value for other in known):
                known.append(entry)
        self._loaded: dict[str, Definition] = {}
        self._broken: dict[str, ReelworkError] = {}

    def names(self) -> list[str]:
        """The names of all installed plugins, loaded or not."""
        return sorted(self._entries)

    def get(self, name: str) -> Definition:
        """Load a plugin by name. Raises `NotFound`, or `PluginInvalid` when it breaks the contract."""
        if name not in self._loaded:
            entries = self._entries.get(name)
            if not entries:
                raise NotFound("plugin", name, self.names())
            if name in self._broken:
                raise self._broken[name]
            try:
                self._loaded[name] = _load_entry(name, entries)
            except ReelworkError as error:
                # Once is enough: it may have taken its whole time.
                self._broken[name] = error
                raise
        return self._loaded[name]

    def add(self, name: str, target: Any) -> Definition:
        """Make a plugin class or module known that no distribution brings. Raises `PluginInvalid`."""
        self._entries.setdefault(name, [])
        self._loaded[name] = _define(name, target, "this program")
        return self._loaded[name]

    def get_file(self, path: Path) -> Definition:
        """Load a single-file plugin. Raises `PluginInvalid`."""
        key = str(path.resolve())
        if key not in self._loaded:
            self._loaded[key] = _load_file(path)
        return self._loaded[key]

    def everything(self) -> Iterator[Definition | Broken]:
        """All installed plugins, those that fail to load included."""
        for name in self.names():
            try:
                yield self.get(name)
            except ReelworkError as problem:
                yield Broken(name, " and ".join(map(_origin, self._entries[name])), problem)

    def provider(self, name: str) -> type[Provider]:
        """A provider by name. Asks the plugin of that name first, so that others are not imported.

        Raises `NotFound`, or `PluginInvalid` when several plugins bring a provider of that name.
        """
        return self._home_of(name).providers[name]

    @cached_property
    def _built_in_platforms(self) -> dict[str, Platform]:
        return _by_name(self.get("platforms").platforms) if "platforms" in self._entries else {}

    def platform(self, name: str, extra: Mapping[str, Platform] | None = None) -> Platform:
        """A platform by name or alias; `extra` ones of the workflow come first."""
        if extra and name in extra:
            return extra[name]
        if name in self._built_in_platforms:
            homes = [self.get("platforms"), *(item for item in self._files() if name in _by_name(item.platforms))]
        else:
            homes = [definition for definition in self._good() if name in _by_name(definition.platforms)]
        if not homes:
            others = _by_name(platform for definition in self._good() for platform in definition.platforms)
            raise NotFound("platform", name, {**others, **(extra or {})})
        _check_single("platform", name, homes)
        return _by_name(homes[0].platforms)[name]

    def origin_of_provider(self, name: str) -> str:
        """The distribution a provider comes from. Raises as `provider` does."""
        return self._home_of(name).origin

    def _home_of(self, provider: str) -> Definition:
        if provider in self._entries and provider in (own := self.get(provider)).providers:
            homes = [own, *(item for item in self._files() if provider in item.providers)]
        else:
            homes = [definition for definition in self._good() if provider in definition.providers]
        if not homes:
            known = {name for definition in self._good() for name in definition.providers}
            raise NotFound("provider", provider, known, hint=self._broken_ones())
        _check_single("provider", provider, homes)
        return homes[0]

    def _broken_ones(self) -> str:
        """What might have brought it, had it been sound; empty when nothing is broken."""
        problems = [item.problem.message for item in self.everything() if isinstance(item, Broken)]
        return " ".join(["A plugin that cannot be used may bring it.", *problems]) if problems else ""

    def _good(self) -> Iterator[Definition]:
        """Whatever can be loaded: installed plugins first, then the files that were asked for."""
        yield from (item for item in self.everything() if isinstance(item, Definition))
        yield from self._files()

    def _files(self) -> list[Definition]:
        """The plugin files that were asked for."""
        return [item for key, item in self._loaded.items() if key not in self._entries]


def _check_single(kind: str, name: str, homes: Sequence[Definition]) -> None:
    """Raises `PluginInvalid` when several plugins bring something of one name: which is meant cannot be told."""
    if len(homes) > 1:
        both = " and ".join(f"{home.name!r} ({home.origin})" for home in homes)
        raise PluginInvalid(
            f"The {kind} name {name!r} is used by the plugins {both}.",
            hint="Rename it in a plugin of your own, or uninstall one of them: pip uninstall …",
        )


def _by_name(platforms: Iterable[Platform]) -> dict[str, Platform]:
    return {name: platform for platform in platforms for name in (platform.name, *platform.aliases)}


def _origin(entry: EntryPoint) -> str:
    dist = entry.dist
    return f"{dist.name} {dist.version}" if dist is not None else entry.value


def _load_entry(name: str, entries: list[EntryPoint]) -> Definition:
    if len(entries) > 1:
        both = " and ".join(_origin(entry) for entry in entries)
        raise PluginInvalid(
            f"The plugin name {name!r} is used by {both}.", hint="Uninstall one of them: pip uninstall …"
        )
    entry = entries[0]
    try:
        return _define(name, _import(name, _origin(entry), entry.load), _origin(entry))
    except PluginInvalid as error:
        upgrade = too_new(entry.dist)
        if not upgrade:
            raise
        raise PluginInvalid(error.message, money=error.money, hint=upgrade) from error


def _define(name: str, target: Any, origin: str) -> Definition:
    # To look at a class may run its code, too.
    return loading(Callee("plugin", name, origin), "cannot be looked at", lambda: define(name, target, origin))


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
        del sys.modules[name]
        raise


def _single_target(module: ModuleType, path: Path) -> Any:
    found = [value for value in vars(module).values() if inspect.isclass(value) and has_hooks(value)]
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


def new_manager() -> pluggy.PluginManager:
    """A pluggy manager that knows the hooks."""
    manager = pluggy.PluginManager(specs.PROJECT)
    manager.add_hookspecs(specs)
    return manager
