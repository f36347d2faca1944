"""Checks that a workflow can give a plugin's settings, and that a person can understand them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError

from reelwork.settings.field_docs import field_meanings
from reelwork.testing.check.findings import Finding, error, note, warning
from reelwork_hooks.plugin import SECRET_SCHEMES, Config
from reelwork_hooks.provider import ProviderConfig

RESERVED = {"use": "the plugin an instance is made from", "time_limit": "how long a hook may take"}
"""Keys of `[plugin.NAME]` that the engine keeps for itself."""
SECRET = re.compile(r"(^|_)(api_?key|token|secret|password|credentials?)$", re.IGNORECASE)
_GIVEN = {*Config.model_fields, *ProviderConfig.model_fields}
"""Settings every provider has, which are the contract's to describe."""


def check_settings(model: type[BaseModel], label: str = "Config", *, reserved: bool = True) -> Iterator[Finding]:
    """Check a settings model."""
    if model.model_config.get("extra") != "forbid":
        yield error(
            label,
            "takes settings it does not know, so that a typing error in a workflow is never noticed.",
            'Leave extra="forbid" as reelwork_hooks.Config has it.',
        )
    if not model.model_config.get("frozen"):
        yield warning(
            label, "can be changed while jobs use it.", "Leave frozen=True as reelwork_hooks.Config has it."
        )
    yield from _check_schema(model, label)
    yield from _check_meanings(model, label)
    for name, field in model.model_fields.items():
        about = f"{label}.{field.alias or name}"
        if reserved and (field.alias or name) in RESERVED:
            yield error(about, f"is never given: the engine keeps that key for {RESERVED[name]}.", "Rename it.")
        yield from _check_field(about, name, field)


def _check_meanings(model: type[BaseModel], label: str) -> Iterator[Finding]:
    described = {*_GIVEN, *field_meanings(model)}
    undescribed = [
        name for name, field in model.model_fields.items() if not (name in described or field.description)
    ]
    if undescribed:
        have = "has" if len(undescribed) == 1 else "have"
        yield warning(
            f"{label}: {', '.join(undescribed)}",
            f"{have} no description; `reelwork plugins show` shows nothing for it.",
            "Write a text in quotes on the line below the field.",
        )


def required_settings(model: type[BaseModel]) -> list[str]:
    """Return the settings without a default."""
    return [field.alias or name for name, field in model.model_fields.items() if field.is_required()]


def _check_schema(model: type[BaseModel], label: str) -> Iterator[Finding]:
    try:
        model.model_json_schema()
    except (PydanticInvalidForJsonSchema, PydanticUserError) as problem:
        reason = str(problem).partition("\n")[0]
        yield error(
            label,
            f"has a type that no workflow file can hold: {reason}",
            "Use text, numbers, true/false, paths, lists, tables or other pydantic models.",
        )


def _check_field(about: str, name: str, field: FieldInfo) -> Iterator[Finding]:
    if field.is_required():
        yield note(about, "has no default: every workflow that uses the plugin must give it.")
    else:
        yield from _check_default(about, field)
    if SECRET.search(name) and str in _types(field.annotation) and not _is_reference(field):
        yield warning(
            about,
            "takes the secret itself, which then stands in workflow files and in the store.",
            f"Give it the type SecretRef, which takes a reference ({', '.join(SECRET_SCHEMES)}).",
        )


def _check_default(about: str, field: FieldInfo) -> Iterator[Finding]:
    kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    # pydantic does not check defaults. A wrong one would show when a job uses it.
    value = field.get_default(call_default_factory=True)
    try:
        adapter = TypeAdapter[Any](kind)
        adapter.validate_python(value)
        # A run stores its settings as JSON, the defaults too.
        adapter.dump_json(value)
    except ValidationError as problem:
        reason = problem.errors(include_url=False, include_input=False)[0]["msg"]
        yield error(
            about, f"has a default that it would refuse itself: {reason}.", "Change the default or the type."
        )
    except (PydanticSerializationError, PydanticUserError) as problem:
        yield error(about, f"has a default that cannot be written down as JSON: {problem}.")


def _types(annotation: Any) -> set[Any]:
    inner = get_args(annotation)
    return {annotation} if not inner else set().union(*map(_types, inner))


def _is_reference(field: FieldInfo) -> bool:
    """Give the field a plain secret, and return whether it refuses it."""
    kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    try:
        # Tried and not read from the type: a reference may be checked by a validator of the author's own.
        TypeAdapter[Any](kind).validate_python("a-plain-secret")
    except ValidationError:
        return True
    return False
