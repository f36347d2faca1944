"""Shapes and heights beyond the usual ones at the built-in providers."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from reelwork.planning.frame_size import frame_size
from reelwork.studio.studio import Studio
from reelwork_hooks import Spec
from reelwork_plugins.providers.preview import provider as preview
from reelwork_plugins.providers.videos_api import wire
from reelwork_plugins.providers.videos_api.config import VideosApiConfig


def test_preview_draws_every_shape_and_height_it_declares() -> None:
    can = preview._CAPABILITIES
    assert can.aspect_ratios is not None
    assert can.resolutions is not None
    for ratio in can.aspect_ratios:
        for height in can.resolutions:
            size = frame_size(height, ratio)
            assert max(size) <= preview._LONG_SIDE, (ratio, height)
            assert preview._LEAST_SIDE <= min(size) <= preview._SHORT_SIDE
            assert Fraction(*size) != 1 or ratio == "1:1"


def test_preview_makes_a_video_of_another_shape(tmp_path: Path) -> None:
    workflow = {"plugins": {"post_download": [], "publish": []}, "brief": {"aspect_ratio": "4:3"}}
    with Studio(workflow, store=tmp_path / "store.db", out=tmp_path / "out") as studio:
        (job,) = studio.run_sync("A lighthouse at dawn", resolution="240p", duration=0.5).jobs
    assert (job.status, job.reason) == ("done", "")


def test_a_gateway_is_told_4k_in_its_own_words() -> None:
    config = VideosApiConfig(base_url="http://127.0.0.1:9/v1", dialect="openrouter")
    spec = Spec(width=3840, height=2160, aspect_ratio="16:9", resolution="4k", duration=4)
    assert wire._length_and_frame(spec, config) == {"duration": 4, "resolution": "4K", "aspect_ratio": "16:9"}
