from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from reelwork_hooks import Brief, Context, InvalidInput, Job, Platform, Problem, Prompt
from reelwork_plugins.transforms.template import Template, TemplateConfig
from reelwork_plugins.transforms.template.language import rendered
from reelwork_plugins.transforms.template.variables import NAMES, variables
from reelwork_plugins.transforms.template.work import Refused

VARS = {"animal": "an otter", "count": 3, "items": "pebbles", "wild": True}


@pytest.fixture
def job(make_job: Callable[..., Job], platform: Callable[[str], Platform]) -> Job:
    brief = Brief.model_validate(
        {
            "prompt": "A cat",
            "vars": VARS,
            "duration": 4,
            "hashtags": ["one", "two"],
            "destinations": {"mastodon": {"aspect_ratio": "9:16", "longest": 60}},
        }
    )
    return make_job(
        brief=brief,
        platform=platform("tiktok"),
        brand="acme",
        accounts={"mastodon": "shop"},
        row="7",
        fired_at=datetime(2026, 12, 24, 18, 5, tzinfo=UTC),
    )


@pytest.fixture
def made(context_for: Callable[[str], Context], job: Job) -> Callable[..., Prompt | None]:
    def transform(before: Prompt | None = None, /, **config: object) -> Prompt | None:
        plugin = Template(TemplateConfig.model_validate(config), context_for("template"))
        return plugin.prompt_transform(before or Prompt(text="A cat", hashtags=("one", "two")), job)

    return transform


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ prompt }} and {{ vars.animal }}", "A cat and an otter"),
        ("{{ vars.items }}, {{ vars['count'] + 1 }}", "pebbles, 4"),
        ("{{ platform.name|upper }} {{ platform.caption_limit }}", "TIKTOK 2200"),
        ("{{ video.aspect_ratio }} {{ video.duration }} s", "16:9 1 s"),
        ("{{ brand }} {{ destinations.mastodon.account }} {{ destinations.mastodon.longest }}", "acme shop 60"),
        ("{{ date.iso }} {{ date.weekday }} {{ date.week }} {{ date.hour }}", "2026-12-24 4 52 18"),
        ("{% for a in hashtags %}{{ loop.index }}{{ a }}{% if loop.first %},{% endif %}{% endfor %}", "1one,2two"),
        ("{% for a, b in vars|items %}{{ a[0] }}{{ b }} {% endfor %}", "aan otter c3 ipebbles wTrue"),
        ("{% for name in vars %}{{ name }} {% endfor %}", "animal count items wild"),
        ("{{ vars.mood|default('calm') }}, {{ 'wild' if vars.wild else 'tame' }}", "calm, wild"),
        ("{% if vars.mood is defined %}{{ vars.mood }}{% else %}plain{% endif %}", "plain"),
        ("{% set many = vars.count * 2 %}{{ many ~ ' ' ~ vars.animal }}", "6 an otter"),
        ("{{ hashtags|join('+') }} {{ hashtags|first }}{{ hashtags[-1] }}{{ hashtags|length }}", "one+two onetwo2"),
        ("{{ ['b', 'a', 'b']|unique|sort|join }} {{ ('x', 'y')|reverse|join }}", "ab yx"),
        ("{{ 'one two three'|truncate(9) }}", "one two…"),
        ("{{ 2.567|round(1) }} {{ '4'|int }} {{ 7 // 2 }} {{ 7 % 4 }}", "2.6 4 3 3"),
        ("{% raw %}{{ prompt }}{% endraw %}{# unseen #}", "{{ prompt }}"),
        ("{{ row }}/{{ take }} of {{ takes }}", "7/1 of 1"),
        ("\n  {{ prompt }}\n", "A cat"),
    ],
)  # fmt: skip
def test_a_template_is_filled_in(made: Callable[..., Prompt], source: str, text: str) -> None:
    assert made(prompt=source + " .", negative_prompt=source).negative_text == text


def made_of(job: Job, source: str) -> str:
    return rendered(source, variables(Prompt(text="A cat"), job), "prompt", 1000)


def test_every_name_is_there(job: Job, make_job: Callable[..., Job]) -> None:
    assert set(variables(Prompt(text="A cat"), job)) == set(NAMES)
    assert set(variables(Prompt(text="A cat"), make_job())) == set(NAMES)


def test_each_field_has_a_template_and_what_has_none_stays(made: Callable[..., Prompt]) -> None:
    before = Prompt(text="A cat", title="Old", caption="Old", hashtags=("old",))
    prompt = made(before, title="{{ vars.animal }}\nat  dawn", hashtags="#sea, {{ vars.items }} #sea#shore")
    assert prompt.title == "an otter at dawn"
    assert prompt.hashtags == ("sea", "pebbles", "shore")
    assert (prompt.text, prompt.caption) == ("A cat", "Old")


