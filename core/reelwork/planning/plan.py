"""Turns a brief into jobs: sizes, lengths, prices, and the outcome of each parameter."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from math import inf
from typing import Literal

from reelwork.errors import PlanRefused
from reelwork.money import problem_of
from reelwork.planning.frame_size import HEIGHTS, WIDE_SIDES, frame_size
from reelwork.planning.post_copy import shape_of_copy
from reelwork.planning.pricing import Quoting, cost_of
from reelwork.planning.reference_roles import references_in_words, references_problem
from reelwork.plural import counted
from reelwork_hooks.models import AspectRatio, Brief, Frozen, Platform, Resolution, Spec
from reelwork_hooks.provider import Capabilities, Price, ProviderConfig, RenderRequest

Outcome = Literal["sent", "translated", "emulated", "refused"]


class Fate(Frozen):
    """The outcome of one parameter of a brief at the provider."""

    parameter: str
    outcome: Outcome
    asked: str
    becomes: str = ""
    note: str = ""


class PlannedJob(Frozen):
    """One job a brief turns into."""

    platform: Platform | None = None
    take: int = 1
    takes: int = 1
    spec: Spec
    model: str | None = None
    fates: tuple[Fate, ...] = ()
    cost: Decimal | None = None
    """US dollars its render can cost at most, which are reserved; None when the price is not known."""
    expected: Decimal | None = None
    """US dollars it will most likely cost, where the provider says less than `cost`."""
    price: Price | None = None
    notes: tuple[str, ...] = ()
    post_costs: Mapping[str, Decimal | None] = {}
    """US dollars each of its posts costs at most, by destination, where that names prices; None: not known."""
    shapes: tuple[AspectRatio, ...] = ()
    """The shapes it is posted in, where one is another than the render's."""
    saved: Decimal | None = None
    """US dollars that a render for each shape would cost more; None with one shape, or if that is not known."""

    @property
    def cost_with_posts(self) -> Decimal | None:
        """US dollars the render and its posts can cost at most; None when a price is not known."""
        return total((self.cost, *self.post_costs.values()))


class Plan(Frozen):
    """The jobs a brief turns into."""

    brief: Brief
    provider: str
    jobs: tuple[PlannedJob, ...]

    @property
    def cost(self) -> Decimal | None:
        """US dollars for everything; None when a price is not known."""
        return total(job.cost_with_posts for job in self.jobs)


def shape_of(brief: Brief) -> tuple[object, ...]:
    """Return all of a brief that its plan depends on, but for its options and the files it refers to."""
    return (
        len(brief.prompt),
        bool(brief.negative_prompt),
        bool(brief.alt_text),
        brief.model,
        brief.duration,
        # A length that was asked for is kept or refused; a default may be changed to one that the provider makes.
        "duration" in brief.model_fields_set,
        brief.resolution,
        brief.aspect_ratio,
        brief.fps,
        brief.seed,
        brief.takes,
        brief.quality,
        len(brief.metadata),
        len(brief.vars),
        brief.webhook,
        brief.platforms,
        len(brief.references),
        # A provider may price by them.
        json.dumps(brief.model_dump(mode="json", include={"options"}), sort_keys=True) if brief.options else "",
        shape_of_copy(brief),
    )


def total(costs: Iterable[Decimal | None]) -> Decimal | None:
    """Return the sum; None when one of them is not known."""
    # A sum without the unknown part would look like a price that holds.
    known = list(costs)
    return None if None in known else sum((cost for cost in known if cost is not None), Decimal(0))


