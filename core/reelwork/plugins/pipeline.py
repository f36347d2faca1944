"""A workflow made ready to run: its provider, its plugin instances in order, and how to call them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pydantic import ValidationError

from reelwork.credentials.accounts import StoredAccount
from reelwork.credentials.named_secrets import NamedSecret, named_secrets
from reelwork.errors import NotFound
from reelwork.money import to_micros
from reelwork.plugins.account_kinds import Kind, added_as, check_account
from reelwork.plugins.brand_accounts import check_accounts
from reelwork.plugins.brief_options import post_options_error
from reelwork.plugins.catalog import Catalog, new_manager
from reelwork.plugins.context import PluginContext
from reelwork.plugins.definition import Definition
from reelwork.plugins.dispatcher import Dispatcher
from reelwork.plugins.guard import Callee, loading
from reelwork.plugins.guarded_provider import GuardedProvider
from reelwork.plugins.instances import Instance, start
from reelwork.plugins.observing import Observer
from reelwork.plugins.ordering import (
    check_phases,
    check_tables,
    checker_of_provider,
    instance_name,
    named_plugins,
    order_of,
)
from reelwork.plugins.pinned import pinned_provider
from reelwork.plugins.plugin_settings import callee_of, checked_config, settings_of
from reelwork.plugins.post_prices import names_prices, post_price
from reelwork.plugins.provider_checks import check_provider
from reelwork.plugins.public_addresses import Storages, check_addresses
from reelwork.plugins.required import check_required
from reelwork.plugins.taking_part import version_in
from reelwork.settings.workflow import Loaded, Workflow, own_platforms
from reelwork.store.ceilings import Budget, Quota
from reelwork_hooks.models import Platform, PluginVersion, Post, Stage
from reelwork_hooks.plugin import Config, Context, Phase
from reelwork_hooks.provider import ProviderConfig, Quote

MakeContext = Callable[[str, Loaded], Context]
"""Makes the context of an instance, given its name and the workflow it is part of."""


@dataclass(frozen=True)
class Pipeline:
    """Everything a run's jobs call."""

    loaded: Loaded
    catalog: Catalog
    provider: GuardedProvider
    account: str
    dispatcher: Dispatcher
    order: Mapping[str, tuple[str, ...]]
    """For each hook, the instances that run, in order."""
    instances: Mapping[str, Instance]
    definitions: Mapping[str, Definition]
    configs: Mapping[str, Config]
    """The checked settings of each instance."""
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
    def place(self) -> str:
        """The provider's account and endpoint: what is known of one says nothing of another."""
        address = self._address
        return self.account if address in self.account else f"{self.account} {address}"

    @property
    def endpoint(self) -> str:
        """The provider's address, whatever its account is called; its class where only that knows the address."""
        return self._address or self.provider.class_name

    @property
    def _address(self) -> str:
        return str(getattr(self.provider.config, "base_url", ""))

    @property
    def quota(self) -> Quota:
        """`[limits]`, as the ledger takes it."""
        limits = self.workflow.limits
        return Quota(limits.requests_per_minute, limits.requests_per_day, limits.concurrent)

    @property
    def budget(self) -> Budget:
        """`[budget]`, and the ceilings of the brand, as the ledger takes them."""
        table, brand = self.workflow.budget, self.workflow.own_brand
        return Budget(
            to_micros(table.per_job),
            to_micros(table.per_run),
            to_micros(table.per_day),
            to_micros(table.per_month),
            self.workflow.brand,
            to_micros(brand.per_day),
            to_micros(brand.per_month),
        )

    @property
    def accounts(self) -> Mapping[str, str]:
        """The account that each destination signs in with, where it signs in with one."""
        named = ((name, self.instances[name].account_name) for name in self.order["publish"])
        return {name: account for name, account in named if account}

    def marked_by(self, platform: Platform | None) -> tuple[str, ...]:
        """Return the instances that put a mark over the videos of a platform. Raises `PluginInvalid`."""
        names = (name for name in self.order.get("post_download", ()) if self.instances[name].can_mark)
        return tuple(name for name in names if self._marks(name, platform))

    def _marks(self, name: str, platform: Platform | None) -> bool:
        callee, target = callee_of(self.definitions[name]), self.instances[name].target
        return loading(callee, "cannot say if it marks a video", lambda: bool(target.marks_video(platform)))

    def moderators(self, stage: Stage) -> tuple[str, ...]:
        """Return the instances that moderate at a stage, in order."""
        return tuple(name for name in self.order["pre_moderate"] if stage in self.instances[name].moderates)

    def name_notes(self) -> Iterator[str]:
        """Yield a note for each plugin in use by a name that another package wants as well."""
        # A file may have the name of an installed plugin, and is none of it.
        installed = (found.name for found in self.definitions.values() if version_in(found.origin).version)
        for name in dict.fromkeys(installed):
            yield from self.catalog.taken(name)

    def own_platforms(self) -> dict[str, Platform]:
        """Return the platforms the workflow adds or changes."""
        built_in = {}
        for name in self.workflow.platform:
            try:
                built_in[name] = self.catalog.platform(name)
            except NotFound:
                continue
        return own_platforms(self.workflow, built_in, self.loaded.source, self.loaded.text)

    def post_options_error(self, destination: str, options: Mapping[str, Any]) -> ValidationError | None:
        """Return what is wrong with the options of a post at a destination; None if nothing is."""
        model = self.instances[destination].post_options
        callee = callee_of(self.definitions[destination])
        return None if model is None else post_options_error(model, callee, options)

    def names_price(self, destination: str) -> bool:
        """Return whether a destination names the price of a post."""
        return names_prices(self.instances[destination].target)

    def post_price(self, destination: str, post: Post) -> Quote | None:
        """Return the price of a post; None where that is not known, or it names none.

        Raises `PluginInvalid` when the plugin cannot say it."""
        if not self.names_price(destination):
            return None
        callee = replace(callee_of(self.definitions[destination]), name=destination)
        return post_price(callee, self.instances[destination], post)

    def plugin_name(self, instance: str) -> str:
        """Return the one name of a plugin under any spelling; of an instance with a table of its own, its name."""
        table = self.workflow.plugin.get(instance)
        own = table is not None and table.use is not None
        return instance if own else self.catalog.name_of(instance) or instance

    def version_of(self, name: str) -> PluginVersion:
        """Return the package and version of an instance, or of the provider."""
        found = self.definitions.get(name)
        return version_in(self.provider_origin if found is None else found.origin)

    def versions(self) -> dict[str, str]:
        """Return for each instance and the provider the distribution it comes from."""
        found = {name: definition.origin for name, definition in self.definitions.items()}
        return {**found, self.provider_name: self.provider_origin}

    def secrets(self, *, provider_only: bool = False) -> Iterator[NamedSecret]:
        """Yield every secret reference in use, in the settings as written and in the plugins' defaults."""
        yield from named_secrets("provider", self.workflow.provider.settings, self.provider.config)
        if provider_only:
            return
        for name, config in self.configs.items():
            table = self.workflow.plugin.get(name)
            yield from named_secrets(f"plugin.{name}", table.settings if table else {}, config)

    def check_secrets(self) -> None:
        """Read every secret and account the workflow uses, once. Raises `SecretNotFound` or `NotFound`."""
        context = self.provider.context
        for secret in self.secrets():
            secret.read(context)
        # Before anything is sent: a render that is paid for must not wait for a password that was never set.
        for name, instance in self.instances.items():
            if instance.account_name:
                account = instance.context.account(instance.account_name)
                account.read()
                if isinstance(account, StoredAccount):
                    check_account(account, self.definitions[name], context.now().timestamp())

    def check_at_hand(self, *, provider_only: bool) -> None:
        """Make sure that this process has the secrets and accounts that jobs need. Raises `InvalidInput`."""
        for secret in self.secrets(provider_only=provider_only):
            secret.read(self.provider.context)
        for instance in () if provider_only else self.instances.values():
            if instance.account_name:
                instance.context.account(instance.account_name).read()

    @property
    def stores(self) -> tuple[str, ...]:
        """The storage plugins, in order."""
        return storing(self.order, self.instances)

    def check_addresses(self) -> None:
        """Refuse a plugin that needs a public address where none is given. Raises `WorkflowInvalid`.

        For new jobs only: what is paid for goes on, and says at its post what is missing.
        """
        check_addresses(self.instances, self.stores, self.loaded.source)

    async def close(self) -> None:
        """Close what the provider holds open."""
        await self.provider.close()


