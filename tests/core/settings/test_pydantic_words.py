"""What pydantic finds wrong is told in plain words, for every kind of problem a setting can have."""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core.core_schema import ErrorType

from reelwork.plugins.catalog import Catalog
from reelwork.plugins.definition import Definition
from reelwork.settings.pydantic_words import KINDS, PATTERNS, reason
from reelwork.settings.validation import explain
from reelwork.settings.workflow import (
    BudgetTable,
    LimitsTable,
    PluginLists,
    PluginTable,
    PostsTable,
    ProviderTable,
    Workflow,
)
from reelwork_hooks.models import Brief, Platform

PYTHONIC = re.compile(
    r"Input|unable to|valid (string|integer|number|boolean|dictionary|tuple|decimal)|should (be|have|match)|"
    r"String should|Value error|pydantic|None|True|False|dict\b|tuple|Decimal|<class"
)
"""Words that show the machinery."""

BAD: list[Any] = [
    *(None, True, 0, -1, 10**30, -(10**30), 0.5, -0.5, math.nan, math.inf),
    *("", " ", "abc", "1x", "1e400", "nan", "\ud800", "x" * 40_000, "9" * 5_000, "env:", "ftp://x", "http://"),
    *([], [1], [[]], [""], [None], ["a b"], {}, {"a": 1}, {"a": {"b": []}}, {"a": None}, {"": ""}),
    *([{"source": ""}], [{"source": 1}], [{"sauce": 1}], {"use": 1}, {"time_limit": -1}, {"add": 3}),
    *(datetime.datetime(2026, 1, 1), datetime.date(2026, 1, 1), datetime.time(1, 2)),
]
"""What may stand in a TOML, JSON or CSV file."""


def own_models() -> list[type[BaseModel]]:
    """Every model a person's file is checked with."""
    found: list[type[BaseModel]] = [Workflow, Brief, Platform, PluginLists, PluginTable, ProviderTable]
    found += [LimitsTable, BudgetTable, PostsTable]
    for definition in Catalog().everything():
        assert isinstance(definition, Definition)
        found += [definition.config_model, *(kind.Config for kind in definition.providers.values())]
    return list(dict.fromkeys(found))


def failures(model: type[BaseModel]) -> Iterator[tuple[str, Any, ValidationError]]:
    for name in model.model_fields:
        for bad in BAD:
            try:
                model.model_validate({"prompt": "a fox", name: bad} if model is Brief else {name: bad})
            except ValidationError as error:
                yield name, bad, error


@pytest.mark.parametrize("model", own_models(), ids=lambda model: model.__name__)
def test_no_problem_of_a_setting_is_told_in_words_of_python(model: type[BaseModel]) -> None:
    for name, bad, error in failures(model):
        kinds = {problem["type"] for problem in error.errors(include_url=False)}
        assert kinds - {"missing", "extra_forbidden"} <= set(KINDS), (name, bad)
        told = explain(error, model, "w.toml").message
        # What is wrong with several keys together is told without the whole table.
        whole = not error.errors(include_url=False)[0]["loc"]
        sentence = told.removeprefix("w.toml: ") if whole else told.partition("is not possible: ")[2]
        assert not PYTHONIC.search(sentence), told
        assert sentence or "unknown key" in told or "is missing" in told


def test_every_kind_of_problem_that_pydantic_knows_has_a_sentence() -> None:
    for kind in get_args(ErrorType):
        context = dict.fromkeys(("min_length", "max_length", "gt", "ge", "lt", "le", "multiple_of"), 1)
        context |= dict.fromkeys(("max_digits", "decimal_places", "whole_digits"), 1)
        words = dict.fromkeys(("pattern", "expected", "expected_schemes", "error"), "this")
        told = reason({"type": kind, "ctx": {**context, **words}})
        assert told
        assert not PYTHONIC.search(told), kind


def test_the_kinds_are_those_of_pydantic() -> None:
    assert set(KINDS) <= {*get_args(ErrorType), "path_type"}  # The last is made in pydantic's Python part.


def test_every_pattern_of_a_model_has_words() -> None:
    used = {
        found
        for model in own_models()
        for found in re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(model.model_json_schema()))
    }
    patterns = {json.loads(pattern) for pattern in used}
    assert patterns
    assert patterns <= set(PATTERNS)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"duration": "long"}, "duration = 'long' is not possible: it must be a number"),
        ({"duration": 0}, "duration = 0 is not possible: it must be more than 0"),
        ({"duration": 4000}, "duration = 4000 is not possible: it must be 3600 or less"),
        ({"fps": 2.5}, "fps = 2.5 is not possible: it must be a whole number"),
        ({"fps": "9" * 5000}, "is not possible: the number has too many digits"),
        ({"prompt": "x" * 50_000}, "is not possible: it has 50000 characters; it may have at most 32000"),
        ({"webhook": "example.com"}, "it must be an address that begins with https:// or http://"),
        ({"hashtags": ["two words"]}, "hashtags.0 = 'two words' is not possible: a hashtag is a single word"),
        (
            {"metadata": {"shop": [1]}},
            "metadata.shop = [1] is not possible: it must be a text, a number or",
        ),
        ({"metadata": 3}, "metadata = 3 is not possible: it must be a table"),
        ({"resolution": "4x"}, "it must be a height such as 480p, 720p, 1080p or 4k"),
        ({"aspect_ratio": "4x3"}, "it must be two whole numbers, such as 16:9 or 4:3"),
        ({"privacy": "all"}, "it must be 'public', 'unlisted' or 'private'"),
        ({"references": [{"source": ""}]}, "references.0.source = '' is not possible: it is empty"),
    ],
)
def test_what_a_person_reads(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Brief.model_validate({"prompt": "a fox", **changes})
    message = explain(caught.value, Brief, "w.toml").message
    assert told in message
    assert "more after this one" not in message
