"""Keeps secrets out of everything that is written down: log records, messages, tracebacks."""

from __future__ import annotations

import logging
import re
import traceback
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

from reelwork.secret_forms import Forms, hidden

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
_ENCODED_HEADER = re.compile(
    r"(?<![A-Za-z0-9+/_-])()(?:QmVhcmVyI|QmFzaWMg|YmVhcmVyI|YmFzaWMg)[A-Za-z0-9+/_-]{4,}={0,2}"
)
"""`Bearer …` and `Basic …` in base64."""
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
    """The secrets resolved so far; takes them out of any text, in every form they may have taken."""

    def __init__(self) -> None:
        # Replaced as a whole: threads that log may read it while another one adds to it.
        self._forms = Forms()
        self._secrets: frozenset[str] = frozenset()

    def add(self, secret: str) -> None:
        """Mask this value from now on."""
        secret = secret.strip()
        if len(secret) < SHORTEST_SECRET or secret in self._secrets:
            return
        self._forms = self._forms.adding(secret)
        self._secrets |= {secret}

    def redact(self, text: str) -> str:
        """The text with every known secret, authorization value and URL signature masked."""
        return without_credentials(self.without_known(text))

    def without_known(self, text: str) -> str:
        """The text with every known secret masked."""
        forms = self._forms
        for form in forms.plain:
            text = text.replace(form, MASK)
        return hidden(text, forms.spans(text), MASK)


def without_credentials(text: str) -> str:
    """The text with what stands where credentials stand masked, known or not."""
    for pattern in (_AUTHORIZATION, _BEARER, _ENCODED_HEADER, _QUERY_VALUE, _PASSWORD_IN_ADDRESS):
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
    """The text without any secret that is known in this process. Mask before cutting: half a key is one, too."""
    for redactor in tuple(_protected):
        text = redactor.without_known(text)
    return without_credentials(text)


def holds_secret(text: str) -> bool:
    """Whether a secret that is known in this process stands in the text, in any form."""
    return any(redactor.without_known(text) != text for redactor in tuple(_protected))


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
