"""HTTP as a plugin sees it: a client, what it sends, and its answers."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class FileSlice:
    """A part of a file, to be sent as a body or as a part of one. It is read from disk piece by piece."""

    path: Path
    """The file."""
    offset: int = 0
    """The first byte that is sent, counted from 0."""
    length: int | None = None
    """The number of bytes; None for all to the end of the file."""

    def __post_init__(self) -> None:
        if self.offset < 0 or (self.length is not None and self.length < 0):
            raise ValueError(f"offset and length count bytes, and are not negative: {self}")


HttpBody = bytes | Path | FileSlice | AsyncIterable[bytes]
"""What can be sent: bytes, a file, a part of a file, or pieces as they come."""
HttpFiles = Mapping[str, tuple[str | None, bytes | str | Path | FileSlice, str | None]]
"""The files of a form: for each field a file name, the content, and a media type."""
HttpProgress = Callable[[int, int | None], None]
"""Called while a body is sent, with the bytes sent so far and all there are; None when that is not known."""


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


class HttpStream(Protocol):
    """An answer whose body is still to come."""

    @property
    def status_code(self) -> int:
        """The HTTP status. A 4xx or 5xx does not raise."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by name in any case."""
        ...

    @property
    def chunks(self) -> AsyncIterator[bytes]:
        """The body, piece by piece as it arrives, unpacked.

        When it breaks off, a read raises `Unavailable` and a write `OutcomeUnknown`.
        """
        ...


class HttpClient(Protocol):
    """An HTTP client with time limits, address rules and redaction.

    Reads (`get`, and `request` with GET, HEAD or OPTIONS) are retried on connection errors, 429 and 5xx. They
    return any other answer at once, and a 429 or 5xx after the last attempt. They raise `Unavailable` if no attempt
    was answered. Writes (`post`, `put`, `delete`, and `request` with any other method) are sent once. They raise
    `NotSent` if no byte of the request left, and `OutcomeUnknown` if some did and no answer came. They do not
    follow redirects.

    The body, `content`, is bytes, a `Path`, a `FileSlice` or an async iterable of bytes. The content of `files` may
    be a `Path` or a `FileSlice`, too. Files are read from disk while they are sent, and never held in memory. A
    file that cannot be read raises `NotSent`. If a file changes while it is sent, the request is broken off with
    `OutcomeUnknown`. An iterable is sent in chunks unless the header Content-Length gives its length. `progress` is
    called with the number of bytes sent so far, and the total or None.

    With `repeatable=True` a write is retried like a read, and raises `Unavailable` as a read does. Use it for steps
    that may be done twice, such as an upload in `prepare` or `prepare_publish`. In `submit` and `publish`, where a
    write may cost money or post, it is refused with `NotSent`; after another write of the same call, with
    `PluginInvalid`.

    `timeout` is the number of seconds for which the server may stay silent.
    """

    # Writes are not retried, not even after a connection error: a request whose answer was lost may have been paid
    # for or posted. Whether it is sent again is for the ledger to decide.

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        files: HttpFiles | None = None,
        content: HttpBody | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        progress: HttpProgress | None = None,
        repeatable: bool = False,
    ) -> HttpResponse:
        """Send a request with any method, such as PATCH."""
        ...

    def stream(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        content: HttpBody | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> AbstractAsyncContextManager[HttpStream]:
        """Send a request and return its answer before its body has come, for `async with`.

        Opening is retried for a read; the body is not. There is no limit to its size.
        """
        ...

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
        files: HttpFiles | None = None,
        content: HttpBody | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        progress: HttpProgress | None = None,
        repeatable: bool = False,
    ) -> HttpResponse:
        """Write, once."""
        ...

    async def put(
        self,
        url: str,
        *,
        json: Any = None,
        content: HttpBody | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        progress: HttpProgress | None = None,
        repeatable: bool = False,
    ) -> HttpResponse:
        """Write, once."""
        ...

    async def delete(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> HttpResponse:
        """Delete, once."""
        ...
