"""The film that is finished: a flash and a tone at a known time show whether a plugin moves what is in it."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from pathlib import Path

RATE = 48_000
"""Samples of sound a second."""
FLASH_SECONDS = 0.25
_BRIGHT, _LOUD = 0.75, 0.3
"""The parts of white and of full volume that count as the flash and the tone."""


@dataclass(frozen=True)
class Film:
    """The facts of a film."""

    seconds: float = 2.0
    width: int = 320
    height: int = 180
    fps: int = 20
    flash: float = 1.0
    """Seconds at which the picture turns white and the tone begins."""
    sound: bool = True

    def write(self, path: Path) -> Path:
        """Write it. Returns `path`; its folder must exist."""
        import av

        with av.open(str(path), "w", options={"movflags": "faststart"}) as out:
            picture = out.add_stream("libx264", rate=self.fps, options={"crf": "28", "preset": "veryfast"})
            picture.width, picture.height, picture.pix_fmt = self.width, self.height, "yuv420p"
            sound = out.add_stream("aac", rate=RATE, layout="mono") if self.sound else None
            for number in range(round(self.seconds * self.fps)):
                out.mux(picture.encode(self._frame(number)))
            out.mux(picture.encode())
            if sound is not None:
                for start in range(0, round(self.seconds * RATE), 1024):
                    out.mux(sound.encode(self._sound(start)))
                out.mux(sound.encode())
        return path

    def _is_flash(self, at: float) -> bool:
        return self.flash <= at < self.flash + FLASH_SECONDS

    def _frame(self, number: int):  # type: ignore[no-untyped-def]
        import av
        from PIL import Image

        # Whole frames: at a rounded time the flash would begin a frame early or late.
        colour = (255, 255, 255) if self._is_flash((number + 0.5) / self.fps) else (16, 24 + number % 40, 60)
        picture = Image.new("RGB", (self.width, self.height), colour)
        return av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]

    def _sound(self, start: int):  # type: ignore[no-untyped-def]
        import av

        samples = array("f", (self._sample(at) for at in range(start, start + 1024)))
        frame = av.AudioFrame(format="flt", layout="mono", samples=1024)
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate, frame.pts = RATE, start
        return frame

    def _sample(self, at: int) -> float:
        return 0.8 * math.sin(at * 880 * math.tau / RATE) if self._is_flash(at / RATE) else 0.0


def flash_in(path: Path) -> float | None:
    """Return the seconds at which a video turns white; None if it never does."""
    import av

    with av.open(str(path)) as source:
        for frame in source.decode(video=0):
            small = frame.reformat(width=16, height=16, format="gray")
            plane = bytes(small.planes[0])
            # The middle: a shape or a mark may have darkened the edges.
            line = small.planes[0].line_size
            middle = [plane[row * line + column] for row in range(6, 10) for column in range(6, 10)]
            if sum(middle) / len(middle) > 255 * _BRIGHT:
                return float(frame.time or 0)
    return None


def tone_in(path: Path) -> float | None:
    """Return the seconds at which the sound of a video becomes loud; None if it has none, or stays quiet."""
    import av

    with av.open(str(path)) as source:
        if not source.streams.audio:
            return None
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        for frame in source.decode(audio=0):
            for part in resampler.resample(frame):
                samples = array("f", bytes(part.planes[0])[: part.samples * 4])
                for index, sample in enumerate(samples):
                    if abs(sample) > _LOUD:
                        return float(part.time or 0) + index / RATE
    return None
