"""Checks of a workflow: plugins, secrets, folder, models, and the provider behind its key. Nothing is paid for."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from reelwork.credentials.accounts import StoredAccount
from reelwork.credentials.ended import SOON_SECONDS, end_of_sign_in, sign_in_command
from reelwork.errors import WorkflowInvalid
from reelwork.money import dollars
from reelwork.net.addresses import PORTS, Origin, RequestRefused
from reelwork.net.proxies import Proxies
from reelwork.plugins.account_kinds import Kind, check_account, problems_of
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.pipeline import Pipeline
from reelwork.plugins.state import Overlaid
from reelwork.plural import counted
from reelwork.redaction.redactor import Redactor
from reelwork.settings.workflow import Loaded
from reelwork.store.rules import ceilings_of
from reelwork.studio.builder import Builder
from reelwork.studio.doctor.machine import Finding
from reelwork.studio.doctor.plugins import plugin_findings
from reelwork_hooks.errors import InvalidInput, ReelworkError
from reelwork_hooks.http import HttpResponse
from reelwork_hooks.models import Spec
from reelwork_hooks.provider import Capabilities, RenderRef, RenderRequest

NO_RENDER = "reelwork-doctor-0"
"""The id of a render nobody has."""
LONGEST_WAIT = 20.0
"""Seconds a provider is given to answer."""
SKEW = 120.0
"""Seconds by which a provider's clock may differ."""
MOST_MODELS = 8


async def workflow(loaded: Loaded, catalog: Catalog, *, offline: bool = False) -> list[Finding]:
    """Check a workflow, and return the findings."""
    # Without a store, so that a check works while it is damaged or in use.
    with tempfile.TemporaryDirectory(prefix="reelwork-") as folder:
        async with Builder(catalog, Path(folder), values=Overlaid(lambda: None)) as builder:
            try:
                pipeline = builder.build(loaded)
            except InvalidInput as error:
                return [Finding("failure", "workflow", error.message, error.hint)]
            try:
                return [finding async for finding in _findings(pipeline, offline=offline)]
            finally:
                await pipeline.close()


async def _findings(pipeline: Pipeline, *, offline: bool) -> AsyncIterator[Finding]:
    yield _lineup(pipeline)
    yield _folder(pipeline.loaded.out)
    secrets = list(_secrets(pipeline))
    model = pipeline.workflow.brief.get("model") or pipeline.provider.config.model
    can = pipeline.provider.capabilities(model)
    for finding in (*secrets, *_model(pipeline, model, can), *_addresses(pipeline), *_ways(pipeline)):
        yield finding
    async for finding in _accounts(pipeline, offline=offline):
        yield finding
    # A model that is shut down, or a missing secret, would only bring a second message about the same thing.
    retired = can.retired is not None and can.retired <= datetime.now(UTC).date()
    if not offline and not retired and all(finding.level == "ok" for finding in secrets):
        async for finding in _reach(pipeline, model):
            yield finding
    async for finding in plugin_findings(pipeline, offline=offline):
        yield finding
    for finding in _notes(pipeline):
        yield finding


def _lineup(pipeline: Pipeline) -> Finding:
    names = [name for hook, order in pipeline.order.items() if hook != "job_event" for name in order]
    where = pipeline.loaded.source or "without a file"
    return Finding("ok", "workflow", f"{where}: {' → '.join([pipeline.provider_name, *dict.fromkeys(names)])}")


