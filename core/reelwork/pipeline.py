"""A workflow made ready to run: its provider, its plugin instances in order, and how to call them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from reelwork.config import Loaded, PluginLists, PluginTable, Workflow, own_platforms
from reelwork.dispatch import Dispatcher, describe
from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.invalid import explain
from reelwork.plan import Plan, make_plan
from reelwork.plugins import INSTANCE_HOOKS, LIFECYCLE, Catalog, Definition, new_manager
from reelwork.store.rows import Budget, Quota
from reelwork.work import to_micros
from reelwork_hooks.errors import PluginInvalid, ReelworkError
from reelwork_hooks.models import Brief, Platform
from reelwork_hooks.plugin import Context, Phase
from reelwork_hooks.provider import Provider, ProviderConfig

PHASES = (Phase.EDIT, Phase.SIGN, Phase.STORE)
SECRET = re.compile(r"(env:[A-Za-z_]\w*|file:\S+|aws-sm:\S+)\Z")

MakeContext = Callable[[str, Loaded], Context]
"""Makes the context of an instance, given its name and the workflow it is part of."""


@dataclass(frozen=True)
class Pipeline:
    """Everything a run's jobs call."""

    loaded: Loaded
    catalog: Catalog
    provider: Provider
    account: str
    dispatcher: Dispatcher
    order: Mapping[str, tuple[str, ...]]
    """For each hook, the instances that run, in order."""
    instances: Mapping[str, Any]
    definitions: Mapping[str, Definition]
    provider_origin: str = ""

    @property
    def workflow(self) -> Workflow:
        """The checked workflow."""
        return self.loaded.workflow

    @property
    def provider_name(self) -> str:
        """The name of the provider instance."""
        return self.workflow.provider.use

    @property
    def quota(self) -> Quota:
        """`[limits]`, as the ledger takes it."""
        limits = self.workflow.limits
        return Quota(limits.requests_per_minute, limits.requests_per_day, limits.concurrent)

    @property
    def budget(self) -> Budget:
        """`[budget]`, as the ledger takes it."""
        table = self.workflow.budget
        return Budget(
            to_micros(table.per_job),
            to_micros(table.per_run),
            to_micros(table.per_day),
            to_micros(table.per_month),
        )

    def plan(self, brief: Brief, where: str = "") -> Plan:
        """Plan a brief for this workflow's provider. Raises `PlanRefused` or `NotFound`."""
        own = self.own_platforms()
        names = dict.fromkeys(self.catalog.platform(name, own).name for name in brief.platforms)
        platforms = [self.catalog.platform(name, own) for name in names]
        capabilities = self.provider.capabilities(brief.model or self.provider.config.model)
        return make_plan(brief, platforms, capabilities, self.provider.config, self.provider_name, where=where)

    def own_platforms(self) -> dict[str, Platform]:
        """The platforms the workflow adds or changes."""
        built_in = {}
        for name in self.workflow.platform:
            try:
                built_in[name] = self.catalog.platform(name)
            except NotFound:
                continue
        return own_platforms(self.workflow, built_in, self.loaded.source)

    def versions(self) -> dict[str, str]:
        """For each instance and the provider, the distribution it comes from."""
        found = {name: definition.origin for name, definition in self.definitions.items()}
        return {**found, self.provider_name: self.provider_origin}

    def check_secrets(self) -> None:
        """Read every secret the workflow names, once. Raises `SecretNotFound`."""
        context = self.provider.context
        tables: list[Any] = [self.workflow.provider.settings]
        tables += [self.workflow.plugin[name].settings for name in self.instances if name in self.workflow.plugin]
        for table in tables:
            for reference in _references(table):
                context.secret(reference)

    async def close(self) -> None:
        """Give back what the provider holds open."""
        await self.provider.close()


def freeze(pipeline: Pipeline) -> str:
    """Everything a later process needs to build the same pipeline, as JSON without secrets."""
    loaded = pipeline.loaded
    return json.dumps(
        {
            "workflow": loaded.workflow.model_dump(mode="json"),
            "base_dir": str(loaded.base_dir),
            "out": str(loaded.out),
            "source": loaded.source,
            "text": loaded.text,
            "plugins": pipeline.versions(),
        },
        ensure_ascii=False,
    )


def thaw(frozen: str) -> Loaded:
    """The workflow a run was launched with."""
    data = json.loads(frozen)
    workflow = Workflow.model_validate(data["workflow"])
    return Loaded(workflow, Path(data["base_dir"]), data["source"], Path(data["out"]), data["text"])


def build(loaded: Loaded, catalog: Catalog, make_context: MakeContext) -> Pipeline:
    """Load and check everything a workflow names.

    Raises `NotFound`, `PluginInvalid` or `WorkflowInvalid`; nothing has been sent then.
    """
    workflow = loaded.workflow
    base_dir = loaded.base_dir
    provider = _provider(loaded, catalog, make_context)
    named = {name: _define(name, workflow.plugin, catalog, base_dir) for name in _listed(workflow.plugins)}
    definitions = {_instance_name(name): definition for name, definition in named.items()}
    order = _order(workflow.plugins, {name: named[name] for name in named})
    _check_phases(order["post_download"], definitions, loaded.source)
    _check_tables(workflow, definitions, catalog, loaded.source)
    instances = {
        name: _instantiate(name, definition, workflow.plugin.get(name), loaded, make_context)
        for name, definition in definitions.items()
    }
    return Pipeline(
        loaded=loaded,
        catalog=catalog,
        provider=provider,
        account=_account(workflow.provider.use, provider.config),
        dispatcher=_dispatcher(instances, workflow),
        order=order,
        instances=instances,
        definitions=definitions,
        provider_origin=catalog.get(workflow.provider.use).origin
        if workflow.provider.use in catalog.names()
        else "",
    )


