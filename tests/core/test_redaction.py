from __future__ import annotations

import pytest

from reelwork.redaction.redactor import MOST_IN_TURN, Redactor


def redactor(*secrets: str) -> Redactor:
    made = Redactor()
    for secret in secrets:
        made.add(secret)
    return made


def test_a_known_secret_is_masked_everywhere_in_a_text() -> None:
    assert redactor("hunter22").redact("hunter22 and xhunter22x") == "*** and x***x"


def test_a_secret_is_masked_in_its_url_and_json_forms() -> None:
    text = redactor('p/s"w d+1').redact('a=p%2Fs%22w%20d%2B1 {"b": "p/s\\"w d+1"}')
    assert text == 'a=*** {"b": "***"}'


def test_a_secret_that_contains_another_is_masked_whole() -> None:
    assert redactor("abcd", "abcdefgh").redact("abcdefgh abcd") == "*** ***"


def test_of_tokens_that_follow_each_other_the_newest_are_masked_and_nothing_grows() -> None:
    made = redactor("a-lasting-api-key-1234")
    tokens = [f"{number:04d}-token-of-an-hour-{number * 7919:08d}" for number in range(60)]
    for token in tokens:
        made.add(token, "accounts.json#tube.access_token")
        made.add("its-refresh-token-stays-0001", "accounts.json#tube.refresh_token")
    for known in (*tokens[-MOST_IN_TURN:], "its-refresh-token-stays-0001", "a-lasting-api-key-1234"):
        assert made.redact(f"with {known}.") == "with ***.", known
    assert made.without_known(tokens[0]) == tokens[0]
    once = redactor("a-lasting-api-key-1234", "its-refresh-token-stays-0001", *tokens[-MOST_IN_TURN:])
    assert made._forms == once._forms


def test_a_token_that_is_also_a_lasting_secret_stays_masked() -> None:
    made = redactor("used-in-two-places-77")
    for number in range(30):
        made.add(f"token-number-{number:06d}" if number else "used-in-two-places-77", "place")
    assert made.redact("used-in-two-places-77") == "***"


def test_short_strings_are_not_taken_for_secrets() -> None:
    assert redactor("", "abc").redact("abc") == "abc"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer sk-12345678", "Authorization: ***"),
        ("{'authorization': 'Basic dXNlcjpwYXNz'}", "{'authorization': '***'}"),
        ("sent bearer abcdef123456 away", "sent bearer *** away"),
        ("https://x.test/v.mp4?sig=abc&se=2026", "https://x.test/v.mp4?sig=***&se=2026"),
        ("https://x.test/?a=1&token=abc.def#t", "https://x.test/?a=1&token=***#t"),
        (
            "GET /v?X-Amz-Date=1&X-Amz-Signature=00ff HTTP/1.1",
            "GET /v?X-Amz-Date=1&X-Amz-Signature=*** HTTP/1.1",
        ),
        ("http://user:pass@x.test/", "http://user:***@x.test/"),
        ("invalid token: eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhayJ9.abcdefgh-12", "invalid token: ***"),
    ],
)
def test_authorization_and_signatures_are_masked_without_being_known(text: str, expected: str) -> None:
    assert Redactor().redact(text) == expected


@pytest.mark.parametrize(
    "text", ["the bearer of news", "https://x.test/?q=sign&page=2", "a token was used", "authorization failed"]
)
def test_ordinary_text_stays(text: str) -> None:
    assert Redactor().redact(text) == text


@pytest.mark.parametrize(
    "echoed",
    [
        "https%3A%2F%2Fb.example%2Ff.mp4%3FX-Amz-Signature%3Dc0ffee01%26X-Amz-Expires%3D60",
        "https://b.example/f.mp4?X-Amz-Expires=60&amp;X-Amz-Signature=c0ffee01",
        r'"https://b.example/f.mp4?X-Amz-Expires=60\u0026X-Amz-Signature=c0ffee01"',
    ],
)
def test_a_signature_is_masked_as_others_write_it(echoed: str) -> None:
    assert "c0ffee01" not in Redactor().redact(echoed)
