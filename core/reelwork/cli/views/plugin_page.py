"""One plugin, described from its own code: docstring, hooks, settings, and what its providers can do."""

from __future__ import annotations

import inspect
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from reelwork.cli.views.text import columns, described, line_width, paint, prose
from reelwork.money import dollars
from reelwork.plugins.brief_options import options_model
from reelwork.plugins.context import PluginContext
from reelwork.plugins.definition import Definition
from reelwork.redaction.redactor import Redactor
from reelwork.settings.field_docs import field_meanings
from reelwork.text import one_line
from reelwork_hooks.errors import ReelworkError
from reelwork_hooks.http import HttpClient
from reelwork_hooks.models import Platform
from reelwork_hooks.plugin import Plugin
from reelwork_hooks.provider import Capabilities, Provider
from reelwork_hooks.targets import Target


def page(definition: Definition) -> Iterator[str]:
    """Yield the plugin's page, line by line."""
    yield f"{paint(definition.name, bold=True)}  ({definition.origin})"
    yield ""
    yield from prose(inspect.getdoc(definition.target) or "It has no description.")
    if definition.hooks:
        yield f"Hooks: {', '.join(definition.hooks)}"
        yield from target_lines(definition)
        yield from settings_lines(f"Settings, under [plugin.{definition.name}]", definition.config_model)
    if (options := definition.post_options) is not None and "publish" in definition.hooks:
        yield from settings_lines(f"Options of a post, under [destination.{definition.name}]", options)
    for name, kind in definition.providers.items():
        yield f"{paint('Provider ' + name, bold=True)}: {(inspect.getdoc(kind) or '').partition(chr(10))[0]}"
        yield from settings_lines(f'Settings, under [provider] with use = "{name}"', kind.Config)
        if (options := options_model(kind)) is not None:
            yield from settings_lines("Options, under [brief.options]", options)
        yield from _abilities(kind)
    for name, scheme in definition.webhooks.items():
        yield f"{paint('Webhooks ' + name, bold=True)}: {(inspect.getdoc(scheme) or '').partition(chr(10))[0]}"
        yield from settings_lines(f'Settings, under [webhooks_in.NAME] with scheme = "{name}"', scheme.Config)
    if definition.platforms:
        yield "Platforms"
        rows = [["NAME", "SHAPE", "LONGEST", "STYLE"], *map(_platform_row, definition.platforms)]
        yield from (f"  {line}" for line in described(rows, width=line_width() - 2))


def target_lines(definition: Definition) -> Iterator[str]:
    """Yield which videos a publisher takes, and which of that a finishing plugin brings a video to."""
    if "publish" in definition.hooks:
        yield f"Takes: {_target_in_words(_declared(definition, 'accepts'))}"
    fits = _declared(definition, "fits")
    if "post_download" in definition.hooks and fits:
        yield f"Brings a video to: {', '.join(fits) if isinstance(fits, list | tuple) else _AS_SET}"


_AS_SET = "what its settings say"


def _declared(definition: Definition, name: str) -> Any:
    return getattr(definition.target, name, getattr(Plugin, name))


def _target_in_words(target: Any) -> str:
    if not isinstance(target, Target):
        # A property depends on the instance.
        return _AS_SET
    parts = (
        target.aspect_ratio,
        f"{target.longest:g} s at most" if target.longest else None,
        f"{target.most_bytes:,} bytes at most" if target.most_bytes else None,
        " or ".join(target.codecs),
    )
    return ", ".join(part for part in parts if part) or "any video, unless its destination says otherwise"


def _targets_as_json(definition: Definition) -> dict[str, Any]:
    """Return what is declared about targets; None where it depends on the settings or says nothing."""
    accepts, fits = _declared(definition, "accepts"), _declared(definition, "fits")
    takes = isinstance(accepts, Target) and "publish" in definition.hooks
    makes = isinstance(fits, list | tuple) and "post_download" in definition.hooks
    return {
        "accepts": accepts.model_dump(mode="json") if takes else None,
        "fits": list(fits) if makes else None,
    }


