from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reelwork.errors import PlanRefused
from reelwork.planning.frame_size import HEIGHTS, WIDE_SIDES, frame_size
from reelwork.planning.plan import (
    Fate,
    Plan,
    PlannedJob,
    make_plan,
    shape_of,
    total,
)
from reelwork_hooks import Brief, Capabilities, Idempotency, Platform, Price, ProviderConfig, Quote, RenderRequest
from reelwork_hooks.models import AspectRatio, Resolution

SORA = Capabilities(
    idempotency=Idempotency.LOOKUP,
    durations=(4, 8, 12),
    sizes=("1280x720", "720x1280"),
    fps=(),
    default_fps=24,
    references=1,
    longest_prompt=100,
    wire_names={"duration": "seconds", "resolution": "size", "aspect_ratio": "size"},
    price=Price(per_second=Decimal("0.10"), as_of=date(2026, 9, 1), source="the list"),
)
ANYTHING = Capabilities(
    idempotency=Idempotency.KEY, seed=True, negative_prompt=True, quality=("standard", "hd"), metadata=True
)
YOUTUBE = Platform(name="youtube", aspect_ratio="16:9", longest_duration=60)
INSTAGRAM = Platform(name="instagram", aspect_ratio="1:1", longest_duration=30)
TIKTOK = Platform(name="tiktok", aspect_ratio="9:16", longest_duration=60)


def plan(*platforms: Platform, can: Capabilities = ANYTHING, config: Any = None, **brief: Any) -> Plan:
    asked = Brief.model_validate({"prompt": "a fox", **brief})
    return make_plan(asked, platforms, can, config or ProviderConfig(), "sora", today=lambda: date(2026, 11, 23))


def refusals(*platforms: Platform, can: Capabilities = SORA, **brief: Any) -> list[str]:
    with pytest.raises(PlanRefused) as caught:
        plan(*platforms, can=can, **brief)
    first, *lines = caught.value.message.splitlines()
    assert first == "The provider 'sora' cannot make this as asked:"
    assert all(line.startswith("  - ") for line in lines)
    return [line.removeprefix("  - ") for line in lines]


def fate(planned: PlannedJob, parameter: str) -> Fate:
    return next(fate for fate in planned.fates if fate.parameter == parameter)


# --- sizes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "size"),
    [("16:9", (1920, 1080)), ("9:16", (1080, 1920)), ("1:1", (1080, 1080)), ("21:9", (2560, 1080))],
)
def test_the_tutorials_sizes(ratio: AspectRatio, size: tuple[int, int]) -> None:
    assert frame_size("1080p", ratio) == size


@pytest.mark.parametrize(
    ("resolution", "ratio", "size"),
    [
        ("720p", "16:9", (1280, 720)),
        ("720p", "9:16", (720, 1280)),
        ("720p", "1:1", (720, 720)),
        ("480p", "16:9", (854, 480)),
        ("480p", "9:16", (480, 854)),
    ],
)
def test_the_usual_smaller_sizes(resolution: Resolution, ratio: AspectRatio, size: tuple[int, int]) -> None:
    assert frame_size(resolution, ratio) == size


@given(st.sampled_from(HEIGHTS), st.sampled_from(list(WIDE_SIDES)))
def test_sides_are_even_and_within_a_pixel_of_the_ratio(resolution: Resolution, ratio: AspectRatio) -> None:
    width, height = frame_size(resolution, ratio)
    assert width % 2 == height % 2 == 0
    assert min(width, height) == int(resolution[:-1])
    wide, high = WIDE_SIDES[ratio]
    assert abs(width - height * wide / high) <= 1 or abs(height - width * high / wide) <= 1


@pytest.mark.parametrize(
    ("resolution", "ratio", "size"),
    [
        ("720p", "4:3", (960, 720)),
        ("720p", "3:4", (720, 960)),
        ("768p", "16:9", (1366, 768)),
        ("1080p", "3:2", (1620, 1080)),
        ("4k", "16:9", (3840, 2160)),
        ("2k", "9:16", (1440, 2560)),
        ("1080p", "9:21", (1080, 2520)),
    ],
)
def test_other_shapes_and_heights(resolution: Resolution, ratio: AspectRatio, size: tuple[int, int]) -> None:
    assert frame_size(resolution, ratio) == size


