"""Finds personal data and secrets by their shape: e-mail, phone and card numbers, keys and tokens."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Something found, without its text."""

    kind: str
    # Shown and stored with the job: even its last four digits would be personal data there.
    masked: str
    """Its length and place, never a part of it."""


_EMAIL = re.compile(
    r"(?<![\w.+-])[a-z0-9._%+-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,5}[a-z]{2,24}(?!\w)",
    re.IGNORECASE,
)
_CARD = re.compile(r"(?<![\w.,-])[2-6](?:[ -]?\d){12,18}(?![\w]|[.,-]\d)")
_KEY = re.compile(
    r"""
    (?<![A-Za-z0-9])(?:
        sk-[A-Za-z0-9_-]{20,}                       # OpenAI, Anthropic and others
      | (?:AKIA|ASIA)[0-9A-Z]{16}                   # AWS
      | gh[pousr]_[A-Za-z0-9]{30,}                  # GitHub
      | github_pat_[A-Za-z0-9_]{30,}
      | xox[abeoprs]-[A-Za-z0-9-]{10,}              # Slack
      | AIza[0-9A-Za-z_-]{35}                       # Google
      | eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}       # JSON web token
    )
    | -----BEGIN\ (?:[A-Z0-9]+\ ){0,3}PRIVATE\ KEY-----
    """,
    re.VERBOSE,
)
_KEY_SIGNS = (
    "sk-",
    "AKIA",
    "ASIA",
    *(f"gh{letter}_" for letter in "pousr"),
    "github_pat_",
    "xox",
    "AIza",
    "eyJ",
    "-----BEGIN ",
)
"""Each alternative of `_KEY` begins with one of them."""
_DIGITS = b"0123456789"
_SEPARATOR = r"[ .\-/]"
_PHONE = re.compile(
    rf"""
    (?<![\w.,/:+-])(?<!\d\ )(?:
        (?:\+|00)[1-9]\d{{0,2}}{_SEPARATOR}?
            (?:\(\d{{1,5}}\){_SEPARATOR}?)?\d(?:{_SEPARATOR}?\d){{5,13}}         # +44 (0)20 7946 0958
      | (?:1[.\- ])?(?:\([2-9]\d\d\)\ ?|[2-9]\d\d[.\- ])[2-9]\d\d[.\- ]\d{{4}}   # (415) 555-0132
      | \(?0[1-9]\d{{0,4}}\)?{_SEPARATOR}\d{{2,8}}(?:{_SEPARATOR}?\d{{2,4}}){{0,4}}  # 020 7946 0958
    )(?![\w:]|[.,]\d)
    """,
    re.VERBOSE,
)
_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{4}")


def find_personal_data(text: str) -> Iterator[PersonalData]:
    """Yield every piece of personal data that has a known shape, masked.

    Shapes only: numbers count as telephone numbers when they are written like one, as card numbers when their check
    digit fits as well (Luhn, ISO/IEC 7812-1).
    """
    if not text:
        return
    plain = text
    # Full-width digits and invisible characters must not hide a number.
    if not text.isascii():
        plain = unicodedata.normalize("NFKC", text)
        plain = "".join(character for character in plain if unicodedata.category(character) != "Cf")
    digits = _digits_in(plain)
    for kind, expression, is_one, least, signs in _KINDS:
        # A shortcut: most prompts have no digits and none of the signs, and the expressions are slow.
        if digits < least or (signs and not any(map(plain.__contains__, signs))):
            continue
        for match in expression.finditer(plain):
            if is_one(match.group()):
                size = match.end() - match.start()
                yield PersonalData(kind, f"{size} characters from character {match.start() + 1} on")
                # So that the digits of a card are not found again as a telephone number.
                plain = plain[: match.start()] + "•" * size + plain[match.end() :]


def _digits_in(text: str) -> int:
    if not text.isascii():
        return sum(map(str.isdigit, text))
    return len(text) - len(text.encode().translate(None, _DIGITS))


def _always(_: str) -> bool:
    return True


def _is_key(text: str) -> bool:
    # `sk-` also begins ordinary words joined by hyphens; a key of this kind has digits.
    return not text.startswith("sk-") or any(character.isdigit() for character in text)


def _is_card(text: str) -> bool:
    digits = [int(character) for character in text if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_phone(text: str) -> bool:
    count = sum(character.isdigit() for character in text)
    if text.startswith(("+", "00")):
        return 8 <= count <= 17
    return 9 <= count <= 12 and not _DATE.match(text)


_KINDS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool], int, tuple[str, ...]], ...] = (
    ("a key or token", _KEY, _is_key, 0, _KEY_SIGNS),
    ("an e-mail address", _EMAIL, _always, 0, ("@",)),
    ("a payment card number", _CARD, _is_card, 13, ()),
    ("a telephone number", _PHONE, _is_phone, 8, ()),
)
"""Each with the fewest digits of a text that holds one, and the signs of which such a text has at least one."""
