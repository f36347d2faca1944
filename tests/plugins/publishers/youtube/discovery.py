"""YouTube's discovery document, as Google's client for Python ships it, and what it says of a request.

https://developers.google.com/discovery/v1/reference/apis
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator

PACKAGE, PLACE = "google-api-python-client", "discovery_cache/documents/youtube.v3.json"
_KEPT = ("type", "enum", "items", "properties", "additionalProperties")


def installed() -> Path | None:
    """Return the document's file, where the package is installed. Nothing of the package is imported."""
    found = importlib.util.find_spec("googleapiclient")
    places = found.submodule_search_locations if found is not None else None
    return Path(places[0]) / PLACE if places else None


@dataclass(frozen=True)
class Discovery:
    """The document."""

    document: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Discovery:
        return cls(json.loads(path.read_text(encoding="utf-8")))

    @property
    def revision(self) -> str:
        return str(self.document["revision"])

    def method(self, verb: str, path: str) -> Mapping[str, Any]:
        """Return the one method of this verb and path, also by the path of its upload. Raises `LookupError`."""
        found = [one for one in self._methods() if one["httpMethod"] == verb and path in _paths(one)]
        if len(found) != 1:
            raise LookupError(f"the document has {len(found)} methods {verb} {path}")
        return found[0]

    def _methods(self) -> Iterator[Mapping[str, Any]]:
        for resource in self.document["resources"].values():
            yield from resource.get("methods", {}).values()

    def faults_of_query(self, method: Mapping[str, Any], query: Mapping[str, str]) -> list[str]:
        """Return what is wrong with the parameters of a request."""
        known = {**self.document["parameters"], **method.get("parameters", {})}
        faults = [f"{name} is no parameter" for name in query if name not in known]
        faults += [f"{name} is missing" for name, one in known.items() if one.get("required") and name not in query]
        for name, text in query.items():
            faults += [f"{name}={text}: {why}" for why in _wrong(text, known.get(name, {}))]
        resource = self._resource(method)
        parts = query.get("part", "").split(",") if "part" in query else []
        return [*faults, *(f"{part} is no part" for part in parts if part not in self._properties(resource))]

    def _resource(self, method: Mapping[str, Any]) -> str:
        """Return the schema whose properties are the parts that a method knows."""
        answer = str(method["response"]["$ref"])
        items = self._properties(answer).get("items", {}).get("items", {})
        return str(items.get("$ref", answer))

    def _properties(self, schema: str) -> Mapping[str, Any]:
        return self.document["schemas"][schema].get("properties", {})  # type: ignore[no-any-return]

    def faults_of(self, schema: str, value: Any) -> list[str]:
        """Return what is wrong with an object, by its schema: unknown fields, wrong types, wrong words."""
        checker = Draft202012Validator({"$ref": f"#/$defs/{schema}", "$defs": self._schemas})
        return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(value)]

    def has(self, schema: str, steps: Sequence[str | int]) -> bool:
        """Return whether a schema has what these keys and indexes reach."""
        here: Any = {"$ref": schema}
        for step in steps:
            here = self.document["schemas"][here["$ref"]] if "$ref" in here else here
            here = here.get("items") if isinstance(step, int) else here.get("properties", {}).get(step)
            if here is None:
                return False
        return True

    @cached_property
    def _schemas(self) -> dict[str, Any]:
        return {name: _plain(one) for name, one in self.document["schemas"].items()}


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema of the document as JSON Schema has it, with no field beside its own."""
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    kept: dict[str, Any] = {name: schema[name] for name in _KEPT if name in schema}
    if kept.get("type") == "any":
        del kept["type"]
    if "items" in kept:
        kept["items"] = _plain(kept["items"])
    if isinstance(kept.get("additionalProperties"), Mapping):
        kept["additionalProperties"] = _plain(kept["additionalProperties"])
    elif kept.get("type") == "object":
        kept["additionalProperties"] = False
    if "properties" in kept:
        kept["properties"] = {name: _plain(one) for name, one in kept["properties"].items()}
    return kept


def _paths(method: Mapping[str, Any]) -> set[str]:
    protocols = method.get("mediaUpload", {}).get("protocols", {})
    return {f"/{method['path']}", *(one["path"] for one in protocols.values())}


def _wrong(text: str, parameter: Mapping[str, Any]) -> Iterator[str]:
    kind, least, most = parameter.get("type"), parameter.get("minimum", 0), parameter.get("maximum", 2**31)
    if kind == "boolean" and text not in ("true", "false"):
        yield "neither true nor false"
    if kind == "integer" and not text.isdecimal():
        yield "no number"
    elif kind == "integer" and not int(least) <= int(text) <= int(most):
        yield "out of its bounds"
    if "enum" in parameter and text not in parameter["enum"]:
        yield f"none of {', '.join(parameter['enum'])}"


Place = tuple[str | int, ...]


class Watched(dict[str, Any]):
    """An answer that notes which of its fields are read."""

    def __init__(
        self, value: Mapping[str, Any], read: set[tuple[str | int, ...]], at: tuple[str | int, ...]
    ) -> None:
        super().__init__({name: watched(one, read, (*at, name)) for name, one in value.items()})
        self._read, self._at = read, at

    def get(self, key: str, default: Any = None) -> Any:
        self._read.add((*self._at, key))
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self._read.add((*self._at, key))
        return super().__getitem__(key)


def watched(value: Any, read: set[Place], at: Place = ()) -> Any:
    """Return a value with every object in it watched. An index reads as 0."""
    if isinstance(value, Mapping):
        return Watched(value, read, at)
    return [watched(one, read, (*at, 0)) for one in value] if isinstance(value, list) else value


def path_of(url: str) -> str:
    return urlsplit(url).path
