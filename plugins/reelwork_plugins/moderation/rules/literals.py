"""Texts that every match of a regular expression holds: to look for them is many times faster than to match."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from reelwork_plugins.moderation.rules.patterns import TOKEN

_GROUP = re.compile(r"\((?:\?(?:P<\w+>|[:>]))?")
_LOOK = re.compile(r"\(\?<?[=!]")
_REPEAT = re.compile(r"(?:([*?])|\+|\{(\d*)(?:,\d*)?\})[+?]?")
_WITHOUT_LETTERS = frozenset(f"\\{letter}" for letter in "bBdDsSwWAZ")

Needs = tuple[str, ...]


class _Unclear(Exception):
    """The expression has a part that is not looked into."""


@dataclass
class _Branch:
    """One of the alternatives of a group, as far as it was read."""

    found: list[Needs] = field(default_factory=list)
    """Of each of these, one text is in every match."""
    run: str = ""
    """The letters read last."""
    latest: Needs = ()
    """What the group read last needs: not settled before it is known how often it repeats."""

    def settle(self) -> None:
        self.found += [needs for needs in ((self.run,) if self.run else (), self.latest) if needs]
        self.run, self.latest = "", ()

    def repeat(self, least: int) -> None:
        # It repeats what stands right before it: a letter or a group.
        if least == 0:
            self.run, self.latest = self.run[:-1], ()
        self.settle()

    def best(self) -> Needs:
        self.settle()
        return max(self.found, key=lambda needs: (min(map(len, needs)), -len(needs)), default=())


def needed(expression: str) -> Needs:
    """Return texts of which one is in every ASCII text in small letters that matches, in either case.

    Nothing where that cannot be told.

    >>> needed(r"\\b(?:do|make) (?:an? )?(?:pipe )?(?:bombs?|napalm)\\b")
    ('bomb', 'napalm')
    """
    tokens = TOKEN.findall(expression)
    if any(one == "(" and other.startswith("?") for one, other in pairwise(tokens)):
        return ()  # Flags, a comment or a condition.
    try:
        return tuple(_shortest(_group(iter(tokens))))
    except _Unclear:
        return ()


def _shortest(needs: Needs) -> Iterator[str]:
    """Yield those that no other is a part of."""
    for text in dict.fromkeys(needs):
        if not any(other != text and other in text for other in needs):
            yield text


def _group(tokens: Iterator[str]) -> Needs:
    """Read up to the end of a group. Every alternative must need something for the group to need one of it."""
    branches = [_Branch()]
    for token in tokens:
        if token == ")":
            break
        if token == "|":
            branches.append(_Branch())
        else:
            _read(branches[-1], token, tokens)
    return _one_of([branch.best() for branch in branches])


def _one_of(needs: Sequence[Needs]) -> Needs:
    return tuple(text for some in needs for text in some) if all(needs) else ()


def _read(branch: _Branch, token: str, tokens: Iterator[str]) -> None:
    if repeated := _REPEAT.fullmatch(token):
        if token == "{}":
            raise _Unclear
        branch.repeat(0 if repeated[1] or repeated[2] == "" else int(repeated[2] or 1))
    elif _GROUP.fullmatch(token):
        branch.settle()
        branch.latest = _group(tokens)
    elif _LOOK.fullmatch(token):
        branch.settle()
        _group(tokens)
    elif token.startswith("("):
        raise _Unclear
    elif letter := _letter(token):
        if branch.latest:
            branch.settle()
        branch.run += letter
    else:
        branch.settle()


def _letter(token: str) -> str:
    """The small ASCII letter that a token stands for, or nothing for a class, an edge or another alphabet."""
    if token.startswith("\\"):
        if token[1].isalnum() and token not in _WITHOUT_LETTERS:
            raise _Unclear
        token = "" if token in _WITHOUT_LETTERS else token[1]
    elif token in (".", "^", "$") or token.startswith("["):
        token = ""
    return token.lower() if token.isascii() else ""
