"""The settings of a `fal` instance, and the options that a brief may have for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from reelwork_hooks import AspectRatio, Config, ProviderConfig, ReferenceRole, Resolution, SecretRef
from reelwork_plugins.providers.fal.models import MODELS, Length, Model

QUEUE, LISTS, UPLOADS = "https://queue.fal.run", "https://api.fal.ai", "https://rest.fal.ai"
Part = Literal[
    "duration", "aspect_ratio", "resolution", "fps", "seed", "negative_prompt",
    "first_frame", "last_frame", "subject", "style", "source", "audio",
]  # fmt: skip
ROLES: tuple[ReferenceRole, ...] = ("first_frame", "last_frame", "subject", "style", "source", "audio")
# In the options they would be paid for and never planned: more videos, another length, another shape.
_PLANNED = frozenset(
    {
        "prompt", "negative_prompt", "duration", "seconds", "num_frames", "frames", "aspect_ratio", "resolution",
        "fps", "frames_per_second", "seed", "n", "num_videos", "num_outputs", "num_generations", "num_samples",
        "batch_size",
    }
)  # fmt: skip


def _is_address(value: str) -> str:
    parts = urlsplit(value.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is not an http(s) address such as http://127.0.0.1:8765")
    # The address is shown in messages and stored: a password in it would be, too.
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("base_url must have no user name, password, query or fragment; give a key as api_key")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


class FalConfig(ProviderConfig):
    """Settings of fal.ai, or of a server that speaks its protocol."""

    api_key: SecretRef | None = None
    """The key. When not given, `env:FAL_KEY`, but never with a `base_url`."""
    base_url: Annotated[str, AfterValidator(_is_address)] | None = None
    """One address for the queue, the list and uploads, such as the simulator's; fal's own three when not given."""
    # fal keeps a long result for six minutes. It must be read before that.
    deadline: Annotated[float, Field(gt=0)] = 7200
    """Seconds after which a render counts as overdue and is polled less often."""
    inputs: Mapping[Part, str] = {}
    """The model's own fields, by the part of a brief or the role of a reference that goes there, when the model is
    not known here or has changed. Empty text: the model takes none."""
    length: Length | None = None
    """The form of a length in the request: `number` (8), `text` ("8") or `seconds` ("8s")."""
    durations: tuple[float, ...] | None = None
    """Possible lengths in seconds, when you know better than the model data."""
    aspect_ratios: tuple[AspectRatio, ...] | None = None
    """Possible ratios, when you know better than the model data."""
    resolutions: tuple[Resolution, ...] | None = None
    """Possible heights, when you know better than the model data."""
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
        found = (urlsplit(self.address(one)) for one in (QUEUE, LISTS, UPLOADS))
        return tuple(dict.fromkeys(f"{one.scheme}://{one.netloc}" for one in found))

    def model_data(self, name: str | None) -> Model:
        """Return what is known of a model; the settings go first."""
        known = MODELS.get(name or "")
        row = known or Model(inputs={})
        told = {**row.inputs, **{str(part): field for part, field in self.inputs.items()}}
        inputs = {part: field for part, field in told.items() if field}
        return replace(
            row,
            inputs=inputs,
            length=self.length or row.length or ("number" if "duration" in inputs else None),
            durations=self.durations or row.durations,
            aspect_ratios=self.aspect_ratios or row.aspect_ratios,
            resolutions=self.resolutions or row.resolutions,
        )


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
