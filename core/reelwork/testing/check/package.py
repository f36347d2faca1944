"""A plugin's package folder: its pyproject.toml, and its plugins without installing it."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from reelwork.plugins.catalog import GROUP
from reelwork.plugins.definition import MARK, Definition
from reelwork.plugins.needed_version import lower_bound, needed_by
from reelwork.plugins.package_names import normalized
from reelwork.testing.check.findings import Finding, error, note, warning
from reelwork_hooks.errors import InvalidInput

PLUGIN_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
PYPROJECT = "pyproject.toml"
COMMANDS = "reelwork.commands"
"""The entry-point group of commands."""


@dataclass(frozen=True)
class Package:
    """A folder with a pyproject.toml."""

    folder: Path
    project: Mapping[str, Any]
    """The table `[project]`."""

    @property
    def name(self) -> str:
        """The distribution's name."""
        return str(self.project.get("name") or self.folder.name)

    @property
    def origin(self) -> str:
        """The distribution and version, as they would be installed."""
        return f"{self.name} {self.project.get('version', '')}".strip()

    @property
    def entries(self) -> Mapping[str, str]:
        """The plugins it brings: `module:Class` by name."""
        return self._group(GROUP)

    @property
    def commands(self) -> list[EntryPoint]:
        """The commands it brings, as they would be found once installed."""
        return [EntryPoint(name, value, COMMANDS) for name, value in self._group(COMMANDS).items()]

    def _group(self, group: str) -> Mapping[str, str]:
        groups = self.project.get("entry-points")
        entries = groups.get(group) if isinstance(groups, Mapping) else None
        table = entries if isinstance(entries, Mapping) else {}
        return {name: value for name, value in table.items() if isinstance(value, str)}


def read_package(folder: Path) -> Package:
    """Return the package in a folder. Raises `InvalidInput` when there is none that can be read."""
    path = folder / PYPROJECT
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise InvalidInput(
            f"{folder} holds no {PYPROJECT}, so it is not a package.",
            hint="Name the folder that holds it, a FILE.py, or an installed plugin.",
        ) from problem
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise InvalidInput(f"{path} cannot be read: {problem}.") from problem
    project = data.get("project")
    if not isinstance(project, Mapping):
        raise InvalidInput(f"{path} has no [project] table.", hint="See https://packaging.python.org.")
    return Package(folder, project)


def check_package(package: Package) -> Iterator[Finding]:
    """Check the package as such: its names, requirements and tests."""
    project = package.project
    if not package.entries and not package.commands:
        yield error(
            PYPROJECT,
            f'has no [project.entry-points."{GROUP}"]: once installed, nobody would find the plugin.',
            f'Add it, with a line such as: {package.name.removeprefix("reelwork-")} = "module:Class"',
        )
    for name in package.entries:
        if not PLUGIN_NAME.fullmatch(name):
            yield error(PYPROJECT, f"names a plugin {name!r}.", "Use small letters, digits and single hyphens.")
        yield from _check_name_is_free(name, package)
    yield from _check_requirement(project)
    for key in ("version", "description", "readme", "requires-python"):
        # A build tool fills in what is dynamic.
        if key not in project and key not in project.get("dynamic", ()):
            yield note(PYPROJECT, f"has no {key} under [project].")
    if not any(package.folder.glob("test*/**/test_*.py")):
        yield warning("tests", "there are none.", "`reelwork.testing` has what they need.")


def _check_name_is_free(name: str, package: Package) -> Iterator[Finding]:
    for entry in importlib.metadata.entry_points(group=GROUP, name=name):
        # The package may be installed itself.
        if entry.dist is not None and _same(entry.dist.name, package.name):
            continue
        owner = f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value
        yield error(
            PYPROJECT,
            f"names its plugin {name!r}, as {owner} does: with both installed, "
            f"this one is used as {normalized(package.name)}:{name}.",
            "Choose another name.",
        )


def _same(one: str, other: str) -> bool:
    """Return whether two names are one distribution's."""
    return canonicalize_name(one) == canonicalize_name(other)


def _requirement(project: Mapping[str, Any]) -> str | None:
    dependencies = project.get("dependencies")
    texts = [text for text in dependencies if isinstance(text, str)] if isinstance(dependencies, list) else []
    return next((text for text in texts if lower_bound(text) is not None), None)


def _check_requirement(project: Mapping[str, Any]) -> Iterator[Finding]:
    requirement = _requirement(project)
    if requirement is None:
        yield error(PYPROJECT, "does not depend on reelwork.", 'Add "reelwork>=0.1,<2" to its dependencies.')
    elif not lower_bound(requirement) or "<" not in requirement.replace("<=", "<"):
        yield warning(
            PYPROJECT,
            f"depends on {requirement!r}, without saying from which version to which.",
            'Hooks may change at a major version: write "reelwork>=0.1,<2".',
        )


def check_against(definition: Definition, package: Package) -> Iterator[Finding]:
    """Check that the oldest Reelwork that the package allows can pass what the plugin asks for."""
    bound = lower_bound(_requirement(package.project) or "")
    needed = needed_by(_implementations(definition))
    if bound and Version(bound) < Version(needed):
        yield error(
            PYPROJECT,
            f"allows reelwork {bound}, and the plugin asks for what came with {needed}.",
            f'Write "reelwork>={needed},<2".',
        )


def _implementations(definition: Definition) -> dict[str, Any]:
    found = {}
    for attribute in dir(definition.target):
        function = getattr(definition.target, attribute, None)
        options = getattr(function, MARK, None)
        if callable(function) and isinstance(options, dict):
            found[str(options.get("specname") or attribute)] = function
    return found


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Import from a package's folder, or its `src`, before what is installed, within the block."""
    before = set(sys.modules)
    roots = [str(path.resolve()) for path in (folder / "src", folder) if path.is_dir()]
    sys.path[:0] = roots
    # Finders cache what is in a folder: files that were written a moment ago would not be seen.
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for root in roots:
            sys.path.remove(root)
        for name in set(sys.modules) - before:
            # Forgotten again: another folder may hold modules of the same names.
            if _is_below(getattr(sys.modules[name], "__file__", None), folder):
                del sys.modules[name]


def _is_below(file: str | None, folder: Path) -> bool:
    return file is not None and Path(file).resolve().is_relative_to(folder.resolve())


def entry_points(package: Package) -> list[EntryPoint]:
    """Return its plugins, as they would be found once installed."""
    return [EntryPoint(name, value, GROUP) for name, value in package.entries.items()]


def check_home(definition: Definition, package: Package) -> Iterator[Finding]:
    """Check that the imported module is the one in the folder."""
    source = inspect.getsourcefile(definition.target)
    if source is not None and not _is_below(source, package.folder):
        yield error(
            PYPROJECT,
            f"leads to {source}, which is not in this folder.",
            "Check the module's name in the entry point, or uninstall the other package.",
        )