@pytest.mark.parametrize("field", ["resolution", "aspect_ratio"])
@pytest.mark.parametrize("bad", ["4x", "16", "0:9", "9:0", "720", "72p", "1k", "４k", "１６:９", "16:9\n", "4K "])
def test_a_shape_and_a_height_have_their_form(field: str, bad: str) -> None:
    with pytest.raises(ValidationError):
        Brief.model_validate({"prompt": "a fox", field: bad})


def test_a_provider_that_declares_nothing_gets_only_what_providers_always_got() -> None:
    for ratio, height in (("4:3", "720p"), ("16:9", "768p"), ("16:9", "4k")):
        [line] = refusals(can=ANYTHING, aspect_ratio=ratio, resolution=height, duration=4)
        told = "aspect_ratio: 4:3; sora makes 16:9, 9:16, 1:1 or 21:9"
        assert line == (told if ratio == "4:3" else f"resolution: {height}; sora makes 480p, 720p or 1080p")
    for ratio in WIDE_SIDES:
        for height in HEIGHTS:
            assert plan(aspect_ratio=ratio, resolution=height).jobs


def test_what_a_provider_declares_decides() -> None:
    able = ANYTHING.replace(aspect_ratios=("4:3", "16:9"), resolutions=("768p",), default_resolution="768p")
    assert plan(can=able, aspect_ratio="4:3").jobs[0].spec.size == "1024x768"
    assert refusals(can=able, aspect_ratio="1:1", resolution="720p", duration=4) == [
        "resolution: 720p; sora makes 768p",
        "aspect_ratio: 1:1; sora makes 4:3 or 16:9",
    ]
    sized = SORA.replace(sizes=("1024x768",))
    assert plan(can=sized, aspect_ratio="4:3", resolution="768p", duration=4).jobs
    [line] = refusals(can=sized, aspect_ratio="3:4", resolution="768p", duration=4)
    assert line.startswith("resolution: 768x1024 (768p, 3:4); it makes 1024x768")
    assert plan(can=ANYTHING.replace(any_size=True), aspect_ratio="5:4", resolution="4k").jobs
    # Its own default is no surprise to it.
    assert plan(can=ANYTHING.replace(default_resolution="768p")).jobs[0].spec.size == "1366x768"


# --- platforms ------------------------------------------------------------------------------------------------


def test_a_brief_alone_is_one_wide_job_at_the_providers_resolution() -> None:
    (job,) = plan(duration=5).jobs
    assert job.platform is None
    assert (job.spec.size, job.spec.aspect_ratio, job.spec.resolution) == ("1280x720", "16:9", "720p")
    assert (job.spec.duration, job.spec.fps, job.spec.seed) == (5, None, None)


def test_each_platform_gets_its_own_shape_and_length() -> None:
    jobs = plan(YOUTUBE, INSTAGRAM, TIKTOK, duration=45, resolution="1080p").jobs
    assert [(job.spec.size, job.spec.duration) for job in jobs] == [
        ("1920x1080", 45),
        ("1080x1080", 30),
        ("1080x1920", 45),
    ]
    assert jobs[1].notes == ("30 s instead of 45: the longest instagram takes",)
    assert jobs[0].notes == jobs[2].notes == ()


@given(st.floats(0.5, 3600), st.floats(0.5, 3600))
def test_the_length_is_the_smaller_of_what_was_asked_and_what_the_platform_takes(
    asked: float, longest: float
) -> None:
    (job,) = plan(YOUTUBE.replace(longest_duration=longest), duration=asked).jobs
    assert job.spec.duration == min(asked, longest)


def test_a_ratio_that_was_asked_for_wins_and_is_noted() -> None:
    (job,) = plan(TIKTOK, aspect_ratio="1:1").jobs
    assert job.spec.size == "720x720"
    assert job.notes == ("1:1 as asked; tiktok prefers 9:16",)
    assert plan(TIKTOK, aspect_ratio="9:16").jobs[0].notes == ()


