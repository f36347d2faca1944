"""Keeps secrets out of everything that is written down: log records, messages, tracebacks."""

from __future__ import annotations

import json
import logging
import re
import traceback
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote
from weakref import WeakSet

MASK = "***"
SHORTEST_SECRET = 4
"""Characters. Masking something shorter would blot out ordinary words and give the secret away by its place."""

_AUTHORIZATION = re.compile(
    r"""(?ix)
    ( \b (?:proxy-)? authorization \b ["']? \s* [:=] \s* ["']? )   # the header's name, as text or JSON
    (?: (?:bearer|basic|token|oauth|digest) \s+ )?
    [^\s"',;]+
    """
)
_BEARER = re.compile(r"(?i)\b(bearer\s+)[a-z0-9._~+/=-]{8,}")
_QUERY_VALUE = re.compile(
    r"""(?ix)
    ( [?&] (?:
        sig | signature | token | access_token | secret | password | key | api_?key | policy | key-pair-id
        | x-amz-(?:signature|credential|security-token) | x-goog-(?:signature|credential)
    ) = )
    [^&\#\s"'<>]+
    """
)
_PASSWORD_IN_ADDRESS = re.compile(r"(?i)(\bhttps?://[^\s/:@]*:)[^\s/@]+(?=@)")
_OWN_LOGGERS = ("reelwork", "httpx", "httpcore", "stamina")


class Redactor:
    """The secrets resolved so far; takes them out of any text."""

    def __init__(self) -> None:
        # A tuple replaced as a whole: threads that log may read it while another one adds to it.
        self._secrets: tuple[str, ...] = ()

    def add(self, secret: str) -> None:
        """Mask this value from now on, also in the forms it takes inside URLs and JSON."""
        secret = secret.strip()
        if len(secret) < SHORTEST_SECRET:
            return
        forms = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}
        # Longest first, so that a secret which contains another one is masked whole.
        self._secrets = tuple(sorted({*self._secrets, *forms}, key=lambda form: (-len(form), form)))

    def redact(self, text: str) -> str:
        """The text with every known secret, authorization value and URL signature masked."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        for pattern in (_AUTHORIZATION, _BEARER, _QUERY_VALUE, _PASSWORD_IN_ADDRESS):
            text = pattern.sub(rf"\g<1>{MASK}", text)
        return text


class RedactingFilter(logging.Filter):
    """Rewrites records so that no handler can see a secret. Fits a logger or a handler."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self.redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record's text and traceback in place, and let it through."""
        record.msg, record.args = self.redactor.redact(_text_of(record)), None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            # The live exception would be formatted again, unmasked, by a handler with a format of its own.
            record.exc_info = None
        if record.exc_text:
            record.exc_text = self.redactor.redact(record.exc_text)
        return True


def _text_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # A log call whose arguments do not fit its format must not hide what it wanted to say.
        return f"{record.msg} {record.args}"


_protected: WeakSet[Redactor] = WeakSet()


def mask(text: str) -> str:
    """The text without any secret that is known in this process."""
    for redactor in tuple(_protected):
        text = redactor.redact(text)
    return text


def protect(redactor: Redactor) -> None:
    """Redact every record of Reelwork, its plugins and its HTTP library from the moment it is made.

    A filter on the logger `reelwork` is not asked about records of `reelwork.plugin.x`, and an embedding
    program brings handlers we never see, so records are cleaned by the factory that makes them. Records of
    other libraries pass through untouched.
    """
    _protected.add(redactor)
    current = logging.getLogRecordFactory()
    if not isinstance(current, _RedactingFactory):
        logging.setLogRecordFactory(_RedactingFactory(current))


class _RedactingFactory:
    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._make(*args, **kwargs)
        if record.name.split(".", 1)[0] in _OWN_LOGGERS:
            record.job_at_hand = _job_at_hand.get()
            for redactor in tuple(_protected):
                RedactingFilter(redactor).filter(record)
        return record


_job_at_hand: ContextVar[tuple[str, str] | None] = ContextVar("job_at_hand", default=None)


def working_on(job_id: str, run_id: str) -> None:
    """Whatever is logged from here on, in this task and the threads it starts, is about this job."""
    _job_at_hand.set((job_id, run_id))
