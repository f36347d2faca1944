from __future__ import annotations

import inspect
import re
from types import ModuleType
from typing import Any

import pytest

import reelwork.errors
import reelwork_hooks.errors
from reelwork.errors import HookFailed, HookTimedOut, NotFound
from reelwork_hooks.errors import Expired, InvalidInput, NotSent, ReelworkError, Rejected, Unavailable

OWN = [
    value
    for value in vars(reelwork_hooks.errors).values()
    if inspect.isclass(value) and issubclass(value, ReelworkError)
]


def drawn(module: ModuleType) -> dict[str, str]:
    """Each class in the docstring's tree and the one it hangs from."""
    parents, path = {}, []
    for line in (module.__doc__ or "").splitlines():
        found = re.match(r"([ │]*(?:[├└]── )?)(\w+)(?:  |$)", line.removeprefix("    "))
        if line.startswith("    ") and found:
            depth = len(found.group(1)) // 4
            path = [*path[:depth], found.group(2)]
            parents[found.group(2)] = path[-2] if depth else ""
    return parents


@pytest.mark.parametrize("module", [reelwork_hooks.errors, reelwork.errors])
def test_the_tree_in_the_docstring_is_the_tree_of_the_classes(module: ModuleType) -> None:
    tree = drawn(module)
    assert tree["ReelworkError"] == ""
    own = {
        name: value
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, Exception) and value.__module__ == module.__name__
    }
    assert set(own) <= set(tree)
    assert set(tree) <= {*own, *(value.__name__ for value in OWN)}
    for name, value in own.items():
        assert value.__bases__[0].__name__ == (tree[name] or "Exception")


@pytest.mark.parametrize("kind", OWN)
def test_a_class_says_what_it_means_in_one_sentence(kind: type[ReelworkError]) -> None:
    sentence = (kind.__doc__ or "").splitlines()[0]
    assert sentence.endswith(".")
    assert kind().message == sentence
    assert str(kind("it broke")) == "it broke"
    assert kind("it broke").message == "it broke"


def test_an_error_explains_itself_for_money_and_the_next_step() -> None:
    error = ReelworkError("It broke.", money="It costs nothing.", hint="Run it again.")
    assert error.explained() == "It broke.\nIt costs nothing.\nRun it again."
    assert ReelworkError("It broke.").explained() == "It broke."
    assert InvalidInput("Wrong.").explained() == "Wrong.\nNothing was sent, nothing was spent."
    assert InvalidInput("Wrong.", money="").money == InvalidInput.money


def test_a_class_of_ones_own_has_defaults_of_its_own() -> None:
    class Stuck(ReelworkError):
        """The belt is stuck."""

        money = "Nothing was posted."
        hint = "Free the belt."

    assert Stuck().explained() == "The belt is stuck.\nNothing was posted.\nFree the belt."


def test_what_else_errors_carry() -> None:
    assert NotSent("busy", retry_after=3).retry_after == 3
    assert Unavailable("busy", retry_after=4).retry_after == 4
    assert Expired().retry_after is None
    assert Rejected("no", code="moderation_blocked").code == "moderation_blocked"
    assert Rejected().code == ""


def test_the_engines_errors() -> None:
    late = HookTimedOut("strict", "publish", 0.5)
    assert isinstance(late, HookFailed)
    assert isinstance(late, TimeoutError)
    assert str(late) == "plugin 'strict', hook publish: gave no answer within 0.5 s"
    missing = NotFound("plugin", "galery", ["gallery", "local"])
    assert missing.message == "There is no plugin named 'galery'. Did you mean 'gallery'?"
    assert missing.hint == "Known: gallery, local."
    assert NotFound("job", "x", ()).hint == ""


@pytest.mark.parametrize("kind", [NotSent, Unavailable])
@pytest.mark.parametrize(
    ("told", "meant"),
    [
        (3, 3.0),
        ("3", 3.0),
        (-1, 0.0),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ([], None),
    ],
)
def test_a_wait_that_is_no_number_of_seconds_counts_as_not_given(
    kind: type[NotSent | Unavailable], told: Any, meant: float | None
) -> None:
    assert kind("busy", retry_after=told).retry_after == meant
