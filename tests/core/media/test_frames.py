"""Frames and words of a clip, as moderation is shown them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from reelwork.media.caption_text import UnreadableCaptions, caption_text
from reelwork.media.frames import sample_frames
from reelwork.media.probe import MediaInvalid
from reelwork.testing import write_video


def reds(frames: tuple[Path, ...]) -> list[int]:
    """The red of each frame: a test video's n-th frame has 20 times n."""
    found = []
    for path in frames:
        with Image.open(path) as picture:
            pixel = picture.convert("RGB").getpixel((5, 5))
            assert isinstance(pixel, tuple)
            found.append(round(pixel[0] / 20))
    return found


def test_frames_are_spread_over_the_whole_length(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", seconds=1)
    assert reds(sample_frames(video, 5, tmp_path)) == [1, 3, 5, 7, 9]
    assert sample_frames(video, 0, tmp_path) == ()


def test_a_short_video_gives_each_frame_once(tmp_path: Path) -> None:
    frames = sample_frames(write_video(tmp_path / "a.mp4", seconds=0.3), 32, tmp_path)
    assert reds(frames) == [0, 1, 2]


def test_large_frames_are_made_smaller(tmp_path: Path) -> None:
    (frame,) = sample_frames(write_video(tmp_path / "a.mp4", seconds=0.1, width=2048, height=512), 1, tmp_path)
    with Image.open(frame) as picture:
        assert picture.size == (1024, 256)


@pytest.mark.parametrize(
    ("pixel", "turned", "size"), [((2, 1), 0, (128, 36)), ((2, 1), 90, (36, 128)), ((255, 1), 0, (64, 36))]
)
def test_frames_are_as_a_player_shows_them(
    tmp_path: Path, pixel: tuple[int, int], turned: int, size: tuple[int, int]
) -> None:
    video = write_video(tmp_path / "a.mp4", seconds=0.1, width=64, height=36, pixel=pixel, turned=turned)
    (frame,) = sample_frames(video, 1, tmp_path)
    with Image.open(frame) as picture:
        assert picture.size == size


def test_what_is_no_video_gives_no_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\0" * 5000)
    with pytest.raises(MediaInvalid, match="cannot be read as a video"):
        sample_frames(path, 3, tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_words_of_captions_are_read_without_times_and_marks(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.vtt"
    text = "WEBVTT\n\n1\n00:00.000 --> 00:01.000 align:left\n<v Ann>Grüße, <b>you</b>\n\n2\n0:01,5 --> 0:02,0\n42\n"
    path.write_text(text, encoding=encoding)
    assert [line for line in caption_text(path).splitlines() if line] == ["Grüße, you", "42"]


def test_what_is_no_time_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_text("1\n00:00:00,000 --> 00:00:01,000\ncall --> 030 123\n", encoding="utf-8")
    assert caption_text(path) == "call --> 030 123"


@pytest.mark.parametrize("content", [b"Gr\xfc\xdfe", b"a" * 2_000_001], ids=["latin", "long"])
def test_captions_that_cannot_be_judged_are_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.srt"
    path.write_bytes(content)
    with pytest.raises(UnreadableCaptions, match=r"a\.srt is"):
        caption_text(path)