def _indented(rows: Sequence[Sequence[str]], flexible: int) -> Iterator[str]:
    yield from (f"  {line}" for line in columns(rows, flexible=flexible, width=line_width() - 2))


def _platform_row(platform: Platform) -> list[str]:
    names = ", ".join((platform.name, *platform.aliases))
    return [names, platform.aspect_ratio, f"{platform.longest_duration:g} s", platform.style]


def settings_lines(title: str, model: type[BaseModel]) -> Iterator[str]:
    """Yield a model's settings as a table below a title."""
    settings = list(settings_of(model))
    yield ""
    if not settings:
        yield "It has no settings."
        return
    yield title
    rows = [[item["name"], item["type"], item["shown_default"], _meaning(item)] for item in settings]
    table = described([["NAME", "TYPE", "DEFAULT", "MEANING"], *rows], width=line_width() - 2)
    yield from (f"  {line}" for line in table)


def _meaning(item: Mapping[str, Any]) -> str:
    limits = ", ".join(item["limits"])
    return " ".join(
        part for part in (item["description"], f"{limits[:1].upper()}{limits[1:]}." if limits else "") if part
    )


def settings_of(model: type[BaseModel]) -> Iterator[dict[str, Any]]:
    """Yield each setting with its type, default, meaning and limits."""
    schema = model.model_json_schema()
    required = schema.get("required", [])
    written = field_meanings(model)
    for name, declared in schema.get("properties", {}).items():
        field = _resolved(declared, schema.get("$defs", {}))
        needed = name in required
        yield {
            "name": name,
            "type": _type(field),
            "required": needed,
            "default": field.get("default"),
            "shown_default": "required" if needed else _default(field.get("default")),
            "description": one_line(field.get("description") or written.get(name, "")),
            "limits": list(_limits(field)),
        }


def _resolved(field: Mapping[str, Any], models: Mapping[str, Any]) -> dict[str, Any]:
    """Return a field with the choices it refers to. A model it refers to stays a table, whatever is in it."""
    named = models.get(str(field.get("$ref", "")).rpartition("/")[2], {})
    inner = {key: named[key] for key in ("enum", "type") if key in named}
    whole = {**inner, **field}
    if "anyOf" in whole:
        whole["anyOf"] = [_resolved(option, models) for option in whole["anyOf"]]
    if "items" in whole and isinstance(whole["items"], Mapping):
        whole["items"] = _resolved(whole["items"], models)
    return whole


_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "multipleOf": "a multiple of {}",
    "pattern": "as in {}",
}
"""Words for the limits of a JSON schema."""


def _limits(field: Mapping[str, Any]) -> Iterator[str]:
    options = [option for option in field.get("anyOf", ()) if option.get("type") != "null"]
    # With several kinds, a limit is that of one of them only.
    limited = {**options[0], **field} if len(options) == 1 else field
    yield from (words.format(limited[key]) for key, words in _LIMITS.items() if key in limited)


def _default(value: Any) -> str:
    return "none" if value in (None, "", [], {}) else json.dumps(value, ensure_ascii=False).strip('"')


