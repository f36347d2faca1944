"""What a plugin sees of HTTP: a client and its answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class HttpResponse(Protocol):
    """An answer, whatever its status: a 4xx or 5xx does not raise."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by name in any case."""
        ...

    @property
    def content(self) -> bytes:
        """The body."""
        ...

    @property
    def text(self) -> str:
        """The body, decoded."""
        ...

    def json(self) -> Any:
        """Return the body, parsed as JSON. Raises `ValueError` when it is not JSON."""
        ...


class HttpClient(Protocol):
    """An HTTP client with time limits, address rules and redaction.

    Reads (`get`) are retried on connection errors, 429 and 5xx. They return an answered 4xx or the last 5xx, and
    raise `Unavailable` when no attempt was answered. Writes (`post`, `put`, `delete`) are sent once. They raise
    `NotSent` when no byte of the request left, and `OutcomeUnknown` when some did and no answer came.

    `timeout` is the number of seconds for which the server may stay silent.
    """

    # Writes are not retried, not even after a connection error: a request whose answer was lost may have been paid
    # for or posted. Whether it is sent again is for the ledger to decide.

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> HttpResponse:
        """Read, with retries."""
        ...

    async def post(
        self,
        url: str,
        *,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str | None, bytes | str, str | None]] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> HttpResponse:
        """Write, once."""
        ...

    async def put(
        self,
        url: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> HttpResponse:
        """Write, once."""
        ...

    async def delete(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> HttpResponse:
        """Delete, once."""
        ...
