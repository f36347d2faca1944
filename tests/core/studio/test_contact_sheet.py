from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reelwork.studio.contact_sheet import (
    BACK,
    CAPTION,
    GAP,
    MOST_TILES,
    PAPER,
    PICTURE,
    TILE,
    draw_sheet,
    font_file,
    write_sheet,
)
from reelwork.studio.results import JobResult
from reelwork.testing import write_video

RED, BLUE = (200, 20, 20), (20, 20, 200)


def job(number: int, **facts: Any) -> JobResult:
    facts = {"status": "done", **facts}
    return JobResult(
        id=f"job-{number:08}",
        run="run",
        step="publish",
        prompt="A lighthouse",
        provider="preview",
        created_at=datetime.now(UTC),
        **facts,
    )


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4")


def picture(folder: Path, colour: tuple[int, int, int], size: tuple[int, int] = (640, 360)) -> Path:
    path = folder / f"{colour[0]}-{size[0]}.png"
    Image.new("RGB", size, colour).save(path)
    return path


def near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) < 12 for a, b in zip(one, other, strict=True))


def middle(sheet: Image.Image, column: int, row: int) -> tuple[int, ...]:
    left = GAP + column * (TILE + GAP) + TILE // 2
    top = sheet.height - (2 - row if sheet.height > 700 else 1) * (PICTURE + CAPTION + GAP) + PICTURE // 2
    return sheet.getpixel((left, top))  # type: ignore[return-value]


def test_each_job_has_a_tile_with_its_thumbnail(tmp_path: Path, video: Path) -> None:
    red, blue = picture(tmp_path, RED), picture(tmp_path, BLUE, (360, 640))
    sheet = draw_sheet([job(1, video=video, thumbnail=red), job(2, video=video, thumbnail=blue)])
    assert sheet.width == 2 * (TILE + GAP) + GAP
    assert near(middle(sheet, 0, 0), RED)
    assert near(middle(sheet, 1, 0), BLUE)


def test_without_a_thumbnail_a_frame_of_the_video_stands_for_it(video: Path) -> None:
    tile = middle(draw_sheet([job(1, video=video)]), 0, 0)
    assert tile not in (BACK, PAPER)


def test_videos_come_first_and_a_job_without_one_is_there_too(tmp_path: Path, video: Path) -> None:
    failed = job(1, status="failed", reason="the provider failed to make it")
    sheet = draw_sheet([failed, job(2, video=video, thumbnail=picture(tmp_path, RED))])
    assert near(middle(sheet, 0, 0), RED)
    left = GAP + TILE + GAP
    tile = sheet.crop((left, 0, left + TILE, sheet.height))
    assert not any(near(tile.getpixel((x, PICTURE)), RED) for x in range(0, TILE, 10))  # type: ignore[arg-type]


def test_a_large_run_shows_its_first_videos(tmp_path: Path, video: Path) -> None:
    red = picture(tmp_path, RED)
    sheet = draw_sheet([job(number, video=video, thumbnail=red) for number in range(MOST_TILES + 5)])
    assert sheet.size == (5 * (TILE + GAP) + GAP, 44 + MOST_TILES // 5 * (PICTURE + CAPTION + GAP))


def test_a_lost_thumbnail_and_a_lost_video_are_no_obstacle(tmp_path: Path) -> None:
    draw_sheet([job(1, video=tmp_path / "gone.mp4", thumbnail=tmp_path / "gone.jpg")])


def test_it_is_written_whole_over_an_earlier_one(tmp_path: Path, video: Path) -> None:
    path = tmp_path / "out" / "contact-sheet.jpg"
    for jobs in ([job(1, video=video)], [job(1, video=video), job(2, video=video)]):
        write_sheet(path, jobs)
    with Image.open(path) as sheet:
        assert sheet.format == "JPEG"
        assert sheet.width == 2 * (TILE + GAP) + GAP
    assert [file.name for file in path.parent.iterdir()] == ["contact-sheet.jpg"]


def test_the_font_is_the_one_that_is_shipped() -> None:
    found = font_file()
    assert found is not None
    assert found.name == "DejaVuSans.ttf"
