"""What `facebook` sends and asks for, and what the simulator takes, is what Meta's own client knows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.plugins.publishers.facebook.conftest import Bench
from tests.plugins.publishers.facebook.graph import installed, read, stored, wrong

from reelwork_plugins.publishers.facebook.standing import Standing, standing_of
from reelwork_plugins.publishers.facebook.videos import FIELDS
from reelwork_plugins.simulator.networks.facebook import rules


def test_what_is_stored_is_what_the_package_says() -> None:
    folder = installed()
    if folder is None:
        pytest.skip("facebook-business is not installed: pip install facebook-business==26.0.3")
    assert read(folder) == stored()


@pytest.mark.parametrize("kind", ["reel", "video"])
def test_all_that_is_sent_is_known_with_its_type(bench: Bench, wide: Path, kind: str) -> None:
    types = stored()["create_video_reel" if kind == "reel" else "create_video"]
    if kind == "video":
        bench.takes(wide)
    bench.says(publish_at=bench.context.now() + timedelta(days=1))
    bench.publish(prepared=bench.prepared())
    steps = [
        one["fields"] for one in bench.network.simulator.requests() if one["operation"] in ("begin", "publish")
    ]
    steps += [one["fields"] for one in bench.network.simulator.requests() if one["body"] == "multipart"]
    assert len(steps) > (4 if kind == "video" else 1)
    for form in steps:
        unknown = [name for name, value in form.items() if name not in types]
        assert unknown == []
        assert [name for name, value in form.items() if types[name] == "bool" and wrong("bool", value)] == []
    assert {"is_ai_generated", "scheduled_publish_time"} <= bench.network.sent("publish").keys()


def test_all_that_is_asked_of_a_video_is_a_field() -> None:
    fields = stored()["video"]
    assert {*FIELDS.split(","), "is_ai_generated"} <= fields.keys()
    assert fields["is_ai_generated"] == "bool"


def test_the_simulator_takes_and_shows_nothing_else(bench: Bench) -> None:
    known = stored()
    assert rules.KNOWN["reel"] - {"access_token"} <= known["create_video_reel"].keys()
    assert rules.KNOWN["video"] - {"access_token"} <= known["create_video"].keys()
    assert known["video"].keys() >= rules.VIDEO_FIELDS
    receipt = bench.publish(prepared=bench.prepared())
    status = rules.status_json(bench.network.pages.videos[receipt.id], 0.0)
    assert status.keys() <= known["status"].keys()
    for phase in ("uploading_phase", "processing_phase", "publishing_phase"):
        assert status[phase].keys() <= known[phase].keys()


def _read(video: str, up: str = "complete", work: str = "complete", out: str = "", told: str = "") -> Standing:
    phases = {"uploading_phase": {"status": up, "bytes_transfered": 7}, "processing_phase": {"status": work}}
    publishing = {name: word for name, word in (("status", out), ("publish_status", told)) if word}
    return standing_of({"id": "1", "status": {"video_status": video, **phases, "publishing_phase": publishing}})


@pytest.mark.parametrize(
    ("standing", "word"),
    [
        (_read("uploading", "in_progress", "not_started", "not_started", "draft"), "uploading"),
        (_read("upload_complete", "complete", "not_started", "not_started"), "uploaded"),
        (_read("processing", "completed", "in_progress", "not_started", "draft"), "uploaded"),
        (_read("ready", "completed", "completed", "not_started", "draft"), "uploaded"),
        # Nothing says whether it was published.
        (_read("processing", "complete", "in_progress", "not_started"), "unclear"),
        (_read("ready"), "unclear"),
        (_read("something new", "something", "something", "something"), "unclear"),
        (_read("expired", "complete", "not_started", "not_started", "draft"), "broken"),
        (_read("error", "complete", "error", "not_started", "draft"), "broken"),
        (_read("processing", "complete", "in_progress", "not_started", "published"), "taken"),
        (_read("processing", "complete", "in_progress", "in_progress"), "taken"),
        (_read("ready", "complete", "complete", "not_started", "scheduled"), "scheduled"),
        (_read("READY", "COMPLETE", "COMPLETE", "COMPLETE", "PUBLISHED"), "live"),
        (_read("ready", "completed", "completed", "completed"), "live"),
        (_read("error", "complete", "error", "not_started", "published"), "failed"),
        (_read("ready", "complete", "complete", "error"), "failed"),
        (standing_of({"id": "1", "published": True, "status": {"video_status": "ready"}}), "live"),
        (standing_of({"id": "1"}), "unclear"),
    ],
)
def test_a_status_is_read_in_every_spelling(standing: Standing, word: str) -> None:
    assert standing.word == word
    assert standing.is_posted == (word in ("taken", "scheduled", "live", "failed"))
