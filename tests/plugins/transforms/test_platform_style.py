from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reelwork_hooks import Context, Job, Platform, Prompt
from reelwork_plugins.platforms import PLATFORMS
from reelwork_plugins.transforms.platform_style import PlatformStyle, StyleConfig, fitted

FAMILY, FLAG, WAVE = "👩‍👩‍👧", "🇫🇷", "👋🏽"


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.fixture
def styled(
    context_for: Callable[[str], Context], make_job: Callable[..., Job], platform: Callable[[str], Platform]
) -> Callable[..., Prompt | None]:
    def transform(
        prompt: Prompt, name: str | None = "tiktok", idea: str = "A cat", **config: object
    ) -> Prompt | None:
        plugin = PlatformStyle(StyleConfig.model_validate(config), context_for("platform-style"))
        return plugin.prompt_transform(prompt, make_job(idea, platform=platform(name) if name else None))

    return transform


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("youtube", "cinematic, professional"),
        ("instagram", "aesthetic, trendy, high saturation"),
        ("tiktok", "energetic, fast-paced, engaging"),
        ("twitter", "attention-grabbing, clear message"),
    ],
)
def test_adds_the_tutorials_words(styled: Callable[..., Prompt], name: str, words: str) -> None:
    assert styled(Prompt(text="A cat"), name).text == f"A cat, {words}, optimized for {name}"


def test_joins_a_sentence_smoothly(styled: Callable[..., Prompt]) -> None:
    assert styled(Prompt(text="A cat plays. \n")).text.startswith("A cat plays, energetic")


def test_is_applied_once(styled: Callable[..., Prompt | None]) -> None:
    once = styled(Prompt(text="A cat"))
    assert once is not None
    assert styled(once) is None


def test_without_a_platform_nothing_changes(styled: Callable[..., Prompt | None]) -> None:
    assert styled(Prompt(text="A cat"), None) is None


def test_another_template_and_style(styled: Callable[..., Prompt]) -> None:
    config = {"template": "For {platform}: {prompt} ({style})", "styles": {"tiktok": "calm"}}
    once = styled(Prompt(text="A cat."), **config)
    assert once.text == "For tiktok: A cat. (calm)"
    assert styled(once, **config) is None


def test_a_style_may_be_given_by_the_other_name_or_taken_away(styled: Callable[..., Prompt]) -> None:
    assert styled(Prompt(text="A cat"), "twitter", styles={"x": "terse"}).text.startswith("A cat, terse,")
    assert styled(Prompt(text="A cat"), styles={"tiktok": ""}).text == "A cat, optimized for tiktok"


@pytest.mark.parametrize(
    "template",
    ["{style}", "{prompt} {prompt}", "{prompt} {mood}", "{prompt.text}", "{prompt!r}", "{prompt", "{}"],
)
def test_a_template_that_cannot_work_is_refused(template: str) -> None:
    with pytest.raises(ValidationError):
        StyleConfig(template=template)


def test_doubled_braces_are_braces(styled: Callable[..., Prompt]) -> None:
    assert styled(Prompt(text="A cat"), template="{{prompt}} {prompt}").text == "{prompt} A cat"


def test_empty_copy_comes_from_the_brief_not_from_the_styled_prompt(styled: Callable[..., Prompt]) -> None:
    youtube = styled(Prompt(text="A cat"), "youtube", "A cat")
    assert (youtube.title, youtube.caption) == ("A cat", "A cat")
    assert styled(Prompt(text="A cat"), "tiktok", "A cat").title == ""


def test_written_copy_is_kept(styled: Callable[..., Prompt]) -> None:
    prompt = styled(Prompt(text="A cat", title="Yarn", caption="look", hashtags=("cats",)), "youtube")
    assert (prompt.title, prompt.caption, prompt.hashtags) == ("Yarn", "look", ("cats",))


def test_copy_is_cut_to_the_platforms_limits(styled: Callable[..., Prompt]) -> None:
    long = "a quick brown fox " * 40
    assert styled(Prompt(text="A cat"), "youtube", long).title == "a quick brown fox " * 5 + "a quick…"
    tags = tuple(f"tag{number}" for number in range(40))
    assert styled(Prompt(text="A cat", hashtags=tags), "instagram").hashtags == tags[:5]


def test_caption_and_hashtags_fit_together(styled: Callable[..., Prompt]) -> None:
    prompt = styled(Prompt(text="A cat", hashtags=("cats", "yarn")), "twitter", "word " * 100)
    sent = " ".join((prompt.caption, *(f"#{tag}" for tag in prompt.hashtags)))
    assert prompt.hashtags == ("cats", "yarn")
    assert 260 < len(sent) <= 280


def test_a_written_caption_goes_before_hashtags(styled: Callable[..., Prompt]) -> None:
    prompt = styled(Prompt(text="A cat", caption="c" * 270, hashtags=("cats", "yarnyarnyarn")), "twitter")
    assert (prompt.caption, prompt.hashtags) == ("c" * 270, ("cats",))


@pytest.mark.parametrize(
    ("text", "limit", "kept"),
    [
        ("one two three", 13, "one two three"),
        ("one two three", 10, "one two…"),
        ("one two, three", 9, "one two…"),
        ("incomprehensibilities", 8, "incompr…"),
        ("长城上空的日出与云海", 6, "长城上空的…"),
        (f"abc {FAMILY}{FAMILY}", 13, f"abc {FAMILY}…"),
        (f"{FLAG}{FLAG}{FLAG}", 9, f"{FLAG}{FLAG}…"),
        (f"{WAVE}{WAVE}", 6, f"{WAVE}…"),
        ("e\u0301" * 4, 6, "e\u0301" * 2 + "…"),
        ("anything", 0, ""),
        (FAMILY, 3, ""),
    ],
)
def test_text_is_cut_where_a_reader_would(text: str, limit: int, kept: str) -> None:
    assert fitted(text, limit) == kept


@given(st.text(), st.integers(min_value=0, max_value=30))
def test_what_is_cut_always_fits(text: str, limit: int) -> None:
    assert units(fitted(text, limit)) <= limit


@pytest.mark.parametrize(
    ("name", "caption", "longest"), [("twitter", "猫" * 200, 280), ("youtube", "я" * 4000, 5000)]
)
def test_a_caption_is_cut_as_its_network_counts(
    styled: Callable[..., Prompt], name: str, caption: str, longest: int
) -> None:
    made = styled(Prompt(text="A cat", caption=caption), name).caption
    assert made.endswith("…")
    assert longest - 4 <= {one.name: one for one in PLATFORMS}[name].length_of(made, "caption") <= longest
