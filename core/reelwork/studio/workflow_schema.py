"""The JSON schema of workflow files, with which editors complete and check.

A file is one layer of several (`settings.layers`), so nothing is required in it. But what is written must be right,
and an unknown key is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from pydantic import AfterValidator, BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from reelwork.plugins.definition import Definition
from reelwork.settings.field_docs import field_meanings
from reelwork.settings.layers import DEFAULT_PROVIDER, OTHER_NAMES
from reelwork.settings.workflow import (
    BudgetTable,
    LimitsTable,
    PluginLists,
    PostsTable,
    ReviewTable,
    ScheduleTable,
    Workflow,
)
from reelwork_hooks.models import Brief, Platform, PostCopy
from reelwork_hooks.plugin import SECRET_SCHEMES, Config, SecretRef
from reelwork_hooks.provider import ProviderConfig

# The newest draft that the TOML extensions of editors understand.
DRAFT = "http://json-schema.org/draft-07/schema#"
TEXT: Mapping[str, Any] = {"type": "string"}
SECONDS: Mapping[str, Any] = {
    "type": "number",
    "exclusiveMinimum": 0,
    "description": "Seconds each of its hooks may take.",
}

Schema = dict[str, Any]


def workflow_schema(plugins: Iterable[Definition]) -> Schema:
    """Return the schema of workflow files for these plugins."""
    found = sorted(plugins, key=lambda definition: definition.name)
    providers = {name: kind.Config for definition in found for name, kind in definition.providers.items()}
    configs = {definition.name: definition.config_model for definition in found if definition.hooks}
    copies = {definition.name: definition.post_options for definition in found if "publish" in definition.hooks}
    tables: list[type[BaseModel]] = [PluginLists, LimitsTable, BudgetTable, PostsTable, ReviewTable, ScheduleTable]
    models: list[type[BaseModel]] = [Workflow, Brief, Platform, *tables]
    own: list[type[BaseModel]] = [PostCopy, *(model for model in copies.values() if model is not None)]
    shapes = _Shapes([*models, *own, *providers.values(), *configs.values()])
    top = shapes.fields(Workflow)
    platforms = [name for definition in found for p in definition.platforms for name in (p.name, *p.aliases)]
    properties = {
        "name": top["name"],
        "requires": top["requires"],
        "out": top["out"],
        "brief": _table(_brief(shapes, platforms), "What to make."),
        "provider": _provider(shapes, providers),
        "plugins": _plugins(shapes, list(configs)),
        "plugin": _instances(shapes, configs),
        "destination": _destinations(shapes, copies),
        "platform": _own_platforms(shapes),
        "limits": _table(shapes.fields(LimitsTable), "What the provider's account allows."),
        "budget": _table(shapes.fields(BudgetTable), "Ceilings in US dollars. Days and months are UTC."),
        "posts": _table(shapes.fields(PostsTable), "What is agreed to about posts."),
        "review": _table(shapes.fields(ReviewTable), "Which posts wait for a person."),
        "schedule": _table(shapes.fields(ScheduleTable), "When it runs automatically, once it was added."),
    }
    head: Schema = {"$schema": DRAFT, "title": "Reelwork workflow", "type": "object"}
    return {
        **head,
        "properties": properties,
        "additionalProperties": False,
        "definitions": shapes.shared_by(properties),
    }


class _Shapes:
    """The fields of models as JSON schema, and what several of them share."""

    def __init__(self, models: Sequence[type[BaseModel]]) -> None:
        wanted = list(dict.fromkeys(models))
        by_model, whole = models_json_schema(
            [(model, "validation") for model in wanted],
            ref_template="#/definitions/{model}",
            schema_generator=_Generator,
        )
        self._all: Schema = {name: _tidy(schema) for name, schema in whole["$defs"].items()}
        self._fields: dict[type[BaseModel], Schema] = {}
        for model in wanted:
            name = by_model[model, "validation"]["$ref"].rpartition("/")[2]
            self._fields[model] = dict(_described(self._all[name].get("properties", {}), field_meanings(model)))

    def fields(self, model: type[BaseModel]) -> Schema:
        """Return a model's fields."""
        return dict(self._fields[model])

    def define(self, name: str, schema: Schema) -> Schema:
        """Store a schema under a name of its own; return the reference to it."""
        self._all[name] = schema
        return {"$ref": f"#/definitions/{name}"}

    def shared_by(self, schema: Schema) -> Schema:
        """Everything a schema refers to."""
        names, seen = set(_references(schema)), set[str]()
        while names:
            seen |= names
            names = {found for name in names for found in _references(self._all[name])} - seen
        return {name: self._all[name] for name in sorted(seen)}


class _Generator(GenerateJsonSchema):
    """Adds the form of a secret's reference, so that a pasted key is underlined at once."""

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> JsonSchemaValue:
        """Return the inner schema; for a secret, with its pattern."""
        inner = super().function_after_schema(schema)
        if schema["function"]["function"] is not _IS_REFERENCE:
            return inner
        return {**inner, "pattern": f"^({'|'.join(SECRET_SCHEMES)}):.+"}


# Recognised by its validator, which is the only thing that tells a secret's field from other text.
_IS_REFERENCE = next(part.func for part in get_args(SecretRef) if isinstance(part, AfterValidator))


