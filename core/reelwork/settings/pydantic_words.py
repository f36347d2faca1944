"""The problems pydantic finds with a value, worded for people who write workflows and batch files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

TABLE = "it must be a table"
LIST = "it must be a list"
TEXT = "it must be a text in quotes"
WHOLE = "it must be a whole number"
NUMBER = "it must be a number"
YES_OR_NO = "it must be true or false"
PATH = "it must be a path, as a text in quotes"

# The patterns of our own settings. Those of other people's plugins are shown as they are.
PATTERNS = {
    r"^[1-9][0-9]?:[1-9][0-9]?$": "it must be two whole numbers, such as 16:9 or 4:3",
    r"^([1-9][0-9]{2,3}p|[248]k)$": "it must be a height such as 480p, 720p, 1080p or 4k",
    r"^https?://": "it must be an address that begins with https:// or http://",
    r"^https?://[^/?#]+$": "it must be an address without a path, such as https://example.com",
    r"^[^\s#]+$": "a hashtag is a single word, without a #",
    r"^[a-z0-9][a-z0-9_-]*$": "it must be of small letters, digits, - and _, and begin with a letter or digit",
    r"^([A-Za-z0-9][A-Za-z0-9._-]*|env:[A-Za-z_]\w*)$": "it must be a bucket's name, or env:NAME",
    r"^[a-z0-9]+$": "it must be of small letters and digits, such as h264",
    r"^[A-Za-z0-9-]+$": "it must be of letters, digits and - only",
    r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]+)*$": "it must be a language code such as en or pt-BR",
    r"^20\d{4}$": "it must be a year and a month, such as 202605",
}

Words = str | Callable[[Mapping[str, Any]], str]

KINDS: Mapping[str, Words] = {
    "model_type": TABLE,
    "model_attributes_type": TABLE,
    "dataclass_type": TABLE,
    "dict_type": TABLE,
    "mapping_type": TABLE,
    "tuple_type": LIST,
    "list_type": LIST,
    "set_type": LIST,
    "frozen_set_type": LIST,
    "iterable_type": LIST,
    "string_type": TEXT,
    "string_unicode": "it holds characters that are no valid Unicode",
    "string_too_short": lambda facts: (
        "it is empty" if facts["min_length"] == 1 else f"it must have at least {_count(facts['min_length'])}"
    ),
    "string_too_long": lambda facts: f"it may have at most {_count(facts['max_length'])}",
    "string_pattern_mismatch": lambda facts: PATTERNS.get(
        facts["pattern"], f"it must fit the pattern {facts['pattern']}"
    ),
    "too_short": lambda facts: f"it must have at least {_entries(facts['min_length'])}",
    "too_long": lambda facts: f"it may have at most {_entries(facts['max_length'])}",
    "int_type": WHOLE,
    "int_parsing": WHOLE,
    "int_from_float": WHOLE,
    "int_parsing_size": "the number has too many digits",
    "float_type": NUMBER,
    "float_parsing": NUMBER,
    "decimal_type": NUMBER,
    "decimal_parsing": NUMBER,
    "decimal_max_digits": lambda facts: f"it may have at most {facts['max_digits']} digits",
    "decimal_max_places": lambda facts: f"it may have at most {facts['decimal_places']} digits after the point",
    "decimal_whole_digits": lambda facts: f"it may have at most {facts['whole_digits']} digits before the point",
    "finite_number": "it must be an ordinary number, not nan or inf",
    "greater_than": lambda facts: f"it must be more than {_number(facts['gt'])}",
    "greater_than_equal": lambda facts: f"it must be {_number(facts['ge'])} or more",
    "less_than": lambda facts: f"it must be less than {_number(facts['lt'])}",
    "less_than_equal": lambda facts: f"it must be {_number(facts['le'])} or less",
    "multiple_of": lambda facts: f"it must be a multiple of {_number(facts['multiple_of'])}",
    "bool_type": YES_OR_NO,
    "bool_parsing": YES_OR_NO,
    "literal_error": lambda facts: f"it must be {facts['expected']}",
    "enum": lambda facts: f"it must be {facts['expected']}",
    "none_required": "it must be left out",
    "path_type": PATH,
    "url_type": "it must be a web address, as a text in quotes",
    "url_parsing": "it is not a web address",
    "url_syntax_violation": "it is not a web address",
    "url_scheme": lambda facts: f"the address must begin with {facts['expected_schemes']}",
    "url_too_long": "the address is too long",
    "date_type": "it must be a date such as 2026-11-23",
    "date_parsing": "it must be a date such as 2026-11-23",
    "date_from_datetime_parsing": "it must be a date such as 2026-11-23",
    "date_from_datetime_inexact": "it must be a date without a time",
    "datetime_type": "it must be a date and time such as 2026-11-23T20:15:00Z",
    "datetime_parsing": "it must be a date and time such as 2026-11-23T20:15:00Z",
    "datetime_from_date_parsing": "it must be a date and time such as 2026-11-23T20:15:00Z",
    "time_type": "it must be a time such as 20:15",
    "time_parsing": "it must be a time such as 20:15",
    "time_delta_type": "it must be a number of seconds",
    "time_delta_parsing": "it must be a number of seconds",
    "value_error": lambda facts: str(facts["error"]),
    "assertion_error": lambda facts: str(facts["error"]) or OTHERWISE,
}
"""The kinds of problems a TOML, JSON or CSV value can have."""

OTHERWISE = "it is not what belongs here"
"""For kinds that only values of Python can have."""

# The names that pydantic adds to a problem's path for the branches of a union.
BRANCHES = {"str": "a text", "int": "a number", "float": "a number", "bool": "true or false", "decimal": "a number"}


def reason(problem: Mapping[str, Any]) -> str:
    """Return one sentence without a full stop, such as `it must be a whole number`."""
    words = KINDS.get(problem["type"], OTHERWISE)
    sentence = words if isinstance(words, str) else words(problem.get("ctx", {}))
    if problem["type"] == "string_too_long" and isinstance(problem.get("input"), str):
        return f"it has {_count(len(problem['input']))}; {sentence}"
    return sentence[:1].lower() + sentence[1:] if not sentence[:2].isupper() else sentence


def branches(problems: Sequence[Mapping[str, Any]]) -> tuple[int, str]:
    """Return how many of the first problems are really one, and the sentence for it."""
    # pydantic reports a value that fits no branch of a union once for each branch.
    place = problems[0]["loc"]
    same = [one for one in problems if one["loc"][:-1] == place[:-1] and set(one["loc"][-1:]) & set(BRANCHES)]
    if len(same) < 2 or place[-1] not in BRANCHES:
        return 1, reason(problems[0])
    kinds = list(dict.fromkeys(BRANCHES[one["loc"][-1]] for one in same))
    return len(same), f"it must be {', '.join(kinds[:-1])} or {kinds[-1]}" if len(kinds) > 1 else kinds[0]


def _number(bound: float | Decimal) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _count(number: int) -> str:
    return f"{number} character" if number == 1 else f"{number} characters"


def _entries(number: int) -> str:
    return f"{number} entry" if number == 1 else f"{number} entries"
