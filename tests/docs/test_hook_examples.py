"""Each example of `docs/hooks.md` is run within a whole job and does what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest

from reelwork import Studio
from reelwork.errors import PlanRefused
from reelwork.media.probe import probe
from reelwork.studio.results import JobResult
from reelwork.testing import write_video

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = dict(EXAMPLE.findall((ROOT / "docs/hooks.md").read_text(encoding="utf-8")))


def made(name: str, prompt: str = "A lighthouse above a calm sea", **workflow: Any) -> JobResult:
    """The one job of a prompt, with an example in the workflow and nothing else but the provider."""
    Path(name).write_text(EXAMPLES[name], encoding="utf-8")
    lists: dict[str, Any] = dict.fromkeys(("pre_moderate", "prompt_transform", "post_download", "publish"), ())
    settings = {"plugins": {**lists, "add": [f"./{name}"]}, **workflow}
    with Studio(settings, out="out") as studio:
        [job] = studio.run_sync(prompt, duration=1, resolution="480p").jobs
    return job


def test_short_titles_stops_before_anything_is_made(away: Path) -> None:
    long_title: dict[str, Any] = {"brief": {"title": "A lighthouse that has seen more than a hundred storms"}}
    with pytest.raises(PlanRefused, match=r"short-titles: title: 53 characters; at most 40\. Shorten it\."):
        made("short_titles.py", **long_title)
    assert not list((away.parent / "home").rglob("*.mp4"))
    assert made("short_titles.py").status == "done"


def test_no_logos_holds(away: Path) -> None:
    job = made("no_logos.py", "A wall with a big logo on it")
    assert (job.status, job.cost) == ("held", 0)
    assert "it mentions a logo" in job.reason
    assert made("no_logos.py").status == "done"


def test_not_dark_holds_a_dark_video(away: Path) -> None:
    job = made("not_dark.py", plugin={"not-dark": {"least": 255}})
    assert (job.status, job.step) == ("held", "moderate-clip")
    assert "frame-01 is nearly black" in job.reason
    assert made("not_dark.py", "Another calm sea").status == "done"


def test_shelf_stores_and_gives_addresses(away: Path) -> None:
    lists = dict.fromkeys(("pre_moderate", "prompt_transform", "publish"), ())
    asks = """
from reelwork_hooks import Plugin, Receipt, hookimpl
class Asks(Plugin):
    public = False
    @hookimpl
    async def publish(self, post):
        return Receipt(id="1", url=await self.context.public_url(post.clip.video, 60))
