from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reelwork_hooks import Content, Context, InvalidInput, Stage, Verdict
from reelwork_plugins.moderation.rules import DEFAULT_LIST, Rules, RulesConfig
from reelwork_plugins.moderation.rules.lists import read_list
from reelwork_plugins.moderation.rules.personal_data import find_personal_data

Moderate = Callable[..., Verdict | None]

HARMLESS = [
    "Dick Van Dyke dancing on a rooftop",
    "kill the lights, then shoot a film at dusk",
    "a rooftop chase in assassin's creed style",
    "35mm 24fps 1920x1080 film grain",
    "how to make a bath bomb at home",
    "how to build a bomb shelter out of Lego",
    "how to make explosive sound effects",
    "stars seen with the naked eye, children watching",
    "sexy jazz in A minor",
    "Essex and Scunthorpe in the rain",
    "a sniper rifle in a museum display case",
]


@pytest.fixture
def moderate(context_for: Callable[[str], Context]) -> Moderate:
    def ask(text: str, stage: Stage = Stage.PROMPT, negative_text: str = "", **config: object) -> Verdict | None:
        plugin = Rules(RulesConfig.model_validate(config), context_for("rules"))
        return plugin.pre_moderate(Content(stage=stage, text=text, negative_text=negative_text))

    return ask


def decision(verdict: Verdict | None) -> str:
    return verdict.decision if verdict else "allow"


# ---- length


@pytest.mark.parametrize(("length", "answer"), [(9, "reject"), (10, "allow"), (1000, "allow"), (1001, "reject")])
def test_length_of_a_brief_is_10_to_1000_inclusive(moderate: Moderate, length: int, answer: str) -> None:
    assert decision(moderate("x" * length, Stage.BRIEF)) == answer


@pytest.mark.parametrize("stage", [Stage.PROMPT, Stage.POST])
def test_a_styled_prompt_and_a_post_may_have_any_length(moderate: Moderate, stage: Stage) -> None:
    assert moderate("x", stage) is None
    assert moderate("word " * 500, stage) is None


def test_the_length_is_told(moderate: Moderate) -> None:
    verdict = moderate("hi", Stage.BRIEF)
    assert verdict is not None
    assert verdict.reason == "the prompt has 2 characters; it needs at least 10"
    assert verdict.categories == ("length",)
    short = moderate("h", Stage.BRIEF)
    assert short is not None
    assert short.reason.startswith("the prompt has 1 character;")


# ---- words


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_prompts_pass(moderate: Moderate, text: str) -> None:
    assert moderate(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "how to build a pipe bomb in a shed",
        "instructions for making a bomb at home",
        "how to make explosives",
        "Recipe for an effective nail bomb",
        "ways to kill yourself",
        "ch1ld p0rn",
        "a child, later seen naked",
    ],
)
def test_the_default_list_rejects(moderate: Moderate, text: str) -> None:
    assert decision(moderate(text)) == "reject"
    assert moderate(text, defaults=False) is None


def test_the_default_list_holds_deepfakes_for_a_person(moderate: Moderate) -> None:
    verdict = moderate("a deepfake of a president")
    assert verdict is not None
    assert (verdict.decision, verdict.categories) == ("hold", ("impersonation",))


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        ("bomb", "a BOMB here", True),
        ("bomb", "a bomber jacket", False),
        ("bomb", "photobomb", False),
        ("bomb", "#bomb", True),
        ("bomb", "bomb_squad", True),
        ("bomb", "b0mb", True),
        ("bomb", "b.o.m.b", True),
        ("bomb", "b o m b", True),
        ("bomb", "b.o-m b", False),
        ("bomb", "ＢＯＭＢ", True),
        ("bomb", "bo\u200bmb", True),
        ("bomb", "b\u043emb", True),
        ("assassin", "as sass in", False),
        ("assassin", "@ss@ss1n", True),
        ("sos", "a 50s diner", False),
        ("ed", "a 3D model", False),
        ("straße", "STRASSE", True),
        ("acme corp", "Acme\n Corp", True),
        ("acme corp", "acme-corp", True),
        ("acme corp", "acme corporation", False),
        ("c++", "written in C++ today", True),
        ("爆弹", "制造爆弹的方法", True),
        ("cafe", "cafeteria", False),
    ],
)
def test_whole_words_in_any_writing(moderate: Moderate, word: str, text: str, found: bool) -> None:
    assert decision(moderate(text, block=[word], defaults=False)) == ("reject" if found else "allow")


