"""A verdict says which input was flagged, how clearly, and whether a person may overrule it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelwork_hooks import Asset, Clip, Content, Context, Role, Stage, Verdict
from reelwork_plugins.moderation.openai import Finding, OpenaiModerationConfig, input_names, judge
from reelwork_plugins.moderation.rules import Rules, RulesConfig

HERE = "http://127.0.0.1:1/v1"


def found(about: str, **scores: float) -> Finding:
    return Finding(bool(scores), dict(scores), dict(scores), about)


def asset(role: Role) -> Asset:
    return Asset(path=Path(f"{role}.bin"), role=role, media_type="video/mp4", bytes=1, sha256="0" * 64)


def content(stage: Stage, text: str, pictures: int, *, thumbnail: bool = False) -> Content:
    clip = None
    if stage is Stage.CLIP:
        others = (asset(Role.THUMBNAIL),) if thumbnail else ()
        clip = Clip(video=asset(Role.VIDEO), assets=others)
    images = tuple(Path(f"{number}.png") for number in range(pictures))
    return Content(stage=stage, text=text, images=images, clip=clip)


@pytest.mark.parametrize(
    ("shown", "names"),
    [
        (content(Stage.BRIEF, "Rain", 0), ["the prompt"]),
        (content(Stage.BRIEF, "Rain", 2), ["the prompt or reference picture 1", "reference picture 2"]),
        (content(Stage.PROMPT, "Rain", 0), ["the prompt"]),
        (content(Stage.CLIP, "", 2), ["frame 1", "frame 2"]),
        (content(Stage.CLIP, "Hello", 3, thumbnail=True), ["the captions or frame 1", "frame 2", "the thumbnail"]),
        (content(Stage.POST, "Rain", 1), ["the words of the post or the thumbnail"]),
        (content(Stage.POST, " ", 1), ["the thumbnail"]),
    ],
)
def test_each_input_has_a_name(shown: Content, names: list[str]) -> None:
    assert input_names(shown, pictures=True) == names


def test_a_rejection_names_the_frames_and_has_scores_and_thresholds() -> None:
    config = OpenaiModerationConfig(base_url=HERE, thresholds={"violence": 0.5})
    seen = [found("frame 1"), found("frame 2", violence=0.7), found("frame 3", violence=0.9, hate=0.8)]
    verdict = judge(seen, config)
    assert verdict is not None
    assert verdict.reason == "omni-moderation-latest flagged frame 2, frame 3: violence (0.90), hate (0.80)"
    assert (verdict.flagged, verdict.final) == (("frame 2", "frame 3"), False)
    assert (verdict.scores, verdict.thresholds) == ({"violence": 0.9, "hate": 0.8}, {"violence": 0.5})


@pytest.mark.parametrize(
    ("settings", "category", "final"),
    [
        ({}, "sexual/minors", True),
        ({}, "violence", False),
        ({"final": ["violence"]}, "violence", True),
        ({"final": []}, "sexual/minors", False),
        ({"hold": ["sexual/minors"]}, "sexual/minors", False),
    ],
)
def test_only_a_rejection_in_a_final_category_is_final(settings: Any, category: str, final: bool) -> None:
    config = OpenaiModerationConfig.model_validate({"base_url": HERE, **settings})
    verdict = judge([found("the prompt", **{category: 0.9})], config)
    assert verdict is not None
    assert verdict.final is final


def test_rules_say_what_is_final(context_for: Any) -> None:
    def ask(text: str, **settings: Any) -> Verdict:
        context: Context = context_for("rules")
        plugin = Rules(RulesConfig.model_validate(settings), context)
        verdict = plugin.pre_moderate(Content(stage=Stage.BRIEF, text=text))
        assert verdict is not None
        return verdict

    assert ask("Hi").final is True
    assert ask("Hi", final=[]).final is False
    assert ask("A stabbing on a stage", block=["stabbing"]).final is False
    assert ask("A stabbing on a stage", block=["stabbing"], final=["words"]).final is True
    assert ask("A stabbing on a stage", hold=["stabbing"], final=["words"]).final is False