"""
    Path("asks.py").write_text(asks, encoding="utf-8")
    job = made("shelf.py", plugins={**lists, "post_download": ["./shelf.py"], "publish": ["./asks.py"]})
    assert job.status == "done"
    [kept] = Path("out/shelf").iterdir()
    assert kept.read_bytes() == Path(str(job.video)).read_bytes()
    assert job.receipts["asks"].url == f"https://files.example/{kept.name}"


def test_shorten_cuts_for_the_destination_that_asks_for_it(away: Path) -> None:
    job = made(
        "shorten.py",
        plugins={
            "pre_moderate": (),
            "prompt_transform": (),
            "post_download": ["./shorten.py"],
            "publish": ["gallery"],
        },
        destination={"gallery": {"longest": 0.5}},
    )
    assert job.status == "done", job.reason
    [shape] = job.shapes
    assert (shape.target.longest, shape.destinations) == (0.5, ("gallery",))
    assert probe(Path(str(shape.video))).duration == pytest.approx(0.5, abs=0.1)


def test_house_style_changes_prompt_and_title(away: Path) -> None:
    assert made("house_style.py").prompt.endswith("35 mm film, soft grain")


def test_series_numbers_its_episodes(away: Path) -> None:
    for prompt in ("A lighthouse at dawn", "A lighthouse at noon"):
        assert made("series.py", prompt, plugins={"add": ["./series.py"], "publish": []}).status == "done"
    sidecars = [json.loads(path.read_text(encoding="utf-8")) for path in away.glob("out/videos/*/*.json")]
    titles = sorted(sidecar["prompt"]["title"] for sidecar in sidecars)
    assert titles == ["Episode 1: A lighthouse at dawn", "Episode 2: A lighthouse at noon"]


def test_captions_are_added(away: Path) -> None:
    Path("captions.py").write_text(EXAMPLES["captions.py"], encoding="utf-8")
    with Studio({"plugins": ["./captions.py"]}, out="out") as studio:
        [job] = studio.run_sync("A lighthouse above a calm sea", duration=1, resolution="480p").jobs
    assert job.status == "done"
    [captions] = away.glob("out/videos/*/*.vtt")
    assert captions.read_text(encoding="utf-8").startswith("WEBVTT\n\n00:00.000 --> 00:01.000\nA lighthouse")


def test_encoder_waits_for_another_program(away: Path) -> None:
    inbox, outbox = Path("out/inbox").resolve(), Path("out/outbox").resolve()
    encoded = write_video(away / "encoded.mp4", seconds=1, width=854, height=480)
    size = encoded.stat().st_size
    moved: list[str] = []

    def encode() -> None:
        deadline = monotonic() + 60
        while not moved and monotonic() < deadline:
            for file in inbox.glob("*.mp4"):
                outbox.mkdir(parents=True)
                encoded.rename(outbox / file.name)
                moved.append(file.name)
            sleep(0.05)

    program = Thread(target=encode)
    program.start()
    try:
        job = made("encoder.py")
    finally:
        program.join()
    assert job.status == "done", job.reason
    assert moved == [f"{job.id}.mp4"]
    assert job.video is not None
    assert job.video.stat().st_size == size


def test_outbox_copies_and_announces_once(away: Path) -> None:
    job = made("outbox.py")
    assert job.status == "done"
    [announced] = Path("out/outbox/announced.txt").read_text().splitlines()
    assert announced.split()[0] == f"{job.id}.mp4"
    assert Path(f"out/outbox/{job.id}.mp4").stat().st_size > 0


def test_weblog_posts_with_the_key_of_the_act(away: Path, weblog: Weblog) -> None:
    Path("token").write_text("a secret token\n")
    job = made("weblog.py", plugin={"weblog": {"url": weblog.url, "token": "file:token"}})
    assert job.status == "done", job.reason
    assert job.receipts["weblog"].url == "https://weblog.example/1"
    [headers] = weblog.got
    assert headers["Authorization"] == "Bearer a secret token"
    assert headers["Idempotency-Key"] == f"reelwork-{job.id}-post-weblog"


def test_film_club_uploads_in_pieces_and_posts_once(away: Path, film_club: FilmClubServer) -> None:
    job = made("film_club.py", plugin={"film-club": {"url": film_club.url, "piece": 1000}})
    assert job.status == "done", job.reason
    assert job.video is not None
    video = job.video.read_bytes()
    assert [len(piece) for piece in film_club.pieces[:-1]] == [1000] * (len(video) // 1000)
    assert b"".join(film_club.pieces) == video
    assert film_club.offsets == [*range(0, len(video), 1000)]
    assert job.receipts["film-club"].url == "https://club.example/1"
    assert film_club.posts == 1


def test_screening_follows_what_it_posted(away: Path) -> None:
    job = made("screening.py")
    assert job.status == "done", job.reason
    receipt = job.receipts["screening"]
    assert receipt.state == "live"
    assert receipt.disclosure is not None
    assert receipt.disclosure.value is True


def test_billboard_charges_more_for_a_link(away: Path) -> None:
    assert made("billboard.py").receipts["billboard"].cost == Decimal("0.015")
    job = made("billboard.py", brief={"caption": "See https://films.example", "duration": 1, "resolution": "480p"})
    assert (job.status, job.receipts["billboard"].cost, job.spent) == ("done", Decimal("0.20"), Decimal("0.20"))


def test_stamps_are_counted_in_dollars(away: Path) -> None:
    receipt = made("stamps.py").receipts["stamps"]
    assert (receipt.cost, receipt.details["cost_in"]) == (Decimal("0.50"), "1 stamps")


def test_better_words_are_paid_for(away: Path) -> None:
    job = made("better_words.py", budget={"per_day": 1})
    assert (job.status, job.spent) == ("done", Decimal("0.0015"))
    assert job.prompt.endswith("in soft light")


def test_notice_board_finds_what_was_pinned(away: Path) -> None:
    job = made("notice_board.py")
    assert job.status == "done"
    assert job.receipts["notice-board"].id == f"reelwork-{job.id}-post-notice-board"
    [board] = (away.parent / "home").rglob("board.txt")
    assert len(board.read_text().split()) == 1


def test_journal_writes_what_happens(away: Path) -> None:
    job = made("journal.py")
    told = [line.split()[2] for line in Path("out/journal.txt").read_text().splitlines()]
    assert job.status == "done"
    assert {"submitted", "downloaded", "done"} <= set(told)


def test_archive_hands_out_its_file(away: Path) -> None:
    first = made("house_style.py")
    assert first.video is not None
    job = made("archive.py", provider={"use": "archive", "file": str(first.video)})
    assert (job.status, job.provider, job.cost) == ("done", "archive", None)
    assert job.video == first.video


def test_cinema_gives_the_shape(away: Path) -> None:
    Path("cinema.py").write_text(EXAMPLES["cinema.py"], encoding="utf-8")
    with Studio({"plugins": ["./cinema.py"]}) as studio:
        [plan] = studio.plan_sync("A lighthouse above a calm sea", duration=30, platforms=["cinema"]).plans
    assert [(job.spec.aspect_ratio, job.spec.duration) for job in plan.jobs] == [("21:9", 20)]


def test_every_example_is_tried() -> None:
    # The one that takes webhooks needs a server.
    places = (Path(__file__), ROOT / "tests/core/server/test_webhooks.py")
    source = "".join(place.read_text(encoding="utf-8") for place in places)
    assert len(EXAMPLES) == 21
    assert [name for name in EXAMPLES if name.removesuffix(".py") not in source] == []


@dataclass
class Weblog:
    """A weblog on this machine, with the headers of the posts it got."""

    url: str
    got: list[dict[str, str]]


@pytest.fixture
def weblog() -> Iterator[Weblog]:
    got: list[dict[str, str]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            got.append(dict(self.headers))
            body = f'{{"id": {len(got)}, "url": "https://weblog.example/{len(got)}"}}'.encode()
            self.send_response(201)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
            """Keep the terminal quiet."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield Weblog(f"http://127.0.0.1:{server.server_port}/posts", got)
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class FilmClubServer:
    """A film club on this machine, with the pieces it got. The first piece fails once."""

    url: str = ""
    pieces: list[bytes] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    posts: int = 0
    failed: set[int] = field(default_factory=set)


@pytest.fixture
def film_club() -> Iterator[FilmClubServer]:
    club = FilmClubServer()

    class Answer(BaseHTTPRequestHandler):
        def do_PATCH(self) -> None:
            piece = self.rfile.read(int(self.headers["Content-Length"]))
            offset = int(self.headers["Upload-Offset"])
            if not offset and offset not in club.failed:
                club.failed.add(offset)
                self._answer(503, b"")
                return
            club.pieces.append(piece)
            club.offsets.append(offset)
            self._answer(204, b"")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            club.posts += 1
            self._answer(201, f'{{"id": {club.posts}, "url": "https://club.example/{club.posts}"}}'.encode())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
            """Keep the terminal quiet."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever)
    thread.start()
    club.url = f"http://127.0.0.1:{server.server_port}"
    yield club
    server.shutdown()
    thread.join()
    server.server_close()