def _type(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if "anyOf" in field:
        kinds = dict.fromkeys(_type(option) for option in field["anyOf"] if option.get("type") != "null")
        # pydantic takes a decimal number as text too. Saying so would only confuse.
        return " | ".join(kind for kind in kinds if not ("number" in kinds and kind == "text"))
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    names = {"string": "text", "integer": "whole number", "boolean": "true | false", "object": "table"}
    kind = str(field.get("type", "value"))
    return "path" if field.get("format") == "path" else names.get(kind, kind)


def _abilities(kind: type[Provider]) -> Iterator[str]:
    capabilities = default_capabilities(kind)
    yield ""
    if capabilities is None:
        yield "What it can do depends on its settings; `reelwork plan` shows it for a workflow."
        return
    yield "What it can do, with its default model"
    yield from _indented(list(ability_rows(capabilities)), flexible=1)


def ability_rows(can: Capabilities) -> Iterator[list[str]]:
    """Yield each ability of a provider, with its limits."""
    yield ["durations", durations_in_words(can)]
    yield ["sizes", sizes_in_words(can)]
    for name, possible in (("ratios", can.aspect_ratios), ("heights", can.resolutions)):
        if possible is not None:
            yield [name, ", ".join(possible)]
    rates = "cannot be chosen" if can.fps == () else ", ".join(map(str, can.fps or ())) or "not limited here"
    yield ["fps", rates]
    offers = {"seed": can.seed, "negative_prompt": can.negative_prompt, "metadata": can.metadata}
    offers |= {"webhook": can.webhook, "references": bool(can.references)}
    yield ["takes", ", ".join(name for name, given in offers.items() if given) or "none of the optional parameters"]
    if can.reference_roles:
        at = ", with a time" if can.reference_at else ""
        yield ["references as", f"{', '.join(can.reference_roles)}{at}"]
    price = can.price and f"{dollars(can.price.per_second)} a second as of {can.price.as_of}"
    yield ["price", price or "not known"]
    yield ["after a crash", _IDEMPOTENCY[can.idempotency.value]]


_IDEMPOTENCY = {
    "key": "asks again with the same key, which repeats nothing",
    "lookup": "looks up whether the request arrived, and never sends it blindly",
    "none": "holds an unknown request for a person",
}


def durations_in_words(can: Capabilities) -> str:
    """Return the possible lengths of a video in words."""
    if can.durations is not None:
        first, last = min(can.durations, default=0), max(can.durations, default=0)
        if len(can.durations) > 2 and sorted(can.durations) == list(range(int(first), int(last) + 1)):
            return f"{first:g} to {last:g} s, whole"
        return ", ".join(f"{length:g}" for length in can.durations) + " s"
    if can.longest_duration is None:
        return "not limited here"
    return f"{can.shortest_duration or 0:g} to {can.longest_duration:g} s"


def sizes_in_words(can: Capabilities) -> str:
    """Return the possible sizes of a video in words: sizes, or heights and ratios."""
    if can.sizes:
        return ", ".join(can.sizes)
    heights, ratios = ", ".join(can.resolutions or ()), ", ".join(can.aspect_ratios or ())
    return "; ".join(part for part in (heights, ratios) if part) or "not limited here"


def default_capabilities(kind: type[Provider]) -> Capabilities | None:
    """Return a provider's capabilities without any settings; None if it fails without them."""
    with tempfile.TemporaryDirectory(prefix="reelwork-") as folder:
        here = Path(folder)
        context = PluginContext(
            "show",
            work_dir=here,
            output_dir=here,
            base_dir=here,
            http_factory=_no_http,
            redactor=Redactor(),
        )
        try:
            return kind(kind.Config(), context).capabilities(None)
        except Exception:
            # A page about a plugin must not depend on what the plugin does.
            return None


def _no_http(trust: Sequence[str]) -> HttpClient:
    raise ReelworkError("A plugin that is only shown may not use the network.")


def page_as_json(definition: Definition) -> dict[str, Any]:
    """Return the plugin as programs get it."""
    providers = {}
    for name, kind in definition.providers.items():
        capabilities = default_capabilities(kind)
        providers[name] = {
            "settings": list(settings_of(kind.Config)),
            "options": [] if (own := options_model(kind)) is None else list(settings_of(own)),
            "capabilities": None if capabilities is None else capabilities.model_dump(mode="json"),
        }
    return {
        "description": inspect.getdoc(definition.target) or "",
        **_targets_as_json(definition),
        "settings": list(settings_of(definition.config_model)) if definition.hooks else [],
        "post_options": [] if (own := definition.post_options) is None else list(settings_of(own)),
        "providers": providers,
        "platforms": [platform.model_dump(mode="json") for platform in definition.platforms],
        "webhooks": {
            name: {"settings": list(settings_of(scheme.Config))} for name, scheme in definition.webhooks.items()
        },
    }
