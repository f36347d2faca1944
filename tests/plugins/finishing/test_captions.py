from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageChops
from pydantic import ValidationError

from reelwork.media.probe import check_playable
from reelwork.testing import SampleContext, sample_job
from reelwork_hooks import Asset, Brief, Clip, Job, Phase, ReelworkError, Role, Spec
from reelwork_plugins.finishing.caption_card import Look, NotDrawable, fitted, overlay
from reelwork_plugins.finishing.captions import Captions, CaptionsConfig
from reelwork_plugins.finishing.pixels import Size

WIDE, UPRIGHT = Size(640, 360), Size(360, 640)
LOOK = Look(None, 0.06, 3, "bottom", None, "outline")
SCRIPTS = {
    "Latin": "Größe zählt: the ferry leaves at half past nine.",
    "Greek": "Το πλοίο φεύγει στις εννιά και μισή.",
    "Cyrillic": "Паром уходит в половине десятого. Ёжик, Київ.",
    "Hebrew": "המעבורת יוצאת בתשע וחצי (ספינה 12).",
    "Arabic": "تغادر العبّارة في التاسعة والنصف. الرحلة 12",
    "Armenian": "Լաստանավը մեկնում է ինն անց կեսին։",
}
SRT = "1\n00:00:00,200 --> 00:00:00,500\nGood morning\n\n2\n00:00:00,800 --> 00:00:01,000\nThe ferry leaves\n"
FONT = Path(sys.modules["reelwork_plugins"].__file__ or "").parent / "letters" / "DejaVuSans.ttf"


def a_clip(path: Path, size: Size = WIDE, colour: tuple[int, int, int] = (0, 0, 0), frames: int = 10) -> Clip:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "crf": "6"})
        stream.width, stream.height, stream.pix_fmt = size.width, size.height, "yuv420p"
        for _ in range(frames):
            picture = Image.new("RGB", (size.width, size.height), colour)
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))  # type: ignore[no-untyped-call]
        container.mux(stream.encode())
    return Clip(video=Asset.from_file(path, Role.VIDEO, duration=frames / 10))


def a_job(size: Size = WIDE, **variables: str) -> Job:
    ratio = "16:9" if size == WIDE else "9:16"
    spec = Spec(width=size.width, height=size.height, aspect_ratio=ratio, resolution="360p", duration=1)
    return sample_job(brief=Brief(prompt="A ferry", duration=1, vars=variables), spec=spec)


def captions(folder: Path, **settings: Any) -> Captions:
    return Captions(CaptionsConfig(**settings), SampleContext(folder, "captions"))


def captioned(folder: Path, clip: Clip, job: Job | None = None, **settings: Any) -> Clip:
    changed = captions(folder, **settings).post_download(clip, job or a_job())
    assert changed is not None
    return changed


def pictures(path: Path) -> list[Image.Image]:
    check_playable(path)
    with av.open(str(path)) as container:
        return [frame.to_image() for frame in container.decode(video=0)]  # type: ignore[no-untyped-call]


def changed_box(before: Image.Image, after: Image.Image) -> tuple[int, int, int, int] | None:
    apart = ImageChops.difference(before, after).convert("L").point([0] * 40 + [255] * 216)
    return apart.getbbox()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return a_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.mark.parametrize(("form", "media_type"), [("vtt", "text/vtt"), ("srt", "application/x-subrip")])
def test_a_sidecar_is_added_and_the_video_stays(tmp_path: Path, clip: Clip, form: str, media_type: str) -> None:
    (tmp_path / "words.srt").write_bytes(b"\xef\xbb\xbf" + SRT.replace("\n", "\r\n").encode())
    changed = captioned(tmp_path, clip, file="words.srt", format=form, language="en")
    assert changed.video == clip.video
    [added] = changed.assets
    assert (added.role, added.media_type) == (Role.CAPTIONS, media_type)
    assert added.path.name.endswith(f".en.{form}")
    text = added.path.read_text(encoding="utf-8")
    assert text.startswith("WEBVTT\n\n" if form == "vtt" else "1\n00:00:00,200")
    assert "Good morning\n" in text
    assert "\r" not in text


def test_words_are_burnt_in_while_they_are_said(tmp_path: Path, clip: Clip) -> None:
    (tmp_path / "words.srt").write_text(SRT)
    changed = captioned(tmp_path, clip, file="words.srt", mode="burn")
    assert changed.assets == ()
    found, before = pictures(changed.video.path), pictures(clip.video.path)
    shown = [changed_box(one, other) is not None for one, other in zip(before, found, strict=True)]
    assert shown == [False, False, True, True, True, False, False, False, True, True]
    assert changed_box(found[2], found[8]) is not None, "other words"