def build(
    loaded: Loaded,
    catalog: Catalog,
    make_context: MakeContext,
    observer: Observer | None = None,
    on_provider: Observer | None = None,
) -> Pipeline:
    """Load and check everything a workflow names.

    `observer` receives each call of a hook, `on_provider` each of the provider.

    Raises `NotFound`, `PluginInvalid` or `WorkflowInvalid`; nothing has been sent then.
    """
    workflow = loaded.workflow
    # First, since it explains best why a plugin is missing or is refused.
    check_required(workflow.requires, loaded.source)
    named = named_plugins(loaded, catalog)
    # Plugin files come first, since one of them may bring the provider.
    provider = _provider(loaded, catalog, make_context, on_provider)
    definitions = {instance_name(listed): definition for listed, definition in named.items()}
    order = order_of(workflow.plugins, named)
    check_phases(order["post_download"], definitions, loaded.source)
    check_tables(loaded, definitions, catalog)
    configs = {
        name: settings_of(name, definition, loaded) for name, definition in definitions.items() if definition.hooks
    }
    instances = {
        name: _instance(definitions[name], config, make_context(name, loaded)) for name, config in configs.items()
    }
    check_accounts(loaded, {name: instances[name] for name in order["publish"]})
    _offer_addresses(provider, instances, definitions, storing(order, instances))
    checker = checker_of_provider(loaded, named, catalog)
    if checker is not None:
        order["check_brief"] = (*order.get("check_brief", ()), checker[0])
    return Pipeline(
        loaded=loaded,
        catalog=catalog,
        provider=provider,
        account=_account(workflow.provider.use, provider.config),
        dispatcher=_dispatcher(instances, definitions, workflow, observer, _started(checker, loaded, make_context)),
        order=order,
        instances=instances,
        definitions=definitions,
        configs=configs,
        provider_origin=catalog.origin_of_provider(pinned_provider(loaded, catalog)),
    )


