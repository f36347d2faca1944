"""The packages that the plugins of a run came from when it was launched: later, a name may mean another one."""

from __future__ import annotations

from collections.abc import Mapping

from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.package_names import normalized, origin_of, package_of
from reelwork.settings.workflow import Loaded
from reelwork_hooks.errors import PluginInvalid


def packages_in(origins: Mapping[str, str]) -> dict[str, str]:
    """Return the package of each origin such as `acme-board 1.2`. Files and plugins of a program have none."""
    parts = {name: origin.rpartition(" ") for name, origin in origins.items() if not origin.endswith(".py")}
    return {name: normalized(package) for name, (package, _, version) in parts.items() if version[:1].isdigit()}


def pinned_plugin(use: str, instance: str, loaded: Loaded, catalog: Catalog) -> str:
    """Return the name by which the catalogue has an instance's plugin. Raises `WorkflowInvalid`."""
    package = loaded.packages.get(instance, "")
    # A qualified name says it all, and so does a run that has yet to be launched.
    if not package or ":" in use:
        return use
    entry = catalog.entry_of(use)
    if entry is not None and package_of(entry) == package:
        return use
    if (qualified := catalog.name_of(f"{package}:{use}")) is not None:
        return qualified
    if entry is None:
        return use
    raise _moved("plugin", use, package, origin_of(entry), f"plugin.{instance}.use={package_of(entry)}:{use}")


def pinned_provider(loaded: Loaded, catalog: Catalog) -> str:
    """Return the name by which the catalogue has a workflow's provider. Raises `WorkflowInvalid`."""
    use = loaded.workflow.provider.use
    package = loaded.packages.get(use, "")
    if not package or ":" in use:
        return use
    origin = _origin_of_provider(use, catalog)
    now = packages_in({use: origin}).get(use, "")
    if now == package:
        return use
    if _origin_of_provider(f"{package}:{use}", catalog):
        return f"{package}:{use}"
    if not now:
        return use
    raise _moved("provider", use, package, origin, f"provider.use={now}:{use}")


def _origin_of_provider(name: str, catalog: Catalog) -> str:
    """Return where a provider comes from; empty if there is none, or more than one."""
    try:
        return catalog.origin_of_provider(name)
    except (NotFound, PluginInvalid):
        return ""


def _moved(kind: str, name: str, package: str, origin: str, setting: str) -> WorkflowInvalid:
    # Not taken for the same: what one of them has sent, the other could send again.
    return WorkflowInvalid(
        f"The {kind} {name!r} of this run came from {package}, which is not installed; {origin} has that name now.",
        money="Nothing was sent.",
        hint=f"Install it: reelwork plugins install {package}. To continue with the other one: reelwork resume JOB "
        f"--set {setting}",
    )
