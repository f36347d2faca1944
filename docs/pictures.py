"""Makes the pictures of the dashboard in this folder: a studio on this machine, looked at with Chromium.

Run it as `python docs/pictures.py`, after `tests/services/chromium.sh` and with the test group installed.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
COLOURS = 256
"""Colours of a picture: enough for a page, and a third of the bytes."""
WORKFLOW = """
[brief]
prompt = "A heron takes off from a misty lake"
duration = 2
resolution = "480p"

[provider]
use = "preview"
"""
REVIEWED = f"{WORKFLOW}\n[review]\nalways = true\n"
PROMPTS = (
    "A lighthouse in the fog, waves rolling slowly against the rocks",
    "Macro shot of rain on a window, city lights behind",
    "A golden retriever playing in a sunny garden",
    "Slow pan over a wooden pier at dusk, gulls",
    "A red balloon above the old harbour",
    "The northern lights above a small tent",
)


def reelwork(folder: Path, *arguments: str) -> str:
    """Run a command in the studio, and return what it printed."""
    command = [sys.executable, "-m", "reelwork", "--store", "store.db", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def fill(folder: Path) -> None:
    """Let a studio have what its first page can show."""
    (folder / "lake.toml").write_text(REVIEWED, encoding="utf-8")
    (folder / "studio.toml").write_text(WORKFLOW, encoding="utf-8")
    (folder / "rows.jsonl").write_text(
        "".join(json.dumps({"prompt": one}) + "\n" for one in PROMPTS), encoding="utf-8"
    )
    reelwork(folder, "run", "rows.jsonl", "--workflow", "studio.toml", "--yes")
    reelwork(
        folder,
        "run",
        "lake.toml",
        "--yes",
        "--set",
        "brief.title=A heron at dawn",
        "--set",
        "brief.caption=Early light.",
    )
    for name, cron in (("teaser", "0 9 * * 1"), ("weekend", "0 18 * * 5")):
        reelwork(folder, "schedule", "add", name, "studio.toml", "--cron", cron, "--tz", "Europe/Berlin", "--yes")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the studio; yields its address."""
    log = folder / "serve.txt"
    command = [sys.executable, "-m", "reelwork", "--store", "store.db", "serve", "--port", "0"]
    with log.open("wb") as out, subprocess.Popen(command, cwd=folder, stdout=out, stderr=out) as server:
        try:
            while not (found := re.search(r"^Serving (\S+)", log.read_text(encoding="utf-8"), re.MULTILINE)):
                if server.poll() is not None:
                    raise SystemExit(log.read_text(encoding="utf-8"))
                time.sleep(0.1)
            yield found[1]
        finally:
            server.terminate()


@contextmanager
def removed(folder: Path) -> Iterator[None]:
    """Remove the studio at the end."""
    try:
        yield
    finally:
        shutil.rmtree(folder)


def picture(
    browser: Browser, url: str, link: str, path: str, size: tuple[int, int], name: str, scheme: str
) -> None:
    """Sign in, open a page, and keep a picture of it."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()
    page.goto(f"{url}{link}")
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in as ana").click()
    page.goto(f"{url}{path}", wait_until="networkidle")
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(COLOURS)
    image.save(HERE / name, optimize=True)
    context.close()
    print(f"{name}: {(HERE / name).stat().st_size:,} bytes")


def main() -> None:
    """Make all pictures."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    # A name that can be read in a picture.
    folder = Path(tempfile.gettempdir()) / "reelwork-studio"
    folder.mkdir()
    with removed(folder), sync_playwright() as playwright:
        os.environ["REELWORK_ACCOUNTS"] = str(folder / "accounts.json")
        fill(folder)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with served(folder) as url:

            def link() -> str:
                return re.findall(
                    r"/sign-in\?code=\S+", reelwork(folder, "tokens", "link", "ana", "--scope", "admin")
                )[0]

            (held,) = json.loads(reelwork(folder, "jobs", "list", "--json", "--status", "held"))
            picture(browser, url, link(), "/", (1100, 860), "dashboard.png", "light")
            picture(browser, url, link(), f"/jobs/{held['id']}", (390, 844), "review.png", "dark")
        browser.close()


if __name__ == "__main__":
    main()
