"""Checks a plugin for its author: what is refused when it is loaded, and what would hurt later."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from reelwork.plugins.catalog import Catalog
from reelwork.plugins.definition import Definition
from reelwork.settings.validation import explain
from reelwork.testing import SampleContext
from reelwork.testing.check.commands import check_commands
from reelwork.testing.check.declarations import check_declarations
from reelwork.testing.check.findings import Finding, Level, Report, error, exit_code
from reelwork.testing.check.installed import Installed, find_installed, findings_about
from reelwork.testing.check.names import check_names
from reelwork.testing.check.package import (
    Package,
    check_against,
    check_home,
    check_package,
    entry_points,
    importable,
    read_package,
)
from reelwork.testing.check.prices import check_prices
from reelwork.testing.check.requirements import check_package_requirements
from reelwork.testing.check.trial import Trial
from reelwork_hooks.errors import InvalidInput, ReelworkError

__all__ = ["Check", "Finding", "Level", "Report", "check", "exit_code"]

TIME_LIMIT = 10.0
"""Seconds a hook is given, unless the caller says otherwise."""


@dataclass(frozen=True)
class Check:
    """The options of a check."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """For a plugin that has settings without a default."""
    time_limit: float = TIME_LIMIT
    """Seconds for each hook."""
    call: bool = False
    """True to call hooks that post, store or pay, too."""


def check(what: str, how: Check | None = None) -> list[Report]:
    """Check an installed plugin by name, a FILE.py, or all that a package brings, by its name or folder.

    Raises `InvalidInput` when there is no such thing; what is wrong with a plugin is in its report.
    """
    how = how or Check()
    path = Path(what).expanduser()
    if path.is_dir():
        return _check_folder(read_package(path), how)
    catalog = Catalog()
    if what.endswith(".py"):
        if not path.is_file():
            raise InvalidInput(f"There is no file {path}.")
        return [_report(path.name, str(path), how, lambda: catalog.get_file(path))]
    name = catalog.name_of(what)
    if name is None and (found := find_installed(what)) is not None:
        return _check_installed(found, catalog, how)
    # A name with such a character is a path that is not there, and no plugin that nobody has heard of.
    if name is None and any(mark in what for mark in "/\\."):
        raise InvalidInput(
            f"There is no folder {path}.", hint="Name a package's folder, a FILE.py, or an installed plugin."
        )
    if name is None or name not in catalog.names():
        catalog.get(what)  # raises NotFound with the names that come near, or says that several have it
    report = _report(what, what, how, lambda: catalog.get(what))
    return [replace(report, findings=(*findings_about(catalog.entry_of(what)), *report.findings))]


def _check_installed(found: Installed, catalog: Catalog, how: Check) -> list[Report]:
    reports = [_report(name, found.origin, how, lambda name=name: catalog.get(name)) for name in found.plugins]
    return _with_package(found.dist.name, found.origin, found.findings(), reports)


def _with_package(name: str, origin: str, about: Iterable[Finding], reports: list[Report]) -> list[Report]:
    """Return the reports, with the findings about their package in the first one."""
    if not reports:
        return [Report(name, origin, tuple(about))]
    first, *rest = reports
    return [Report(first.name, first.origin, (*about, *first.findings)), *rest]


def _check_folder(package: Package, how: Check) -> list[Report]:
    about = [*check_package(package), *check_package_requirements(package)]
    entries = entry_points(package)
    # As long as the checks run: a plugin may import more of its package when it is called.
    with importable(package.folder):
        about += check_commands(package.commands, package.origin)
        catalog = Catalog(entries)
        reports = [
            _report(entry.name, package.origin, how, lambda name=entry.name: catalog.get(name), package)
            for entry in entries
        ]
    return _with_package(package.name, package.origin, about, reports)


def _report(name: str, origin: str, how: Check, load: Any, package: Package | None = None) -> Report:
    try:
        definition: Definition = load()
    except ReelworkError as problem:
        return Report(name, origin, (error("loading", problem.message, problem.hint),))
    origin = origin if package is not None else definition.origin
    return Report(definition.name, origin, tuple(_findings(definition, how, package)))


def _findings(definition: Definition, how: Check, package: Package | None) -> Iterator[Finding]:
    if package is not None:
        yield from check_home(definition, package)
        yield from check_against(definition, package)
    _check_given(definition, how)
    with tempfile.TemporaryDirectory(prefix="reelwork-check-") as folder:
        context = SampleContext(Path(folder), definition.name)
        yield from check_declarations(definition, context, how.settings)
        yield from check_names(definition)
        yield from check_prices(definition, context, how.settings)
        yield from Trial(how.settings, context, how.time_limit, how.call).findings(definition)


def _check_given(definition: Definition, how: Check) -> None:
    """Raise `WorkflowInvalid` when the caller's own settings do not fit."""
    providers: list[type[BaseModel]] = [kind.Config for kind in definition.providers.values()]
    models = [definition.config_model] if definition.hooks else providers
    for model in models if how.settings else ():
        try:
            model.model_validate(dict(how.settings))
        except ValidationError as problem:
            raise explain(problem, model, f"the settings of {definition.name}") from problem
