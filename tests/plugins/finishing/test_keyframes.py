from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reelwork.testing import SampleContext, sample_brief, sample_job
from reelwork_hooks import Spec, Target
from reelwork_plugins.finishing.keyframes import Course, Keyframe, KeyframesInvalid, course_of, parsed
from reelwork_plugins.finishing.pixels import Size
from reelwork_plugins.finishing.reframe import Reframe, ReframeConfig

SPEC = Spec(width=1280, height=720, aspect_ratio="16:9", resolution="720p", duration=4)
TALL = {"gallery": Target(aspect_ratio="9:16")}
PARTS = st.floats(0, 1)


@st.composite
def courses(draw: st.DrawFn) -> Course:
    gaps = draw(st.lists(st.floats(0.01, 20), min_size=1, max_size=200))
    places = draw(st.lists(st.tuples(PARTS, PARTS), min_size=len(gaps), max_size=len(gaps)))
    times = [sum(gaps[: number + 1]) for number in range(len(gaps))]
    return Course(tuple((at, x, y) for at, (x, y) in zip(times, places, strict=True)), draw(st.booleans()))


@given(course=courses(), seconds=st.floats(0, 5000))
def test_the_window_is_between_the_keyframes_around_it(course: Course, seconds: float) -> None:
    before = [point for point in course.points if point[0] <= seconds][-1:]
    after = [point for point in course.points if point[0] > seconds][:1]
    for axis, value in enumerate(course.at(seconds), 1):
        around = [point[axis] for point in (*before, *after)]
        assert min(around) - 1e-9 <= value <= max(around) + 1e-9


@given(course=courses())
def test_it_is_at_each_keyframe_at_its_time_and_rests_outside(course: Course) -> None:
    for at, x, y in course.points:
        assert course.at(at) == pytest.approx((x, y))
    assert course.at(course.points[0][0] - 1) == course.points[0][1:]
    assert course.at(course.ends + 1) == course.points[-1][1:]


@given(course=courses(), share=st.floats(0, 1), width=st.integers(0, 4000), height=st.integers(0, 4000))
def test_it_never_jumps_and_never_leaves_the_picture(course: Course, share: float, width: int, height: int) -> None:
    room = Size(width, height)
    pixels = course.within(room)
    seconds, moment = share * (course.ends + 1), 1e-6
    here, there = pixels.at(seconds), pixels.at(seconds + moment)
    for at, most in zip((*here, *there), (width, height) * 2, strict=True):
        assert 0 <= at <= most
    # No two keyframes are nearer than 0.01 s, and `smooth` is at most half as fast again.
    for one, other, side in zip(here, there, (width, height), strict=True):
        assert abs(one - other) <= (side + 2) / 0.01 * 1.5 * moment + 1e-6


@given(course=courses(), width=st.integers(0, 4000))
def test_where_it_rests_its_picture_needs_no_new_pixels(course: Course, width: int) -> None:
    pixels = course.within(Size(width, 0))
    for seconds in (0.0, course.ends, course.ends + 5):
        assert pixels.at(seconds)[0] % 2 == 0
        assert pixels.at(seconds)[0] == pytest.approx(course.at(seconds)[0] * width, abs=2)


def test_a_rest_between_two_moves_is_even_on_its_axis_alone() -> None:
    points = ((0, 0.1, 0.1), (1, 0.333, 0.2), (2, 0.333, 0.333), (3, 0.9, 0.5))
    xs = [point[1] for point in Course(points).within(Size(1000, 1000)).points]
    ys = [point[2] for point in Course(points).within(Size(1000, 1000)).points]
    assert xs == [100, 332, 332, 900]
    assert ys == pytest.approx([100, 200, 333, 500])


def test_smooth_moves_start_and_stop_slowly() -> None:
    even, smooth = (Course(((0, 0, 0), (4, 1, 0)), kind) for kind in (False, True))
    assert [even.at(second)[0] for second in range(5)] == [0, 0.25, 0.5, 0.75, 1]
    assert [smooth.at(second)[0] for second in range(5)] == [0, 0.15625, 0.5, 0.84375, 1]


def test_a_value_that_is_left_out_stays() -> None:
    frames = [{"at": 0, "focus_x": 0.2}, {"at": 1}, {"at": 2, "focus_x": 0.8}]
    course = course_of([Keyframe.model_validate(one) for one in frames], 0.5, 0.3, smooth=False)
    assert course.points == ((0, 0.2, 0.3), (1, 0.2, 0.3), (2, 0.8, 0.3))


