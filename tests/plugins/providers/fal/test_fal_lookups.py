"""A request whose answer was lost is found again, in the list as the simulator plays it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from reelwork import Studio
from reelwork_hooks import Found, Listing, OutcomeUnknown, OutOfFunds, Reference, Unavailable

CROWD = 130


def find(here: Any, request: Any) -> Any:
    return here.run(lambda provider: provider.find(request, here.effect()))


def test_a_lost_answer_is_listed_with_what_was_asked(desk: Any, simulator: Any) -> None:
    here = desk(simulator.base_url)
    request = here.request(negative_prompt="text", spec={"seed": 7})
    simulator.set_faults(["create:accept-then-drop"])
    with pytest.raises(OutcomeUnknown):
        here.submit(request)
    read = find(here, request)
    assert isinstance(read, Listing)
    assert read.complete
    [one] = read.candidates
    [job] = simulator.jobs()
    assert one.result.remote_id == job["id"]
    assert one.state == "ended"
    assert one.fields == {
        "model": "fal-ai/veo3.1/lite", "prompt": request.prompt, "negative_prompt": "text", "seed": 7,
        "duration": 4.0, "size": "1280x720",
    }  # fmt: skip
    assert one.created_at is not None
    assert abs((datetime.now(UTC) - one.created_at).total_seconds()) < 60
    assert one.result.details["urls"] == [f"{simulator.base_url}/files/{job['id']}/video.mp4"]


def test_another_shape_is_no_candidate_of_ours(desk: Any, simulator: Any) -> None:
    here = desk(simulator.base_url)
    here.submit(here.request(spec={"aspect_ratio": "9:16", "width": 720, "height": 1280}))
    [one] = find(here, here.request()).candidates
    assert one.fields["size"] == "9:16 720p"


def test_a_long_list_is_read_to_its_end(desk: Any, simulator: Any) -> None:
    here = desk(simulator.base_url)

    with httpx.Client(base_url=simulator.base_url, timeout=30) as other:
        for number in range(CROWD):
            other.post("/fal-ai/veo3.1/lite", json={"prompt": f"kite {number}"}).raise_for_status()
    read = find(here, here.request())
    assert read.complete
    assert len({one.result.remote_id for one in read.candidates}) == CROWD


def test_a_list_that_lags_does_not_show_it(desk: Any, simulator: Any) -> None:
    here = desk(simulator.base_url)
    here.submit()
    simulator.set_faults(["list:late=3600"])
    assert find(here, here.request()).candidates == ()


@pytest.mark.parametrize("fault", ["list:500", "list:html", "list:401"])
def test_a_list_that_cannot_be_read_shows_nothing(fault: str, desk: Any, simulator: Any) -> None:
    here = desk(simulator.base_url)
    simulator.set_faults([fault])
    with pytest.raises(Unavailable):
        find(here, here.request())


def test_a_list_without_prompts_is_told_as_it_is(desk: Any, simulator: Any) -> None:
    here = desk(simulator.base_url)
    here.submit()
    simulator.set_faults(["list:no-prompt"])
    [one] = find(here, here.request()).candidates
    assert "prompt" not in one.fields


def test_an_unclear_answer_that_names_nothing_known_is_looked_up(desk: Any, simulator: Any) -> None:
    here = desk(simulator.base_url)
    simulator.set_faults(["create:accept-then-500"])
    with pytest.raises(OutcomeUnknown):
        here.submit()
    read = find(here, here.request())
    assert not isinstance(read, Found)
    assert len(read.candidates) == 1


def test_an_account_without_money_is_told_so(desk: Any, simulator: Any) -> None:
    simulator.set_faults(["create:no-funds"])
    with pytest.raises(OutOfFunds, match="Exhausted balance"):
        desk(simulator.base_url).submit()
    assert simulator.jobs() == []


@pytest.mark.parametrize(
    ("options", "other", "differs"),
    [
        ({}, {"image_url": "https://a/2.png"}, "image_url"),
        ({}, {"end_image_url": "https://a/9.png"}, "end_image_url"),
        ({"cfg_scale": "0.5"}, {"cfg_scale": 0.9}, "cfg_scale"),
        ({"generate_audio": False}, {}, "generate_audio"),
    ],
)
def test_equal_words_with_other_inputs_are_not_taken(
    options: Any, other: Any, differs: str, desk: Any, recorded_http: Any
) -> None:
    here = desk(recorded_http.url, model="fal-ai/wan/v2.7/image-to-video")
    request = here.request(options=options, references=[Reference(source="https://a/1.png", role="first_frame")])
    shared = {"prompt": request.prompt, "duration": 4, "resolution": "720p", "image_url": "https://a/1.png"}
    # Another type is no other input, and fal may add its own defaults.
    mine = {
        **shared,
        **{name: str(value).upper() for name, value in options.items()},
        "enable_safety_checker": True,
    }
    items = [
        {"request_id": name, "ended_at": "2026-11-29T06:00:00Z", "json_input": given}
        for name, given in (("mine", mine), ("other", {**shared, **other}))
    ]
    recorded_http.play(
        [
            {
                "request": {"method": "GET", "path": "/v1/models/requests/by-endpoint"},
                "response": {"status": 200, "json": {"items": items, "has_more": False}},
            }
        ]
    )
    effect = here.effect(prepared={"urls": ["https://a/1.png"]})
    read = here.run(lambda provider: provider.find(request, effect))
    ours, theirs = (dict(one.fields) for one in read.candidates)
    assert ours["prompt"] == request.prompt
    # Without the words nothing fits it, and it is shown to a person instead.
    assert "prompt" not in theirs
    assert theirs["differs_in"] == differs


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_the_render_of_another_picture_is_not_posted_as_ours(
    simulator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 36), (9, 9, 200)).save(tmp_path / "sea.png")
    (tmp_path / "w.toml").write_text(
        f"""
        [brief]
        prompt = "The camera moves slowly in"
        duration = 4
        references = [{{ source = "sea.png", role = "first_frame" }}]
        [provider]
        use = "fal"
        base_url = "{simulator.base_url}"
        model = "fal-ai/wan/v2.7/image-to-video"
        poll_interval = 0.05
        settle_seconds = 0
        price_per_second = 0
        """
    )
    simulator.set_faults(["create:drop-before"])
    with Studio(tmp_path / "w.toml", store=tmp_path / "store.db") as studio:
        [held] = studio.run_sync().jobs
        assert held.status == "held"
        simulator.set_faults([])
        # Somebody else with the same key, the same words and another picture.
        theirs = {"prompt": "The camera moves slowly in", "duration": 4, "resolution": "720p"}
        with httpx.Client(base_url=simulator.base_url, timeout=30) as other:
            named = {"file_name": "b.png", "content_type": "image/png"}
            place = other.post("/storage/upload/initiate", json=named).json()["file_url"]
            other.put(place, content=(tmp_path / "sea.png").read_bytes(), headers={"Content-Type": "image/png"})
            other.post("/fal-ai/wan/v2.7/image-to-video", json={**theirs, "image_url": place}).raise_for_status()
        [still] = studio.resume_sync().jobs
    assert still.status == "held", still.reason


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_render_is_given_to_one_job_whatever_its_account_is_called(
    simulator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(
            f"""
            [brief]
            prompt = "A ferry crosses the harbour at dawn"
            duration = 4
            [provider]
            use = "fal"
            account = "{name}"
            base_url = "{simulator.base_url}"
            model = "fal-ai/veo3.1/lite"
            poll_interval = 0.05
            settle_seconds = 0
            price_per_second = 0
            """
        )
    simulator.set_faults(["create:drop-before"])
    with Studio(tmp_path / "one.toml", store=tmp_path / "store.db") as studio:
        assert [job.status for job in studio.run_sync().jobs] == ["held"]
    simulator.set_faults([])
    with Studio(tmp_path / "two.toml", store=tmp_path / "store.db") as studio:
        assert [job.status for job in studio.run_sync().jobs] == ["done"]
    # Both are one list: what it shows is the second one's, and was made once.
    with Studio(tmp_path / "one.toml", store=tmp_path / "store.db") as studio:
        assert [job.status for job in studio.resume_sync().jobs] == ["held"]
    assert len(simulator.jobs()) == 1
