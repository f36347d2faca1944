"""The limits that a video has to be within, and what of it is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from reelwork_plugins.finishing.video_facts import VideoFacts

CODECS = ("h264", "hevc")
"""The codecs that can be written, the one that everything plays first."""
_PLAYED = {"h264": {"yuv420p", "yuvj420p"}, "hevc": {"yuv420p", "yuvj420p", "yuv420p10le"}}
"""The pixels of these codecs that networks and telephones can play."""
_SOUNDS = ("aac", "mp3")
"""The sounds that players are sure to take in an MP4 file."""
_SAME_RATE = 0.002
"""The part by which frame rates may differ and be the same: 29.97 is 30."""
_SAME_SOUND = 1.1
"""The bits of a sound that is left as it is, by those that it may have: encoders keep to them on average."""
# A signature or a sidecar that is put into the file later must not make it too large.
_LEFT = 0.98
"""The part of the limit that a new file may fill."""
_SOUND_PART = 0.2
"""The part of the limit that the sound may take before it is made smaller."""
_GOOD_SOUND, _LOW_SOUND = 96_000, 24_000
"""Bits a second for each channel: those of a sound like the original, and the fewest that speech needs."""


@dataclass(frozen=True)
class Limits:
    """The limits of a destination and of the settings together. None leaves that as it is."""

    codecs: tuple[str, ...]
    """Any will do if it is empty."""
    most_bytes: int | None
    long_side: int | None
    fps: float | None
    quality: float | None
    """The rate factor that every video gets."""
    sound: int | None
    """Bits a second."""

    @property
    def room(self) -> int | None:
        """The bytes that a new file may have."""
        return None if self.most_bytes is None else int(self.most_bytes * _LEFT)

    def codec_for(self, facts: VideoFacts) -> str | None:
        """Return the codec to encode in: the video's own if it may stay; None if none of them can be written."""
        own = (facts.codec,) if not self.codecs or facts.codec in self.codecs else ()
        taken = self.codecs or CODECS
        return next((codec for codec in (*own, *CODECS) if codec in CODECS and codec in (*taken, *own)), None)

    def picture_problems(self, facts: VideoFacts, size: int) -> Iterator[str]:
        """Yield why the picture must be encoded again."""
        if self.codecs and facts.codec not in self.codecs:
            yield f"it is {facts.codec}, not {' or '.join(self.codecs)}"
        if self.codecs and facts.pixels not in _PLAYED.get(facts.codec, {facts.pixels}):
            yield f"its pixels are {facts.pixels}"
        if self.most_bytes is not None and size > self.most_bytes:
            yield f"it has {size:,} bytes, not at most {self.most_bytes:,}"
        if self.long_side is not None and max(facts.size.width, facts.size.height) > self.long_side:
            yield f"it is {facts.size.width}x{facts.size.height}, not at most {self.long_side} pixels long"
        if self.fps is not None and facts.fps and abs(facts.fps / self.fps - 1) > _SAME_RATE:
            yield f"it has {facts.fps:g} frames per second, not {self.fps:g}"

    def file_problems(self, facts: VideoFacts) -> Iterator[str]:
        """Yield why a new file is needed, even if the picture may stay."""
        # A VP9 or AV1 video in a WebM file is as its codec's players want it.
        if self.codecs and not facts.mp4 and facts.codec in CODECS:
            yield "it is no MP4 file"
        if self.codecs and not facts.index_first:
            yield "its index is at its end"
        sound = facts.sound
        if sound is None:
            return
        if self.codecs and facts.mp4 and sound.codec not in _SOUNDS:
            yield f"its sound is {sound.codec}"
        if self.sound is not None and sound.bit_rate > self.sound * _SAME_SOUND:
            yield f"its sound has {sound.bit_rate:,} bits per second, not {self.sound:,}"

    def sound_rate(self, facts: VideoFacts) -> int | None:
        """Return the bits a second that the sound is encoded with; None if it is copied, or there is none."""
        sound = facts.sound
        if sound is None:
            return None
        rate = self.sound or self._fitting_sound(facts, min(sound.channels, 2))
        copied = sound.codec in _SOUNDS and sound.bit_rate <= rate * _SAME_SOUND
        return None if copied else rate

    def _fitting_sound(self, facts: VideoFacts, channels: int) -> int:
        """Return the bits a second that a sound may have without a setting for it."""
        assert facts.sound is not None
        own = facts.sound.bit_rate if facts.sound.codec in _SOUNDS else 0
        good = max(_GOOD_SOUND * channels, own)
        if self.room is None or not facts.seconds:
            return good
        return max(min(int(self.room * _SOUND_PART * 8 / facts.seconds), good), _LOW_SOUND * channels)


def sides(facts: VideoFacts, long_side: int | None, least: int, lines: Sequence[int]) -> list[Fraction]:
    """Return the parts of the video's sides in which it may be encoded, the largest first.

    `lines` are pixels of the shorter side. The video is not made smaller than `least` for its bytes.
    """
    short, long = sorted((facts.size.width, facts.size.height))
    first = min(Fraction(1), Fraction(long_side or long, long))
    return [first, *(Fraction(line, short) for line in lines if least <= line < short * first)]
