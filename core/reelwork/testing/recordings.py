"""Recordings of HTTP: what is asked, what is answered, and the files they are in."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, JsonValue, TypeAdapter, ValidationError, model_validator

from reelwork.settings.validation import explain
from reelwork_hooks.errors import InvalidInput
from reelwork_hooks.models import Frozen

BASE_URL = "{base_url}"


class Request(Frozen):
    """The request that is expected. A field that is left out may be anything; `method` is then GET."""

    method: str = "GET"
    path: Annotated[str, Field(pattern=r"^/")]
    """Without the query."""
    query: Mapping[str, str] | None = None
    """These parameters must be there with these values; others may be there too."""
    headers: Mapping[str, str] | None = None
    """These headers must be there with these values."""
    # `json` is a method of pydantic's models.
    json_: JsonValue = Field(default=None, alias="json")
    """The body as JSON, exactly."""
    text: str | None = None
    """Words the body must hold."""

    def misfit(self, asked: Asked) -> str:
        """Describe how a request differs; empty when it fits."""
        if (self.method.upper(), self.path) != (asked.method, asked.path):
            return f"{asked.method} {asked.path} is not {self.method.upper()} {self.path}"
        for name, value in (self.query or {}).items():
            if asked.query.get(name) != value:
                return f"its query has {name}={asked.query.get(name)!r}, not {value!r}"
        for name, value in (self.headers or {}).items():
            if asked.headers.get(name.lower()) != value:
                return f"its header {name} is not the recorded one"
        # By what was written: null is a body, too.
        if "json_" in self.model_fields_set and asked.json_or_none() != self.json_:
            return f"its body is {asked.text[:200]!r}, not {json.dumps(self.json_, ensure_ascii=False)[:200]}"
        if self.text is not None and self.text not in asked.text:
            return f"its body does not hold {self.text!r}"
        return ""


class Response(Frozen):
    """The response that is sent. At most one of `json`, `text`, `base64` and `file` makes the body."""

    status: int = 200
    headers: Mapping[str, str] = {}
    json_: JsonValue = Field(default=None, alias="json")
    text: str | None = None
    base64: str | None = None
    file: Path | None = None
    """Beside the recording, or absolute."""
    close: bool = False
    """Close the connection without an answer: the outcome of a write is then unknown."""

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        # By what was written: an empty text and null are bodies, too.
        given = [name for name in ("json_", "text", "base64", "file") if name in self.model_fields_set]
        if len(given) > 1:
            raise ValueError(f"a response has one body, not {' and '.join(name.rstrip('_') for name in given)}")
        return self

    def body(self, folder: Path, base_url: str) -> tuple[bytes, str]:
        """Return the body's bytes and media type."""
        if self.file is not None:
            return (folder / self.file).read_bytes(), "application/octet-stream"
        if self.base64 is not None:
            return base64.b64decode(self.base64), "application/octet-stream"
        if self.text is not None:
            return self.text.replace(BASE_URL, base_url).encode(), "text/plain; charset=utf-8"
        if "json_" in self.model_fields_set:
            return json.dumps(self.json_).replace(BASE_URL, base_url).encode(), "application/json"
        return b"", "text/plain"


class Exchange(Frozen):
    """A request and its answer."""

    request: Request
    response: Response = Response()
    times: Annotated[int, Field(ge=1)] | None = 1
    """The number of times it must be asked; null: any number, none included."""


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes

    @property
    def text(self) -> str:
        """The body, decoded."""
        return self.body.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """Return the body as JSON. Raises `ValueError` when it is not."""
        return json.loads(self.body)

    def json_or_none(self) -> Any:
        """Return the body as JSON; None when it is not."""
        try:
            return self.json()
        except ValueError:
            return None


def exchanges_from(data: Any, where: str) -> tuple[Exchange, ...]:
    """Return the exchanges, checked. Raises `InvalidInput`."""
    try:
        return TypeAdapter(tuple[Exchange, ...]).validate_python(data)
    except ValidationError as error:
        raise explain(error, Exchange, where) from error


def read_recording(path: Path) -> Any:
    """Read a JSON or YAML file. Raises `InvalidInput`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"The recording {path} cannot be read: {error.strerror}.") from error
    if path.suffix in (".yaml", ".yml"):
        return _yaml(path, text)
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"The recording {path} is not JSON: {error}.") from error


def _yaml(path: Path, text: str) -> Any:
    try:
        yaml: Any = import_module("yaml")
    except ImportError as error:
        hint = "Install PyYAML, or write the recording as JSON."
        raise InvalidInput(f"The recording {path} is YAML, which needs PyYAML.", hint=hint) from error
    try:
        # `load` would make whatever object a tag names: a recording could run code.
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput(f"The recording {path} is not YAML: {error}.") from error
