"""`make demo`: one brief becomes three videos that really play, and a page to watch them."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import av
import pytest

from reelwork import RunResult, Studio

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunResult]:
    folder = tmp_path_factory.mktemp("demo")
    with Studio(store=folder / "store.db", out=folder / "out") as studio:
        return folder, studio.run_sync(ROOT / "examples" / "campaign.toml")


def test_three_jobs_are_done(made: tuple[Path, RunResult]) -> None:
    _, result = made
    assert result.exit_code == 0
    assert [job.platform for job in result.jobs] == ["youtube", "instagram", "tiktok"]


@pytest.mark.parametrize(
    ("platform", "size"), [("youtube", (854, 480)), ("instagram", (480, 480)), ("tiktok", (480, 854))]
)
def test_each_video_decodes_to_its_last_frame(
    made: tuple[Path, RunResult], platform: str, size: tuple[int, int]
) -> None:
    (job,) = [job for job in made[1].jobs if job.platform == platform]
    assert job.video is not None
    with av.open(str(job.video)) as video:
        stream = video.streams.video[0]
        frames = [(frame.width, frame.height) for frame in video.decode(stream)]
        assert stream.average_rate == 30
    assert abs(len(frames) - 4 * 30) <= 1
    assert set(frames) == {size}


class Players(HTMLParser):
    """Counts players and collects every address a page would ask for."""

    def __init__(self) -> None:
        super().__init__()
        self.players = 0
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.players += tag == "video"
        self.addresses += [value for name, value in attrs if name in ("src", "poster") and value]


def test_the_gallery_has_three_players_and_asks_nobody_else(made: tuple[Path, RunResult]) -> None:
    folder = made[0] / "out" / "gallery"
    page = Players()
    page.feed((folder / "index.html").read_text(encoding="utf-8"))
    assert page.players == 3
    assert len(page.addresses) >= 6
    for address in page.addresses:
        assert (folder / address).is_file()


def test_each_video_has_a_sidecar_that_tells_where_it_comes_from(made: tuple[Path, RunResult]) -> None:
    folder, result = made
    for job in result.jobs:
        (path,) = (folder / "out" / "videos").rglob(f"*.{job.id}.json")
        sidecar = json.loads(path.read_text(encoding="utf-8"))
        assert str(job.platform) in json.dumps(sidecar)
        assert "optimized for" in json.dumps(sidecar)