@pytest.mark.parametrize(
    "text", ["0 0.2; 2.5 0.8 0.4", "0 .2|2.5 0.8 0.4", " 0  0.2 \n2.5 0.8 0.4\n", "0 0.2 -;;2.5 0.8 0.4;"]
)
def test_a_cell_may_be_written_in_several_ways(text: str) -> None:
    if text.startswith("0 0.2 -") or "0.4" in text:
        text = text.replace("0.2", "0.2 0.1").replace(".2|", ".2 0.1|").replace("0.1 -", "0.1")
    assert parsed(text) == (Keyframe(at=0, focus_x=0.2, focus_y=0.1), Keyframe(at=2.5, focus_x=0.8, focus_y=0.4))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0 0.8; 3 1.2", "keyframe 2: 1.2 is outside of the picture"),
        ("0 0,5", "keyframe 1: write its second and one or two numbers"),
        ("5", "keyframe 1: write its second"),
        ("- 0.5", "keyframe 1: write its second"),
        ("0 0.5; -1 0.5", "keyframe 2: write its second"),
        ("0 nan", "keyframe 1: write its second"),
        ("0 0.1 0.2 0.3", "keyframe 1: write its second"),
        ("0 0.1; 4000 0.2", "keyframe 2: its time is later than 3600 s"),
        ("0 0.2; 0 0.3", "keyframes 1 and 2 are both at 0 s"),
        ("0 0.2; 2 0.3; 1.5 0.4", "keyframe 3 is at 1.5 s, and the one before it at 2 s"),
        ("0 0.2; 1 0.3 0.5", "keyframe 2 sets focus_y, and the first does not"),
        ("0 - -; 1 -", "the first keyframe sets no place"),
        (" ; ", "there are none"),
    ],
)
def test_keyframes_that_no_window_can_follow_are_refused(text: str, why: str) -> None:
    with pytest.raises(KeyframesInvalid, match=why):
        parsed(text)


def moves(*frames: tuple[float, float]) -> list[dict[str, float]]:
    return [{"at": at, "focus_x": x} for at, x in frames]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"mode": "pad", "keyframes": moves((0, 0.1))}, "`pad` shows the whole picture"),
        ({"focus_x": 0.2, "keyframes": moves((0, 0.1))}, "focus_x is set, and keyframes set it too"),
        ({"keyframes": moves((0, 0.1), (0, 0.2))}, "both at 0 s"),
        ({"keyframes": moves((1, 0.1), (0.5, 0.2))}, "put them in order"),
        ({"keyframes": [{"at": 0}, {"at": 1}]}, "sets no place"),
        ({"keyframes": moves((0, 1.5))}, "less than or equal to 1"),
        ({"keyframes": moves((-1, 0.5))}, "greater than or equal to 0"),
        ({"keyframes": moves((float("nan"), 0.5))}, "greater than or equal to 0|finite"),
        ({"keyframes": [{"at": 0, "focus_z": 1}]}, "not permitted"),
        ({"ease": "bounce"}, "'linear' or 'smooth'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        ReframeConfig(**settings)


def test_a_focus_counts_where_no_keyframe_has_one_and_settings_survive_their_store() -> None:
    config = ReframeConfig(focus_y=0.3, keyframes=moves((0, 0.1), (1, 0.9)))  # type: ignore[arg-type]
    assert ReframeConfig.model_validate_json(config.model_dump_json()) == config
    course = config.course(config.keyframes)
    assert course is not None
    assert [point[2] for point in course.points] == [0.3, 0.3]


def problems(folder: Path, text: str = "", takes_at: Any = TALL, **settings: Any) -> list[str]:
    plugin = Reframe(ReframeConfig(**settings), SampleContext(folder, "reframe"))
    brief = sample_brief().replace(vars={"keyframes": text} if text else {})
    return [one.message for one in plugin.check_brief(sample_job(brief=brief, spec=SPEC, takes_at=takes_at))]


def test_what_no_window_can_follow_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    assert problems(tmp_path) == []
    assert problems(tmp_path, "0 0.2; 4 0.8") == []
    assert problems(tmp_path, keyframes=moves((0, 0.2), (4, 0.8))) == []
    late = "keyframes: the last one is at 4.5 s; the video has 4 s"
    assert problems(tmp_path, "0 0.2; 4.5 0.8") == [late]
    assert problems(tmp_path, keyframes=moves((0, 0.2), (4.5, 0.8))) == [late]
    assert problems(tmp_path, "0 0.2; 0 0.8")[0].startswith("vars.keyframes: keyframes 1 and 2 are both at 0 s")
    assert problems(tmp_path, "0 0.2", mode="pad")[0].startswith("vars.keyframes: `pad` shows the whole picture")


def test_a_brief_comes_before_the_settings(tmp_path: Path) -> None:
    assert problems(tmp_path, "0 0.2", keyframes=moves((0, 0.2), (9, 0.8))) == []
    assert problems(tmp_path, "0 0.2", focus_x=0.9) == []


@pytest.mark.parametrize("takes_at", [{}, {"gallery": Target(aspect_ratio="16:9")}, {"gallery": Target(longest=2)}])
def test_a_job_whose_video_keeps_its_shape_is_not_refused_for_its_length(tmp_path: Path, takes_at: Any) -> None:
    assert problems(tmp_path, takes_at=takes_at, keyframes=moves((0, 0.2), (9, 0.8))) == []
