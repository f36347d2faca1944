"""Names that a plugin brings or nearly has: those that are taken, and methods that are nearly hooks."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from difflib import get_close_matches

from reelwork.plugins.catalog import Catalog
from reelwork.plugins.definition import HOOKS, Definition
from reelwork.testing.check.findings import Finding, error, warning


def check_names(definition: Definition) -> Iterator[Finding]:
    """Find names that another plugin has already, and methods whose name is nearly a hook's."""
    if definition.providers or definition.platforms or definition.webhooks:
        yield from _taken(definition)
    for attribute, value in vars(definition.target).items():
        if attribute.startswith("_") or attribute in HOOKS or not inspect.isfunction(value):
            continue
        for hook in get_close_matches(attribute, HOOKS, n=1, cutoff=0.85):
            yield warning(
                attribute,
                f"is not a hook and is never called; {hook} is one.",
                "Correct the name and write @hookimpl above it, or begin its name with `_`.",
            )


def _taken(definition: Definition) -> Iterator[Finding]:
    others = [other for other in Catalog().everything() if isinstance(other, Definition)]
    for other in others:
        # The plugin may be installed itself.
        if other.name == definition.name:
            continue
        for name in definition.providers.keys() & other.providers.keys():
            yield error(f"provider {name}", f"has a name that {other.name!r} ({other.origin}) uses.", "Rename it.")
        for name in definition.webhooks.keys() & other.webhooks.keys():
            yield error(f"webhooks {name}", f"has a name that {other.name!r} ({other.origin}) uses.", "Rename it.")
        taken = {name for platform in other.platforms for name in (platform.name, *platform.aliases)}
        for platform in definition.platforms:
            for name in sorted(taken & {platform.name, *platform.aliases}):
                yield error(
                    f"platform {platform.name}",
                    f"has the name {name!r}, which {other.name!r} ({other.origin}) uses.",
                    f"Rename it; a workflow changes a platform that exists with [platform.{name}].",
                )