def _instance(definition: Definition, config: Config, context: Context) -> Instance:
    instance = start(callee_of(definition), definition.target, config, context)
    if isinstance(context, PluginContext):
        context.payments.units, context.payments.most = instance.units, instance.most_per_call
        context.account_kind = added_as(definition)
    return instance


def storing(order: Mapping[str, Sequence[str]], instances: Mapping[str, Instance]) -> tuple[str, ...]:
    """Return the storage plugins, in order."""
    return tuple(name for name in order["post_download"] if instances[name].phase is Phase.STORE)


def _offer_addresses(
    provider: GuardedProvider,
    instances: Mapping[str, Instance],
    definitions: Mapping[str, Definition],
    stores: Sequence[str],
) -> None:
    """Let every context ask the storage plugins, which exist only now."""
    storages = Storages([(callee_of(definitions[name]), instances[name].target) for name in stores])
    for context in (provider.context, *(instance.context for instance in instances.values())):
        if isinstance(context, PluginContext):
            context.give_address = storages.public_url


def _provider(
    loaded: Loaded, catalog: Catalog, make_context: MakeContext, observer: Observer | None
) -> GuardedProvider:
    table = loaded.workflow.provider
    name = pinned_provider(loaded, catalog)
    kind = catalog.provider(name)
    callee = Callee("provider", table.use, catalog.origin_of_provider(name))
    # To read a class's attributes may run its code.
    loading(callee, "cannot be inspected", lambda: check_provider(table.use, kind))
    config = checked_config(callee, kind.Config, table.settings, loaded, "provider")
    context = make_context(table.use, loaded)
    inner = loading(callee, "could not be started", lambda: kind(config, context))
    return GuardedProvider(inner, callee, config, context, observer)


def _account(use: str, config: ProviderConfig) -> str:
    if config.account:
        return f"{use} {config.account}"
    # By the key's reference, never the key itself: an account stands in the store and in messages.
    parts = (use, getattr(config, "base_url", ""), getattr(config, "api_key", ""))
    return " ".join(str(part) for part in parts if part)


def _started(
    checker: tuple[str, Definition] | None, loaded: Loaded, make_context: MakeContext
) -> dict[str, tuple[Definition, Instance]]:
    """Return the plugin that is only asked about briefs, by its name; nothing if there is none."""
    if checker is None:
        return {}
    name, home = checker
    config, context = settings_of(name, home, loaded), make_context(name, loaded)
    return {name: (home, start(callee_of(home), home.target, config, context))}


def _dispatcher(
    instances: Mapping[str, Instance],
    definitions: Mapping[str, Definition],
    workflow: Workflow,
    observer: Observer | None,
    checker: Mapping[str, tuple[Definition, Instance]],
) -> Dispatcher:
    manager = new_manager()
    # Who is only asked about briefs signs in nowhere, so it is no instance of the workflow.
    known = {name: (definitions[name], instance) for name, instance in instances.items()}
    known |= checker
    for name, (definition, instance) in known.items():
        target = instance.target
        # pluggy reads every attribute of an instance, which runs its properties.
        loading(callee_of(definition), "cannot be inspected", partial(manager.register, target, name=name))
    manager.check_pending()
    limits = {name: table.time_limit for name, table in workflow.plugin.items() if table.time_limit is not None}
    origins = {name: definition.origin for name, definition in definitions.items()}
    origins |= {name: definition.origin for name, (definition, _) in checker.items()}
    sign_in = {
        name: partial(fresh, instance.context, instance.account_name)
        for name, instance in instances.items()
        if instance.account_name and Kind(definitions[name]).refreshes
    }
    accounts = {name: one.account_name for name, one in instances.items() if one.account_name}
    return Dispatcher(manager, limits, observer, origins, sign_in, accounts)


async def fresh(context: Context, account_name: str) -> None:
    """Refresh the token of an account if it ends soon."""
    await context.account(account_name).fresh()
