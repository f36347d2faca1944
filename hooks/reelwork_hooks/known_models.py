"""Known facts of a provider's models, as data: what each takes, under which names, and at what price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from pydantic import JsonValue

from reelwork_hooks.answers import number_of
from reelwork_hooks.briefs import AspectRatio, Reference, ReferenceRole, Resolution
from reelwork_hooks.effects import Idempotency
from reelwork_hooks.errors import InvalidInput
from reelwork_hooks.prices import PriceList
from reelwork_hooks.provider import Capabilities, ProviderConfig, RenderRequest

LengthForm = Literal["number", "text", "seconds"]
"""The form of a length in a request: `8`, `"8"` or `"8s"`."""
ModelPart = Literal[
    "duration", "aspect_ratio", "resolution", "fps", "seed", "negative_prompt",
    "first_frame", "last_frame", "subject", "style", "source", "audio",
]  # fmt: skip
"""A part of a brief, or the role of a reference."""
_ROLES: tuple[ReferenceRole, ...] = get_args(ReferenceRole)


class ModelSettings(ProviderConfig):
    """Settings of a provider with models as data, for those who know better than the data."""

    inputs: Mapping[ModelPart, str] = {}
    """The model's own fields, by the part of a brief or the role of a reference that goes there, when the model is
    not known here or has changed. Empty text: the model takes none."""
    length: LengthForm | None = None
    """The form of a length in the request: `number` (8), `text` ("8") or `seconds` ("8s")."""
    durations: tuple[float, ...] | None = None
    """Possible lengths in seconds, when you know better than the model data."""
    aspect_ratios: tuple[AspectRatio, ...] | None = None
    """Possible ratios, when you know better than the model data."""
    resolutions: tuple[Resolution, ...] | None = None
    """Possible heights, when you know better than the model data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """One model. None and empty mean: not limited, or not known."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    """The model's own field for each part of a brief that it takes, and for each role of a reference."""
    length: LengthForm = "number"
    """The form of a length in the request."""
    durations: tuple[float, ...] | None = None
    """The only lengths possible, in seconds."""
    aspect_ratios: tuple[str, ...] | None = None
    """The only ratios possible."""
    resolutions: tuple[str, ...] | None = None
    """The only heights possible."""
    fps: tuple[int, ...] | None = None
    """The only frame rates possible, where it takes one."""
    needs: tuple[str, ...] = ()
    """Roles of references without which it makes nothing."""
    longest_prompt: int | None = None
    """Characters."""
    prices: PriceList | None = None
    """What a second costs."""

    def changed_by(self, settings: ModelSettings) -> KnownModel:
        """Return the model with what the settings say, which goes first."""
        told = {**self.inputs, **{str(part): name for part, name in settings.inputs.items()}}
        return replace(
            self,
            inputs={part: name for part, name in told.items() if name},
            length=settings.length or self.length,
            durations=settings.durations or self.durations,
            aspect_ratios=settings.aspect_ratios or self.aspect_ratios,
            resolutions=settings.resolutions or self.resolutions,
        )

    def capabilities(self, idempotency: Idempotency, **more: Any) -> Capabilities:
        """Return what it can do; `more` is what else the provider says of itself."""
        heights = self.resolutions
        usual = "720p" if heights is None or "720p" in heights else heights[0]
        declared: dict[str, Any] = {
            "idempotency": idempotency, "durations": self.durations, "aspect_ratios": self.aspect_ratios,
            "resolutions": heights, "any_size": True, "default_resolution": usual,
            "fps": self.fps if "fps" in self.inputs else (), "seed": "seed" in self.inputs,
            "negative_prompt": "negative_prompt" in self.inputs, "references": len(self.roles),
            "reference_roles": self.roles, "longest_prompt": self.longest_prompt,
            "wire_names": {part: name for part, name in self.inputs.items() if part not in self.roles},
            "price": self.prices.dearest(heights) if self.prices else None,
        }  # fmt: skip
        return Capabilities(**{**declared, **more})

    @property
    def roles(self) -> tuple[ReferenceRole, ...]:
        """The roles of references it takes."""
        return tuple(role for role in _ROLES if role in self.inputs)

    def role_of(self, reference: Reference) -> str:
        """Return the role of a reference; without one, the first that the model takes."""
        return reference.role or next(iter(self.roles), "")

    # What a service refuses only after it has accepted a request may have been paid for.
    def check(self, request: RenderRequest, name: str) -> None:
        """Raise `InvalidInput` for references that it needs or does not take, and where no length can be given."""
        if "duration" not in self.inputs:
            # Without a length the model's own is made and charged.
            raise InvalidInput(
                f"nothing is known of the model {name}, so it cannot be told how long the video is to be",
                hint='Look at its page, and set `inputs`, such as { duration = "duration" }, and `length`.',
            )
        roles = [self.role_of(reference) for reference in request.references]
        missing = [role for role in self.needs if role not in roles]
        if missing:
            raise InvalidInput(f"{name} needs a reference as {' and as '.join(missing)}")
        for role in roles:
            if role not in self.inputs or roles.count(role) > 1:
                second = "second " if role in self.inputs else ""
                raise InvalidInput(f"{name} takes no {second}reference as {role}")

    def body(self, request: RenderRequest, references: Sequence[JsonValue] = ()) -> dict[str, JsonValue]:
        """Return the model's input, with what stands for each reference there, such as its address."""
        spec = request.spec
        said: dict[str, JsonValue] = {
            "duration": _length(spec.duration, self.length), "aspect_ratio": spec.aspect_ratio,
            "resolution": spec.resolution, "fps": spec.fps, "seed": spec.seed,
            "negative_prompt": request.negative_prompt or None,
            **self._by_role(request, references),
        }  # fmt: skip
        taken = {self.inputs[part]: value for part, value in said.items() if part in self.inputs}
        return {**{name: value for name, value in taken.items() if value is not None}, "prompt": request.prompt}

    def untold(
        self, request: RenderRequest, options: Mapping[str, JsonValue], references: Sequence[JsonValue]
    ) -> dict[str, JsonValue]:
        """Return the inputs that no field of a `Listing` tells: options, and references, None for none."""
        told = {name for part, name in self.inputs.items() if part not in self.roles}
        found = {name: value for name, value in options.items() if name not in told}
        if len(references) != len(request.references):
            return found
        given = {self.inputs[role]: one for role, one in self._by_role(request, references).items()}
        return {**{self.inputs[role]: None for role in self.roles}, **found, **given}

    def fields_in(
        self, given: Mapping[str, Any], request: RenderRequest, untold: Mapping[str, JsonValue]
    ) -> dict[str, JsonValue]:
        """Return what a listed input asks for, under the names of `Listing`, to be compared with `request`.

        `untold` is the request's own. What is missing is left out, never guessed.
        """
        asked = {part: given[name] for part, name in self.inputs.items() if given.get(name) is not None}
        kept = ("negative_prompt", "seed", "fps")
        found: dict[str, JsonValue] = {part: asked[part] for part in kept if part in asked}
        if isinstance(given.get("prompt"), str):
            found["prompt"] = given["prompt"]
        if (seconds := number_of(asked.get("duration"))) is not None:
            found["duration"] = seconds
        if (size := _size(asked, request)) is not None:
            found["size"] = size
        # Equal words with another picture are another request: taken for ours, its video would be posted. Without
        # the words nothing fits it, and a person is asked.
        if other := [name for name, ours in untold.items() if not _same(ours, given.get(name))]:
            found.pop("prompt", None)
            found["differs_in"] = ", ".join(other)
        return found

    def _by_role(self, request: RenderRequest, references: Sequence[JsonValue]) -> dict[str, JsonValue]:
        roles = (self.role_of(one) for one in request.references)
        return {role: one for role, one in zip(roles, references, strict=True) if role in self.inputs}


def _length(duration: float, form: LengthForm) -> JsonValue:
    whole = int(duration) if duration == int(duration) else duration
    return whole if form == "number" else f"{whole}s" if form == "seconds" else f"{whole}"


def _same(ours: JsonValue, theirs: Any) -> bool:
    """Return whether an input was given as we gave it, perhaps as another type."""
    if ours is None or theirs is None:
        return ours is theirs
    if ours == theirs or str(ours).strip().lower() == str(theirs).strip().lower():
        return True
    number = number_of(ours)
    return number is not None and number == number_of(theirs)


def _size(asked: Mapping[str, JsonValue], request: RenderRequest) -> JsonValue:
    """Return an entry's size: this request's where ratio and height are the same; None where it is not known."""
    spec = request.spec
    if "aspect_ratio" not in asked and "resolution" not in asked:
        return None
    ratio, height = asked.get("aspect_ratio", spec.aspect_ratio), asked.get("resolution", spec.resolution)
    # Written so that it is no size of ours: another shape is another request.
    return spec.size if (ratio, height) == (spec.aspect_ratio, spec.resolution) else f"{ratio} {height}"
