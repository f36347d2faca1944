"""The plugin instances a workflow runs at each hook, and their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.definition import LIFECYCLE, Definition
from reelwork.plugins.pinned import pinned_plugin, pinned_provider
from reelwork.settings.workflow import Loaded, PluginLists
from reelwork_hooks.plugin import Phase

PHASES = (Phase.EDIT, Phase.SIGN, Phase.STORE)


def _listed(lists: PluginLists) -> dict[str, None]:
    hooks = (*LIFECYCLE, "job_event", "add")
    return dict.fromkeys(name for hook in hooks for name in getattr(lists, hook))


def instance_name(listed: str) -> str:
    """Return the name of an entry of a list: for a file its stem, with hyphens for underscores."""
    return Path(listed).stem.replace("_", "-") if listed.endswith(".py") else listed


def named_plugins(loaded: Loaded, catalog: Catalog) -> dict[str, Definition]:
    """Return the plugin behind each entry of the lists. Raises `NotFound`, `PluginInvalid` or `WorkflowInvalid`."""
    named: dict[str, Definition] = {}
    owner: dict[str, str] = {}
    _check_spelt_alike(loaded, catalog)
    for listed in _listed(loaded.workflow.plugins):
        named[listed] = _define(listed, loaded, catalog)
        other = owner.setdefault(instance_name(listed), listed)
        if named[other] is not named[listed]:
            raise WorkflowInvalid(
                f"{loaded.source or 'plugins'}: {other!r} and {listed!r} would both be called "
                f"{instance_name(listed)!r}.",
                hint="Rename one of the files, or give one an instance table with a name of its own.",
            )
    return named


def _check_spelt_alike(loaded: Loaded, catalog: Catalog) -> None:
    """Refuse two spellings of one plugin, such as `gallery` and `reelwork:gallery`. Raises `WorkflowInvalid`."""
    tables = loaded.workflow.plugin
    spelt: dict[str, str] = {}
    # Tables too: settings under another spelling than the list's would be those of nobody.
    for given in (*map(instance_name, _listed(loaded.workflow.plugins)), *tables):
        if given in tables and tables[given].use is not None:
            continue
        name = catalog.name_of(given)
        if name is not None and spelt.setdefault(name, given) != given:
            raise WorkflowInvalid(
                f"{loaded.source or 'plugins'}: {spelt[name]!r} and {given!r} are the same plugin.",
                hint="Spell it alike everywhere. To use it twice, give each use a name of its own: "
                f"[plugin.NAME] with use = {name!r}.",
            )


def _define(listed: str, loaded: Loaded, catalog: Catalog) -> Definition:
    tables = loaded.workflow.plugin
    table = tables.get(instance_name(listed))
    use = (table.use if table else None) or listed
    if use.endswith(".py"):
        return catalog.get_file(loaded.base_dir / Path(use).expanduser())
    use = pinned_plugin(use, instance_name(listed), loaded, catalog)
    if use == listed and catalog.name_of(use) is None:
        known = {*tables, *catalog.names()}
        raise NotFound("plugin", listed, known, hint=_listed_by(listed, loaded, catalog))
    catalog.check_on(use, _where(listed, loaded))
    return catalog.get(use)


def _listed_by(listed: str, loaded: Loaded, catalog: Catalog) -> str:
    if listed in loaded.asked_for:
        return f"--plugin {listed} asks for it, or the settings do; `reelwork plugins list` shows what there is."
    return "\n".join([_where(listed, loaded), *_others(_hook_of(listed, loaded), catalog)])


def _hook_of(listed: str, loaded: Loaded) -> str:
    """Return the hook under which the workflow lists it; empty if it is in `plugins.add`."""
    return next((hook for hook in LIFECYCLE if listed in getattr(loaded.workflow.plugins, hook)), "")


def _where(listed: str, loaded: Loaded) -> str:
    if listed in loaded.asked_for:
        return f"--plugin {listed} asks for it, or the settings do."
    hook = _hook_of(listed, loaded)
    return f"{loaded.source or 'The workflow'} lists it under plugins{f'.{hook}' if hook else ''}."


def _others(hook: str, catalog: Catalog) -> Iterator[str]:
    """Say what is installed for a hook, and how to get more."""
    if hook:
        found = [item for item in catalog.everything() if isinstance(item, Definition)]
        names = sorted(item.name for item in found if hook in item.hooks)
        yield f"Installed with the hook {hook}: {', '.join(names) or 'none'}."
        yield f"Install another into this environment, or write one: reelwork plugins new NAME --hook {hook}"


def order_of(lists: PluginLists, named: Mapping[str, Definition]) -> dict[str, tuple[str, ...]]:
    """Return for each hook the instances that run, in order. Raises `WorkflowInvalid`."""
    for listed in lists.add:
        _check_runs(listed, named[listed])
    order = {}
    for hook in (*LIFECYCLE, "job_event"):
        own = list(getattr(lists, hook))
        for listed in own:
            _check_implements(listed, named[listed], hook)
        added = [listed for listed in lists.add if hook in named[listed].hooks and listed not in own]
        names = [instance_name(listed) for listed in (*own, *added)]
        # A list that a person wrote is checked and never sorted. What is added has no place of its own, and gets
        # one by its phase; the sort is stable.
        if hook == "post_download" and added:
            phases = {instance_name(listed): _phase(definition) for listed, definition in named.items()}
            names.sort(key=lambda name: PHASES.index(phases[name]))
        # A plugin that is added and listed runs once: twice could post twice.
        order[hook] = tuple(dict.fromkeys(names))
    # No list of its own: who has a say about a job may also check its brief.
    if checking := _checking(named):
        order["check_brief"] = checking
    return order


def checker_of_provider(
    loaded: Loaded, named: Mapping[str, Definition], catalog: Catalog
) -> tuple[str, Definition] | None:
    """Return the plugin that brings the provider, and a name for it, if it checks briefs and is in no list."""
    home = catalog.home_of_provider(pinned_provider(loaded, catalog))
    if "check_brief" not in home.hooks or any(found is home for found in named.values()):
        return None
    table = loaded.workflow.plugin.get(home.name)
    another = home.name in map(instance_name, named) or (table is not None and table.use is not None)
    settings = {} if table is None or another else table.settings
    fields = home.config_model.model_fields
    # Who only uses its provider has no reason to give what its other hooks need.
    if any(field.is_required() and (field.alias or name) not in settings for name, field in fields.items()):
        return None
    return (f"{home.name} (provider)" if another else home.name), home


def _checking(named: Mapping[str, Definition]) -> tuple[str, ...]:
    names = (instance_name(listed) for listed, found in named.items() if "check_brief" in found.hooks)
    return tuple(dict.fromkeys(names))


def _check_implements(listed: str, definition: Definition, hook: str) -> None:
    if hook in definition.hooks:
        return
    has = ", ".join(definition.hooks) or "no hook of a job"
    raise WorkflowInvalid(
        f"plugins.{hook} lists {listed!r}, which does not implement {hook}; it has {has}.",
        hint="Move it to the list of a hook it has.",
    )


def _check_runs(listed: str, definition: Definition) -> None:
    if not definition.hooks and not listed.endswith(".py"):
        raise WorkflowInvalid(
            f"plugins lists {listed!r}, which has no hook that runs for a job.",
            hint="What it brings is used by name, such as provider.use or platforms; it need not be listed.",
        )


def _phase(definition: Definition) -> Phase:
    return Phase(getattr(definition.target, "phase", Phase.EDIT))


def check_phases(names: Sequence[str], definitions: Mapping[str, Definition], source: str) -> None:
    """Refuse a `post_download` list in another order than edit, sign, store. Raises `WorkflowInvalid`."""
    for before, after in pairwise(names):
        earlier, later = _phase(definitions[before]), _phase(definitions[after])
        if PHASES.index(later) < PHASES.index(earlier):
            raise WorkflowInvalid(
                f"{source or 'plugins'}: post_download lists {after!r} ({later}) after {before!r} ({earlier}).",
                hint=f"The order must be edit, then sign, then store: put {after!r} first.",
            )


def check_tables(loaded: Loaded, definitions: Mapping[str, Definition], catalog: Catalog) -> None:
    """Refuse a `[plugin.NAME]` that no plugin has. Raises `NotFound`."""
    for name, table in loaded.workflow.plugin.items():
        if name not in definitions and table.use is None and catalog.name_of(name) is None:
            known = {*definitions, *catalog.names()}
            where = loaded.source or "The workflow"
            raise NotFound("plugin", name, known, hint=f"{where} has a table [plugin.{name}] for it.")
