"""One provider, described from its own code: settings, what each known model can do and costs."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reelwork.cli.views.plugin_page import (
    ability_rows,
    durations_in_words,
    settings_lines,
    settings_of,
    sizes_in_words,
)
from reelwork.cli.views.text import columns, described, line_width, paint, prose, wrapped
from reelwork.money import dollars
from reelwork.plugins.brief_options import options_model
from reelwork.plugins.context import PluginContext
from reelwork.plugins.definition import Definition
from reelwork.redaction.redactor import Redactor
from reelwork_hooks.errors import ReelworkError
from reelwork_hooks.http import HttpClient
from reelwork_hooks.provider import Capabilities, Provider, ProviderConfig

# A provider that needs an address can then be shown without a workflow. `.example` never resolves (RFC 2606).
SOMEWHERE = "https://provider.example"
"""Stands for an address that has to be configured, where a provider is only shown."""


@dataclass(frozen=True)
class Ability:
    """The capabilities of a provider with one model."""

    model: str | None
    """None: the default one, or any that is not known by name."""
    can: Capabilities


@dataclass(frozen=True)
class Shown:
    """A provider with the facts of its page."""

    name: str
    home: Definition
    kind: type[Provider]
    abilities: tuple[Ability, ...]
    configured: bool
    """True if a workflow's settings were used."""
    default_model: str = ""
    """The model that is asked for where a brief names none; empty if the provider alone knows it."""

    @property
    def notes(self) -> tuple[str, ...]:
        """The provider's notes about itself."""
        return self.kind.notes


def look_at(
    name: str, home: Definition, *, settings: dict[str, Any] | None = None, models: Sequence[str] = ()
) -> Shown:
    """Return a provider's capabilities with these settings, or else with its defaults. Asks no server."""
    kind = home.providers[name]
    config = _config(kind.Config, settings)
    named = models or kind.known_models
    wanted: list[str | None] = [*named] if models else [None, *named]
    abilities = tuple(_abilities(kind, config, wanted)) if config is not None else ()
    default = getattr(config, "model", None) or ""
    return Shown(name, home, kind, abilities, settings is not None, default)


def _config(model: type[ProviderConfig], settings: dict[str, Any] | None) -> ProviderConfig | None:
    if settings is not None:
        return model.model_validate(settings)
    try:
        return model()
    except ValidationError as error:
        missing = {str(problem["loc"][0]): SOMEWHERE for problem in error.errors() if problem["type"] == "missing"}
    try:
        return model.model_validate(missing)
    except ValidationError:
        return None


def _abilities(kind: type[Provider], config: ProviderConfig, models: Sequence[str | None]) -> Iterator[Ability]:
    with tempfile.TemporaryDirectory(prefix="reelwork-") as folder:
        here = Path(folder)
        context = PluginContext(
            "show", work_dir=here, output_dir=here, base_dir=here, http_factory=_no_http, redactor=Redactor()
        )
        try:
            provider = kind(config, context)
            for model in models:
                yield Ability(model, provider.capabilities(model))
        except Exception:
            # A page about a plugin must not depend on what the plugin does.
            return


def _no_http(trust: Sequence[str]) -> HttpClient:
    raise ReelworkError("A provider that is only shown may not use the network.")


# --- for people --------------------------------------------------------------------------------------------


def page(shown: Shown) -> Iterator[str]:
    """Yield the provider's page, line by line."""
    yield f"{paint(shown.name, bold=True)}  ({shown.home.origin}, plugin {shown.home.name})"
    yield ""
    yield from prose(inspect.getdoc(shown.kind) or "It has no description.")
    title = f'Settings, under [provider] with use = "{shown.name}"'
    yield from _without_first_blank(settings_lines(title, shown.kind.Config))
    if (options := options_model(shown.kind)) is not None:
        yield from settings_lines("Options, under [brief.options]", options)
    yield ""
    if not shown.abilities:
        yield "What it can do depends on its settings: add --workflow FILE.toml."
        return
    first = shown.abilities[0]
    yield f"What it can do{_with(shown, first.model)}"
    yield from _indented(list(ability_rows(first.can)), flexible=1)
    if len(shown.abilities) > 1:
        yield ""
        yield "What it can do with each model that is known by name"
        rows = [["MODEL", "LENGTHS", "PRICE A SECOND", "SHUT DOWN", "SIZES"], *map(_row, shown.abilities[1:])]
        yield from (f"  {line}" for line in described(rows, width=line_width() - 2))
    if shown.notes:
        yield ""
        yield "Good to know"
        for note in shown.notes:
            yield from wrapped(note, "  ")


def _without_first_blank(lines: Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number or line:
            yield line


def _with(shown: Shown, model: str | None) -> str:
    if model:
        return f" with {model}"
    if shown.configured:
        return " as the workflow sets it"
    if shown.default_model:
        return f" with its default model, {shown.default_model}"
    return " with a model that is not known by name" if len(shown.abilities) > 1 else ""


def _indented(rows: Sequence[Sequence[str]], flexible: int) -> Iterator[str]:
    yield from (f"  {line}" for line in columns(rows, flexible=flexible, width=line_width() - 2))


def _row(ability: Ability) -> list[str]:
    can = ability.can
    sizes = sizes_in_words(can)
    return [ability.model or "any", durations_in_words(can), price_in_words(can), _retired(can), sizes]


def price_in_words(can: Capabilities) -> str:
    """Return the price in US dollars a second, with its date."""
    return "not known" if can.price is None else f"{dollars(can.price.per_second)} ({can.price.as_of})"


def _retired(can: Capabilities) -> str:
    if can.retired is None:
        return ""
    past = can.retired <= datetime.now(UTC).date()
    return f"{'since' if past else 'on'} {can.retired}"


# --- for programs ------------------------------------------------------------------------------------------


def page_as_json(shown: Shown) -> dict[str, Any]:
    """Return the provider as programs get it."""
    return {
        "name": shown.name,
        "plugin": shown.home.name,
        "origin": shown.home.origin,
        "description": inspect.getdoc(shown.kind) or "",
        "settings": list(settings_of(shown.kind.Config)),
        "options": [] if (options := options_model(shown.kind)) is None else list(settings_of(options)),
        "models": [{"model": one.model, **one.can.model_dump(mode="json")} for one in shown.abilities],
        "notes": list(shown.notes),
    }
