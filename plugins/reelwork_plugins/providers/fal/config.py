"""The settings of a `fal` instance, and the options that a brief may have for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from reelwork_hooks import Config, HttpAddress, KnownModel, ModelSettings, SecretRef, origin_of
from reelwork_plugins.providers.fal.models import MODELS

QUEUE, LISTS, UPLOADS = "https://queue.fal.run", "https://api.fal.ai", "https://rest.fal.ai"
# In the options they would be paid for and never planned: more videos, another length, another shape.
_PLANNED = frozenset(
    {
        "prompt", "negative_prompt", "duration", "seconds", "num_frames", "frames", "aspect_ratio", "resolution",
        "fps", "frames_per_second", "seed", "n", "num_videos", "num_outputs", "num_generations", "num_samples",
        "batch_size",
    }
)  # fmt: skip


class FalConfig(ModelSettings):
    """Settings of fal.ai, or of a server that speaks its protocol."""

    api_key: SecretRef | None = None
    """The key. When not given, `env:FAL_KEY`, but never with a `base_url`."""
    base_url: HttpAddress | None = None
    """One address for the queue, the list and uploads, such as the simulator's; fal's own three when not given."""
    # fal keeps a long result for six minutes. It must be read before that.
    deadline: Annotated[float, Field(gt=0)] = 7200
    """Seconds after which a render counts as overdue and is polled less often."""
    submit_timeout: Annotated[float, Field(gt=0)] = 120
    """Seconds to wait for the answer to a request."""
    # fal lists a render only when it has ended, so the time for one must be over.
    settle_seconds: Annotated[float, Field(ge=0)] = 300
    """Seconds before a request whose answer was lost is looked up: longer than a render usually takes."""

    @model_validator(mode="before")
    @classmethod
    def _finds_its_key(cls, given: Any) -> Any:
        # At another address the key of fal.ai would be given away.
        plain = isinstance(given, Mapping) and given.get("api_key") is None and given.get("base_url") is None
        return dict(given) | {"api_key": "env:FAL_KEY"} if plain else given

    def address(self, usual: str) -> str:
        """Return the address of one of fal's services."""
        return self.base_url or usual

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins the key may go to."""
        return tuple(dict.fromkeys(origin_of(self.address(one)) for one in (QUEUE, LISTS, UPLOADS)))

    def model_data(self, name: str | None) -> KnownModel:
        """Return what is known of a model; the settings go first."""
        return MODELS.get(name or "", KnownModel()).changed_by(self)


class FalOptions(Config):
    """The model's other inputs, as its page at fal.ai lists them, such as `generate_audio` or `cfg_scale`."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    generate_audio: bool | None = None
    """True or false for models that can make sound with the video. Silence is often cheaper."""

    @model_validator(mode="after")
    def _leaves_the_brief_alone(self) -> Self:
        taken = sorted(_PLANNED & set(self.model_extra or {}))
        if taken:
            raise ValueError(f"{', '.join(taken)} comes from the brief, by which the cost is planned; leave it out")
        return self