# --- a length nobody asked for --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "can", "length"),
    [
        (None, {"durations": (4, 8, 12)}, 8),
        (None, {"durations": (5,)}, 5),
        (None, {"durations": (12, 16)}, 12),
        (9, {"durations": (4, 8, 12)}, 8),
        (7, {"durations": (4, 8, 12)}, 4),
        (None, {"longest_duration": 6}, 6),
        (None, {"shortest_duration": 15}, 15),
        (5, {}, 5),
        (5, {"longest_duration": 6, "shortest_duration": 1}, 5),
        (60, {}, 10),
        (None, {}, 10),
    ],
)
def test_it_is_one_the_provider_can_make(platform: float | None, can: dict[str, Any], length: float) -> None:
    platforms = [YOUTUBE.replace(longest_duration=platform)] if platform else []
    (job,) = plan(*platforms, can=ANYTHING.replace(**can)).jobs
    assert job.spec.duration == length
    assert job.notes == ()
    assert fate(job, "duration").asked == "default"


def test_it_is_never_longer_than_the_platform_takes() -> None:
    assert refusals(YOUTUBE.replace(longest_duration=3), resolution="720p") == [
        "duration: 3 s; it makes 4, 8 or 12 s"
    ]


def test_a_length_that_was_asked_for_is_never_rounded() -> None:
    assert refusals(duration=10) == ["duration: 10 s; it makes 4, 8 or 12 s"]
    assert plan(can=SORA, duration=8).jobs[0].spec.duration == 8


# --- takes ----------------------------------------------------------------------------------------------------


def test_takes_are_jobs_with_seeds_of_their_own() -> None:
    jobs = plan(YOUTUBE, TIKTOK, takes=3, seed=7).jobs
    assert [(job.platform.name, job.take, job.takes, job.spec.seed) for job in jobs if job.platform] == [
        ("youtube", 1, 3, 7),
        ("youtube", 2, 3, 8),
        ("youtube", 3, 3, 9),
        ("tiktok", 1, 3, 7),
        ("tiktok", 2, 3, 8),
        ("tiktok", 3, 3, 9),
    ]
    assert [job.spec.seed for job in plan(takes=2).jobs] == [None, None]
    assert fate(jobs[0], "takes") == Fate(
        parameter="takes", outcome="emulated", asked="3", becomes="3 renders, each paid for"
    )


# --- what becomes of each parameter ---------------------------------------------------------------------------


def test_what_is_sent_and_what_is_translated() -> None:
    (job,) = plan(can=SORA, duration=8, resolution="720p", model="sora-2").jobs
    outcomes = {fate.parameter: (fate.outcome, fate.becomes, fate.note) for fate in job.fates}
    assert outcomes == {
        "prompt": ("sent", "", ""),
        "duration": ("translated", "8 s", "seconds"),
        "resolution": ("translated", "1280x720", "size"),
        "aspect_ratio": ("translated", "1280x720", "size"),
        "model": ("sent", "", ""),
    }
    assert job.model == "sora-2"
    assert job.spec.fps == 24


def test_what_a_capable_provider_is_sent() -> None:
    (job,) = plan(
        can=ANYTHING.replace(references=2, webhook=True, fps=(24, 30)),
        negative_prompt="rain",
        seed=3,
        fps=30,
        quality="hd",
        metadata={"campaign": "spring", "part": 2},
        references=[{"source": "a.png"}, {"source": "b.png"}],
        webhook="https://example.org/hook",
    ).jobs
    asked = ("negative_prompt", "seed", "fps", "quality", "metadata", "references", "webhook")
    assert {name: fate(job, name).outcome for name in asked} == dict.fromkeys(asked, "sent")
    assert (job.spec.fps, job.spec.seed, job.spec.quality) == (30, 3, "hd")
    assert fate(job, "metadata").asked == "2 values"


def test_metadata_a_provider_does_not_take_is_kept_here() -> None:
    (job,) = plan(can=SORA, duration=8, metadata={"a": 1}).jobs
    assert fate(job, "metadata").outcome == "emulated"
    assert "sidecar" in fate(job, "metadata").becomes


