"""Each output of a finishing plugin plays in a real browser, to its end, with the pictures that are in the file."""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import av
import pytest
from PIL import Image, ImageDraw, ImageStat
from playwright.sync_api import Browser, Page
from tests.authority import Authority
from tests.core.server.browser.conftest import browser as browser

from reelwork.media.probe import probe
from reelwork.testing import SampleContext, sample_job
from reelwork_hooks import Asset, Clip, Plugin, Role, Target
from reelwork_plugins.finishing.captions import Captions, CaptionsConfig
from reelwork_plugins.finishing.loudness import Loudness, LoudnessConfig
from reelwork_plugins.finishing.provenance import C2pa, C2paConfig
from reelwork_plugins.finishing.reframe import Reframe, ReframeConfig
from reelwork_plugins.finishing.stitch import Stitch, StitchConfig
from reelwork_plugins.finishing.thumbnail import Thumbnail, ThumbnailConfig
from reelwork_plugins.finishing.transcode import Transcode, TranscodeConfig
from reelwork_plugins.finishing.watermark import Watermark, WatermarkConfig

SECONDS, FPS, RATE = 2, 12, 48_000
WORDS = "0.2 - 1.8 Good morning, καλημέρα, доброе утро."
APART = 14
"""The most by which a colour's mean may differ: the browser converts colours by itself."""
PLAY = """
async ({address, captions}) => {
  const video = document.createElement('video');
  video.muted = true;
  if (captions) {
    const track = document.createElement('track');
    Object.assign(track, {kind: 'captions', src: captions, default: true});
    video.append(track);
  }
  document.body.append(video);
  const ended = new Promise((resolve, reject) => {
    video.onended = resolve;
    video.onerror = () => reject(new Error(video.error.message));
  });
  video.src = address;
  await video.play();
  const canvas = document.createElement('canvas');
  let cues = [];
  video.ontimeupdate = () => {
    for (const one of video.textTracks[0]?.activeCues ?? []) cues.push(one.text);
  };
  await ended;
  Object.assign(canvas, {width: video.videoWidth, height: video.videoHeight});
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
  const mean = [0, 1, 2].map(at => {
    let sum = 0;
    for (let pixel = at; pixel < pixels.length; pixel += 4) sum += pixels[pixel];
    return sum / (pixels.length / 4);
  });
  return {
    seconds: video.duration, played: video.currentTime, width: video.videoWidth, height: video.videoHeight,
    sound: video.webkitAudioDecodedByteCount, mean, cues: [...new Set(cues)],
  };
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outputs")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    (folder / "page.html").write_text("<!doctype html><title>outputs</title><body>", encoding="utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    opened = browser.new_page()
    opened.goto(f"{address}/page.html")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def clip(folder: Path) -> Clip:
    return made(folder / "original.mp4")


def made(path: Path, colour: tuple[int, int, int] = (40, 90, 160)) -> Clip:
    """A picture in which something moves, with a tone."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        voice: Any = container.add_stream("aac", rate=RATE, layout="stereo")
        for number in range(SECONDS * FPS):
            picture = Image.new("RGB", (320, 180), colour)
            ImageDraw.Draw(picture).rectangle((number * 10, 60, number * 10 + 60, 120), fill=(230, 200, 40))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))  # type: ignore[no-untyped-call]
        container.mux(stream.encode())
        for start in range(0, SECONDS * RATE, 1200):
            frame = av.AudioFrame(format=voice.format.name, layout="stereo", samples=1200)
            frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            tone = (0.2 * math.sin(2 * math.pi * 440 * (start + at) / RATE) for at in range(1200))
            values = array("f", tone).tobytes()
            for plane in frame.planes:
                plane.update(values)
            container.mux(voice.encode(frame))
        container.mux(voice.encode())
    return Clip(video=measured(path))


def measured(path: Path) -> Asset:
    """The video with its facts, as the engine hands it to each plugin."""
    facts = probe(path)
    return Asset.from_file(path, Role.VIDEO, width=facts.width, height=facts.height, duration=facts.duration)


def finished(plugin: Plugin, clip: Clip, target: Target | None = None) -> Clip:
    job = sample_job() if target is None else sample_job(target=target)
    changed = plugin.post_download(clip, job)  # type: ignore[attr-defined]
    changed = _awaited(changed) if isinstance(changed, Coroutine) else changed
    return clip if changed is None else changed.with_video(measured(changed.video.path))


def _awaited(made: Coroutine[Any, Any, Clip]) -> Clip:
    # Playwright's event loop runs in this thread.
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, made).result()


