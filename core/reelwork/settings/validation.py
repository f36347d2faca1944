"""One message for a failed check: the file, the line, the field, and the way out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from reelwork.errors import LONGEST_SHOWN as LONGEST_SAID
from reelwork.errors import WorkflowInvalid, shortened
from reelwork.redaction.redactor import Redactor
from reelwork.settings.paths import OF_SETTINGS_FILE, SETTINGS_FILE
from reelwork.settings.pydantic_words import branches

OPTIONS = "--set"
"""The place of settings that came from options."""
WORDS_OF_FILES = {"True": "true", "False": "false", "None": "null"}
LONGEST_SHOWN = 60
SECRET_FIELD = re.compile(r"key|token|secret|password|credential", re.IGNORECASE)


def explain(
    error: ValidationError, model: type[BaseModel], where: str, *, text: str = "", section: str = ""
) -> WorkflowInvalid:
    """Return an error with the first problem of a failed check, and the number of others."""
    problems = error.errors(include_url=False, include_context=True)
    first = problems[0]
    same, why = branches(problems)
    # A plugin's own check may say anything.
    why = why if len(why) <= LONGEST_SAID else shortened(why)
    place_of_value = first["loc"][:-1] if same > 1 else first["loc"]
    # pydantic names the branch of a union in the path, which nobody has written.
    path = [str(part) for part in place_of_value if part not in ("tuple", "list")]
    field = ".".join(part for part in (section, *path) if part)
    place = _place(where, text, field)
    more = f" ({len(problems) - same} more after this one)" if len(problems) > same else ""
    return WorkflowInvalid(f"{place}: {_sentence(first, field, why)}{more}", hint=_hint(first, model))


def _place(where: str, text: str, field: str) -> str:
    if where == OPTIONS:
        return f"--set {field}=…" if field else OPTIONS
    line = line_of(text, field)
    return f"{where}, line {line}" if line else where or "the options"


def line_of(text: str, field: str) -> int | None:
    """Return the line of a dotted key in a TOML text; None if it cannot be found by plain reading."""
    section, key = "", field
    parts = field.split(".")
    names = {".".join(parts[:cut]): parts[cut] for cut in range(len(parts))}
    for number, line in enumerate(text.splitlines(), 1):
        # By its own reading, since `tomllib` reports no lines once a text is valid.
        header = re.match(r"\s*\[+([^\[\]]+)\]+", line)
        if header:
            section = header.group(1).strip().replace('"', "")
            if section == field:
                return number
            continue
        key = names.get(section, "")
        if key and re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", line):
            return number
    return None


def _sentence(problem: Any, field: str, why: str) -> str:
    kind, given = problem["type"], problem.get("input")
    if kind == "value_error" and isinstance(given, Mapping):
        # Two keys that do not go together: to show the whole table would hide which they are.
        return f"{field}: {why}" if field else why
    if kind == "extra_forbidden":
        return f"unknown key {field!r}"
    if kind == "missing":
        return f"{field!r} is missing"
    return f"{field or 'value'}{_shown(given, field, why)} is not possible: {why}"


def _shown(given: Any, field: str, message: str) -> str:
    # A secret pasted where its reference belongs must not be shown on a screen or in a log.
    if SECRET_FIELD.search(field) or "not the secret itself" in message:
        return ""
    return f" = {_short(given)}"


def _short(value: Any) -> str:
    # It knows no secret, and still masks what looks like one, such as a password in an address.
    shown = Redactor().redact(WORDS_OF_FILES.get(repr(value), repr(value)))
    if len(shown) <= LONGEST_SHOWN:
        return shown
    end = shown[-1] if shown[-1] in "'\"" else ""
    return f"{shown[: LONGEST_SHOWN - 2]}…{end}"


def _hint(problem: Any, model: type[BaseModel]) -> str:
    if problem["type"] != "extra_forbidden":
        return ""
    *path, key = [str(part) for part in problem["loc"]]
    if not path and key in OF_SETTINGS_FILE:
        return f"It belongs into {SETTINGS_FILE}."
    fields = sorted(_fields_at(model, path))
    near = get_close_matches(key, fields, n=1, cutoff=0.5)
    guess = f"Did you mean {near[0]!r}? " if near else ""
    return f"{guess}Known here: {', '.join(fields)}." if fields else guess


def _fields_at(model: type[BaseModel], path: list[str]) -> list[str]:
    for name in path:
        field = model.model_fields.get(name)
        if field is None:
            continue
        found = _model_in(field.annotation)
        if found is None:
            return []
        model = found
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
