from __future__ import annotations

import inspect
from types import NoneType
from typing import Any, get_args, get_type_hints

import pluggy
import pytest
from pydantic import BaseModel

from reelwork_hooks import effects, specs
from reelwork_hooks.effects import Effect, Found

HOOKS = [
    name for name, value in vars(specs).items() if inspect.isfunction(value) and value.__module__ == specs.__name__
]


def test_the_hooks_are_these() -> None:
    assert HOOKS == [
        "check_brief",
        "pre_moderate",
        "prompt_transform",
        "post_download",
        "prepare_publish",
        "publish",
        "find_post",
        "follow_post",
        "job_event",
        "register_providers",
        "register_platforms",
        "register_webhooks",
    ]


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_declared_documented_and_small(name: str) -> None:
    manager = pluggy.PluginManager(specs.PROJECT)
    manager.add_hookspecs(specs)
    caller = getattr(manager.hook, name)
    assert caller.has_spec()
    function = getattr(specs, name)
    assert inspect.getdoc(function)
    parameters = inspect.signature(function).parameters.values()
    assert len(parameters) <= 3
    assert all(parameter.default is parameter.empty for parameter in parameters)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hooks_arguments_are_frozen_values(name: str) -> None:
    hints = get_type_hints(getattr(specs, name))
    assert set(hints) == {*inspect.signature(getattr(specs, name)).parameters, "return"}
    for argument, kind in hints.items():
        if argument == "return":
            continue
        given = [one for one in get_args(kind) or (kind,) if one is not NoneType]
        assert all(
            one is Effect or (issubclass(one, BaseModel) and one.model_config.get("frozen")) for one in given
        )


def test_hookimpl_marks_for_the_same_project() -> None:
    class Plugin:
        @specs.hookimpl
        def publish(self, post: Any) -> None: ...

    manager = pluggy.PluginManager(specs.PROJECT)
    manager.add_hookspecs(specs)
    manager.register(Plugin())
    manager.check_pending()
    (found,) = manager.hook.publish.get_hookimpls()
    assert found.argnames == ("post",)


def test_an_effect_passes_notes_on() -> None:
    noted: list[Any] = []
    Effect("key", on_note=noted.append).note(remote_id="v1", part=2)
    assert noted == [{"remote_id": "v1", "part": 2}]
    Effect("key").note(remote_id="v1")
    assert len(noted) == 1
    with pytest.raises(AttributeError):
        Effect("key").key = "other"  # type: ignore[misc]


def test_found_one_is_a_single_candidate() -> None:
    assert Found.one("a") == Found(("a",))
    assert effects.Unsure().reason == ""