def _provider(loaded: Loaded, catalog: Catalog, make_context: MakeContext) -> Provider:
    table = loaded.workflow.provider
    kind = catalog.provider(table.use)
    config = _config(kind.Config, table.settings, loaded, "provider")
    try:
        return kind(config, make_context(table.use, loaded))
    except ReelworkError:
        raise
    except Exception as error:
        raise PluginInvalid(f"The provider {table.use!r} could not be started: {describe(error)}") from error


def _account(use: str, config: ProviderConfig) -> str:
    if config.account:
        return f"{use} {config.account}"
    parts = (use, getattr(config, "base_url", ""), getattr(config, "api_key", ""))
    return " ".join(str(part) for part in parts if part)


def _listed(lists: PluginLists) -> dict[str, None]:
    hooks = (*LIFECYCLE, "job_event", "add")
    return dict.fromkeys(name for hook in hooks for name in getattr(lists, hook))


def _instance_name(listed: str) -> str:
    return Path(listed).stem.replace("_", "-") if listed.endswith(".py") else listed


def _define(listed: str, tables: Mapping[str, PluginTable], catalog: Catalog, base_dir: Path) -> Definition:
    table = tables.get(_instance_name(listed))
    use = (table.use if table else None) or listed
    if use.endswith(".py"):
        return catalog.get_file(base_dir / use)
    return catalog.get(use)


def _order(lists: PluginLists, named: Mapping[str, Definition]) -> dict[str, tuple[str, ...]]:
    order = {}
    for hook in (*LIFECYCLE, "job_event"):
        own = list(getattr(lists, hook))
        for listed in own:
            _check_implements(listed, named[listed], hook)
        added = [listed for listed in lists.add if hook in named[listed].hooks and listed not in own]
        names = [_instance_name(listed) for listed in (*own, *added)]
        if hook == "post_download" and added:
            phases = {_instance_name(listed): _phase(definition) for listed, definition in named.items()}
            names.sort(key=lambda name: PHASES.index(phases[name]))
        order[hook] = tuple(dict.fromkeys(names))
    return order


def _check_implements(listed: str, definition: Definition, hook: str) -> None:
    if hook in definition.hooks:
        return
    has = ", ".join(definition.hooks) or "no hook of a job"
    raise WorkflowInvalid(
        f"plugins.{hook} lists {listed!r}, which does not implement {hook}; it has {has}.",
        hint="Move it to the list of a hook it has.",
    )


def _phase(definition: Definition) -> Phase:
    return Phase(getattr(definition.target, "phase", Phase.EDIT))


def _check_phases(names: Sequence[str], definitions: Mapping[str, Definition], source: str) -> None:
    phases = [_phase(definitions[name]) for name in names]
    for (before, earlier), (after, later) in zip(
        zip(names, phases, strict=True), list(zip(names, phases, strict=True))[1:], strict=False
    ):
        if PHASES.index(later) < PHASES.index(earlier):
            raise WorkflowInvalid(
                f"{source or 'plugins'}: post_download lists {after!r} ({later}) after {before!r} ({earlier}).",
                hint=f"The order must be edit, then sign, then store: put {after!r} first.",
            )


def _check_tables(workflow: Workflow, definitions: Mapping[str, Definition], catalog: Catalog, source: str) -> None:
    for name, table in workflow.plugin.items():
        if name not in definitions and table.use is None and name not in catalog.names():
            known = {*definitions, *catalog.names()}
            raise NotFound(
                "plugin", name, known, hint=f"{source or 'The workflow'} has a table [plugin.{name}] for it."
            )


def _instantiate(
    name: str, definition: Definition, table: PluginTable | None, loaded: Loaded, make_context: MakeContext
) -> Any:
    settings = table.settings if table else {}
    config = _config(definition.config_model, settings, loaded, f"plugin.{name}")
    try:
        return definition.target(config, make_context(name, loaded))
    except ReelworkError:
        raise
    except Exception as error:
        raise PluginInvalid(
            f"The plugin {name!r} ({definition.origin}) could not be started: {describe(error)}",
            hint="A plugin is a class with __init__(self, config, context).",
        ) from error


def _config(model: type[BaseModel], settings: Mapping[str, Any], loaded: Loaded, section: str) -> Any:
    try:
        return model.model_validate(dict(settings))
    except ValidationError as error:
        where = loaded.source or "the workflow"
        raise explain(error, model, where, text=loaded.text, section=section) from error


def _dispatcher(instances: Mapping[str, Any], workflow: Workflow) -> Dispatcher:
    manager = new_manager()
    for name, instance in instances.items():
        manager.register(instance, name=name)
    manager.check_pending()
    limits = {name: table.time_limit for name, table in workflow.plugin.items() if table.time_limit is not None}
    return Dispatcher(manager, limits)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, str) and SECRET.match(value):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _references(item)


__all__ = ["INSTANCE_HOOKS", "Pipeline", "build", "freeze", "thaw"]
