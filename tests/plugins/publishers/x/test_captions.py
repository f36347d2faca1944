"""Captions at `x`: each file is an upload of its own, made one of the video's before it is posted."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.plugins.publishers.x.conftest import Bench
from tests.plugins.publishers.x.xdk import stored

from reelwork_hooks import Asset, OutcomeUnknown, Pending, Role
from reelwork_plugins.simulator.networks.x.store import Upload

WORDS = "1\n00:00:00,000 --> 00:00:01,000\nHello\n"


def captions(folder: Path, name: str, text: str = WORDS) -> Asset:
    path = folder / name
    path.write_text(f"{text}{name}\n", encoding="utf-8")
    kind = "application/x-subrip" if path.suffix == ".srt" else "text/vtt"
    return Asset.from_file(path, Role.CAPTIONS, media_type=kind)


def video(bench: Bench) -> Upload:
    """The upload of the video."""
    [one] = [one for one in bench.network.timeline.uploads.values() if one.is_video]
    return one


def test_captions_are_part_of_the_video_before_it_is_posted(bench: Bench, tmp_path: Path) -> None:
    files = (
        captions(tmp_path, "a.en.srt"),
        captions(tmp_path, "b.pt-BR.vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\n"),
    )
    bench.says(captions=files)
    prepared = bench.prepared()
    assert bench.network.timeline.tweets == {}
    tracks = video(bench).tracks
    assert {code: track["display_name"] for code, track in tracks.items()} == {"EN": "English", "PT": "Português"}
    for file, code in zip(files, ("EN", "PT"), strict=True):
        upload = bench.network.timeline.uploads[tracks[code]["id"]]
        assert upload.path is not None
        assert upload.path.read_bytes() == file.path.read_bytes()
        assert upload.media_type == ("text/srt" if code == "EN" else "text/vtt")
    receipt = bench.publish(prepared=prepared)
    assert bench.network.post().media == (prepared["media"],)
    assert "left_out" not in receipt.details
    asked, known = bench.network.sent("captions"), stored()
    assert asked.keys() <= known["CreateMediaSubtitlesRequest"].keys()
    assert asked["subtitles"].keys() <= known["CreateMediaSubtitlesSubtitles"].keys()
    assert repr(asked["media_category"]) in known["CreateMediaSubtitlesRequest"]["media_category"]


def test_what_x_does_not_take_is_told_in_the_receipt(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = ("a.pt-PT.srt", "b.pt-BR.srt", "c.srt", "d.yue.srt")
    bench.says(
        captions=(*(captions(tmp_path, name) for name in names), captions(tmp_path, "e.de.srt", "no times "))
    )
    receipt = bench.publish(prepared=bench.prepared())
    assert {*video(bench).tracks} == {"PT"}
    left_out = [str(one) for one in receipt.details["left_out"]]  # type: ignore[union-attr]
    assert left_out[:3] == [
        "X gets no captions from c.srt: their language is not known; set `language` of the plugin that made them.",
        "X gets no captions from b.pt-BR.srt: there are others in 'pt', and it knows no countries.",
        "X gets no captions from d.yue.srt: it takes languages of two letters, and these are in 'yue'.",
    ]
    assert left_out[3].startswith("x: adding the captions in Deutsch was answered 400")
    assert "The video is posted. X gets no captions from c.srt" in caplog.text


def test_a_post_that_is_found_says_it_as_well(bench: Bench, tmp_path: Path) -> None:
    bench.says(captions=(captions(tmp_path, "c.srt"),))
    prepared = bench.prepared()
    bench.network.fails("publish:accept-then-drop")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared, key="ours")
    bench.network.fails()
    [found] = bench.find(prepared=prepared, key="ours").candidates
    assert "c.srt" in str(found.result.details["left_out"])


def test_captions_are_uploaded_once_whatever_is_repeated(bench: Bench, tmp_path: Path) -> None:
    bench.says(captions=(captions(tmp_path, "a.en.srt"),))
    while "tracks" not in str(bench.job.pending):
        answer = bench.prepare()
        assert isinstance(answer, Pending)
        bench.job = bench.job.replace(pending=answer)
    bench.network.fails("captions:accept-then-drop@nth=1")
    # As after a kill between adding them and the end of the step.
    first, second = bench.prepare(), bench.prepare()
    assert first == second
    assert len(bench.network.timeline.uploads) == 2
    assert [track["id"] for track in video(bench).tracks.values()] == [
        one.id for one in bench.network.timeline.uploads.values() if not one.is_video
    ]


@pytest.mark.parametrize("fault", ["captions:503*99", "captions:html*99"])
def test_captions_that_fail_do_not_hold_the_post(bench: Bench, tmp_path: Path, fault: str) -> None:
    bench.says(captions=(captions(tmp_path, "a.en.srt"),))
    bench.network.fails(fault)
    receipt = bench.publish(prepared=bench.prepared())
    assert "The video has no captions in English." in str(receipt.details["left_out"])
    assert bench.network.post().id == receipt.id


def test_subtitles_cannot_be_posted_as_a_video(bench: Bench, tmp_path: Path) -> None:
    bench.says(captions=(captions(tmp_path, "a.en.srt"),))
    prepared = bench.prepared()
    [words] = [one for one in bench.network.timeline.uploads.values() if not one.is_video]
    with pytest.raises(Exception, match="media IDs are invalid"):
        bench.publish(prepared={**prepared, "media": words.id})
