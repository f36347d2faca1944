"""The built-in plugins that edit run the suite that authors run.

`REELWORK_CONFORMANCE=full` kills at every change of a file; otherwise it is a sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from reelwork.testing import FinishingConformance, write_video
from reelwork_hooks import Clip, Target
from reelwork_plugins.finishing.timeline import timeline_of

TALL = Target(aspect_ratio="9:16")


class TestReframe(FinishingConformance):
    name = "reframe"
    every = 3
    targets = (TALL, Target(aspect_ratio="1:1"))


class TestTranscode(FinishingConformance):
    name = "transcode"
    every = 3
    targets = (Target(most_bytes=20_000), Target(codecs=("hevc",)))


class TestStitch(FinishingConformance):
    name = "stitch"
    every = 3

    def settings(self, folder: Path) -> Mapping[str, Any]:
        write_video(folder / "intro.mp4", seconds=0.5, width=320, height=180, fps=20)
        return {"intro": str(folder / "intro.mp4")}

    def begins(self, clip: Clip) -> float:
        return timeline_of(clip).render_starts


class TestLoudness(FinishingConformance):
    name = "loudness"
    every = 3


class TestWatermark(FinishingConformance):
    name = "watermark"
    every = 3

    def settings(self, folder: Path) -> Mapping[str, Any]:
        Image.new("RGBA", (40, 20), (200, 30, 30, 255)).save(folder / "logo.png")
        return {"picture": str(folder / "logo.png")}


class TestThumbnail(FinishingConformance):
    name = "thumbnail"
    every = 3


class TestCaptionsBeside(FinishingConformance):
    name = "captions"
    every = 3
    brief: ClassVar[Mapping[str, Any]] = {"vars": {"captions_text": "0 - 0.8 Good morning.\n1 - 1.8 Here we are."}}

    # A file beside the video is made of the captions alone.
    reads_video = False

    def settings(self, folder: Path) -> Mapping[str, Any]:
        return {"language": "en"}


class TestCaptionsBurnt(TestCaptionsBeside):
    reads_video = True

    def settings(self, folder: Path) -> Mapping[str, Any]:
        return {"mode": "burn"}
