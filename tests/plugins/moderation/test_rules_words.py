"""A word is looked for only in a text that has its letters: none may be missed by that."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwork_plugins.moderation.rules import DEFAULT_LIST
from reelwork_plugins.moderation.rules.lists import read_list, word_rule
from reelwork_plugins.moderation.rules.words import LOOK_ALIKES, SIGNS_BETWEEN, bare, find_word, readable

LISTED = [rule.text for rule in read_list(DEFAULT_LIST) if rule.pattern is None]
WORDS = st.one_of(st.sampled_from(LISTED), st.text("abcilos -!|1", min_size=1, max_size=6), st.text(min_size=1))
SPACES = [" ", "\t", "\x1c", "\u2029", "\u1680", "\u00a0", "  "]


@st.composite
def writings(draw: st.DrawFn) -> tuple[str, str]:
    """A word, and a text that has it in another writing, or nearly."""
    word = draw(WORDS)
    between = draw(st.sampled_from(["", *SIGNS_BETWEEN, " "]))
    written = []
    for letter in word:
        alike = LOOK_ALIKES.get(letter.lower(), "") + letter + letter.upper()
        written.append(
            draw(st.sampled_from(SPACES + list(SIGNS_BETWEEN)) if letter == " " else st.sampled_from(alike))
        )
    return (
        word,
        f"{draw(st.sampled_from(['', 'a ', 'x']))}{between.join(written)}{draw(st.sampled_from(['', '!', ' b']))}",
    )


@settings(max_examples=300)
@given(writings())
def test_a_text_that_a_word_is_found_in_has_its_letters(made: tuple[str, str]) -> None:
    word, text = made
    plain = readable(text)
    if find_word(word, plain):
        assert word_rule(word, "block", "a test").bare in bare(plain)


@pytest.mark.parametrize("word", LISTED)
def test_every_listed_word_is_found_by_its_letters(word: str) -> None:
    for text in (word, word.upper(), word.replace("i", "1").replace("o", "0"), word.replace(" ", "\u2029")):
        plain = readable(f"A fox. {text}? No.")
        assert find_word(word, plain)
        assert word_rule(word, "block", "a test").bare in bare(plain)


def test_letters_that_one_sign_stands_for_are_alike() -> None:
    assert bare("il1|!") == bare("lllll") == "iiiii"


def test_a_word_of_invisible_characters_is_found_nowhere() -> None:
    assert find_word("\u200b", "a fox") is None
    assert find_word("\u200b", "") is None