def test_every_refusal_is_listed_at_once() -> None:
    listed = refusals(
        prompt="x" * 101,
        duration=5,
        resolution="1080p",
        negative_prompt="rain",
        fps=30,
        seed=3,
        quality="hd",
        references=[{"source": "a.png"}, {"source": "b.png"}],
        webhook="https://example.org/hook",
    )
    assert listed == [
        "prompt: 101 characters; at most 100",
        "duration: 5 s; it makes 4, 8 or 12 s",
        'resolution: 1920x1080 (1080p, 16:9); it makes 1280x720 or 720x1280. Set resolution = "720p"',
        "negative_prompt: sora has no negative_prompt; leave it out",
        "fps: the frame rate cannot be chosen; leave it out",
        "seed: sora has no seed; leave it out",
        "quality: sora has no quality; leave it out",
        "references: 2; sora takes at most 1",
        "webhook: sora has no webhook; leave it out",
    ]


def test_refusals_of_several_platforms_are_told_apart_and_not_repeated() -> None:
    shapes = 'it makes 1280x720 or 720x1280. Set aspect_ratio = "16:9" or "9:16"'
    assert refusals(INSTAGRAM, YOUTUBE.replace(aspect_ratio="21:9"), seed=1, duration=8) == [
        f"resolution: 720x720 (720p, 1:1 for instagram); {shapes}",
        "seed: sora has no seed; leave it out",
        f"resolution: 1706x720 (720p, 21:9 for youtube); {shapes}",
    ]


@pytest.mark.parametrize(
    ("can", "brief", "line"),
    [
        ({"shortest_duration": 2}, {"duration": 1}, "duration: 1 s; at least 2 s"),
        ({"longest_duration": 20}, {"duration": 20.5}, "duration: 20.5 s; at most 20 s"),
        ({"fps": (24, 30)}, {"fps": 60}, "fps: 60; it makes 24 or 30"),
        ({"fps": (24,)}, {"fps": 60}, "fps: 60; it makes 24"),
        ({"durations": ()}, {"duration": 4}, "duration: 4 s; it makes nothing s"),
        ({"sizes": ()}, {}, "resolution: 1280x720 (720p, 16:9); it makes nothing"),
    ],
)
def test_other_limits(can: dict[str, Any], brief: dict[str, Any], line: str) -> None:
    assert refusals(can=ANYTHING.replace(**can), **brief) == [line]


@given(
    st.sampled_from([4.0, 8.0, 12.0]) | st.floats(0.1, 100),
    st.sampled_from([None, "480p", "720p", "1080p"]),
    st.sampled_from([None, 1]),
)
def test_nothing_is_dropped_silently(duration: float, resolution: str | None, seed: int | None) -> None:
    """Whatever is asked is planned as asked, or refused by name."""
    asked = {"duration": duration, "resolution": resolution, "seed": seed}
    impossible = [
        *(["duration"] if duration not in (4, 8, 12) else []),
        *(["resolution"] if resolution in ("480p", "1080p") else []),
        *(["seed"] if seed is not None else []),
    ]
    if impossible:
        assert [line.partition(":")[0] for line in refusals(**asked)] == impossible
    else:
        (job,) = plan(can=SORA, **asked).jobs
        assert (job.spec.duration, job.spec.size, job.spec.seed) == (duration, "1280x720", None)


# --- retired models -------------------------------------------------------------------------------------------


def test_a_model_that_was_shut_down_is_refused_first() -> None:
    gone = SORA.replace(retired=date(2026, 9, 24))
    assert refusals(can=gone, model="sora-2", seed=1) == [
        "model: sora-2 was shut down on 2026-09-24",
        "seed: sora has no seed; leave it out",
    ]
    assert refusals(can=gone)[0] == "model: the default model was shut down on 2026-09-24"


def test_a_model_is_refused_from_the_day_it_is_shut_down_on() -> None:
    assert refusals(can=SORA.replace(retired=date(2026, 11, 23)))
    assert plan(can=SORA.replace(retired=date(2026, 11, 24))).jobs


