"""A service that has the private key: what all of them do alike."""

from __future__ import annotations

import asyncio
import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from reelwork_hooks import Answer, Context, InvalidInput, ReelworkError, Unavailable, read_key
from reelwork_hooks.addresses import origin_of
from reelwork_plugins.finishing.provenance.certificate import Unusable
from reelwork_plugins.finishing.provenance.config import KeyAddress

# A signature takes milliseconds, even in hardware.
SILENCE_SECONDS = 20.0
"""Seconds for which a service may stay silent."""
# A service that sends a byte now and then is never silent. A later try is another one.
LONGEST_SECONDS = 150.0
"""Seconds for all requests for one signature, with the waits between them."""
STANDS = "The video is kept; nothing was posted."
_ALGORITHMS = frozenset({"es256", "es384", "es512", "ps256", "ed25519"})


class KeyService(ABC):
    """Signs bytes with a key that never comes to this machine.

    To add one: derive from it, and name it in `opened`.
    """

    algorithms: ClassVar[frozenset[str]] = _ALGORITHMS
    """The algorithms that it can sign with."""

    def __init__(self, place: KeyAddress, context: Context, token: str | None) -> None:
        self.place, self._context, self._token = place, context, token

    @property
    def name(self) -> str:
        """The service as messages name it."""
        return f"the key service {self.place.address}"

    def check(self, algorithm: str) -> None:
        """Check all that can be checked without the network. Raises `Unusable`."""
        if algorithm not in self.algorithms:
            able = ", ".join(sorted(self.algorithms))
            raise Unusable(f"the certificate needs {algorithm}, and {self.name} signs with {able}")
        if self._token is not None:
            try:
                self._context.secret(self._token)
            except InvalidInput as error:
                raise Unusable(f"{error.message}. {error.hint}".rstrip()) from error

    @abstractmethod
    async def sign(self, data: bytes, algorithm: str) -> bytes:
        """Return the signature of bytes, in the service's own form.

        Raises `Unavailable` when it may sign later, `Unusable` when it will not.
        """

    async def token(self) -> str:
        """Return the token; empty if the settings name none. Raises `Unusable`."""
        if self._token is None:
            return ""
        try:
            return await read_key(self._context, self._token)
        except InvalidInput as error:
            raise Unusable(f"{error.message}. {error.hint}".rstrip()) from error

    async def _asked(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the service's answer if it has signed. Raises `Unavailable` and `Unusable`."""
        http = self._context.http(trust=[origin_of(url)])
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                # Nobody is harmed by a second signature of the same bytes.
                answer = Answer.of(
                    await http.post(url, content=body, headers=headers, timeout=SILENCE_SECONDS, repeatable=True)
                )
        except TimeoutError as error:
            raise self._later(f"did not answer within {LONGEST_SECONDS:g} s", None) from error
        except Unavailable as error:
            raise self._later(f"did not answer: {error.message}", error.retry_after) from error
        except ReelworkError as error:
            raise Unusable(f"{self.name} cannot be asked: {error.message}") from error
        if answer.ok:
            return answer
        if self.passes(answer):
            raise self._later(f"answered {answer.words}", answer.retry_after)
        raise Unusable(f"{self.name} answered {answer.words}")

    def _later(self, problem: str, seconds: float | None) -> Unavailable:
        return Unavailable(f"{self._context.name}: {self.name} {problem}", retry_after=seconds, money=STANDS)

    def passes(self, answer: Answer) -> bool:
        """Return whether the same request may well succeed a little later."""
        return answer.passing

    def decoded(self, signature: str) -> bytes:
        """Return the signature in an answer, which is in base64. Raises `Unusable`."""
        try:
            found = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            found = b""
        if not found:
            raise Unusable(f"{self.name} answered without a signature")
        return found
