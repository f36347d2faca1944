"""Text and JSON from outside: what may enter, how long it may be, and how it is made fit to be shown.

Names and copy are refused when they are not fit, never changed: a changed id names something else, and a
changed caption is not what was written. Words that are only shown are cleaned and cut.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

LONGEST_WORD = 200
"""Characters of a status word, a code or a category."""
LONGEST_REASON = 2_000
"""Characters of an error, a reason or anything else that a person reads in passing."""
LONGEST_DETAILS = 20_000
"""Characters of a traceback in a log."""
LONGEST_ID = 2_000
"""Characters of what something is called at the other side."""
LONGEST_LINK = 8_000
"""Characters of an address."""
LONGEST_COPY = 100_000
"""Characters of a prompt or a caption."""
# Masking and cleaning take as long as the text. This is far more than is ever shown of one.
LONGEST_READ = 200_000
"""Characters read of a text that is only shown."""
DEEPEST_JSON = 64
"""Lists and objects within one another."""
LARGEST_JSON = 1_000_000
"""Characters of the texts and names in JSON that is stored, with one more for each value."""
# SQLite and most readers of JSON hold no larger one; others round it without a word.
LARGEST_INTEGER = 2**63 - 1

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# Embeddings, overrides and isolates let a text run over what stands beside it on a terminal (UAX #9, section 2).
# Copy keeps them: Arabic and Hebrew captions may need them.
_BIDI = "\u202a-\u202e\u2066-\u2069"
# Texts and not compiled patterns: most commands need none of them, and `re` compiles each once.
_UNSHOWN = f"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff{_BIDI}]"
_UNFIT = "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]"
_UNNAMED = f"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029{_BIDI}]"
_SURROGATE = "[\ud800-\udfff]"


def shown(text: str, limit: int = LONGEST_REASON) -> str:
    """Return the text fit to be shown: in one line, without control characters, cut to `limit` characters."""
    return cut(cleaned(" ".join(text.split())), limit)


def one_line(text: str) -> str:
    """Return the text without line breaks and control characters, which could move a terminal's cursor."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def cleaned(text: str) -> str:
    """Return the text with every character replaced that could steer a terminal or cannot be stored."""
    return re.sub(_UNSHOWN, REPLACEMENT, text)


def storable(text: str) -> str:
    """Return the text with halves of characters (lone surrogates) replaced, which no file or store can take."""
    return re.sub(_SURROGATE, REPLACEMENT, text)


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters. Mask secrets before: half a secret can no longer be recognized."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def escaped(text: str) -> str:
    """Return the text with control characters written as `\\u001b`, as JSON does; not line breaks and tabs."""
    # True of nearly every line, and no pattern is compiled for it.
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return re.sub(_UNSHOWN, _escape, text)


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def name_problem(name: str) -> str:
    """Describe why a text cannot be an id or another name; empty when it can."""
    if len(name) > LONGEST_ID:
        return f"it has {len(name):,} characters, more than {LONGEST_ID:,}"
    # What can be printed holds none of them, and that check is many times faster.
    return "" if name.isprintable() else _problem(re.search(_UNNAMED, name))


def copy_problem(copy: str) -> str:
    """Describe why a text cannot be a prompt, a caption or other copy; empty when it can."""
    if len(copy) > LONGEST_COPY:
        return f"it has {len(copy):,} characters, more than {LONGEST_COPY:,}"
    return "" if copy.isprintable() else _problem(re.search(_UNFIT, copy))


def _problem(found: re.Match[str] | None) -> str:
    if found is None:
        return ""
    code, place = ord(found[0]), found.start() + 1
    if 0xD800 <= code <= 0xDFFF:
        return f"character {place} is half of a character (the lone surrogate U+{code:04X})"
    import unicodedata

    name = unicodedata.name(found[0], "")
    return f"character {place} is a control character (U+{code:04X}{f', {name}' if name else ''})"


def json_problem(value: Any) -> str:
    """Describe why a value cannot be stored as JSON; empty when it can."""
    level, size = [value], 0
    for _ in range(DEEPEST_JSON + 1):
        # Level by level: deep nesting must not overflow the stack of the check that is to find it.
        within: list[Any] = []
        for item in level:
            problem = _scalar_problem(item)
            if problem:
                return problem
            size += 1 + (len(item) if isinstance(item, str) else 0)
            within += _items(item)
        # Before the next level is walked: a list of millions is refused without a look at each of its values.
        if size + len(within) > LARGEST_JSON:
            return f"it is larger than {LARGEST_JSON:,} characters"
        if not within:
            return ""
        level = within
    return f"it is nested more than {DEEPEST_JSON} levels deep"


def _scalar_problem(item: Any) -> str:
    if isinstance(item, str):
        return _problem(re.search("[\x00\ud800-\udfff]", item))
    # Bools before ints: True is an int to `isinstance`.
    if isinstance(item, bool) or item is None or isinstance(item, dict | list | tuple):
        return ""
    if isinstance(item, int):
        return "" if abs(item) <= LARGEST_INTEGER else "a number in it has more digits than can be stored"
    if isinstance(item, float):
        return "" if math.isfinite(item) else f"{item} in it is no number"
    if isinstance(item, _NoName):
        return "a name in it is no text"
    return f"it holds a {type(item).__name__}, which JSON has no form for"


def _items(item: Any) -> Iterable[Any]:
    if isinstance(item, dict):
        # `json.dumps` turns names that are no text into text, and two of them may become one.
        return [part if isinstance(name, str) else _NoName() for name, part in item.items()] + list(item)
    return item if isinstance(item, list | tuple) else ()


class _NoName:
    """Stands for a value whose name is no text."""


def unfit_place(value: Any, place: str = "") -> tuple[str, str] | None:
    """Find the first text or number that no prompt, setting or store can take: its dotted place, and why."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if problem := name_problem(str(name)):
                return _inner(place, name), f"its name cannot be used: {problem}"
            if isinstance(item, str):
                if problem := copy_problem(item):
                    return _inner(place, name), problem
            elif found := unfit_place(item, _inner(place, name)):
                return found
        return None
    if isinstance(value, list | tuple):
        return next((found for item in value if (found := unfit_place(item, place))), None)
    problem = copy_problem(value) if isinstance(value, str) else _number_problem(value)
    return (place, problem) if problem else None


def _inner(place: str, name: object) -> str:
    return cut(cleaned(f"{place}.{name}".lstrip(".")), LONGEST_WORD)


def _number_problem(value: Any) -> str:
    return _scalar_problem(value) if isinstance(value, int | float) else ""


def fit_entries(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that can be stored as JSON."""
    if not json_problem(dict(details)):
        return dict(details)
    fit = {name: item for name, item in details.items() if not json_problem({name: item})}
    # Each may be small enough where all together are not.
    return fit if not json_problem(fit) else {}


def shown_json(value: Any, limit: int = LONGEST_REASON) -> Any:
    """Return JSON with its texts fit to be shown, each cut to `limit`, and None for what cannot be stored."""
    return _shown_json(_plain(value, DEEPEST_JSON) if json_problem(value) else value, limit)


def _shown_json(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return cut(cleaned(value), limit)
    if isinstance(value, Mapping):
        return {cut(cleaned(str(name)), LONGEST_WORD): _shown_json(item, limit) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown_json(item, limit) for item in value]
    return value


def _plain(value: Any, depth: int) -> Any:
    if depth <= 0 or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        return None
    if isinstance(value, Mapping):
        return {str(name): _plain(item, depth - 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth - 1) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