def _tidy(part: Any) -> Any:
    """Without the titles pydantic makes of names, and without null, which TOML does not have."""
    if isinstance(part, list):
        return [_tidy(item) for item in part if item != {"type": "null"}]
    if not isinstance(part, dict):
        return part
    kept = {key: value for key, value in part.items() if not (key == "title" and isinstance(value, str))}
    if kept.get("default", ...) is None:
        del kept["default"]
    tidied = {key: _tidy(value) for key, value in kept.items()}
    options = tidied.get("anyOf")
    if options and len(options) == 1:
        del tidied["anyOf"]
        return {**options[0], **tidied}
    return tidied


def _described(fields: Schema, meanings: Mapping[str, str]) -> Iterable[tuple[str, Schema]]:
    for name, field in fields.items():
        shown = dict(field)
        if meanings.get(name):
            shown.setdefault("description", meanings[name])
        if "$ref" in shown and len(shown) > 1:
            # In draft 7, keys beside a reference are ignored.
            shown = {"allOf": [{"$ref": shown.pop("$ref")}], **shown}
        yield name, shown


def _references(part: Any) -> Iterable[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"].rpartition("/")[2]
        part = list(part.values())
    if isinstance(part, list):
        for item in part:
            yield from _references(item)


# --- tables ------------------------------------------------------------------------------------------------


def _table(fields: Schema, description: str = "") -> Schema:
    table: Schema = {"type": "object", "properties": fields, "additionalProperties": False}
    return {"description": description, **table} if description else table


def _brief(shapes: _Shapes, platforms: Sequence[str]) -> Schema:
    fields = shapes.fields(Brief)
    for other, name in OTHER_NAMES.items():
        fields[other] = {**fields[name], "description": f"Another name of `{name}`."}
    fields["input_reference"] = {**TEXT, "description": "Another name of one entry of `references`."}
    fields["platforms"] = {**fields["platforms"], "items": _known_or_other(platforms)}
    return fields


def _known_or_other(names: Sequence[str]) -> Schema:
    """Offers the names that are known and takes any: a workflow may bring its own."""
    return {"anyOf": [{"enum": sorted(set(names))}, dict(TEXT)]}


def _own_platforms(shapes: _Shapes) -> Schema:
    described = "A platform of your own, or changes to one that exists."
    return {"type": "object", "description": described, "additionalProperties": _table(shapes.fields(Platform))}


def _destinations(shapes: _Shapes, copies: Mapping[str, type[Config] | None]) -> Schema:
    copy = shapes.fields(PostCopy)
    tables = {
        name: _table({**copy, **({} if model is None else shapes.fields(model))}) for name, model in copies.items()
    }
    described = (
        "What single publishers get in place of the brief's copy, and their own options: [destination.NAME]."
    )
    # An instance with a name of its own may be any publisher, with any options.
    other: Schema = {"type": "object", "properties": copy}
    return {"type": "object", "description": described, "properties": tables, "additionalProperties": other}


def _provider(shapes: _Shapes, providers: Mapping[str, type[ProviderConfig]]) -> Schema:
    use = {**_known_or_other(list(providers)), "description": "The provider's name.", "default": DEFAULT_PROVIDER}
    rules = [
        {
            "if": _uses(name, default=name == DEFAULT_PROVIDER),
            "then": _table({"use": True, **shapes.fields(config)}),
        }
        for name, config in providers.items()
    ]
    return {
        "type": "object",
        "description": "Who makes the videos, and its settings.",
        "properties": {"use": use},
        "allOf": rules,
    }


def _uses(name: str, *, default: bool) -> Schema:
    """Holds for a table that uses this name, or that names none where this is the default."""
    named = {"properties": {"use": {"const": name}}}
    # In JSON schema, `properties` also holds for a table without the key. So `required` must exclude that.
    return named if default else {**named, "required": ["use"]}


def _plugins(shapes: _Shapes, names: Sequence[str]) -> Schema:
    listed = {**_known_or_other(names), "minLength": 1}
    fields = {name: {**field, "items": listed} for name, field in shapes.fields(PluginLists).items()}
    return {
        "description": "Which plugins run at each step, in order. A list: these beside the usual ones.",
        "type": ["object", "array"],
        "properties": fields,
        "additionalProperties": False,
        "items": listed,
    }


def _instances(shapes: _Shapes, configs: Mapping[str, type[Config]]) -> Schema:
    tables = {
        name: shapes.define(f"plugin.{name}", _own_table(shapes.fields(config))) for name, config in configs.items()
    }
    rules = [{"if": _uses(name, default=False), "then": table} for name, table in tables.items()]
    use = {**_known_or_other(list(configs)), "description": "The plugin, when the instance has a name of its own."}
    own_name: Schema = {"type": "object", "properties": {"use": use, "time_limit": SECONDS}, "allOf": rules}
    instance = shapes.define("plugin", own_name)
    return {
        "type": "object",
        "description": "Settings of plugin instances: [plugin.NAME].",
        "properties": {name: {"if": _unnamed(), "then": table, "else": instance} for name, table in tables.items()},
        "additionalProperties": instance,
    }


def _unnamed() -> Schema:
    return {"not": {"required": ["use"]}}


def _own_table(fields: Schema) -> Schema:
    return _table({"use": dict(TEXT), "time_limit": dict(SECONDS), **fields})
