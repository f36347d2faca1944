"""Checks regular expressions from outside: they must be valid, and must not be able to take for ever."""

from __future__ import annotations

import re

LONGEST = 500

TOKEN = re.compile(
    r"""
      \\.                            # an escaped character
    | \[ \^? \]? (?: \\. | [^\]] )* \]   # a class
    | \( (?: \? (?: P?<\w+> | [a-zA-Z-]*: | <?[=!] | > | P=[^)]* ) )?   # a group opens
    | \)
    | (?: [*+?] | \{\d*,?\d*\} ) [+?]?   # a repeat
    | \|
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
# A bound of three digits is as good as none, as in `(a{1,100}){1,100}`.
_ENDLESS = re.compile(r"(?:[*+]|\{\d*,\}|\{(?:\d*,)?\d{3,}\})\??")
# An atomic group never gives back what it took, so nothing is tried again.
_SAFE_GROUP = "(?>"


def checked_pattern(expression: str) -> str:
    """Return the expression itself.

    Raises `ValueError` when it is not a regular expression, matches the empty text, is over 500 characters, or
    holds a repeat within a repeat, such as `(a+)+`.
    """
    if len(expression) > LONGEST:
        raise ValueError(f"the pattern has {len(expression)} characters; at most {LONGEST} are allowed")
    try:
        compiled = re.compile(expression, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"/{expression}/ is not a regular expression: {error}") from error
    if compiled.search(""):
        raise ValueError(f"/{expression}/ matches anything, even no text at all")
    # Python's `re` can work on such a one for hours, and holds the interpreter's lock: nothing else in the process
    # runs.
    if _repeats_a_repeat(expression):
        raise ValueError(
            f"/{expression}/ repeats a group that itself repeats or branches, which can take for ever: "
            "make one of them definite, as in {1,20}, or atomic, as in (?>…)"
        )
    return expression


def _repeats_a_repeat(expression: str) -> bool:
    open_groups: list[bool] = []  # whether the group so far holds an endless repeat or a branch
    safe: list[bool] = []
    closed_risky = False
    for token in TOKEN.findall(expression):
        if token.startswith("("):
            open_groups.append(False)
            safe.append(token == _SAFE_GROUP)
        elif token == ")":
            closed_risky = open_groups.pop() and not safe.pop()
            if closed_risky and open_groups:
                open_groups[-1] = True
            continue
        elif token == "|" and open_groups:
            open_groups[-1] = True
        elif _ENDLESS.fullmatch(token):
            if closed_risky:
                return True
            if open_groups:
                open_groups[-1] = True
        closed_risky = False
    return False
