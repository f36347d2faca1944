"""Captions at `facebook`: a file for each locale, added after the post, however often that is repeated."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.publishers.facebook.conftest import Bench

from reelwork_hooks import Asset, Role

WORDS = "1\n00:00:00,000 --> 00:00:01,000\nHello\n"


def captions(folder: Path, name: str, media_type: str = "application/x-subrip") -> Asset:
    path = folder / name
    path.write_text(f"{WORDS}{name}\n", encoding="utf-8")
    return Asset.from_file(path, Role.CAPTIONS, media_type=media_type)


def test_captions_are_added_for_each_locale_and_the_rest_is_told(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = [captions(tmp_path, name) for name in ("a.en.srt", "b.pt-BR.srt", "c.srt", "d.en-US.srt", "e.yue.srt")]
    files.append(captions(tmp_path, "f.de.vtt", "text/vtt"))
    bench.says(captions=tuple(files))
    receipt = bench.publish(prepared=bench.prepared())
    bench.network.fails("captions:accept-then-drop@nth=1")
    live = bench.follow(receipt)
    post = bench.network.post()
    assert dict(post.captions) == {"en_US": files[0].path.read_bytes(), "pt_BR": files[1].path.read_bytes()}
    left_out = live.details["left_out"]
    assert isinstance(left_out, list | tuple)
    assert [one.partition(": ")[2] for one in map(str, left_out)] == [
        "their language is not known; set `language` of the plugin that made them.",
        "it does not take text/vtt.",
        "there are others for en_US.",
        "it knows no country for 'yue'.",
    ]
    assert "The video is posted. Facebook gets no captions from c.srt" in caplog.text
    # Once more, as after a kill: the same captions are there.
    assert bench.follow(receipt).details["left_out"] == left_out
    assert {*bench.network.post().captions} == {"en_US", "pt_BR"}


def test_captions_that_are_refused_cost_no_post_and_are_told(bench: Bench, tmp_path: Path) -> None:
    bad = tmp_path / "words.de.srt"
    bad.write_text("no times")
    bench.says(captions=(Asset.from_file(bad, Role.CAPTIONS, media_type="application/x-subrip"),))
    live = bench.follow(bench.publish(prepared=bench.prepared()))
    assert live.state == "live"
    [told] = map(str, live.details["left_out"])  # type: ignore[arg-type]
    assert told.startswith("facebook: adding the captions in de_DE was answered 400")
    assert told.endswith("The video has no captions in de_DE.")
    assert dict(bench.network.post().captions) == {}


def test_what_was_left_out_is_kept_while_facebook_works_on_the_video(bench: Bench, tmp_path: Path) -> None:
    bench.says(captions=(captions(tmp_path, "c.srt"),))
    receipt = bench.publish(prepared=bench.prepared())
    bench.network.changes(seconds=3600.0)
    waits = bench.follow(receipt)
    bench.network.changes(seconds=0.0)
    live: Any = asyncio.run(bench.plugin.follow_post(bench.post, bench.job.replace(pending=waits), receipt))
    assert "c.srt" in str(live.details["left_out"])
    assert bench.network.asked.count("captions") == 0