def make_plan(
    brief: Brief,
    platforms: Sequence[Platform],
    capabilities: Capabilities,
    config: ProviderConfig,
    provider: str,
    *,
    where: str = "",
    options_problem: str = "",
    today: Callable[[], date] = date.today,
    quote: Quoting | None = None,
) -> Plan:
    """Plan a brief. Raises `PlanRefused` listing everything the provider cannot do."""
    targets: Sequence[Platform | None] = platforms or (None,)
    jobs = []
    refusals: list[str] = []
    for platform in targets:
        planned = _Planner(brief, platform, capabilities, config, provider, options_problem, quote).planned()
        refusals += [f"{fate.parameter}: {fate.note}" for fate in planned.fates if fate.outcome == "refused"]
        refusals += _price_problem(planned)
        jobs += [_take(planned, number, brief, capabilities) for number in range(1, brief.takes + 1)]
    # First in the list: with the model gone, the other refusals say nothing.
    if capabilities.retired is not None and capabilities.retired <= today():
        refusals.insert(0, f"model: {_model(brief, config)} was shut down on {capabilities.retired}")
    if refusals:
        # Several platforms are refused for the same reason. It is said once.
        listed = "\n".join(f"  - {line}" for line in dict.fromkeys(refusals))
        raise PlanRefused(
            f"{where + ': ' if where else ''}The provider {provider!r} cannot make this as asked:\n{listed}",
            hint="Change what is listed, or choose another provider; `reelwork plan` shows the outcome of "
            "each parameter.",
        )
    return Plan(brief=brief, provider=provider, jobs=tuple(jobs))


def _price_problem(planned: PlannedJob) -> list[str]:
    problem = "" if planned.cost is None else problem_of(planned.cost)
    return [f"price: a render would cost ${planned.cost:,.2f}; {problem}"] if problem else []


def _take(planned: PlannedJob, number: int, brief: Brief, capabilities: Capabilities) -> PlannedJob:
    if brief.takes == 1:
        return planned
    # The same seed four times would be the same video four times.
    seed = None if brief.seed is None else brief.seed + number - 1
    fates = tuple(fate.replace(asked=str(seed)) if fate.parameter == "seed" else fate for fate in planned.fates)
    return planned.replace(take=number, takes=brief.takes, fates=fates, spec=planned.spec.replace(seed=seed))


def _model(brief: Brief, config: ProviderConfig) -> str:
    return brief.model or config.model or "the default model"


# A batch of ten thousand rows has a handful of these: each is made once and shared.
_fate_of = lru_cache(maxsize=1024)(Fate)
_spec_of = lru_cache(maxsize=1024)(Spec)


