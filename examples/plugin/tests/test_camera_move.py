from typing import cast

import pytest
from pydantic import ValidationError
from reelwork_camera_move import CameraMove, CameraMoveConfig

from reelwork_hooks import Context, Prompt

UNUSED = cast(Context, None)  # this plugin asks nothing of its context


def test_adds_the_move() -> None:
    plugin = CameraMove(CameraMoveConfig(move="crane up"), UNUSED)
    moved = plugin.prompt_transform(Prompt(text="A lighthouse at dawn"))
    assert moved == Prompt(text="A lighthouse at dawn, camera: crane up")


def test_leaves_a_prompt_with_a_camera_alone() -> None:
    plugin = CameraMove(CameraMoveConfig(), UNUSED)
    assert plugin.prompt_transform(Prompt(text="A lighthouse, Camera circling it")) is None


def test_runs_twice_without_harm() -> None:
    plugin = CameraMove(CameraMoveConfig(), UNUSED)
    once = plugin.prompt_transform(Prompt(text="A lighthouse at dawn"))
    assert once is not None
    assert plugin.prompt_transform(once) is None


@pytest.mark.parametrize("settings", [{"move": "teleport"}, {"mvoe": "orbit"}])
def test_refuses_settings_it_does_not_know(settings: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        CameraMoveConfig.model_validate(settings)
