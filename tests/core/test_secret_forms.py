from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwork.redaction.redactor import MASK, Redactor
from reelwork.redaction.secret_forms import SHORTEST_PART

KEY = "sk-live-Qx7Zk2Vn9Rb4Tc8Yp1Wd6/Hf3+Jm5Lg0Es"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in capitals": str.upper,
    "in small letters": str.lower,
    "in an address": lambda key: quote(key, safe=""),
    "in an address, small": lambda key: quote(key, safe="").lower(),
    "in JSON": lambda key: json.dumps(key),
    "in hexadecimal": lambda key: key.encode().hex(),
    "in base64": b64,
    "as a bearer in base64": lambda key: b64(f"Bearer {key}"),
    "as a password in base64": lambda key: b64(f"me@example.org:{key}"),
    "as a name in base64": lambda key: b64(f"{key}:"),
    "in base64 for addresses": lambda key: base64.urlsafe_b64encode(f"x{key}".encode()).decode(),
    "over two lines": lambda key: f"{key[:20]}\n    {key[20:]}",
    "over many lines": lambda key: "\r\n".join(key),
    "over lines in JSON": lambda key: json.dumps(f"{key[:9]}\n{key[9:]}"),
    "with invisible spaces": lambda key: "\u200b".join(key),
    "its head": lambda key: key[:20],
    "its end": lambda key: key[20:],
    "its middle": lambda key: key[12:26],
}


def runs(key: str) -> set[str]:
    """Whoever sees one of these has seen a good part of the key."""
    small = key.lower()
    return {small[at : at + SHORTEST_PART] for at in range(8, len(small) - SHORTEST_PART + 1)}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_masked_in_every_form_it_is_echoed_in(form: str) -> None:
    redactor = Redactor()
    redactor.add(KEY)
    echoed = FORMS[form](KEY)
    masked = redactor.redact(f"the server said: {echoed}, and more")
    assert echoed not in masked
    assert MASK in masked
    assert masked.startswith("the server said: ")
    assert masked.endswith(", and more")
    assert not any(run in "".join(masked.split()).lower() for run in runs(KEY))


@given(st.integers(0, 700), st.integers(1, 90), st.sampled_from(list(FORMS)))
def test_no_part_of_a_random_key_is_left_where_somebody_else_cut(before: int, length: int, form: str) -> None:
    redactor = Redactor()
    redactor.add(KEY)
    echoed = ("x" * before + " " + FORMS[form](KEY))[: before + length]
    masked = "".join(redactor.redact(f"400: {echoed}. Try again").split()).lower()
    assert not any(run in masked for run in runs(KEY))


def test_words_are_left_alone() -> None:
    redactor = Redactor()
    redactor.add(KEY)
    redactor.add("correct horse battery staple")
    text = "A sk-live key is needed; a correct answer about horses at https://api.example.com/v1/videos"
    assert redactor.redact(text) == text
    assert redactor.redact("it is CORRECT HORSE\nBATTERY STAPLE") == f"it is {MASK}"


def test_a_secret_within_ten_million_characters_is_found_in_bounded_time_and_place() -> None:
    redactor = Redactor()
    redactor.add(KEY)
    for at in (0, 65_530, 131_072, 9_999_000):
        text = "word " * (at // 5) + KEY.upper() + " tail"
        assert KEY.upper() not in redactor.redact(text)


def test_adding_a_secret_twice_changes_nothing() -> None:
    redactor = Redactor()
    for _ in range(10_000):
        redactor.add(KEY)
    assert redactor.redact(KEY) == MASK
