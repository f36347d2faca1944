"""X's weights, against a port of X's own counting (twitter-text): never less than it counts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwork_hooks import x_weight

twitter_text = pytest.importorskip("twitter_text", reason="pip install -e . --group test")
PARTS = (
    *(
        "boat",
        "Île",
        "море",
        "ŝip",
        "日本",
        "한국",
        "…",
        "—",
        "©",
        "e\u0301",
        "1.5",
        "v2.txt",
        "\n\n",
        " ",
        "  ",
        "#sea",
    ),
    *("👍", "👍🏽", "👩‍🚀", "🇦🇲", "1️⃣", "❤️", "(", ")", ".", ",", "!", "@boat", "\u200d"),
    *(
        "https://example.com",
        "https://example.com/a/way_that-is/long?and=more&then#some",
        "http://a.co/",
        "t.co/abc",
    ),
    *(
        "https://example.com/(in)",
        "https://日本.com/x",
        "https://localhost/very/long/way/to/nowhere",
        "boats.example",
    ),
    *(
        "https://example.unknownend/with/a/long/way/behind/it",
        "https://user@example.com/",
        "HTTPS://EXAMPLE.COM:80/x",
    ),
)


def weighed(text: str) -> int:
    return int(twitter_text.parse_tweet(text).weightedLength)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=8).map("".join))
def test_nothing_counts_for_less_than_at_x(text: str) -> None:
    assert x_weight(text) >= weighed(text)


@pytest.mark.parametrize(
    "text",
    [
        "First light\n\nNobody is up yet. “Île”\n\n#dawn #harbour",
        "жизнь 日本語 한국어 ©",
        "More at https://example.com/boats?from=x, and at http://a.co/.",
        "See example.com, then dawn.net!",
        "one 👍 two ☺ three",
    ],
)
def test_what_people_write_counts_as_at_x(text: str) -> None:
    assert x_weight(text) == weighed(text)