@dataclass(frozen=True)
class _Planner:
    brief: Brief
    platform: Platform | None
    capabilities: Capabilities
    config: ProviderConfig
    provider: str
    options_problem: str
    quote: Quoting | None

    def planned(self) -> PlannedJob:
        ratio, ratio_note = self._ratio()
        resolution = self.brief.resolution or self.capabilities.default_resolution
        width, height = frame_size(resolution, ratio)
        duration, duration_note = self._duration()
        spec = _spec_of(
            width=width,
            height=height,
            aspect_ratio=ratio,
            resolution=resolution,
            fps=self.brief.fps or self.capabilities.default_fps,
            duration=duration,
            seed=self.brief.seed,
            quality=self.brief.quality,
        )
        cost = cost_of(self.config, self.capabilities, self._request(spec), self.quote)
        return PlannedJob(
            platform=self.platform,
            spec=spec,
            model=self.brief.model or self.config.model,
            fates=tuple(self._fates(spec)),
            cost=cost.most,
            expected=cost.expected,
            price=cost.price,
            notes=tuple(note for note in (ratio_note, duration_note, cost.note, self.capabilities.note) if note),
        )

    def _ratio(self) -> tuple[AspectRatio, str]:
        wanted = self.brief.aspect_ratio
        if self.platform is None:
            return wanted or "16:9", ""
        if wanted is None or wanted == self.platform.aspect_ratio:
            return self.platform.aspect_ratio, ""
        # What a person asks for goes before what a platform prefers, and is said, since it may be a mistake.
        return wanted, f"{wanted} as asked; {self.platform.name} prefers {self.platform.aspect_ratio}"

    def _duration(self) -> tuple[float, str]:
        asked = self.brief.duration
        longest = self.platform.longest_duration if self.platform else inf
        duration = min(asked, longest)
        # Never rounded when it was asked for: another length is another price.
        if "duration" not in self.brief.model_fields_set:
            return self._default_duration(duration, longest), ""
        note = ""
        if duration < asked and self.platform:
            note = f"{duration:g} s instead of {asked:g}: the longest {self.platform.name} takes"
        return duration, note

    def _default_duration(self, usual: float, longest: float) -> float:
        """Return the nearest length to the usual one that the provider can make."""
        can = self.capabilities
        if can.durations:
            fitting = [length for length in can.durations if length <= longest]
            # With none short enough, the usual length stays, and is refused with the lengths that are possible.
            return min(fitting, key=lambda length: abs(length - usual), default=usual)
        if can.longest_duration is not None:
            usual = min(usual, can.longest_duration)
        if can.shortest_duration is not None and can.shortest_duration <= longest:
            usual = max(usual, can.shortest_duration)
        return usual

    def _asked_duration(self) -> str:
        return f"{self.brief.duration:g} s" if "duration" in self.brief.model_fields_set else "default"

    def _request(self, spec: Spec) -> RenderRequest:
        brief = self.brief
        return RenderRequest(
            prompt=brief.prompt, negative_prompt=brief.negative_prompt, model=brief.model or self.config.model,
            spec=spec, references=brief.references, metadata=brief.metadata, webhook=brief.webhook,
            options=brief.options,
        )  # fmt: skip

    def _fates(self, spec: Spec) -> list[Fate]:
        brief, can = self.brief, self.capabilities
        fates = [
            self._fate("prompt", f"{len(brief.prompt)} characters", self._prompt_problem()),
            self._fate("duration", self._asked_duration(), self._duration_problem(spec), f"{spec.duration:g} s"),
            self._fate("resolution", brief.resolution or "default", self._height_problem(spec), spec.size),
            self._fate("aspect_ratio", brief.aspect_ratio or "default", self._ratio_problem(spec), spec.size),
        ]
        if brief.model:
            fates.append(self._fate("model", brief.model))
        if brief.negative_prompt:
            fates.append(self._optional("negative_prompt", "given", can.negative_prompt))
        if brief.fps is not None:
            fates.append(self._fate("fps", str(brief.fps), self._fps_problem()))
        if brief.seed is not None:
            fates.append(self._optional("seed", str(brief.seed), can.seed))
        if brief.takes > 1:
            # One request each, even where a provider makes several at once: each can then be looked up.
            renders = f"{brief.takes} renders, each paid for"
            fates.append(_fate_of(parameter="takes", outcome="emulated", asked=str(brief.takes), becomes=renders))
        if brief.quality != "standard":
            fates.append(self._optional("quality", brief.quality, brief.quality in can.quality))
        if brief.references:
            problem = references_problem(brief.references, can, self.provider, spec.duration)
            fates.append(self._fate("references", references_in_words(brief.references), problem))
        if brief.options:
            fates.append(self._fate("options", ", ".join(brief.options), self.options_problem))
        if brief.vars:
            kept = "kept with the job, for plugins"
            asked = counted(len(brief.vars), "value")
            fates.append(_fate_of(parameter="vars", outcome="emulated", asked=asked, becomes=kept))
        if brief.metadata:
            fates.append(self._metadata())
        if brief.webhook:
            fates.append(self._optional("webhook", brief.webhook, can.webhook))
        return fates

    def _fate(self, parameter: str, asked: str, problem: str = "", becomes: str = "") -> Fate:
        if problem:
            return _fate_of(parameter=parameter, outcome="refused", asked=asked, note=problem)
        name = self.capabilities.wire_names.get(parameter)
        outcome: Outcome = "translated" if name else "sent"
        return _fate_of(parameter=parameter, outcome=outcome, asked=asked, becomes=becomes, note=name or "")

    def _optional(self, parameter: str, asked: str, possible: bool) -> Fate:
        problem = "" if possible else f"{self.provider} has no {parameter}; leave it out"
        return self._fate(parameter, asked, problem)

    def _metadata(self) -> Fate:
        asked = counted(len(self.brief.metadata), "value")
        if self.capabilities.metadata:
            return self._fate("metadata", asked)
        kept = "kept with the job and in its sidecar"
        return _fate_of(parameter="metadata", outcome="emulated", asked=asked, becomes=kept)

    def _prompt_problem(self) -> str:
        longest = self.capabilities.longest_prompt
        length = len(self.brief.prompt)
        return f"{length} characters; at most {longest}" if longest and length > longest else ""

    def _duration_problem(self, spec: Spec) -> str:
        can, asked = self.capabilities, spec.duration
        if can.durations is not None and asked not in can.durations:
            return f"{asked:g} s; it makes {_listed([f'{length:g}' for length in can.durations])} s"
        if can.shortest_duration is not None and asked < can.shortest_duration:
            return f"{asked:g} s; at least {can.shortest_duration:g} s"
        if can.longest_duration is not None and asked > can.longest_duration:
            return f"{asked:g} s; at most {can.longest_duration:g} s"
        return ""

    def _height_problem(self, spec: Spec) -> str:
        can = self.capabilities
        usual = (*HEIGHTS, *(() if can.default_resolution in HEIGHTS else (can.default_resolution,)))
        return self._size_problem(spec) or self._unusual(spec.resolution, can.resolutions, usual)

    def _ratio_problem(self, spec: Spec) -> str:
        return self._unusual(spec.aspect_ratio, self.capabilities.aspect_ratios, tuple(WIDE_SIDES))

    def _unusual(self, value: str, possible: Sequence[str] | None, usual: Sequence[str]) -> str:
        """Return why a provider would not make this; `usual` is what it makes if it declares nothing."""
        # Where sizes are declared, they alone decide.
        if possible is None and (self.capabilities.any_size or self.capabilities.sizes is not None):
            return ""
        known = usual if possible is None else possible
        return "" if value in known else f"{value}; {self.provider} makes {_listed(known)}"

    def _size_problem(self, spec: Spec) -> str:
        sizes = self.capabilities.sizes
        if sizes is None or spec.size in sizes:
            return ""
        where = f" for {self.platform.name}" if self.platform else ""
        way = _way_out(spec, sizes)
        return f"{spec.size} ({spec.resolution}, {spec.aspect_ratio}{where}); it makes {_listed(sizes)}{way}"

    def _fps_problem(self) -> str:
        rates = self.capabilities.fps
        if rates is None or self.brief.fps in rates:
            return ""
        if not rates:
            return "the frame rate cannot be chosen; leave it out"
        return f"{self.brief.fps}; it makes {_listed([str(rate) for rate in rates])}"


def _way_out(spec: Spec, sizes: Sequence[str]) -> str:
    """Say which shape or height is possible instead; empty if none."""
    shapes = [(ratio, height) for ratio in WIDE_SIDES for height in HEIGHTS if _size(height, ratio) in sizes]
    heights = list(dict.fromkeys(height for ratio, height in shapes if ratio == spec.aspect_ratio))
    if heights:
        return f'. Set resolution = "{_listed(heights)}"'
    ratios = list(dict.fromkeys(f'"{ratio}"' for ratio, _ in shapes))
    return f". Set aspect_ratio = {_listed(ratios)}" if ratios else ""


def _size(resolution: Resolution, ratio: AspectRatio) -> str:
    width, height = frame_size(resolution, ratio)
    return f"{width}x{height}"


def _listed(values: Sequence[str]) -> str:
    *first, last = values or ["nothing"]
    return f"{', '.join(first)} or {last}" if first else last