@pytest.mark.parametrize("style", ["outline", "box"])
@pytest.mark.parametrize("size", [WIDE, UPRIGHT], ids=["wide", "upright"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_six_scripts_are_drawn_within_the_margins(script: str, size: Size, style: Any) -> None:
    words = SCRIPTS[script]
    drawn = overlay(words, size, Look(None, 0.06, 3, "bottom", None, style))
    left, right = drawn.x, drawn.x + drawn.picture.width
    side = 0.08 if size == WIDE else 0.12
    pad = 0.06 * min(size.width, size.height)
    assert left >= size.width * side - pad
    assert right <= size.width * (1 - side) + pad
    assert abs((left + right) / 2 - size.width / 2) <= 2, "in the middle"
    bottom = 0.07 if size == WIDE else 0.18
    assert drawn.y + drawn.picture.height <= size.height * (1 - bottom) + pad
    assert drawn.y > size.height / 2
    # On white and on black the letters are white, with black around them.
    for ground in (255, 0):
        shown = Image.new("RGBA", drawn.picture.size, (ground, ground, ground, 255))
        shown.alpha_composite(drawn.picture)
        darkest, lightest = shown.convert("L").getextrema()
        assert isinstance(darkest, int)
        assert isinstance(lightest, int)
        assert lightest == 255
        assert darkest < 80


def test_letters_of_right_to_left_scripts_are_joined_and_turned() -> None:
    """Word by word, the ends of a line are where readers of the script look for them."""
    for words in ("שלום a", "سلام a"):
        fit = fitted(words, WIDE, LOOK)
        assert fit.direction == "rtl"
    assert fitted("a שלום", WIDE, LOOK).direction == "ltr"
    # Joined letters are narrower than the same letters by themselves.
    face = fitted("سلام", WIDE, LOOK).face
    alone = sum(face.getlength(letter, direction="rtl") for letter in "سلام")
    assert face.getlength("سلام", direction="rtl") < alone * 0.9


@pytest.mark.parametrize("size", [WIDE, UPRIGHT], ids=["wide", "upright"])
def test_lines_are_bounded_and_about_as_long_as_each_other(size: Size) -> None:
    words = "The ferry leaves at half past nine, and nobody is aboard."
    fit = fitted(words, size, LOOK)
    assert 2 <= len(fit.lines) <= 3
    assert " ".join(fit.lines) == words
    widths = [fit.face.getlength(line) for line in fit.lines]
    assert min(widths) > max(widths) * 0.6
    assert max(widths) <= size.width * (0.84 if size == WIDE else 0.76) + 1


def test_a_long_caption_gets_smaller_letters_and_a_longer_one_is_refused() -> None:
    short, long = fitted("Good morning", WIDE, LOOK), fitted("Good morning, and good night. " * 5, WIDE, LOOK)
    assert long.face.size < short.face.size
    assert len(long.lines) == 3
    with pytest.raises(NotDrawable, match="do not fit into 3 lines"):
        fitted("Good morning, and good night. " * 12, WIDE, LOOK)
    word, tight = "Rindfleischetikettierungsüberwachungsaufgabe" * 3, Look(None, 0.1, 1, "top", None, "box")
    with pytest.raises(NotDrawable, match="do not fit into 1 line "):
        fitted(word, WIDE, tight)


def test_lines_of_the_file_stay_lines() -> None:
    assert fitted("- Where to?\n- Home.", WIDE, LOOK).lines == ("- Where to?", "- Home.")


@pytest.mark.parametrize(
    ("words", "code"), [("Good 夕 evening", "U+5915"), ("go 🦭", "U+1F9AD"), ("नमस्ते", "U+0928")]
)
@pytest.mark.parametrize("mode", ["burn", "sidecar"])
def test_what_the_font_lacks_is_refused_before_anything_is_sent(
    tmp_path: Path, clip: Clip, words: str, code: str, mode: str
) -> None:
    job = a_job(captions_text=f"0 - 0.5 Fine\n0.5 - 1 {words}")
    plugin = captions(tmp_path, mode=mode)
    if mode == "sidecar":
        assert plugin.check_brief(job) == [], "the viewer's player has its own fonts"
        return
    [problem] = plugin.check_brief(job)
    assert problem.message.startswith("vars.captions_text: line 2: ")
    assert code in problem.message
    assert "`font`" in problem.message
    with pytest.raises(ReelworkError, match="has no") as told:
        plugin.post_download(clip, job)
    assert told.value.money == "The video is kept as downloaded; nothing was posted."
    assert not list(plugin.context.work_dir.glob("*.mp4"))


def test_another_font_is_used_and_told_when_it_cannot_be(tmp_path: Path) -> None:
    shutil.copy(FONT, tmp_path / "own.ttf")
    (tmp_path / "no.ttf").write_text("no font")
    job = a_job(captions_text="0 - 1 Good morning")
    assert captions(tmp_path, mode="burn", font="own.ttf").check_brief(job) == []
    [problem] = captions(tmp_path, mode="burn", font="no.ttf").check_brief(job)
    assert "cannot be read: give a TTF, OTF or TTC file" in problem.message
    [problem] = captions(tmp_path, mode="burn", font="gone.ttf").check_brief(job)
    assert problem.message == f"the font {tmp_path / 'gone.ttf'} cannot be used: there is no such file"
    [problem] = captions(tmp_path, mode="burn", font="own.ttf").check_brief(a_job(captions_text="0 - 1 夕"))
    assert "the font own.ttf has no 夕" in problem.message


def test_captions_that_overlap_are_shown_together(tmp_path: Path, clip: Clip) -> None:
    job = a_job(captions_text="0 - 0.5 One\n0.3 - 0.8 Two")
    found = pictures(captioned(tmp_path, clip, job, mode="burn").video.path)
    black = pictures(clip.video.path)[0]
    boxes = [changed_box(black, found[at]) for at in (1, 4, 6)]
    one, both, two = (box[3] - box[1] if box else 0 for box in boxes)
    assert both > one * 1.5
    assert both > two * 1.5


def test_more_captions_at_a_time_than_lines_are_refused_at_once(tmp_path: Path) -> None:
    for text in ("0 - 1 One\n" * 40_000, f"0 - 1 {'word ' * 300_000}"):
        [problem] = captions(tmp_path, mode="burn", text=text).check_brief(a_job())
        assert "lines" in problem.message
        assert captions(tmp_path, text=text).check_brief(a_job()) == [], "a player does with them what it can"


@pytest.mark.parametrize("words", SCRIPTS.values(), ids=SCRIPTS)
def test_what_is_checked_beforehand_is_what_is_drawn(words: str) -> None:
    for size in (WIDE, UPRIGHT):
        before, drawn = fitted(words, size, LOOK, balanced=False), fitted(words, size, LOOK)
        assert (before.face, len(before.lines)) == (drawn.face, len(drawn.lines))


@pytest.mark.parametrize(("position", "top"), [("top", True), ("bottom", False)])
def test_they_are_at_the_top_or_the_bottom(position: Any, top: bool) -> None:
    drawn = overlay("Good morning", WIDE, Look(None, 0.06, 3, position, 0.2, "box"))
    middle = drawn.y + drawn.picture.height / 2
    assert (middle < WIDE.height * 0.35) == top
    assert (middle > WIDE.height * 0.65) != top


def test_a_brief_goes_before_the_settings(tmp_path: Path, clip: Clip) -> None:
    (tmp_path / "all.srt").write_text(SRT)
    (tmp_path / "row.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nOf the row\n")
    words = {
        "Of the row": a_job(captions="row.vtt"),
        "Of its cell": a_job(captions_text="0 - 1 Of its cell"),
        "Good morning": a_job(),
    }
    for said, job in words.items():
        [added] = captioned(tmp_path, clip, job, file="all.srt", text="0 - 1 Of the text").assets
        assert said in added.path.read_text()
    [added] = captioned(tmp_path, clip, text="0 - 1 Of the text").assets
    assert "Of the text" in added.path.read_text()


def test_a_brief_without_captions_is_refused_unless_they_may_be_missing(tmp_path: Path, clip: Clip) -> None:
    [problem] = captions(tmp_path).check_brief(a_job())
    assert "this brief has no captions" in problem.message
    assert "vars.captions" in problem.hint
    assert captions(tmp_path, required=False).check_brief(a_job()) == []
    assert captions(tmp_path, required=False).post_download(clip, a_job()) is None


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.srt", "notes.txt", "~/x.srt"])
def test_a_brief_names_no_file_elsewhere(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "secret.srt").write_text(SRT)
    (home / "notes.txt").write_text(SRT)
    [problem] = captions(home).check_brief(a_job(captions=name))
    assert "may only name .srt and .vtt files in its folder" in problem.message


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (SRT.replace(" --> ", " -> ").encode(), 'line 2: "-->" is missing between its times'),
        ("1\n00:00:00,000 --> 00:00:01,000\nfähre\n".encode("latin-1"), "line 3: it is not UTF-8"),
        (SRT.replace("00:00:00,800", "00:01:00,800").replace("01,000", "99,000").encode(), "more than 59"),
        (
            SRT.replace("00:00:00,800", "00:00:01,800").replace("01,000", "03,000").encode(),
            "words.srt: line 6: begins at 1.8 s",
        ),
        (None, "cannot be read: there is no"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_before_anything_is_sent(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    if content is not None:
        (tmp_path / "words.srt").write_bytes(content)
    [problem] = captions(tmp_path).check_brief(a_job(captions="words.srt"))
    assert problem.message.startswith("words.srt")
    assert why in problem.message


def test_a_sidecar_and_a_burnt_video_are_made_once(tmp_path: Path, clip: Clip) -> None:
    job = a_job(captions_text="0 - 1 Good morning")
    for settings in ({}, {"mode": "burn"}):
        first = captioned(tmp_path, clip, job, **settings)
        path = first.assets[0].path if first.assets else first.video.path
        made = path.stat().st_mtime_ns
        assert captioned(tmp_path, clip, job, **settings) == first
        assert path.stat().st_mtime_ns == made
    other = captioned(tmp_path, clip, a_job(captions_text="0 - 1 Good night"), mode="burn")
    assert other.video.path != path
    assert not list(path.parent.glob(".*"))


def test_the_same_video_gives_the_same_bytes_in_any_process(tmp_path: Path, clip: Clip) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from reelwork.testing import SampleContext, sample_job\n"
        "from reelwork_hooks import Asset, Clip, Role\n"
        "from reelwork_plugins.finishing.captions import Captions, CaptionsConfig\n"
        "clip = Clip(video=Asset.from_file(Path(sys.argv[1]), Role.VIDEO))\n"
        "config = CaptionsConfig(mode='burn', text='0.2 - 0.7 Good morning')\n"
        "plugin = Captions(config, SampleContext(Path(sys.argv[2]), 'captions'))\n"
        "print(plugin.post_download(clip, sample_job()).video.sha256)\n"
    )
    asked = [sys.executable, "-c", script, str(clip.video.path), str(tmp_path / "other")]
    other = subprocess.run(asked, check=True, timeout=120, capture_output=True, text=True).stdout.strip()
    here = captioned(tmp_path, clip, mode="burn", text="0.2 - 0.7 Good morning")
    assert here.video.sha256 == other


def test_it_tells_how_far_it_is(tmp_path: Path, clip: Clip) -> None:
    plugin = captions(tmp_path, mode="burn", text="0 - 1 Good morning")
    plugin.post_download(clip, a_job())
    assert isinstance(plugin.context, SampleContext)
    told = [percent for _, percent, _ in plugin.context.progressed]
    assert told == sorted(told)
    assert told[-1] > 80


def test_a_broken_video_is_told_and_leaves_nothing(tmp_path: Path, clip: Clip) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clip.video.path.read_bytes()[:900])
    plugin = captions(tmp_path, mode="burn", text="0 - 1 Good morning")
    with pytest.raises(ReelworkError, match="the captions could not be drawn on"):
        plugin.post_download(Clip(video=Asset.from_file(broken, Role.VIDEO)), a_job())
    assert not list(plugin.context.work_dir.iterdir())


def test_without_means_to_shape_right_to_left_words_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # Pillow finds FriBiDi when it is loaded: what it finds on another machine can only be said for it.
    monkeypatch.setattr("PIL.features.check", lambda _: False)
    assert fitted("Good morning", WIDE, LOOK).lines == ("Good morning",)
    with pytest.raises(NotDrawable, match="it finds no FriBiDi"):
        fitted("שלום", WIDE, LOOK)


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "both"},
        {"size": 0.5},
        {"lines": 0},
        {"margin": 1},
        {"language": "english!"},
        {"encoding": "utf-99"},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CaptionsConfig(**settings)


def test_it_says_what_it_does() -> None:
    assert (Captions.phase, Captions.fits, Captions.costs) == (Phase.EDIT, (), False)
