"""`rules`: a keyword policy for prompts and posts. It is not a safety classifier.

It finds listed words, patterns and kinds of personal data, as written. It understands nothing: a harmful wish in
other words passes, and a harmless sentence with a listed word is stopped. Put a person's review or a moderation
service behind it where that matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from reelwork_hooks import Config, Content, Context, InvalidInput, Plugin, Stage, Verdict, hookimpl
from reelwork_plugins.moderation.rules.lists import Action, Rule, pattern_rule, read_list, word_rule
from reelwork_plugins.moderation.rules.patterns import checked_pattern
from reelwork_plugins.moderation.rules.personal_data import find_personal_data
from reelwork_plugins.moderation.rules.words import bare, readable

DEFAULT_LIST = Path(__file__).with_name("default.txt")
MOST_REASONS = 3

Word = Annotated[str, Field(min_length=1, max_length=200)]
Pattern = Annotated[str, AfterValidator(checked_pattern)]


class RulesConfig(Config):
    """Settings of `rules`."""

    min_length: Annotated[int, Field(ge=0)] = 10
    """Fewest characters of a brief's prompt, inclusive."""
    max_length: Annotated[int, Field(ge=1)] = 1000
    """Most characters of a brief's prompt, inclusive. A styled prompt may grow beyond it."""
    block: tuple[Word, ...] = ()
    """Words and phrases that are rejected."""
    hold: tuple[Word, ...] = ()
    """Words and phrases a person must look at."""
    block_patterns: tuple[Pattern, ...] = ()
    """Regular expressions that are rejected; letters match in either case."""
    hold_patterns: tuple[Pattern, ...] = ()
    """Regular expressions a person must look at."""
    lists: tuple[Path, ...] = ()
    """Text files with more of them, relative to the workflow's folder; `default.txt` shows the format."""
    defaults: bool = True
    """Apply the short list that comes with this plugin."""
    personal_data: Literal["reject", "hold", "allow"] = "reject"
    """The answer to e-mail addresses, phone and card numbers, keys and tokens."""
    final: tuple[Word, ...] = ("length", "sexual content involving minors")
    """Categories whose rejection no person can overrule: `length`, `words`, `personal-data`, or one of a list."""
    # Off: a stage more for every job of a workflow whose plugins add no captions.
    captions: bool = False
    """Check the captions of a finished video too, before it is stored or posted."""

    @model_validator(mode="after")
    def _lengths_leave_room(self) -> Self:
        if self.min_length > self.max_length:
            raise ValueError("min_length is more than max_length: no prompt could pass")
        return self


class Rules(Plugin):
    """Keyword policy, not a safety classifier: length, listed words and patterns, personal data.

    Length is checked on the brief only. Words, patterns and personal data are checked on the brief, on the
    final prompt and on each post. A negative prompt names what must *not* be seen, so only personal data is
    looked for in it.
    """

    Config = RulesConfig
    config: RulesConfig
    computes = True
    clip_frames = 0

    def __init__(self, config: RulesConfig, context: Context) -> None:
        super().__init__(config, context)
        self.rules = tuple(_all_rules(config, context.base_dir))

    @property
    def moderates(self) -> tuple[Stage, ...]:  # type: ignore[override]
        """Also finished videos, if the settings say so."""
        return tuple(Stage) if self.config.captions else Plugin.moderates

    @hookimpl
    def pre_moderate(self, content: Content) -> Verdict | None:
        """Return a rejection before a hold before nothing at all; the reason names the rule."""
        found = [*self._length(content), *self._personal_data(content), *self._words(content.text)]
        for action, verdict in (("block", Verdict.reject), ("hold", Verdict.hold)):
            chosen = [(reason, category) for what, reason, category in found if what == action]
            if chosen:
                reasons = "; ".join(reason for reason, _ in chosen[:MOST_REASONS])
                categories = dict.fromkeys(category for _, category in chosen)
                final = action == "block" and not categories.keys().isdisjoint(self.config.final)
                return verdict(reasons, *categories).replace(**{"final": True} if final else {})
        return None

    def _length(self, content: Content) -> Iterable[tuple[Action, str, str]]:
        if content.stage is not Stage.BRIEF:
            return
        length = len(content.text.strip())
        has = f"the prompt has {length} character{'' if length == 1 else 's'}"
        if length < (least := self.config.min_length):
            yield "block", f"{has}; it needs at least {least}", "length"
        if length > (most := self.config.max_length):
            yield "block", f"{has}; it may have at most {most}", "length"

    def _personal_data(self, content: Content) -> Iterable[tuple[Action, str, str]]:
        if self.config.personal_data == "allow":
            return
        action: Action = "block" if self.config.personal_data == "reject" else "hold"
        for where, text in (("text", content.text), ("negative prompt", content.negative_text)):
            for found in find_personal_data(text):
                yield action, f"the {where} has {found.kind} in it, {found.masked}", "personal-data"

    def _words(self, text: str) -> Iterable[tuple[Action, str, str]]:
        plain = readable(text)
        letters = bare(plain)
        for rule in self.rules:
            # Nearly every text has none of the words, and a plan of 50,000 rows asks each time: so an expression is
            # made and tried only where its word's letters are.
            if rule.bare in letters and (matched := rule.find(plain)) is not None:
                yield rule.action, rule.reason(matched), rule.category


def _all_rules(config: RulesConfig, base_dir: Path) -> Iterable[Rule]:
    yield from _configured(config.block, config.block_patterns, "block")
    yield from _configured(config.hold, config.hold_patterns, "hold")
    for path in config.lists:
        yield from read_list(_readable_file(base_dir / path.expanduser()))
    if config.defaults:
        yield from read_list(DEFAULT_LIST)


def _configured(words: Sequence[str], patterns: Sequence[str], action: Action) -> Iterable[Rule]:
    for word in words:
        yield word_rule(word, action, f"the {action} list")
    for pattern in patterns:
        yield pattern_rule(pattern, action, f"the {action} list")


def _readable_file(path: Path) -> Path:
    if not path.is_file():
        raise InvalidInput(
            f"rules: there is no word list at {path}.",
            hint="Correct `lists` in the workflow; its paths start from the workflow's folder.",
        )
    return path