def plugins(folder: Path) -> dict[str, tuple[Plugin, Target | None]]:
    """Each plugin that changes the video, as it is used."""

    def context(name: str) -> SampleContext:
        (folder / name).mkdir(exist_ok=True)
        return SampleContext(folder / name, name)

    Image.new("RGBA", (120, 60), (255, 0, 0, 200)).save(folder / "logo.png")
    for name in ("intro", "outro"):
        made(folder / f"{name}.mp4", (20, 120, 60))
    logo, intro, outro = (folder / name for name in ("logo.png", "intro.mp4", "outro.mp4"))
    return {
        "reframe, crop": (Reframe(ReframeConfig(), context("crop")), Target(aspect_ratio="9:16")),
        "reframe, pad": (Reframe(ReframeConfig(mode="pad"), context("pad")), Target(aspect_ratio="1:1")),
        "watermark": (Watermark(WatermarkConfig(picture=logo), context("mark")), None),
        "captions": (Captions(CaptionsConfig(text=WORDS, mode="burn"), context("burnt")), None),
        "stitch": (Stitch(StitchConfig(intro=intro, outro=outro, transition="fade"), context("stitch")), None),
        "loudness": (Loudness(LoudnessConfig(), context("loud")), None),
        "transcode": (Transcode(TranscodeConfig(fps=8), context("slow")), None),
        "c2pa": (C2pa(signer(folder), context("signed")), None),
    }


@cache
def signer(folder: Path) -> C2paConfig:
    """A certificate, made once: a file that is signed with another one is another file."""
    Authority().write(folder)
    return C2paConfig(certificate=folder / "chain.pem", key=f"file:{folder / 'key.pem'}")


NAMES = ("reframe, crop", "reframe, pad", "watermark", "captions", "stitch", "loudness", "transcode", "c2pa")


def played(page: Page, address: str, folder: Path, clip: Clip) -> dict[str, Any]:
    """Play a clip to its end, and compare it with its file."""
    path = clip.video.path
    captions = next((asset.path for asset in clip.assets if asset.role is Role.CAPTIONS), None)
    given = {
        "address": f"{address}/{path.relative_to(folder).as_posix()}",
        "captions": captions and f"{address}/{captions.relative_to(folder).as_posix()}",
    }
    shown: dict[str, Any] = page.evaluate(PLAY, given)
    facts = probe(path)
    assert (shown["width"], shown["height"]) == (facts.width, facts.height)
    assert shown["played"] == pytest.approx(shown["seconds"], abs=0.1)
    assert shown["seconds"] == pytest.approx(facts.duration, abs=0.1)
    assert shown["sound"] > 0
    assert shown["mean"] == pytest.approx(last_mean(path), abs=APART)
    return shown


def last_mean(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.video[0]):
            last = frame
    return ImageStat.Stat(last.to_image()).mean  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_plugin_makes_plays(page: Page, address: str, folder: Path, clip: Clip, name: str) -> None:
    plugin, target = plugins(folder)[name]
    changed = finished(plugin, clip, target)
    assert changed.video.sha256 != clip.video.sha256
    played(page, address, folder, changed)


def test_what_all_of_them_make_in_turn_plays(page: Page, address: str, folder: Path, clip: Clip) -> None:
    made_by = []
    for name, (plugin, target) in plugins(folder).items():
        before, clip = clip, finished(plugin, clip, target)
        made_by += [name] if clip.video.sha256 != before.video.sha256 else []
    # What is stitched is as loud as it should be already.
    assert made_by == [name for name in NAMES if name != "loudness"]
    played(page, address, folder, clip)


def test_captions_beside_the_video_are_shown(page: Page, address: str, folder: Path, clip: Clip) -> None:
    (folder / "beside").mkdir()
    plugin = Captions(CaptionsConfig(text=WORDS), SampleContext(folder / "beside", "captions"))
    shown = played(page, address, folder, finished(plugin, clip))
    assert shown["cues"] == [WORDS.partition("1.8 ")[2]]


def test_a_thumbnail_is_shown(page: Page, address: str, folder: Path, clip: Clip) -> None:
    (folder / "thumbnail").mkdir()
    thumbnail = finished(
        Thumbnail(ThumbnailConfig(), SampleContext(folder / "thumbnail", "thumbnail")), clip
    ).thumbnail
    assert thumbnail is not None
    size = page.evaluate(
        "async address => { const image = new Image(); image.src = address; await image.decode();"
        " return [image.naturalWidth, image.naturalHeight]; }",
        f"{address}/{thumbnail.path.relative_to(folder).as_posix()}",
    )
    with Image.open(thumbnail.path) as picture:
        assert tuple(size) == picture.size
