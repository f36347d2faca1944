from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import reelwork
from reelwork.engine.stages import step
from reelwork_hooks import Content, JobEvent, Plugin, Post, Receipt, Rejected, Verdict, hookimpl
from reelwork_hooks.events import EVENTS, OUTSIDE

STAGES = Path(step.__file__).parent
CORE = Path(reelwork.__file__).parent
POSTS = {name for name in EVENTS if name.startswith("post-")}
ENDINGS = {"failed", "held", "rejected"}


def emitted() -> Iterator[tuple[set[str], set[str]]]:
    """The names that each call of `telling` may use, and the details that it names."""
    for path in STAGES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "telling":
                yield _names(node.args[0]), {keyword.arg for keyword in node.keywords if keyword.arg}


def _names(written: ast.expr) -> set[str]:
    match written:
        case ast.Constant(value=str(name)):
            return {name}
        case ast.IfExp(body=one, orelse=other):
            return _names(one) | _names(other)
        case ast.JoinedStr(values=[ast.Constant(value="post-"), _]):
            return POSTS
        case ast.Name(id="status"):
            return ENDINGS
    raise AssertionError(f"an event has a name that this test cannot read: {ast.unparse(written)}")


def test_the_list_has_each_event_that_the_engine_reports_and_no_other() -> None:
    calls = list(emitted())
    assert set().union(*(names for names, _ in calls)) == set(EVENTS)
    for names, details in calls:
        for name in names:
            assert details <= set(EVENTS[name].details), name


def told_outside() -> Iterator[tuple[str, set[str]]]:
    """The name and the details of each event that something else than a stage tells."""
    for path in CORE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="Tell"), args=[ast.Constant(value=str(name)), *given]):
                    dicts = [one for one in given if isinstance(one, ast.Dict)]
                    keys = [key for one in dicts for key in one.keys]
                    yield name, {str(key.value) for key in keys if isinstance(key, ast.Constant)}
                case ast.keyword(arg="event", value=ast.Constant(value=str(name))):
                    yield name, set()


def test_each_event_that_nothing_at_work_tells_is_listed() -> None:
    told = list(told_outside())
    assert {name for name, _ in told} - set(EVENTS) == set(OUTSIDE)
    for name, details in told:
        assert details <= set({**EVENTS, **OUTSIDE}[name].details), name


def test_plugins_get_the_details_that_are_listed(lab: Any) -> None:
    got: list[JobEvent] = []

    class Observer(Plugin):
        @hookimpl
        def job_event(self, event: JobEvent) -> None:
            got.append(event)

    class Wall(Plugin):
        @hookimpl
        def publish(self, post: Post) -> Receipt:
            return Receipt(id="1", url="https://wall.example/1")

    class Full(Plugin):
        @hookimpl
        def publish(self, post: Post) -> Receipt:
            raise Rejected("too long")

    class Careful(Plugin):
        @hookimpl
        def pre_moderate(self, content: Content) -> Verdict:
            return Verdict.reject("no boats", "boats") if "boat" in content.text else Verdict.allow()

    lab.workflow["plugins"]["job_event"] = []
    lab.add_plugin("observer", Observer, "job_event")
    lab.add_plugin("wall", Wall, "publish")
    lab.add_plugin("full", Full, "publish")
    lab.add_plugin("careful", Careful, "pre_moderate")
    lab.studio().run_sync("A lighthouse in the rain at night")
    lab.studio().run_sync("A boat in the rain at night")
    names = {event.name for event in got}
    assert {"submitted", "rendered", "downloaded", "published", "post-rejected", "verdict", "rejected"} <= names
    for event in got:
        assert set(event.details) <= set(EVENTS[event.name].details), event.name
    [verdict] = [event for event in got if event.name == "verdict"]
    assert verdict.details["categories"] == ["boats"]
