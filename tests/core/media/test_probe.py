from __future__ import annotations

import random
from pathlib import Path

import av
import pytest

from reelwork.media.probe import MediaInvalid, check_playable, probe, text_instead_of_video
from reelwork.testing import write_video
from reelwork_hooks.errors import Unavailable


def made(
    path: Path,
    *,
    seconds: float = 4,
    fps: int = 10,
    faststart: bool = True,
    codec: str = "libx264",
    audio: bool = False,
) -> Path:
    """A film of noise, so that its pictures take up room throughout the file."""
    noise = random.Random(3)
    options = {"movflags": "+faststart"} if faststart and path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as out:
        video = out.add_stream(codec, rate=fps)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = out.add_stream("aac", rate=48000) if audio else None
        for _ in range(round(seconds * fps)):
            frame = av.VideoFrame(64, 48, "yuv420p")
            for plane in frame.planes:
                plane.update(noise.randbytes(plane.buffer_size))
            out.mux(video.encode(frame))
        out.mux(video.encode())
        if sound is not None:
            out.mux(sound.encode(silence()))
            out.mux(sound.encode())
    return path


def silence() -> av.AudioFrame:
    frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
    frame.sample_rate = 48000
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    return frame


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return made(tmp_path_factory.mktemp("film") / "film.mp4").read_bytes()


@pytest.fixture(scope="module")
def slow_film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return made(tmp_path_factory.mktemp("film") / "film.mp4", faststart=False).read_bytes()


def written(folder: Path, content: bytes) -> Path:
    path = folder / "clip.mp4"
    path.write_bytes(content)
    return path


def test_facts_of_a_whole_film(tmp_path: Path, film: bytes) -> None:
    path = written(tmp_path, film)
    facts = check_playable(path)
    assert (facts.width, facts.height, facts.fps, facts.frames) == (64, 48, 10, 40)
    assert facts.duration == pytest.approx(4, abs=0.01)
    assert (facts.codec, facts.has_audio) == ("h264", False)
    assert probe(path) == facts


def test_sound_is_seen(tmp_path: Path) -> None:
    assert probe(made(tmp_path / "a.mp4", seconds=1, audio=True)).has_audio
    assert check_playable(tmp_path / "a.mp4").has_audio


@pytest.mark.parametrize(
    ("name", "codec"), [("clip.webm", "libvpx-vp9"), ("clip.mkv", "libx264"), ("clip.ts", "libx264")]
)
def test_other_containers_are_played_too(tmp_path: Path, name: str, codec: str) -> None:
    facts = check_playable(made(tmp_path / name, codec=codec))
    assert facts.frames == 40
    assert facts.duration == pytest.approx(4, abs=0.15)


def test_a_single_picture_is_a_film(tmp_path: Path) -> None:
    assert check_playable(made(tmp_path / "one.mp4", seconds=0.1)).frames == 1


def test_a_film_of_one_group_of_pictures(tmp_path: Path) -> None:
    assert check_playable(made(tmp_path / "long.mp4", seconds=20)).frames == 200


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_film_that_is_cut_off(tmp_path: Path, film: bytes, share: float) -> None:
    path = written(tmp_path, film[: int(len(film) * share)])
    with pytest.raises(MediaInvalid, match=r"clip.mp4 is cut off at [0-3]\.\d of 4\.0 s"):
        check_playable(path)


def test_a_film_whose_index_is_missing(tmp_path: Path, slow_film: bytes) -> None:
    path = written(tmp_path, slow_film[: len(slow_film) // 2])
    with pytest.raises(MediaInvalid, match=rf"cut off at {len(slow_film) // 2} of \d+ bytes"):
        check_playable(path)
    with pytest.raises(MediaInvalid, match="cut off"):
        probe(path)


def test_a_film_with_a_hole_of_zeros_is_refused(tmp_path: Path, film: bytes) -> None:
    start = film.index(b"mdat") + 4
    path = written(tmp_path, film[:start] + bytes(len(film) - start))
    with pytest.raises(MediaInvalid, match="is damaged: its first picture cannot be decoded"):
        check_playable(path)


def test_a_film_with_a_damaged_end_is_refused(tmp_path: Path, film: bytes) -> None:
    path = written(tmp_path, film[: len(film) // 2] + bytes(len(film) - len(film) // 2))
    with pytest.raises(MediaInvalid, match="is damaged: its last picture cannot be decoded"):
        check_playable(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (
            b"<!doctype html><title>Busy</title>",
            "looks like an HTML or XML page: <!doctype html><title>Busy</title>",
        ),
        (b' {"error": {"code": 1}}', 'looks like JSON: {"error": {"code": 1}}'),
        (random.Random(1).randbytes(5000), "cannot be read as a video"),
        (b"\0\0\0\x18ftypmp42", "clip.mp4 is cut off at 12 of 24 bytes"),
    ],
)
def test_what_is_no_video_at_all(tmp_path: Path, content: bytes, words: str) -> None:
    for look in (probe, check_playable):
        with pytest.raises(MediaInvalid) as caught:
            look(written(tmp_path, content))
        assert words in caught.value.message
        assert isinstance(caught.value, Unavailable)


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as out:
        sound = out.add_stream("aac", rate=48000)
        out.mux(sound.encode(silence()))
        out.mux(sound.encode())
    with pytest.raises(MediaInvalid, match="holds no picture"):
        check_playable(tmp_path / "a.mp4")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MediaInvalid, match="No such file"):
        probe(tmp_path / "nothing.mp4")


def test_a_box_as_long_as_a_less_than_sign_is_not_taken_for_html() -> None:
    assert text_instead_of_video(b"<\0\0\0ftypisom") == ""


@pytest.mark.parametrize(
    ("degrees", "size"), [(0, (64, 36)), (90, (36, 64)), (-90, (36, 64)), (180, (64, 36)), (270, (36, 64))]
)
def test_a_film_has_the_sides_that_are_shown(tmp_path: Path, degrees: int, size: tuple[int, int]) -> None:
    film = write_video(tmp_path / "turned.mp4", width=64, height=36, turned=degrees)
    with av.open(str(film)) as stored:
        assert (stored.streams.video[0].width, stored.streams.video[0].height) == (64, 36)
    for facts in (probe(film), check_playable(film)):
        assert (facts.width, facts.height) == size


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
@pytest.mark.parametrize(
    ("pixel", "degrees", "size"),
    [
        ((4, 3), 0, (1024, 576)),
        ((1, 2), 0, (384, 576)),
        # It is stretched first and turned then.
        ((4, 3), 90, (576, 1024)),
        # Nothing is shown so: a file may state any number.
        ((200, 1), 0, (768, 576)),
        ((1, 200), 0, (768, 576)),
    ],
)
def test_pixels_that_are_not_square_count_as_they_are_shown(
    tmp_path: Path, ending: str, pixel: tuple[int, int], degrees: int, size: tuple[int, int]
) -> None:
    film = write_video(tmp_path / f"wide.{ending}", seconds=0.3, width=768, height=576, turned=degrees, pixel=pixel)
    with av.open(str(film)) as stored:
        assert (stored.streams.video[0].width, stored.streams.video[0].height) == (768, 576)
    for facts in (probe(film), check_playable(film)):
        assert (facts.width, facts.height) == size
