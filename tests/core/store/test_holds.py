"""Why a job is held is one value, which is told the same everywhere, also of jobs that earlier versions held."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reelwork.engine.stages.ending import _held_for
from reelwork.planning.job_state import JobData, PostState
from reelwork.store.holds import HoldReason, common, hold_of
from reelwork.store.records import JobRow
from reelwork.store.statuses import Status, Step
from reelwork.studio.job_view import view_of
from reelwork.studio.next_words import next_words

ID = "1ngncx24vwkvfx6s"
SHORT = ID[-8:]


def row(step: str, data: dict[str, Any], status: str = Status.HELD) -> JobRow:
    return JobRow(ID, "run", "key", status, step, None, 1, 0, json.dumps(data), "", None, 0.0, 0.0)


@pytest.mark.parametrize(
    ("step", "said", "hold"),
    [
        (Step.MODERATE_BRIEF, {"asks": True, "looks": True}, HoldReason.MODERATION),
        (Step.MODERATE_PROMPT, {"asks": False}, HoldReason.MODERATION_SILENT),
        (Step.SUBMIT, {"asks": True, "looks": True, "over_budget": ""}, HoldReason.IN_DOUBT),
        (Step.SUBMIT, {}, HoldReason.IN_DOUBT),
        (Step.SUBMIT, {"asks": True, "looks": False}, HoldReason.NO_LOOK),
        (Step.SUBMIT, {"asks": False, "looks": True}, HoldReason.NO_FUNDS),
        (Step.SUBMIT, {"asks": False, "over_budget": "per_day"}, HoldReason.OVER_DAY),
        (Step.SUBMIT, {"asks": False, "over_budget": "per_job"}, HoldReason.OVER_JOB),
        (Step.RENDER, {"asks": False}, HoldReason.SETTLED),
        (Step.RENDER_AGAIN, {"asks": True, "looks": True}, HoldReason.RENDER_LOST),
        (Step.PUBLISH, {"asks": True, "looks": False, "differs": "8 s for 3 s"}, HoldReason.NOT_AS_ASKED),
        (Step.PUBLISH_AGAIN, {"asks": True, "looks": False, "differs": "8 s for 3 s"}, HoldReason.NO_LOOK),
        (Step.PUBLISH_AGAIN, {"asks": True, "looks": True}, HoldReason.SEVERAL),
        (Step.SUBMIT_AGAIN, {"asks": True, "looks": True}, HoldReason.STORE_BEHIND),
    ],
)
def test_what_earlier_versions_said_in_pieces(step: str, said: dict[str, Any], hold: HoldReason) -> None:
    assert hold_of(row(step, said), said) is hold
    assert hold_of(row(step, said, Status.ACTIVE), said) is None
    assert hold_of(row(step, {**said, "hold": "no-funds"}), {**said, "hold": "no-funds"}) is HoldReason.NO_FUNDS


def test_what_earlier_versions_wrote_is_read() -> None:
    earlier = {
        "workflow": "w",
        "provider": "p",
        "brief": {"prompt": "A fox"},
        "spec": {"width": 1280, "height": 720, "aspect_ratio": "16:9", "resolution": "720p", "duration": 4.0},
        "posts": {"board": {"state": "held", "reason": "r", "looks": False}},
        "asks": True,
        "looks": False,
        "over_budget": "",
    }
    data = JobData.model_validate_json(json.dumps(earlier))
    assert (data.hold, data.posts["board"].state) == (None, "held")
    with pytest.raises(TypeError, match="JobData has no looks"):
        data.replace(looks=True)


@pytest.mark.parametrize(
    ("hold", "step", "advice"),
    [
        (HoldReason.MODERATION, Step.MODERATE_BRIEF, f"jobs resolve {SHORT}  (you decide), or: reelwork resume"),
        (HoldReason.MODERATION_SILENT, Step.MODERATE_BRIEF, f"resume {SHORT}"),
        (
            HoldReason.IN_DOUBT,
            Step.SUBMIT,
            f"jobs resolve {SHORT}  (you decide), or: reelwork resume {SHORT}  (asks",
        ),
        (HoldReason.NO_LOOK, Step.SUBMIT, f"jobs resolve {SHORT}  (you decide)"),
        (HoldReason.SETTLED, Step.RENDER, f"resume {SHORT}"),
        (HoldReason.NO_FUNDS, Step.SUBMIT, f"resume {SHORT}"),
        (HoldReason.OVER_MONTH, Step.SUBMIT, f"resume {SHORT} --set budget.per_month=AMOUNT"),
        (HoldReason.NOT_AS_ASKED, Step.PUBLISH, f"jobs resolve {SHORT}  (you decide)"),
        (
            HoldReason.POST_PRICE,
            Step.PUBLISH_AGAIN,
            f"jobs resolve {SHORT}  (you decide), or: reelwork resume {SHORT}  (asks again)",
        ),
        (HoldReason.RENDER_LOST, Step.RENDER_AGAIN, f"resume {SHORT}  (asks again), or: reelwork jobs retry"),
        (HoldReason.UNREADABLE, Step.RENDER_AGAIN, f"resume {SHORT}  (asks again), or: reelwork jobs retry"),
        (HoldReason.STORE_BEHIND, Step.SUBMIT_AGAIN, f"jobs retry {SHORT}  (pays for a new render)"),
        (HoldReason.SEVERAL, Step.PUBLISH_AGAIN, f"jobs resolve {SHORT}  (you decide), or: reelwork resume"),
    ],
)
def test_every_reason_names_a_command_that_helps(hold: HoldReason, step: str, advice: str) -> None:
    held = {"brief": {"prompt": "A fox"}, "provider": "p", "hold": hold}
    told = next_words(view_of(row(step, held)))
    assert f"reelwork {advice}" in told
    assert ("jobs resolve" in told) == hold.asks
    if hold.asks:
        assert (f"reelwork resume {SHORT}" in told) == hold.resumes


def test_a_job_is_held_for_what_its_destinations_have_in_common() -> None:
    silent, doubt, no_look = (
        PostState(state="held", hold=hold)
        for hold in (HoldReason.MODERATION_SILENT, HoldReason.IN_DOUBT, HoldReason.NO_LOOK)
    )
    assert common([HoldReason.NO_FUNDS, HoldReason.NO_FUNDS]) is HoldReason.NO_FUNDS
    assert _held_for([silent, silent, PostState(state="published")]) is HoldReason.MODERATION_SILENT
    assert _held_for([silent, doubt]) is HoldReason.SEVERAL
    assert _held_for([no_look]) is HoldReason.NO_LOOK
    # One that failed is tried again when the job is resumed, whatever only a person can settle.
    assert _held_for([no_look, PostState(state="failed")]) is HoldReason.SEVERAL
    assert _held_for([no_look, PostState(state="rejected", refused_there=True)]) is HoldReason.SEVERAL
    assert _held_for([no_look, PostState(state="rejected")]) is HoldReason.NO_LOOK
