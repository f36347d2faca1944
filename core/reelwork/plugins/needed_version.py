"""Which version of Reelwork a plugin needs, by what its hooks ask for and by what its package requires.

Asked only when plugins are checked or one cannot be loaded: importing `packaging` takes longer than loading one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import Distribution

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from reelwork.plugins.hook_versions import SINCE
from reelwork.version import __version__


def needed_by(hooks: Mapping[str, Callable[..., object]], since: Mapping[str, Mapping[str, str]] = SINCE) -> str:
    """Return the oldest version that passes everything these implementations ask for."""
    asked = [since[hook].get(name, "") for hook, function in hooks.items() for name in _arguments(function)]
    return max((version for version in asked if version), key=Version, default="0.1.0")


def _arguments(function: Callable[..., object]) -> Iterable[str]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return ()


def lower_bound(text: str) -> str | None:
    """Return the oldest Reelwork that a requirement such as `reelwork>=0.3,<2` allows.

    Empty when it names no oldest version; None when it is about another package or cannot be read.
    """
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    if canonicalize_name(requirement.name) != "reelwork":
        return None
    return max(_bounds(requirement), key=Version, default="")


def _bounds(requirement: Requirement) -> Iterator[str]:
    for specifier in requirement.specifier:
        if specifier.operator in (">=", "==", "~=", ">"):
            yield specifier.version.removesuffix(".*")


def too_new(distribution: Distribution | None) -> str:
    """Return the advice for a plugin whose package needs a newer Reelwork than this; empty if it does not."""
    for requirement in (distribution.requires or ()) if distribution is not None else ():
        bound = lower_bound(requirement)
        if bound and _applies(requirement) and Version(bound) > Version(__version__):
            needs = f"Its package needs reelwork {bound} or newer; this is {__version__}"
            return f'{needs}: pip install -U "reelwork>={bound}"'
    return ""


def _applies(text: str) -> bool:
    """Return whether a requirement holds here: what belongs to an extra is not asked of everybody."""
    marker = Requirement(text).marker
    return marker is None or marker.evaluate({"extra": ""})
