"""One rule, and the text files that hold rules."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reelwork_hooks import InvalidInput
from reelwork_plugins.moderation.rules.literals import needed
from reelwork_plugins.moderation.rules.patterns import checked_pattern
from reelwork_plugins.moderation.rules.words import bare, find_word, readable

Action = Literal["block", "hold"]
NO_CATEGORY = "words"

_CATEGORY = re.compile(r"\[([\w -]+)\]$")
_ACTION = re.compile(r"(block|hold)\s*:\s*(.*)$", re.IGNORECASE)
_PATTERN = re.compile(r"/(.+)/$")


@dataclass(frozen=True, slots=True)
class Rule:
    """One word, phrase or pattern, with its action and its place in a list."""

    text: str
    action: Action
    source: str
    category: str
    pattern: re.Pattern[str] | None = None
    needs: tuple[str, ...] = ()
    """Texts of which one is in everything in ASCII that the pattern matches; nothing where that is not known."""
    bare: str = ""
    """Letters that are in every `bare` text which the rule matches; nothing where that is not known."""

    def find(self, text: str) -> str | None:
        """Return the rule's first match in a `readable` text, or None."""
        if self.pattern is None:
            return find_word(self.text, text)
        if self.needs and text.isascii() and not any(map(text.__contains__, self.needs)):
            return None
        match = self.pattern.search(text)
        return match.group() if match else None

    def reason(self, matched: str) -> str:
        """Return the reason to show to a person: which rule found what."""
        source = f"{self.source} ({self.category})" if self.category != NO_CATEGORY else self.source
        # Without the match: a pattern may have caught anything, such as a password.
        if self.pattern is not None:
            return f"the pattern /{textwrap.shorten(self.text, 48, placeholder='…')}/ on {source} matches"
        found = f'"{matched}"'
        if matched != readable(self.text):
            found += f' (read as "{self.text}")'
        return f"{found} is on {source}"


def word_rule(word: str, action: Action, source: str, category: str = NO_CATEGORY) -> Rule:
    """Return a rule for a whole word or phrase."""
    return Rule(word, action, source, category, bare=bare(readable(word)))


def pattern_rule(expression: str, action: Action, source: str, category: str = NO_CATEGORY) -> Rule:
    """Return a rule for a regular expression. Raises `ValueError` when it is none, or could take for ever."""
    pattern = re.compile(checked_pattern(expression), re.IGNORECASE)
    return Rule(expression, action, source, category, pattern, needed(expression))


def read_list(path: Path) -> Iterator[Rule]:
    """Yield the rules in a text file, one a line.

    `#` starts a comment line. `[name]` names the category of the lines below. `block:` or `hold:` alone on a
    line is the action for the lines below; before an entry, for that entry only. `/…/` is a regular expression.

    Raises `InvalidInput` with the line's number when a line cannot be understood.
    """
    action: Action = "block"
    category = NO_CATEGORY
    for number, line in _entries(path):
        source = f"line {number} of {path.name}"
        if named := _CATEGORY.match(line):
            category = named[1].strip()
            continue
        this, entry = _prefixed(line, action)
        if not entry:
            action = this
            continue
        yield _rule(entry, this, source, category)


def _entries(path: Path) -> Iterator[tuple[int, str]]:
    # `-sig`: Windows editors put a byte order mark in front, which would be part of the first word.
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"rules: the word list {path} cannot be read as text: {error}.") from error
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.strip()
        if entry and not entry.startswith("#"):
            yield number, entry


def _prefixed(line: str, default: Action) -> tuple[Action, str]:
    match = _ACTION.match(line)
    if match is None:
        return default, line
    return ("hold" if match[1].lower() == "hold" else "block"), match[2].strip()


def _rule(entry: str, action: Action, source: str, category: str) -> Rule:
    expression = _PATTERN.match(entry)
    if expression is None:
        return word_rule(entry, action, source, category)
    try:
        return pattern_rule(expression[1], action, source, category)
    except ValueError as error:
        hint = "Correct the line, or put # before it."
        raise InvalidInput(f"rules: {source}: {error}.", hint=hint) from error
