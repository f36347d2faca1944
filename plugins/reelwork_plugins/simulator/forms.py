"""Reads request bodies: JSON, multipart and URL-encoded forms, to plain fields and uploads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from email.utils import collapse_rfc2231_value
from typing import Any, Literal
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

# `json.loads` reads more levels than `json.dumps` can write into the log.
DEEPEST = 50
"""Levels of JSON."""
_SHOWN = 500
"""Characters of a long field, other than the prompt, that the log keeps."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file part of a form."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """A parsed body. `problem` is the reason when it could not be parsed."""

    kind: Literal["none", "json", "multipart", "form", "other"] = "none"
    fields: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)
    problem: str = ""
    content: bytes = b""
    """The body of a form of kind `other`, as far as it came, or of JSON."""
    cut: bool = False
    """The client went away before the body was complete."""

    def shown(self) -> dict[str, Any]:
        """Return the fields for the log: files by size and hash, long texts shortened, the prompt in full."""
        shown = {name: value if name == "prompt" else _short(value) for name, value in self.fields.items()}
        for name, upload in self.files.items():
            shown[name] = {
                "filename": upload.name,
                "content_type": upload.content_type,
                "bytes": len(upload.content),
                "sha256": hashlib.sha256(upload.content).hexdigest(),
            }
        return shown


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _short(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_short(inner) for inner in value]
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{value[:_SHOWN]}… ({len(value)} characters)"
    return value


async def read_form(request: Request, largest: int) -> Form:
    """Return the body of a request. It raises nothing: an error is in the form's `problem`."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > largest:
                return Form("other", problem=f"the body is larger than {largest} bytes")
    except ClientDisconnect:
        gone = "the client went away before the body was complete"
        return Form("other", problem=gone, content=bytes(body), cut=True)
    return parse_form(bytes(body), request.headers.get("content-type", ""))


def parse_form(body: bytes, content_type: str) -> Form:
    """Parse a body by its media type."""
    kind = content_type.split(";", 1)[0].strip().lower()
    if kind == "multipart/form-data":
        return _multipart(body, content_type)
    if not body:
        return Form()
    if kind == "application/json":
        return _json(body)
    if kind == "application/x-www-form-urlencoded":
        return Form("form", dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)))
    problem = f"the media type {kind or 'of the body'} is not understood"
    return Form("other", problem=problem, content=body)


def _json(body: bytes) -> Form:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return Form("json", problem="the body is not valid JSON")
    if not isinstance(fields, dict):
        return Form("json", problem="the body is no JSON object")
    if _too_deep(fields):
        return Form("json", problem="the body is nested too deeply")
    return Form("json", fields, content=body)


def _too_deep(value: Any, left: int = DEEPEST) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return left == 0 or any(_too_deep(one, left - 1) for one in inner)


def _multipart(body: bytes, content_type: str) -> Form:
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        return Form("multipart", problem="the multipart body names no boundary")
    # RFC 2046, section 5.1.1: a delimiter is CRLF, two hyphens and the boundary; the first may lack the CRLF.
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"))
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        return Form("multipart", problem="the multipart body is not complete")
    fields: dict[str, Any] = {}
    files: dict[str, Upload] = {}
    for piece in pieces[1:-1]:
        head, _, content = piece.lstrip(b" \t")[2:].partition(b"\r\n\r\n")
        part = HeaderParser().parsestr(head.decode("utf-8", "replace") + "\r\n\r\n")
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            return Form("multipart", problem="a part of the multipart body has no name")
        filename = part.get_param("filename", header="content-disposition")
        if filename is None:
            fields[name] = content.decode("utf-8", "replace")
        else:
            files[name] = Upload(
                collapse_rfc2231_value(filename), str(part.get("content-type", "")).strip(), content
            )
    return Form("multipart", fields, files)
