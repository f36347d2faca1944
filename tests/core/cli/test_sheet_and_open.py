"""The contact sheet at the end of a run, and showing it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PROMPT = "A lighthouse in the fog"
SMALL = ("--duration", "0.5", "--resolution", "480p")
SHEET = Path("reelwork-out/contact-sheet.jpg")


def test_a_run_leaves_a_sheet(cli, folder: Path) -> None:
    outcome = cli("run", PROMPT, *SMALL)
    assert f"Contact sheet: {SHEET}" in outcome.out
    assert SHEET.stat().st_size > 1000
    SHEET.unlink()
    outcome = cli("run", PROMPT, *SMALL, "--out", "other", "--json")
    assert outcome.json["sheets"] == [str(folder / "other" / "contact-sheet.jpg")]


def test_no_sheet_when_it_is_not_wanted_or_nothing_new_was_made(cli, folder: Path) -> None:
    assert "Contact sheet" not in cli("run", PROMPT, *SMALL, "--no-sheet").out
    (folder / "b.csv").write_text(f"prompt\n{PROMPT}\n")
    assert SHEET.exists() is False
    cli("run", "b.csv", *SMALL)
    SHEET.unlink()
    cli("run", "b.csv", *SMALL)
    assert not SHEET.exists()
    cli("run", "short")
    assert not SHEET.exists()


def test_without_a_display_the_page_is_named(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    outcome = cli("run", PROMPT, *SMALL, "--open")
    assert outcome.code == 0
    assert "No browser can be opened here. Open: file://" in outcome.err


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for a browser is a shell script")
def test_the_browser_gets_the_gallery_else_the_sheet(process, folder: Path) -> None:
    browser = folder / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {folder}/opened\n')
    browser.chmod(0o755)
    process("run", PROMPT, *SMALL, "--open", BROWSER=f"{browser} %s")
    assert (folder / "opened").read_text().strip() == (folder / "reelwork-out/gallery/index.html").as_uri()
    (folder / "w.toml").write_text(f'[brief]\nprompt = "{PROMPT}"\n[plugins]\npublish = []\n')
    process("run", "w.toml", *SMALL, "--open", BROWSER=f"{browser} %s")
    assert (folder / "opened").read_text().splitlines()[1] == (folder / SHEET).as_uri()
