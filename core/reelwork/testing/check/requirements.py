"""Checks of the requirements of a plugin's distribution against the installed packages."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Iterator
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from reelwork.testing.check.findings import Finding, error
from reelwork.testing.check.package import PYPROJECT, Package


def check_package_requirements(package: Package) -> Iterator[Finding]:
    """Check what a package in a folder requires."""
    dependencies: Any = package.project.get("dependencies")
    texts = dependencies if isinstance(dependencies, list) else []
    return check_requirements(PYPROJECT, (text for text in texts if isinstance(text, str)))


def check_requirements(about: str, requirements: Iterable[str]) -> Iterator[Finding]:
    """Find requirements that cannot be read, are not installed, or are not met by what is."""
    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            yield error(about, f"requires {text!r}, which cannot be read.", "Write it as pip takes it.")
            continue
        # Without an extra: what only an extra asks for may be missing.
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        wanted = f"{requirement.name}{requirement.specifier}"
        try:
            installed = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            yield error(about, f"requires {wanted}, which is not installed.", f'pip install "{wanted}"')
            continue
        # By default a pre-release meets no specifier, though it is what is installed.
        if not requirement.specifier.contains(installed, prereleases=True):
            yield error(
                about, f"requires {wanted}, but {installed} is installed.", f'pip install "{wanted}", or widen it.'
            )
