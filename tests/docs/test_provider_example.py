"""The provider of `docs/write-a-plugin.md` makes a video of pictures, and refuses what it cannot make."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from reelwork import Studio
from reelwork.errors import PlanRefused
from reelwork.testing import Asked, sample_effect, sample_request, sample_video, serving, write_video
from reelwork.testing.contexts import SampleContext

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/write-a-plugin.md").read_text(encoding="utf-8")
[EXAMPLE] = re.findall(r"^```python\n# lens\.py\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
[LISTED] = re.findall(r"^```python\n([^`]*?^class Listed.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
KEY = {"authorization": "Bearer lens-key-1"}


class Service:
    """Lens: takes pictures and requests, and answers every first look with a web page."""

    def __init__(self, video: bytes) -> None:
        self.video = video
        self.asked: list[Asked] = []
        self.url = ""

    def of(self, method: str, path: str) -> list[Asked]:
        return [one for one in self.asked if (one.method, one.path) == (method, path)]

    def __call__(self, asked: Asked) -> tuple[int, Any] | tuple[int, Any, dict[str, str]]:
        self.asked.append(asked)
        match asked.method, asked.path:
            case "POST", "/pictures":
                return 201, {"id": f"p{len(self.of('POST', '/pictures'))}"}
            case "POST", "/renders":
                return 201, {"id": "r1"}
            case "GET", "/renders/r1" if len(self.of("GET", "/renders/r1")) == 1:
                return 200, "busy"
            case "GET", "/renders/r1":
                return 200, {"status": "done", "video": f"{self.url}/videos/r1"}
            case "GET", "/videos/r1":
                return 302, b"", {"Location": "/films/r1.mp4"}
        return 200, self.video


def workflow(url: str, **brief: Any) -> dict[str, Any]:
    Path("lens.py").write_text(EXAMPLE, encoding="utf-8")
    lists: dict[str, Any] = dict.fromkeys(("pre_moderate", "prompt_transform", "post_download", "publish"), ())
    provider = {"use": "lens", "base_url": url, "poll_interval": 0.01, "price_per_second": 0}
    return {"plugins": {**lists, "add": ["./lens.py"]}, "provider": provider, "brief": brief}


def test_it_makes_a_video_of_pictures(away: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LENS_KEY", "lens-key-1")
    Image.new("RGB", (64, 64)).save("pier.png")
    film = write_video(tmp_path / "film.mp4", seconds=4, width=1280, height=720, fps=2)
    service = Service(film.read_bytes())
    with serving(service) as url:
        service.url = url
        references = [{"source": "pier.png"}, {"source": "https://pier.example/b.png", "role": "last_frame"}]
        with Studio(workflow(url, references=references), out="out") as studio:
            [job] = studio.run_sync("A pier at dawn", duration=4).jobs
    assert job.status == "done", job.reason
    assert service.of("POST", "/pictures")[0].body == Path("pier.png").read_bytes()
    pictures = {"first_frame": "p1", "last_frame": "https://pier.example/b.png"}
    assert service.of("POST", "/renders")[0].json()["pictures"] == pictures
    assert len(service.of("GET", "/renders/r1")) == 2
    assert service.of("GET", "/videos/r1")[0].headers["authorization"] == KEY["authorization"]


def test_what_cannot_go_together_is_refused_before_anything_is_sent(
    away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LENS_KEY", "lens-key-1")
    service = Service(b"")
    refused = pytest.raises(PlanRefused, match="1080p is made with 8 s only")
    with serving(service) as url, Studio(workflow(url), out="out") as studio, refused:
        studio.run_sync("A pier at dawn", duration=4, resolution="1080p")
    assert service.asked == []


@pytest.mark.parametrize(
    ("odd", "why"), [(None, ""), ({"id": 7}, "the list of renders holds entries that cannot be read")]
)
def test_a_lost_answer_is_found_in_a_list_of_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: Any, why: str
) -> None:
    monkeypatch.setenv("LENS_KEY", "lens-key-1")
    entries = [{"id": f"r{n}", "key": f"k{n}", "prompt": "A pier", "created": 1_790_000_000 + n} for n in (3, 2, 1)]

    def answer(asked: Asked) -> tuple[int, Any, dict[str, str]]:
        place = int(asked.query.get("cursor", 0))
        page = {"renders": [entries[place]], "next": str(place + 1) if place < 2 else ""}
        return 200, {**page, "renders": [*page["renders"], *([odd] if odd else [])]}, {"Age": str(place)}

    lens = ModuleType("lens")
    exec(compile(EXAMPLE, "lens.py", "exec", dont_inherit=True), vars(lens))
    monkeypatch.setitem(sys.modules, "lens", lens)
    listed: dict[str, Any] = {"__name__": "listed_lens"}
    exec(compile(LISTED, "listed_lens.py", "exec", dont_inherit=True), listed)
    with serving(answer) as url:
        context = SampleContext(tmp_path, "lens")
        provider = listed["Listed"](lens.LensConfig(base_url=url), context)
        read = asyncio.run(provider.find(sample_request(), sample_effect()))
    assert [(one.ref, one.fields) for one in read.candidates] == [
        (f"k{n}", {"prompt": "A pier"}) for n in (3, 2, 1)
    ]
    assert read.complete is not bool(why)
    assert read.why.startswith(why)
    # The oldest copy of any page counts.
    assert read.age == 2.0


def test_a_small_service_answers_with_headers(tmp_path: Path) -> None:
    import httpx

    with serving(lambda asked: (429, {"error": "wait"}, {"retry-after": "7", "content-length": "1"})) as url:
        answer = httpx.get(url)
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()) == (429, "7", {"error": "wait"})
    with serving(lambda asked: (200, sample_video().read_bytes(), {"Content-Type": "video/x-mine"})) as url:
        assert httpx.get(url).headers["Content-Type"] == "video/x-mine"
