"""The description of the API in OpenAPI 3.1, made from the table of its operations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from reelwork.server.api.models import ProblemTold
from reelwork.server.operations import JSON, Operation
from reelwork.server.problems import phrase_of
from reelwork.server.tokens import Scope
from reelwork.settings.field_docs import field_meanings
from reelwork.version import __version__

INTRODUCTION = (
    "What the command line of Reelwork shows and does, for programs elsewhere. Money is in US dollars, as texts. "
    "Errors are problem documents (RFC 9457)."
)
_REF = "#/components/schemas/{model}"
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9.\-_]")
Mode = Literal["validation", "serialization"]
Schemas = dict[tuple[type[BaseModel], Mode], dict[str, Any]]


def document_of(operations: Sequence[Operation]) -> dict[str, Any]:
    """Return the description of some operations."""
    schemas, components = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas, components)
    unseen = {_name(schemas[one.query, "validation"]) for one in operations if one.query is not None}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Reelwork", "version": __version__, "description": INTRODUCTION},
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in unseen},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(operations: Sequence[Operation]) -> tuple[Schemas, dict[str, Any]]:
    wanted: dict[tuple[type[BaseModel], Mode], None] = {(ProblemTold, "serialization"): None}
    for one in operations:
        wanted |= {(model, "validation"): None for model in (one.query, one.body) if model is not None}
        wanted |= {(model, "serialization"): None for model in (one.returns,) if model is not None}
    found, whole = models_json_schema(list(wanted), ref_template=_REF)
    components = whole["$defs"]
    for model in _with_parts([model for model, _ in wanted]):
        _explain(model, components.get(_NOT_IN_NAMES.sub("_", model.__name__), {}))
    return {key: found[key] for key in wanted}, components


def _with_parts(models: Iterable[type[BaseModel]]) -> set[type[BaseModel]]:
    """Return models with those that their fields hold."""
    seen: set[type[BaseModel]] = set()
    left = list(models)
    while left:
        model = left.pop()
        if model not in seen:
            seen.add(model)
            left += [part for field in model.model_fields.values() for part in _models_in(field.annotation)]
    return seen


def _models_in(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from _models_in(part)


def _explain(model: type[BaseModel], schema: dict[str, Any]) -> None:
    """Add the texts below the fields of a model, which its schema does not have."""
    for name, text in field_meanings(model).items():
        if name in schema.get("properties", {}):
            schema["properties"][name].setdefault("description", text)


def _name(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _operation(one: Operation, schemas: Schemas, components: dict[str, Any]) -> dict[str, Any]:
    first, _, _ = one.described.partition(". ")
    told: dict[str, Any] = {
        "operationId": one.name,
        "summary": first.split("\n")[0].rstrip("."),
        "description": f"{' '.join(one.described.split())} {_rights(one.scope)}",
        "parameters": [*_in_path(one.path), *_in_query(one, schemas, components), *_in_headers(one)],
        "responses": {
            **{str(status.value): _answer(one, status, schemas) for status in (one.status, *one.also)},
            "default": {
                "description": "An error.",
                "content": {"application/problem+json": {"schema": schemas[ProblemTold, "serialization"]}},
            },
        },
        # Where reading is open, a request to read needs no token.
        "security": [{"token": []}, *([{}] if one.scope in (None, Scope.READ) else [])],
    }
    if one.body is not None:
        schema = schemas[one.body, "validation"]
        told["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    return told


def _rights(scope: Scope | None) -> str:
    return "Needs no token." if scope is None else f"Needs the scope `{scope.value}`."


def _answer(one: Operation, status: HTTPStatus, schemas: Schemas) -> dict[str, Any]:
    schema = {} if one.returns is None else {"schema": schemas[one.returns, "serialization"]}
    return {"description": phrase_of(status), "content": {one.media: schema}}


def _in_path(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)(?::\w+)?\}", path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _in_query(one: Operation, schemas: Schemas, components: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if one.query is None:
        return
    schema = components[_name(schemas[one.query, "validation"])]
    for name, value in schema.get("properties", {}).items():
        text = value.get("description", "")
        yield {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": _without_null(
                {key: one for key, one in value.items() if key not in ("description", "title")}
            ),
            **({"description": text} if text else {}),
        }


def _in_headers(one: Operation) -> Iterator[dict[str, Any]]:
    for header in one.headers:
        yield {
            "name": header.name,
            "in": "header",
            "required": header.required,
            "description": header.text,
            "schema": {"type": "string", "pattern": header.pattern},
        }


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter. One that is not given is left out: an address cannot say null."""
    kept = {name: value for name, value in schema.items() if not (name == "default" and value is None)}
    kinds = [one for one in kept.pop("anyOf", []) if one != {"type": "null"}]
    if len(kinds) == 1:
        return {**kept, **kinds[0]}
    return {**kept, "anyOf": kinds} if kinds else kept
