"""Reference pictures that are not there, not readable or of the wrong kind: told before anything is sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

PROMPT = "A lighthouse in the fog"
SMALL = ("--duration", "0.5", "--resolution", "480p")


def picture(path: Path) -> Path:
    Image.new("RGB", (64, 36), "teal").save(path)
    return path


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_picture_that_is_not_there(cli, kept, folder: Path, command: str) -> None:
    outcome = cli(command, PROMPT, "--input-reference", "gone.png")
    assert outcome.code == 2
    assert f"there is no reference picture {folder / 'gone.png'}" in outcome.err
    assert "Nothing was sent" in outcome.err
    assert kept() == []


def test_the_workflow_s_line_is_named(cli, folder: Path) -> None:
    (folder / "flows").mkdir()
    (folder / "flows/w.toml").write_text(f'[brief]\nprompt = "{PROMPT}"\ninput_reference = "pics/gone.png"\n')
    outcome = cli("plan", "flows/w.toml")
    assert outcome.code == 2
    assert f"flows/w.toml, line 3: there is no reference picture {folder / 'flows/pics/gone.png'}." in outcome.err
    assert f"The path starts at the folder {folder / 'flows'}." in outcome.err


def test_the_row_is_named_and_no_row_is_sent(cli, kept, folder: Path) -> None:
    picture(folder / "here.png")
    (folder / "b.csv").write_text(f"prompt,input_reference\n{PROMPT},here.png\n{PROMPT} again,gone.png\n")
    outcome = cli("run", "b.csv", *SMALL)
    assert outcome.code == 2
    assert "b.csv, line 3: there is no reference picture" in outcome.err
    assert kept() == []


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a......", b"<html>not a picture</html>", b"\x89PN"], ids=["empty", "gif", "html", "cut"]
)
def test_a_file_of_the_wrong_kind(cli, folder: Path, content: bytes) -> None:
    (folder / "odd.png").write_bytes(content)
    outcome = cli("plan", PROMPT, "--input-reference", "odd.png")
    assert outcome.code == 2
    assert "odd.png is not a JPEG, PNG or WebP file, and preview takes no other." in outcome.err


def test_a_folder(cli, folder: Path) -> None:
    (folder / "pics").mkdir()
    outcome = cli("plan", PROMPT, "--input-reference", "pics")
    assert outcome.code == 2
    assert "pics cannot be read: Is a directory." in outcome.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_picture_one_may_not_read(cli, folder: Path) -> None:
    picture(folder / "mine.png").chmod(0)
    outcome = cli("plan", PROMPT, "--input-reference", "mine.png")
    assert outcome.code == 2
    assert "mine.png cannot be read: Permission denied." in outcome.err


def test_an_address_that_is_not_of_the_web(cli) -> None:
    outcome = cli("plan", PROMPT, "--input-reference", "ftp://example.com/a.png")
    assert outcome.code == 2
    assert "the reference 'ftp://example.com/a.png' is not an http(s) address" in outcome.err


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_a_picture_that_is_taken(cli, folder: Path, ending: str) -> None:
    outcome = cli("run", PROMPT, *SMALL, "--input-reference", str(picture(folder / f"sea.{ending}")), "--json")
    assert outcome.code == 0, outcome.err


def test_a_picture_below_the_home_folder_is_shown_to_moderation(cli, plugin, tmp_path: Path, folder: Path) -> None:
    (tmp_path / "home").mkdir()
    picture(tmp_path / "home" / "sea.png")
    name = plugin(
        "@hookimpl\ndef pre_moderate(self, content):\n"
        "    return Verdict.reject(f'saw {[image.name for image in content.images]}') if content.images else None"
    )
    (folder / "w.toml").write_text(f'[brief]\nprompt = "{PROMPT}"\ninput_reference = "~/sea.png"\n')
    outcome = cli("run", "w.toml", "--plugin", name)
    assert outcome.code == 3
    assert "saw ['sea.png']" in outcome.out


def test_a_picture_on_the_web_is_left_to_the_provider(cli) -> None:
    assert cli("plan", PROMPT, "--input-reference", "https://example.com/a.png").code == 0
