"""Before a pattern is tried, the texts it needs are looked for: no match may be missed by that."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reelwork_plugins.moderation.rules import DEFAULT_LIST
from reelwork_plugins.moderation.rules.lists import pattern_rule, read_list
from reelwork_plugins.moderation.rules.literals import needed

ATOMS = [
    *[(letter, letter.lower()) for letter in "abcK"],
    (r"\.", "."),
    ("ſ", "s"),  # The long s, which matches s in either case.
    ("[ab]", "a"),
    ("[]a]", "]"),
    (r"\d", "1"),
    (r"\b", ""),
    (".", "b"),
]
REPEATS = [
    ("?", (0, 1)),
    ("*", (0, 2)),
    ("+", (1, 2)),
    ("{0,2}", (0, 2)),
    ("{,2}", (0, 1)),
    ("{2}", (2,)),
    ("{1,}", (1, 2)),
]
GROUPS = ("(?:", "(", "(?>", "(?P<n>", "(?=", "(?<!")


@st.composite
def expressions(draw: st.DrawFn, depth: int = 1) -> tuple[str, str]:
    """A regular expression, and a text that it may match."""
    expression, text = "", ""
    for _ in range(draw(st.integers(0, 3))):
        if depth and draw(st.booleans()):
            branches = draw(st.lists(expressions(depth - 1), min_size=1, max_size=3))
            opens = draw(st.sampled_from(GROUPS))
            part, matched = f"{opens}{'|'.join(one for one, _ in branches)})", draw(st.sampled_from(branches))[1]
        else:
            part, matched = draw(st.sampled_from(ATOMS))
        if draw(st.booleans()):
            repeat, times = draw(st.sampled_from(REPEATS))
            part, matched = part + repeat + draw(st.sampled_from(["", "?"])), matched * draw(st.sampled_from(times))
        expression, text = expression + part, text + matched
    return expression, text


@settings(max_examples=60)
@given(expressions())
def test_every_text_that_matches_has_one_of_the_texts_that_are_needed(made: tuple[str, str]) -> None:
    expression, text = made
    try:
        found = re.search(expression, text, re.IGNORECASE)
    except re.error:
        found = None
    assume(found is not None)
    needs = needed(expression)
    assert not needs or any(need in text for need in needs)


@pytest.mark.parametrize(
    ("expression", "needs"),
    [
        (r"\bhow to (?:make|build) (?:an? )?(?:pipe ?)?(?:bombs?|napalm)\b", ("how to ",)),
        ("(?:school ?girls?|kids?)", ("school", "kid")),
        ("(?:nude|nudes)", ("nude",)),
        ("colou?r", ("colo",)),
        ("a|[bc]", ()),
        ("(?:ab)?", ()),
        # What is not looked into: flags, comments, conditions, numbers of characters, references back.
        ("(?i)ab", ()),
        ("(?#ab)", ()),
        (r"\x41b", ()),
        (r"(?P<n>ab)(?P=n)", ()),
        (r"(ab)\1", ()),
        ("(?s:ab)", ()),
        ("ab{}", ()),
    ],
)
def test_needs_of(expression: str, needs: tuple[str, ...]) -> None:
    assert needed(expression) == needs


def test_each_pattern_of_the_list_that_comes_along_needs_something() -> None:
    patterns = [rule for rule in read_list(DEFAULT_LIST) if rule.pattern is not None]
    assert patterns
    assert all(rule.needs for rule in patterns)


def test_a_letter_of_another_alphabet_that_matches_is_found() -> None:
    # To `re`, a dotless i is an i in another case.
    assert pattern_rule("kill", "block", "a test").find("kıll") == "kıll"