def test_nothing_changes_when_it_gives_the_same(made: Callable[..., Prompt | None]) -> None:
    assert made(prompt="{{ prompt }}") is None
    assert made() is None


def test_what_a_value_says_is_no_template(made: Callable[..., Prompt], job: Job) -> None:
    prompt = Prompt(text="{{ vars.animal }} {% for x in hashtags %}")
    assert made(prompt, caption="{{ prompt }}").caption == prompt.text


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{{ prompt", "line 1: unexpected end"),
        ("a\n{{ mood }}", "line 2: there is no 'mood' here; there are: prompt,"),
        ("a\n\n{% if %}", "line 3:"),
        ("{{ prompt|center(1000000000) }}", "line 1: no filter named 'center'; there are: capitalize,"),
        ("{{ prompt is callable }}", "line 1: no test named 'callable'; there are: defined,"),
        ("{% for i in range(100000) %}{% endfor %}", "line 1: functions cannot be called"),
        ("{{ prompt.upper() }}", "line 1: functions cannot be called"),
        ("{{ lipsum(n=100000) }}", "line 1: functions cannot be called"),
        ("{% macro a() %}{{ a() }}{% endmacro %}", "line 1: "),
        ("{% include '/etc/passwd' %}", "line 1: other templates cannot be included"),
        ("{% extends 'x' %}", "line 1: other templates cannot be included"),
        ("{% block a %}{% endblock %}", "line 1: blocks are not supported"),
        ("{{ 9 ** 9 ** 9 }}", "line 1: "),
        ("{{ {'a': 1} }}", "line 1: a mapping cannot be written here"),
        ("{% for x in hashtags recursive %}{% endfor %}", "line 1: a loop cannot be recursive"),
        ("{% set x %}a{% endset %}", "line 1: {% set %} takes a value"),
        ("{% autoescape true %}{% endautoescape %}", "line 1: "),
        ("{{ 99999999999999999999 }}", "line 1: this number is too large"),
        ("{{ " + "9" * 5000 + " }}", "it cannot be read"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "it is nested too deeply"),
        ("{% for a in hashtags %}" * 30 + "{% endfor %}" * 30, "it is nested too deeply"),
        ("x" * 20_001, "20001 characters; a template has at most 20000"),
    ],
)  # fmt: skip
def test_a_template_that_cannot_work_is_refused_when_it_is_read(source: str, why: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TemplateConfig(prompt=source)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("a\n{{ vars.mood }}", "prompt, line 2: there is no 'mood'; there are: animal, count, items, wild"),
        ("{{ hashtags }}", "prompt, line 1: a list cannot be written"),
        ("{{ platform }}", "prompt, line 1: only texts and numbers can be written"),
        ("{{ self }}", "there is no 'self' here"),
        ("{{ prompt.__class__ }}", "prompt, line 1: there is no '__class__'"),
        ("{{ vars['__class__'] }}", "there is no '__class__'"),
        ("{{ hashtags[9] }}", "prompt, line 1: it has 2 items, and item 9 is asked for"),
        ("{{ 1 / 0 }}", "prompt, line 1: division by zero"),
        ("{{ prompt * 1000000000 }}", "prompt, line 1: * takes numbers"),
        ("{{ '%1000000000d' % 1 }}", "prompt, line 1: % takes numbers"),
        ("{{ prompt < 1 }}", "prompt, line 1: '<' not supported"),
        ("{{ 5|round(1000000000) }}", "prompt, line 1: round takes 0 to 10 digits"),
        ("{{ 'x'|int }}", "prompt, line 1: 'x' is not a number"),
        ("{% for c in prompt %}{% endfor %}", "prompt, line 1: a list is needed here"),
        ("{{ [hashtags] }}", "prompt, line 1: a list cannot be written"),
        ("{{ []|first }}", "prompt, line 1: the list is empty"),
        ("{% if vars.mood %}x{% endif %}", "prompt, line 1: there is no 'mood'"),
        ("{% if false %}x{% endif %}", "prompt: the result is empty, and a prompt cannot be"),
        ("{{ vars.mood ~ 'x' }}", "prompt, line 1: there is no 'mood'"),
    ],
)  # fmt: skip
def test_a_template_that_cannot_be_filled_in_says_the_line(
    made: Callable[..., Prompt], source: str, why: str
) -> None:
    with pytest.raises((InvalidInput, ValidationError)) as caught:
        made(prompt=source)
    assert why in str(caught.value)


