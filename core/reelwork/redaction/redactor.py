"""Keeps secrets out of all output: log records, messages, tracebacks."""

from __future__ import annotations

import re
from contextvars import ContextVar
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from reelwork.redaction.secret_forms import Forms

MASK = "***"
# Masking anything shorter would blot out ordinary words, and give the secret away by its place.
SHORTEST_SECRET = 4
"""Characters."""
MOST_PASSING = 200
"""Spellings of passing secrets that are masked."""
MOST_IN_TURN = 12
"""Secrets of one place, each in the place of the one before, that are masked."""

_AUTHORIZATION = r"""(?ix)
    ( \b (?:proxy-)? authorization \b ["']? \s* [:=] \s* ["']? )   # the header's name, as text or JSON
    (?: (?:bearer|basic|token|oauth|digest) \s+ )?
    [^\s"',;]+
    """
_BEARER = r"(?i)\b(bearer\s+)[a-z0-9._~+/=-]{8,}"
_ENCODED_HEADER = r"(?<![A-Za-z0-9+/_-])()(?:QmVhcmVyI|QmFzaWMg|YmVhcmVyI|YmFzaWMg)[A-Za-z0-9+/_-]{4,}={0,2}"
"""`Bearer …` and `Basic …` in base64."""
# Made from a secret for a few minutes, it is known to nobody here, and a server may quote it in its answer.
_SIGNED_TOKEN = r"()(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{8,}"
"""A JSON web token: three parts in base64, the first of which begins with `{"`."""
_QUERY_VALUE = r"""(?ix)
    ( (?: [?&] | &amp; | %3f | %26 | \\u0026 ) (?:   # also as it stands in another address, in HTML and in JSON
        sig | signature | token | access_token | secret | password | key | api_?key | policy | key-pair-id
        | x-amz-(?:signature|credential|security-token) | x-goog-(?:signature|credential)
    ) (?: = | %3d ) )
    [^&\#\s"'<>]+
    """
_PASSWORD_IN_ADDRESS = r"(?i)(\bhttps?://[^\s/:@]*:)[^\s/@]+(?=@)"
# Each with the words, in small letters, one of which a text must hold for the pattern to fit: to search for a word
# is many times faster.
_CREDENTIALS = (
    (("authorization",), _AUTHORIZATION),
    (("bearer",), _BEARER),
    (("mvhcmv", "mfzawmg"), _ENCODED_HEADER),
    (("eyj",), _SIGNED_TOKEN),
    (("=", "%3d"), _QUERY_VALUE),
    (("@",), _PASSWORD_IN_ADDRESS),
)


class Redactor:
    """The secrets resolved so far; takes them out of any text, in every form they may have taken."""

    def __init__(self) -> None:
        # Replaced as a whole: threads that log may read it while another one adds to it.
        self._forms: Forms | None = None
        self._secrets: frozenset[str] = frozenset()
        self._lasting: frozenset[str] = frozenset()
        self._passing: tuple[str, ...] = ()
        self._in_turn: dict[str, tuple[str, ...]] = {}
        self._lock = Lock()

    def add(self, secret: str, place: str = "") -> None:
        """Mask this value from now on.

        `place`, such as an account's token, keeps one secret at a time: when many newer ones have come, the oldest
        is not masked any more. Whoever refreshes it each hour has long ended it.
        """
        secret = secret.strip()
        if len(secret) < SHORTEST_SECRET or (not place and secret in self._lasting):
            return
        with self._lock:
            if place:
                self._take_turn(secret, place)
            else:
                self._lasting |= {secret}
            self._hide({*self._lasting, *(one for some in self._in_turn.values() for one in some)})

    def _take_turn(self, secret: str, place: str) -> None:
        # One that comes back, as from a backup, is the newest again.
        others = tuple(one for one in self._in_turn.get(place, ()) if one != secret)
        self._in_turn[place] = (*others, secret)[-MOST_IN_TURN:]

    def _hide(self, secrets: set[str]) -> None:
        if secrets == self._secrets:
            return
        # Imported with the first secret: a command that resolves none starts faster.
        from reelwork.redaction.secret_forms import Forms

        gone = self._secrets - secrets
        forms = Forms() if gone or self._forms is None else self._forms
        for secret in sorted(secrets if gone else secrets - self._secrets):
            forms = forms.adding(secret)
        self._forms, self._secrets = forms, frozenset(secrets)

    def add_passing(self, secret: str) -> None:
        """Mask this value, such as the signature of a link, until many newer ones have come."""
        # Of other secrets every part is found, and each slows all output. A batch may sign thousands of links.
        from reelwork.redaction.secret_forms import written

        if len(secret) >= SHORTEST_SECRET and secret not in self._passing:
            forms = sorted(written(secret), key=len)
            self._passing = (*self._passing, *forms)[-MOST_PASSING:]

    def redact(self, text: str) -> str:
        """Return the text with every known secret, authorization value and URL signature masked."""
        return without_credentials(self.without_known(text))

    def without_known(self, text: str) -> str:
        """Return the text with every known secret masked."""
        for form in reversed(self._passing):
            text = text.replace(form, MASK)
        return self._forms.hide(text, MASK) if self._forms else text


def without_credentials(text: str) -> str:
    """Return the text with whatever stands where credentials stand masked, known or not."""
    small = text.lower()
    for signs, pattern in _CREDENTIALS:
        if any(sign in small for sign in signs):
            text = _compiled(pattern).sub(rf"\g<1>{MASK}", text)
    return text


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_protected: WeakSet[Redactor] = WeakSet()
_for_good: list[Redactor] | None = None


def mask(text: str) -> str:
    """Return the text without any secret known in this process. Mask before cutting: half a key is one, too."""
    # A copy: another thread may open or close a session meanwhile.
    for redactor in tuple(_protected):
        text = redactor.without_known(text)
    return without_credentials(text)


def holds_secret(text: str) -> bool:
    """Return whether a text holds a secret that is known in this process, in any form."""
    return any(redactor.without_known(text) != text for redactor in tuple(_protected))


def remember(redactor: Redactor) -> None:
    """Mask its secrets from now on, for as long as it is alive."""
    _protected.add(redactor)
    if _for_good is not None:
        _for_good.append(redactor)


def remember_for_good() -> None:
    """Mask every secret that is known from now on until the process ends."""
    # A command may print an error after its sessions are closed.
    global _for_good
    _for_good = list(_protected)


def forget(redactor: Redactor) -> None:
    """Stop masking its secrets, unless `remember_for_good` was called."""
    if _for_good is None:
        _protected.discard(redactor)


_job_at_hand: ContextVar[tuple[str, str] | None] = ContextVar("job_at_hand", default=None)


def working_on(job_id: str, run_id: str) -> None:
    """Mark what is logged from here on, in this task and the threads it starts, as about this job."""
    _job_at_hand.set((job_id, run_id))


def job_at_hand() -> tuple[str, str] | None:
    """Return the job and the run that this task works on."""
    return _job_at_hand.get()