# --- money ----------------------------------------------------------------------------------------------------


def test_prices_are_exact() -> None:
    made = plan(YOUTUBE, TIKTOK, can=SORA, duration=8, takes=3)
    assert made.jobs[0].cost == Decimal("0.80")
    assert made.cost == Decimal("4.80")
    assert made.jobs[0].price == SORA.price
    odd = plan(can=ANYTHING.replace(price=Price(per_second=Decimal("0.1"), as_of=date(2026, 1, 1))), duration=0.3)
    assert odd.cost == Decimal("0.03")


def test_a_price_of_ones_own_comes_first() -> None:
    config = ProviderConfig(price_per_second=Decimal("0.25"))
    made = plan(can=SORA, config=config, duration=4)
    assert made.cost == Decimal("1.00")
    assert made.jobs[0].price is not None
    assert made.jobs[0].price.source == "the workflow"
    assert plan(can=SORA, config=ProviderConfig(price_per_second=Decimal(0)), duration=4).cost == 0


def test_an_unknown_price_makes_the_total_unknown() -> None:
    made = plan(YOUTUBE, TIKTOK)
    assert made.jobs[0].cost is None
    assert made.cost is None
    assert total([Decimal(1), None]) is None
    assert total([]) == 0
    assert total([Decimal("0.1"), Decimal("0.2")]) == Decimal("0.3")


# --- models and places ----------------------------------------------------------------------------------------


def test_the_briefs_model_comes_before_the_providers() -> None:
    config = ProviderConfig(model="sora-2")
    assert plan(config=config).jobs[0].model == "sora-2"
    assert plan(config=config, model="sora-2-pro").jobs[0].model == "sora-2-pro"
    assert plan().jobs[0].model is None


def test_a_refusal_says_where() -> None:
    with pytest.raises(PlanRefused, match=r"^rows\.csv, line 3: The provider 'sora' cannot"):
        make_plan(Brief(prompt="x", seed=1), (), SORA, ProviderConfig(), "sora", where="rows.csv, line 3")


# --- quotes ---------------------------------------------------------------------------------------------------


def quoted(
    told: Quote | None, config: ProviderConfig | None = None, **brief: Any
) -> tuple[Plan, list[RenderRequest]]:
    asked: list[RenderRequest] = []

    def quote(request: RenderRequest) -> Quote | None:
        asked.append(request)
        return told

    wanted = Brief.model_validate({"prompt": "a fox", "duration": 8, **brief})
    return make_plan(wanted, (), SORA, config or ProviderConfig(), "sora", quote=quote), asked


def test_a_quote_is_reserved_at_its_most_and_shown_at_what_is_expected() -> None:
    told = Quote(
        expected=Decimal("0.30"),
        most=Decimal("0.50"),
        as_of=date(2026, 11, 1),
        source="a page",
        basis="8 s, silent",
    )
    made, asked = quoted(told, options={"sound": False})
    [job] = made.jobs
    assert (made.cost, job.cost, job.expected) == (Decimal("0.50"), Decimal("0.50"), Decimal("0.30"))
    assert job.price is not None
    assert (job.price.as_of, job.price.source) == (date(2026, 11, 1), "a page")
    assert "priced by 8 s, silent" in job.notes
    assert (asked[0].spec, asked[0].options["sound"]) == (job.spec, False)


def test_without_a_quote_the_price_of_a_second_counts() -> None:
    made, asked = quoted(None)
    assert (made.cost, len(asked)) == (Decimal("0.80"), 1)


def test_the_workflows_own_price_goes_before_a_quote() -> None:
    told = Quote(most=Decimal(9), as_of=date(2026, 11, 1))
    made, asked = quoted(told, ProviderConfig(price_per_second=Decimal("0.01")))
    assert (made.cost, asked) == (Decimal("0.08"), [])


def test_options_that_differ_are_planned_apart() -> None:
    one, other, same = (
        Brief.model_validate({"prompt": "a fox", "options": {"sound": sound}}) for sound in (True, False, True)
    )
    assert shape_of(one) != shape_of(other)
    assert shape_of(one) == shape_of(same)
