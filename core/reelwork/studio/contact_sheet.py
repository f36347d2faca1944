"""The contact sheet: one picture with a tile for each video of a run."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwork.ids import short_id
from reelwork.store.statuses import Status

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

    from reelwork.store.protocol import Store
    from reelwork.studio.results import JobResult, RunResult

log = logging.getLogger("reelwork.sheet")

NAME = "contact-sheet.jpg"
MOST_TILES = 60
TILE = 320
"""Pixels: width of a tile. Pictures are fitted into TILE by PICTURE."""
PICTURE = 200
CAPTION = 62
GAP = 16
BACK, PAPER, INK, FAINT = (24, 26, 30), (38, 41, 47), (236, 238, 240), (160, 166, 174)
GREEN, RED, YELLOW = (96, 200, 120), (235, 100, 90), (235, 190, 90)
COLOURS: dict[str, tuple[int, int, int]] = {
    Status.DONE: GREEN,
    Status.FAILED: RED,
    Status.REJECTED: RED,
    Status.HELD: YELLOW,
}


def write_sheets(store: Store, result: RunResult) -> list[Path]:
    """Write a sheet into each folder that got a video. What fails is logged, never raised."""
    # A sheet is an extra. It must not fail a run whose videos are paid for and there.
    folders: dict[Path, list[JobResult]] = {}
    for job in result.jobs:
        run = store.run(job.run)
        # Without its jobs, whose records were removed, a run has no workflow any more.
        if run is not None and run.frozen:
            folders.setdefault(Path(json.loads(run.frozen)["out"]), []).append(job)
    written = []
    for folder, jobs in folders.items():
        if not any(job.video for job in jobs):
            continue
        try:
            written.append(write_sheet(folder / NAME, jobs))
        except Exception as error:
            log.warning("the contact sheet in %s could not be made: %s", folder, error)
    return written


def write_sheet(path: Path, jobs: Sequence[JobResult]) -> Path:
    """Draw the sheet and put it in place, over an earlier one. Raises `OSError`."""
    picture = draw_sheet(jobs)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside it, then renamed: a viewer that shows the sheet never sees half of it.
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            picture.save(file, format="JPEG", quality=85)
        # `mkstemp` makes files for their owner alone. The sheet is a result, as the videos beside it are.
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def draw_sheet(jobs: Sequence[JobResult]) -> Image:
    """Return the sheet as a picture: videos first, in their order."""
    from PIL import Image, ImageDraw

    ordered = sorted(jobs, key=lambda job: job.video is None)
    shown = ordered[:MOST_TILES]
    across = min(5, max(1, len(shown)))
    down = -(-len(shown) // across)
    height, heading = PICTURE + CAPTION, 44
    size = (across * (TILE + GAP) + GAP, heading + down * (height + GAP))
    sheet = Image.new("RGB", size, BACK)
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, 14), _fitted(_heading(jobs, len(shown)), 18, size[0] - 2 * GAP), fill=INK, font=_font(18))
    for number, job in enumerate(shown):
        row, column = divmod(number, across)
        left, top = GAP + column * (TILE + GAP), heading + row * (height + GAP)
        _tile(sheet, draw, job, left, top)
    return sheet


def _heading(jobs: Sequence[JobResult], shown: int) -> str:
    videos = sum(job.video is not None for job in jobs)
    more = f", the first {shown} shown" if len(jobs) > shown else ""
    at = max(job.created_at for job in jobs).astimezone()
    return f"{videos} of {len(jobs)} videos{more}  ·  {at:%Y-%m-%d %H:%M}"


def _tile(sheet: Image, draw: ImageDraw, job: JobResult, left: int, top: int) -> None:
    draw.rectangle((left, top, left + TILE - 1, top + PICTURE + CAPTION - 1), fill=PAPER)
    still = _still(job)
    if still is None:
        draw.text((left + 12, top + PICTURE // 2), "no video", fill=FAINT, font=_font(16), anchor="lm")
    else:
        still.thumbnail((TILE, PICTURE))
        sheet.paste(still, (left + (TILE - still.width) // 2, top + (PICTURE - still.height) // 2))
    _caption(draw, job, left + 12, top + PICTURE + 8)


def _caption(draw: ImageDraw, job: JobResult, left: int, top: int) -> None:
    length = _length(job)
    facts = [job.platform or "video", f"{length:.1f} s" if length else "", f"row {job.row}" if job.row else ""]
    facts.append(f"take {job.take}/{job.takes}" if job.takes > 1 else "")
    told = _fitted("  ·  ".join(fact for fact in facts if fact), 15, TILE - 24)
    draw.text((left, top), told, fill=INK, font=_font(15))
    draw.ellipse((left, top + 29, left + 9, top + 38), fill=COLOURS.get(job.status, FAINT))
    # A reason such as "rejected by Ana" need not say the status again.
    why = job.reason.removeprefix(f"{job.status} ")
    below = _fitted(f"{job.status}  {short_id(job.id)}  {why}".strip(), 13, TILE - 40)
    draw.text((left + 16, top + 25), below, fill=FAINT, font=_font(13))


def _still(job: JobResult) -> Image | None:
    """Return the job's thumbnail, else the middle of its video; None if neither can be read."""
    from PIL import Image

    for path, read in ((job.thumbnail, Image.open), (job.video, _frame)):
        if path is not None:
            try:
                return read(path).convert("RGB")
            except Exception as error:
                log.debug("%s: %s", path, error)
    return None


def _frame(path: Path) -> Image:
    import av

    from reelwork.media.frames import as_shown

    with av.open(str(path)) as container:
        if container.duration:
            # The middle: many films begin and end in black.
            container.seek(container.duration // 2)
        return as_shown(next(container.decode(video=0)), container.streams.video[0])


def _length(job: JobResult) -> float | None:
    from reelwork.media.probe import probe

    if job.video is None:
        return None
    try:
        return probe(job.video).duration
    except Exception as error:
        log.debug("%s: %s", job.video, error)
        return None


def font_file() -> Path | None:
    """DejaVu Sans, which comes along with the built-in plugins; None where it is missing."""
    # Found and not imported: the engine's package must work without the built-in plugins.
    home = importlib.util.find_spec("reelwork_plugins")
    folders = (home.submodule_search_locations or ()) if home else ()
    paths = (Path(folder) / "letters" / "DejaVuSans.ttf" for folder in folders)
    return next((path for path in paths if path.exists()), None)


@cache
def _font(size: int) -> Any:
    from PIL import ImageFont

    path = font_file()
    return ImageFont.truetype(str(path), size) if path else ImageFont.load_default(size)


def _fitted(text: str, size: int, width: int) -> str:
    text = " ".join(text.split())
    if _font(size).getlength(text) <= width:
        return text
    while text and _font(size).getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"