GROWING = [
    "{% for a in [1,2,3,4,5,6,7,8,9,0] %}" * 10 + "x" + "{% endfor %}" * 10,
    "{% for a in [1,2,3,4,5,6,7,8,9,0] %}" * 10 + "{% endfor %}" * 10 + "x",
    "{% set a = vars.animal %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}",
    "{% set a = vars.animal %}" + "{% set a = a + a %}" * 60 + "{{ a }}",
    "{% set a = vars.animal %}" + "{% set a = a|replace('o', a) %}" * 60 + "{{ a }}",
    "{% set a = vars.animal %}" + "{% set a = [a, a]|join(a) %}" * 60 + "{{ a }}",
    "{% set a = ['b'] %}" + "{% set a = [a, a, a, a] %}" * 60 + "{{ a|length }}",
    "{% set a = 10 %}" + "{% set a = a * a %}" * 60 + "{{ a }}",
    "{% set a = vars.animal %}" + "{% set a = a ~ a %}" * 12 + "{{ a }}" * 500,
    "{% set a = vars.animal %}" + "{% set a = a ~ a %}" * 12 + "{% for i in [1,2,3,4,5,6,7,8,9] %}" * 4
    + "{{ a|upper|lower|title|trim|wordcount }}" + "{% endfor %}" * 4,
]  # fmt: skip


@pytest.mark.parametrize("source", GROWING)
def test_a_template_neither_runs_for_ever_nor_fills_the_memory(made: Callable[..., Prompt], source: str) -> None:
    TemplateConfig(prompt=source)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match=r"too many steps|more than|too large|cannot be written|at most"):
            made(prompt=source)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_the_result_is_bounded(made: Callable[..., Prompt], job: Job, context_for: Any) -> None:
    assert made(caption="{{ vars.animal }}", longest=8).caption == "an otter"
    with pytest.raises(InvalidInput, match="caption: the result has 8 characters; at most 7"):
        made(caption="{{ vars.animal }}", longest=7)
    plugin = Template(TemplateConfig(prompt="{{ prompt }}", longest=3), context_for("template"))
    # A plugin before it may make the prompt shorter.
    assert plugin.check_brief(job.brief, job) == []


def test_a_brief_is_checked_before_anything_is_sent(
    context_for: Callable[[str], Context], job: Job, make_job: Callable[..., Job]
) -> None:
    plugin = Template(TemplateConfig(prompt="{{ vars.animal }} in week {{ date.week }}"), context_for("template"))
    assert plugin.check_brief(job.brief, job) == []
    other = make_job("A dog", fired_at=job.fired_at)
    (problem,) = plugin.check_brief(other.brief, other)
    assert problem == Problem(message="prompt, line 1: there is no 'animal'; there are: nothing")
    (problem,) = plugin.check_brief(job.brief, job.replace(fired_at=None))
    assert "there is nothing to take 'week' from; test for it first: {% if … %}" in problem.message


PIECES = st.sampled_from(
    [
        *(
            "{{",
            "}}",
            "{%",
            "%}",
            "#}",
            "{#",
            "{",
            ":",
            "[",
            "]",
            ",",
            ")",
            "|join(",
            "|replace(",
            "|upper",
            "|items",
        ),
        *(" prompt ", " vars", ".animal", "hashtags", "loop.index", "self", "__class__", "'q'", " 1 ", "é", "\n"),
        *(
            "for x in ",
            "endfor",
            "if ",
            "else",
            "endif",
            " set a = ",
            "raw",
            " + ",
            " ~ ",
            "*",
            "-",
            "not ",
            " in ",
        ),
        *(" is ", "defined", "|default", "(", "==", " and ", "endset", "block b", "macro m()", "filter upper"),
    ]
)


@settings(max_examples=400, deadline=None)
@given(pieces=st.lists(PIECES, max_size=25))
def test_whatever_is_written_is_filled_in_or_refused(pieces: list[str]) -> None:
    known = dict.fromkeys(NAMES) | {"prompt": "A cat", "hashtags": ["one"], "vars": dict(VARS)}
    try:
        told = rendered("".join(pieces), known, "prompt", 100)
    except ValueError as error:
        told = str(error)
        if not told.startswith(("line ", "prompt", "it ")):
            raise
    assert isinstance(told, str)


def test_two_prompts_do_not_share_their_count(job: Job) -> None:
    source = "{% for a in [1,2,3,4,5,6,7,8,9,0] %}" * 3 + "x" + "{% endfor %}" * 3
    for _ in range(20):
        assert made_of(job, source).count("x") == 1000


def test_a_name_of_the_count_cannot_be_reached(job: Job) -> None:
    with pytest.raises((Refused, ValueError), match="there is no"):
        made_of(job, "{{ work }}")
