"""`camera-move`: a camera move for every prompt that does not name one."""

from typing import Literal

from reelwork_hooks import Config, Plugin, Prompt, hookimpl


class CameraMoveConfig(Config):
    """Settings of `camera-move`."""

    move: Literal["slow pan", "dolly in", "crane up", "orbit", "handheld", "static"] = "slow pan"
    """The camera's move through the shot."""


class CameraMove(Plugin):
    """Adds a camera move to a prompt that does not name one."""

    Config = CameraMoveConfig
    config: CameraMoveConfig

    @hookimpl
    def prompt_transform(self, prompt: Prompt) -> Prompt | None:
        """Return the prompt with the move at its end, or None when it mentions a camera already."""
        if "camera" in prompt.text.casefold():
            return None
        return prompt.replace(text=f"{prompt.text}, camera: {self.config.move}")
