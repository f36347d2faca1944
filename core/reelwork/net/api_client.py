"""Asks the API of a server, as the command line does with `--server`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from reelwork.errors import Declined, WorkflowInvalid
from reelwork.ids import new_id
from reelwork.net.addresses import is_loopback, place
from reelwork_hooks.errors import ReelworkError, Unavailable

TRIES = 4
PAUSE_SECONDS = 1.0
TIMEOUT_SECONDS = 60.0


class NeedsAgreement(Declined):
    """The server asks for an agreement to money or posts."""

    def __init__(self, message: str, needs: Mapping[str, Any], *, money: str = "", hint: str = "") -> None:
        super().__init__(message, money=money, hint=hint)
        self.needs = needs
        """What to add to the request."""


class ApiClient:
    """The API of one server."""

    def __init__(self, url: str, token: str | None) -> None:
        """Name the server. Raises `WorkflowInvalid` for an address that cannot be one."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise WorkflowInvalid(
                f"--server {url!r} is not an address such as https://studio.example.com.", money=NOTHING
            )
        # Whoever listens on the way could take the token, and spend with it.
        if token and parts.scheme == "http" and not is_loopback(parts.hostname):
            raise WorkflowInvalid(
                f"--server {place(url)}: a token is sent over https only.", money=NOTHING,
                hint="Give the server's address with https://, or reach it through an SSH tunnel.",
            )  # fmt: skip
        self.url = url.rstrip("/")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(headers=headers, timeout=TIMEOUT_SECONDS, trust_env=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, *path: str, **query: Any) -> Any:
        """Return a document. Raises a `ReelworkError`."""
        return self._asked("GET", path, params={name: one for name, one in query.items() if one is not None})

    def post(self, *path: str, body: Mapping[str, Any], key: str | None = None) -> Any:
        """Ask for something to be done: once, however often it has to be sent. Raises a `ReelworkError`.

        With a `key` of the caller's also once over several calls.
        """
        return self._asked("POST", path, json=dict(body), headers={"idempotency-key": key or new_id()})

    def delete(self, *path: str) -> Any:
        """Remove something. Raises a `ReelworkError`."""
        return self._asked("DELETE", path)

    def _asked(self, method: str, path: tuple[str, ...], **request: Any) -> Any:
        address = "/".join([f"{self.url}/api/v1", *(quote(part, safe="") for part in path)])
        for left in reversed(range(TRIES)):
            try:
                answer = self._client.request(method, address, **request)
            except httpx.HTTPError as error:
                # Reads, and requests with a key: sent again, they do nothing twice.
                if not left:
                    raise self._unreachable(error) from error
            else:
                if not left or answer.status_code != httpx.codes.CONFLICT or "retry-after" not in answer.headers:
                    return self._read(answer)
            time.sleep(PAUSE_SECONDS)
        raise AssertionError("the last try returns or raises")

    def _unreachable(self, error: httpx.HTTPError) -> ReelworkError:
        kind = type(error).__name__
        return Unavailable(
            f"The server at {place(self.url)} does not answer ({kind}).",
            money="If it got the request, it carries it out once.",
            hint="Start it with: reelwork serve",
        )

    def _read(self, answer: httpx.Response) -> Any:
        try:
            told = answer.json()
        except ValueError:
            told = None
        if answer.is_success and told is not None:
            return told
        if not isinstance(told, dict) or "detail" not in told:
            raise ReelworkError(
                f"{place(self.url)} answers {answer.status_code}, and not as Reelwork does.",
                hint="Is it the address of reelwork serve?",
            )
        raise _problem(answer.status_code, told)


NOTHING = "Nothing was sent."


def _problem(status: int, told: Mapping[str, Any]) -> ReelworkError:
    """Return a problem document as the error that the command would raise here."""
    message, money, hint = (str(told.get(name, "")) for name in ("detail", "money", "hint"))
    if told.get("needs"):
        return NeedsAgreement(message, told["needs"], money=money, hint=hint)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return ReelworkError(message, money=money, hint=hint)
    return WorkflowInvalid(message, money=money, hint=hint)