def _folder(out: Path) -> Finding:
    there = next(folder for folder in (out, *out.parents) if folder.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Finding("ok", "output", f"{out} can be written")
    return Finding("failure", "output", f"{out} cannot be written", "Name another folder with --out.")


# --- secrets and models ------------------------------------------------------------------------------------


def _secrets(pipeline: Pipeline) -> Iterator[Finding]:
    for secret in pipeline.secrets():
        try:
            secret.read(pipeline.provider.context)
        except ReelworkError as error:
            yield Finding("failure", "secrets", f"{secret.place}: {error.message}", error.hint)
        else:
            yield Finding("ok", "secrets", f"{secret.place}: {secret.reference} is there")


async def _accounts(pipeline: Pipeline, *, offline: bool) -> AsyncIterator[Finding]:
    for name, instance in pipeline.instances.items():
        if not instance.account_name:
            continue
        try:
            account = instance.context.account(instance.account_name)
            account.read()
            if not isinstance(account, StoredAccount):
                continue
            definition = pipeline.definitions[name]
            check_account(account, definition, instance.context.now().timestamp())
            problems = () if offline else await problems_of(account, Kind(definition), instance.context)
        except ReelworkError as error:
            yield Finding("failure", "accounts", f"{name}: {error.message}", error.hint)
            continue
        for problem in problems:
            yield Finding("failure", "accounts", f"{name}: {problem.message}", problem.hint)
        if not problems:
            yield _sound(name, account, instance.context.now().timestamp(), offline=offline)


def _sound(name: str, account: StoredAccount, now: float, *, offline: bool) -> Finding:
    """Return what there is to say of an account without a problem, also that its sign-in ends soon."""
    said = f"{name}: the account {account.name!r} exists{'' if offline else ', and posts would work'}"
    ends = end_of_sign_in(account.accounts, account.name, account.accounts.entry(account.name))
    if ends is None:
        return Finding("ok", "accounts", said)
    said = f"{said}; its sign-in ends on {datetime.fromtimestamp(ends, UTC):%Y-%m-%d}"
    if ends - now > SOON_SECONDS:
        return Finding("ok", "accounts", said)
    return Finding("warning", "accounts", said, f"Sign in again: {sign_in_command(account.kind, account.name)}")


def _model(pipeline: Pipeline, model: str | None, can: Capabilities) -> Iterator[Finding]:
    named = f"{pipeline.provider_name}{f', model {model}' if model else ''}"
    today = datetime.now(UTC).date()
    if can.retired is not None and can.retired <= today:
        text = f"{named}: shut down on {can.retired}"
        yield Finding("failure", "models", text, "Name another model, or another server under [provider].")
    elif can.retired is not None:
        days = (can.retired - today).days
        yield Finding("warning", "models", f"{named}: will be shut down on {can.retired}, in {days} days")
    if can.note:
        yield Finding("warning", "models", f"{named}: {can.note}")
    if can.price is None:
        budget = pipeline.workflow.budget
        refused = bool(ceilings_of(pipeline.budget)) and not budget.allow_unknown_price
        text = f"{named}: the price is not known{', so that [budget] lets nothing through' if refused else ''}"
        yield Finding("warning" if refused else "note", "models", text, "Say it: provider.price_per_second = 0.10")
    else:
        price = f"{dollars(can.price.per_second)} a second as of {can.price.as_of}"
        yield Finding("ok", "models", f"{named}: {price}{f' ({can.price.source})' if can.price.source else ''}")


# --- the provider ------------------------------------------------------------------------------------------


async def _reach(pipeline: Pipeline, model: str | None) -> AsyncIterator[Finding]:
    name = pipeline.provider_name
    spec = Spec(width=1280, height=720, aspect_ratio="16:9", resolution="720p", duration=4)
    request = RenderRequest(prompt="none", spec=spec, model=model)
    nobody = RenderRef(remote_id=NO_RENDER, request=request, submitted_at=datetime.now(UTC))
    try:
        async with asyncio.timeout(LONGEST_WAIT):
            # The one question that needs a valid key and costs nothing: about a render that nobody has.
            await pipeline.provider.poll([nobody])
    except TimeoutError:
        yield Finding("failure", "reach", f"{name} gave no answer within {LONGEST_WAIT:g} s", _hint(pipeline))
        return
    except ReelworkError as error:
        message = error.message.replace(NO_RENDER, "a video that does not exist")
        yield Finding("failure", "reach", f"{name}: {message}", error.hint or _hint(pipeline))
        return
    except Exception as error:
        yield Finding("failure", "reach", f"{name}: {type(error).__name__}: {error}")
        return
    yield Finding("ok", "reach", f"{name} answers")
    async for finding in _models(pipeline, model):
        yield finding


def _hint(pipeline: Pipeline) -> str:
    address = getattr(pipeline.provider.config, "base_url", "")
    return f"Check base_url ({address}) and your network." if address else ""


def _addresses(pipeline: Pipeline) -> Iterator[Finding]:
    try:
        pipeline.check_addresses()
    except WorkflowInvalid as error:
        yield Finding("failure", "addresses", error.message, error.hint)


def _ways(pipeline: Pipeline) -> Iterator[Finding]:
    """Yield the way to each configured address; nothing where no proxy is set."""
    proxies = Proxies.from_environment(Redactor())
    used = False
    for origin in _configured(pipeline):
        try:
            proxy = proxies.for_origin(origin)
        except RequestRefused as error:
            yield Finding("failure", "proxy", f"{origin}: {error}", f"Or reach it directly: NO_PROXY={origin.host}")
            continue
        used = used or proxy is not None
        if proxies.named:
            way = "directly" if proxy is None else f"through the proxy {proxy}"
            yield Finding("ok", "proxy", f"{origin} is reached {way}")
    if used:
        text = "links that come from outside, as of downloads, never use the proxy: they are checked here"
        yield Finding("note", "proxy", text, "Where only the proxy leads out, they are refused.")


def _configured(pipeline: Pipeline) -> list[Origin]:
    """Return the origins in the settings of the provider and of every plugin."""
    plugins = (pipeline.provider, *pipeline.instances.values())
    values = [value for one in plugins for value in dict(getattr(one, "config", ())).values()]
    parts = [urlsplit(value) for value in values if isinstance(value, str) and value.startswith(_WEB)]
    found = [Origin(one.scheme, one.hostname, one.port or PORTS[one.scheme]) for one in parts if one.hostname]
    return list(dict.fromkeys(found))


_WEB = tuple(f"{scheme}://" for scheme in PORTS)


async def _models(pipeline: Pipeline, model: str | None) -> AsyncIterator[Finding]:
    """Check which models the key reaches, if the server has the usual list of models at /v1/models."""
    config = pipeline.provider.config
    address = str(getattr(config, "base_url", "") or "")
    if not address:
        return
    parts = urlsplit(address)
    client = pipeline.provider.context.http(trust=[f"{parts.scheme}://{parts.netloc}"])
    try:
        async with asyncio.timeout(LONGEST_WAIT):
            response = await client.get(f"{address}/v1/models", headers=_auth(pipeline))
    except (TimeoutError, ReelworkError):
        return
    for finding in (*_skew(response), *_listed(response, model)):
        yield finding


def _auth(pipeline: Pipeline) -> dict[str, str]:
    config = pipeline.provider.config
    reference = getattr(config, "api_key", None)
    if not reference:
        return {}
    key = pipeline.provider.context.secret(reference)
    header = str(getattr(config, "auth_header", "Authorization"))
    return {header: f"Bearer {key}" if header.lower() == "authorization" else key}


def _skew(response: HttpResponse) -> Iterator[Finding]:
    try:
        at = parsedate_to_datetime(response.headers.get("date", ""))
        ahead = (at - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return
    if abs(ahead) > SKEW:
        way = "behind" if ahead > 0 else "ahead of"
        text = f"this machine's is {abs(ahead):.0f} s {way} the provider's"
        yield Finding("warning", "clock", text, "Set it by the network: timedatectl set-ntp true")


def _listed(response: HttpResponse, model: str | None) -> Iterator[Finding]:
    if response.status_code in (401, 403):
        text = f"the key was refused ({response.status_code}) when asked for the list of models"
        yield Finding("failure", "reach", text, "Check api_key and auth_header under [provider].")
        return
    names = _names(response)
    if not names:
        return
    more = f" and {len(names) - MOST_MODELS} more" if len(names) > MOST_MODELS else ""
    yield Finding(
        "ok", "reach", f"the key reaches {counted(len(names), 'model')}: {', '.join(names[:MOST_MODELS])}{more}"
    )
    if model and model not in names:
        text = f"the model {model!r} is not among them"
        yield Finding(
            "warning", "models", text, "Some gateways do not list all; if it fails, name one that is listed."
        )


def _names(response: HttpResponse) -> list[str]:
    if response.status_code != 200:
        return []
    try:
        listed = response.json()["data"]
        return sorted({str(entry["id"]) for entry in listed})
    except (ValueError, KeyError, TypeError):
        return []


# --- what plugins say of quotas and audits -----------------------------------------------------------------


def _notes(pipeline: Pipeline) -> Iterator[Finding]:
    for text in pipeline.provider.notes_in_use():
        yield Finding("note", pipeline.provider_name, text)
    for name in pipeline.order["publish"]:
        for text in getattr(pipeline.instances[name], "notes", ()):
            yield Finding("note", name, text)
    own = pipeline.own_platforms()
    asked = pipeline.workflow.brief.get("platforms", ())
    platforms = {
        platform.name: platform for platform in (pipeline.catalog.platform(str(name), own) for name in asked)
    }
    for platform in platforms.values():
        for text in platform.notes:
            yield Finding("note", platform.name, text)
