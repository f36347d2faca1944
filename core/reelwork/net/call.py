"""A call of the client, as it was asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from reelwork.net.addresses import RequestRefused, place
from reelwork.net.outgoing import Body, body_of
from reelwork.net.sender import READS, Headers, Seconds, parsed
from reelwork_hooks.http import HttpBody, HttpFiles, HttpProgress

Params = Mapping[str, str | int] | None
# After CONNECT the connection is a tunnel, and no longer HTTP.
_METHOD = re.compile(r"(?!CONNECT$)[A-Z]{1,20}")


@dataclass(frozen=True)
class Call:
    """The wishes of a caller. Nothing of them is checked before it is used."""

    method: str
    """In capitals."""
    url: str
    params: Params = None
    headers: Headers = None
    timeout: Seconds = None
    json: Any = None
    data: Mapping[str, str] | None = None
    files: HttpFiles | None = None
    content: HttpBody | None = None
    progress: HttpProgress | None = None

    def __str__(self) -> str:
        return f"{self.method} {place(self.url)}"

    @property
    def is_read(self) -> bool:
        """True if it changes nothing at the other side, and may be repeated."""
        return self.method in READS

    def where(self) -> httpx.URL:
        """Return the address with its parameters. Raises `RequestRefused`."""
        if not _METHOD.fullmatch(self.method):
            raise RequestRefused(f"{self.method[:20]!r} is not a method that can be sent")
        return parsed(self.url).copy_merge_params(self.params or {})

    def header(self, name: str) -> str | None:
        """Return a header that the caller gave, by its name in lower case."""
        return next((value for key, value in (self.headers or {}).items() if key.lower() == name), None)

    def body(self) -> Body | None:
        """Return what is to be sent. Raises `RequestRefused`."""
        return body_of(self.content, self.json, self.data, self.files, self.header("content-type"))