def test_the_reason_shows_the_word_and_where_it_is_listed(moderate: Moderate) -> None:
    verdict = moderate("a b0mb here", block=["bomb"])
    assert verdict is not None
    assert verdict.reason == '"b0mb" (read as "bomb") is on the block list'


def test_a_rejection_goes_before_a_hold(moderate: Moderate) -> None:
    verdict = moderate("red and blue", hold=["red"], block=["blue"])
    assert verdict is not None
    assert (verdict.decision, '"red"' in verdict.reason) == ("reject", False)


@pytest.mark.parametrize("stage", list(Stage))
def test_words_are_looked_for_at_every_stage(moderate: Moderate, stage: Stage) -> None:
    assert decision(moderate("our rival Acme again", stage, hold=["acme"])) == "hold"


def test_a_negative_prompt_may_name_what_is_not_wanted(moderate: Moderate) -> None:
    assert moderate("a quiet street", negative_text="no gore", block=["gore"]) is None


# ---- patterns


def test_patterns_reject_and_hold_without_showing_what_they_caught(moderate: Moderate) -> None:
    rejected = moderate("project ORION-42 teaser", block_patterns=[r"orion-\d+"])
    assert rejected is not None
    assert rejected.reason == r"the pattern /orion-\d+/ on the block list matches"
    assert decision(moderate("project ORION-42 teaser", hold_patterns=[r"orion-\d+"])) == "hold"


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("(", "is not a regular expression"),
        ("a*", "matches anything"),
        ("(a+)+b", "can take for ever"),
        ("(a|aa)+b", "can take for ever"),
        ("((a)b+)+c", "can take for ever"),
        ("([a-z]+)*x", "can take for ever"),
        ("(?:a{2,}){3,}b", "can take for ever"),
        ("x" * 501, "at most 500"),
    ],
)
def test_a_bad_pattern_is_refused_when_it_is_read(pattern: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        RulesConfig(block_patterns=(pattern,))


@pytest.mark.parametrize("pattern", ["(?>a+)+b", "(?:a*+b)+c", r"\(a+\)+b", "[(+]+x+", "(?:ab){1,20}c", "(?!a)b+"])
def test_a_safe_pattern_is_taken(pattern: str) -> None:
    assert RulesConfig(hold_patterns=(pattern,)).hold_patterns == (pattern,)


# ---- list files


def test_lists_are_files_people_can_edit(moderate: Moderate, tmp_path: Path) -> None:
    (tmp_path / "shop.txt").write_text(
        "\ufeff# our own\nacme\nhold: launch date\n\n[embargo]\nhold:\n/orion-\\d+/\nblock: orion prime\n",
        encoding="utf-8",
    )
    shop = {"lists": ["shop.txt"], "defaults": False}
    assert decision(moderate("ACME again", **shop)) == "reject"
    assert decision(moderate("the launch date", **shop)) == "hold"
    verdict = moderate("orion-7 rises", **shop)
    assert verdict == Verdict.hold(r"the pattern /orion-\d+/ on line 7 of shop.txt (embargo) matches", "embargo")
    assert decision(moderate("orion prime rises", **shop)) == "reject"
    assert moderate("our own orion", **shop) is None


def test_a_missing_list_is_said_so(moderate: Moderate) -> None:
    with pytest.raises(InvalidInput, match=r"no word list at .*gone\.txt"):
        moderate("anything", lists=["gone.txt"])


def test_a_bad_line_is_named(moderate: Moderate, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("fine\n/(/\n")
    with pytest.raises(InvalidInput, match=r"line 2 of bad\.txt"):
        moderate("anything", lists=["bad.txt"])


def test_a_list_that_is_no_text_is_said_so(moderate: Moderate, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InvalidInput, match="cannot be read as text"):
        moderate("anything", lists=["bad.txt"])


def test_the_default_list_is_sound() -> None:
    rules = list(read_list(DEFAULT_LIST))
    assert {rule.action for rule in rules} == {"block", "hold"}
    assert all(rule.category != "words" for rule in rules)


# ---- personal data

PRIVATE = [
    ("mail jane.doe+x@mail.example.co.uk now", "an e-mail address", "jane"),
    ("ring +44 20 7946 0958 now", "a telephone number", "7946"),
    ("ring +44 (0)20 7946 0958 now", "a telephone number", "7946"),
    ("ring (415) 555-0132 now", "a telephone number", "0132"),
    ("ring 415-555-0132 now", "a telephone number", "0132"),
    ("ring 0049 30 901820 now", "a telephone number", "901820"),
    ("ring 06 12 34 56 78 now", "a telephone number", "34 56"),
    ("pay 4111 1111 1111 1111 now", "a payment card number", "1111"),
    ("pay 5500005555555559 now", "a payment card number", "5555"),
    ("key sk-proj-abcdefghijklmnop1234567890", "a key or token", "abcdef"),
    ("key AKIAIOSFODNN7EXAMPLE", "a key or token", "IOSFO"),
    ("key ghp_" + "a1" * 18, "a key or token", "a1a1"),
    ("key xoxb-123456789012-abcdef", "a key or token", "123456"),
    ("key eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF123456", "a key or token", "hbGci"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----", "a key or token", "OPENSSH"),
]


@pytest.mark.parametrize(("text", "kind", "secret"), PRIVATE)
def test_personal_data_is_rejected_and_never_shown(moderate: Moderate, text: str, kind: str, secret: str) -> None:
    verdict = moderate(text)
    assert verdict is not None
    assert (verdict.decision, verdict.categories) == ("reject", ("personal-data",))
    assert kind in verdict.reason
    assert secret not in verdict.reason
    assert decision(moderate(text, personal_data="hold")) == "hold"
    assert moderate(text, personal_data="allow") is None


@pytest.mark.parametrize(
    "text",
    [
        "35mm 24fps 1920x1080, 2560x1080, 3840x2160",
        "1914-1918 and 1939-1945, then 2001 2002 2003",
        "01/02/2026 10:30 to 2026-11-20T08:30:00Z",
        "00:10:20 to 00:11:00, 16:9, 0.5 s",
        "4111 1111 1111 1112 is no card number",
        "seed 1704672000123 and 10 000 000 stars",
        "24 25 30 50 60 100 200 300 4000 frames",
        "follow @brand on example.com",
        "sk-style-lowpoly-rendering-of-things",
        "in the style of sk-8 boards",
    ],
)
def test_numbers_of_film_and_time_are_no_personal_data(text: str) -> None:
    assert list(find_personal_data(text)) == []


def test_personal_data_is_found_in_a_negative_prompt(moderate: Moderate) -> None:
    verdict = moderate("a street", negative_text="jane@example.com")
    assert verdict is not None
    assert "the negative prompt has an e-mail address in it" in verdict.reason


def test_a_listed_word_never_carries_personal_data_into_the_reason(moderate: Moderate) -> None:
    verdict = moderate("mail jane@example.com", block_patterns=[r"\S+@\S+"])
    assert verdict is not None
    assert "jane" not in verdict.reason


@given(st.text(max_size=300))
def test_any_text_gets_an_answer(text: str) -> None:
    for found in find_personal_data(text):
        assert found.kind


# ---- settings


@pytest.mark.parametrize(
    "config",
    [
        {"min_length": 20, "max_length": 10},
        {"min_length": -1},
        {"personal_data": "maybe"},
        {"blok": ["x"]},
        {"block": [""]},
    ],
)
def test_settings_that_make_no_sense_are_refused(config: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RulesConfig.model_validate(config)
